"""The HTTP interface: who may ask what, how much, and that nobody ever sees a trace of what went wrong inside."""

from __future__ import annotations

import asyncio
import io
import json
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from mpcgov import registry
from mpcgov.node import body, operator
from mpcgov.node.requests import RequestLog
from mpcgov.spec.envelope import sign
from mpcgov.spec.statement import PROPOSAL_TYPE, job_id
from mpcgov.trust import tls
from tests.node.network import Network, refusal
from tests.node.test_streams import context_with
from tests.patience import LONG_S


async def raw(network: Network, method: str, path: str, caller: str = "hq", **options: Any) -> tuple[int, str]:
    """Status and text of an answer, with a client that follows no rules of ours."""
    address = network.identity("labour").card.address
    async with aiohttp.ClientSession() as session:
        context = context_with(network.identity(caller))
        async with session.request(method, f"https://{address}{path}", ssl=context, **options) as response:
            return response.status, await response.text()


async def test_about_and_protocols_are_for_any_member(network: Network) -> None:
    await network.start("labour")
    for name in ("hq", "welfare"):
        async with network.client(name) as client:
            about = await client.request("labour", "GET", "/v1/about")
            assert (about["party"], about["engine_digest"]) == ("labour", registry.engine_digest())
            assert (about["roster_digest"], abs(about["now"] - network.clock.now()) < 5) == (
                network.roster_digest,
                True,
            )
            found = await client.request("labour", "GET", "/v1/protocols/joint-count")
            assert found == {"digest": registry.find("joint-count").digest}
            assert (await refusal(client.request("labour", "GET", "/v1/protocols/nothing"))).exit_status == 2


async def test_only_the_coordinator_proposes_and_cancels(network: Network) -> None:
    await network.start("labour")
    proposal = network.proposal()
    body, job = network.envelope(proposal).to_bytes(), job_id(proposal.job_digest)
    async with network.client("welfare") as client:
        assert (await refusal(client.request("labour", "POST", "/v1/jobs", body))).exit_status == 3
        await network.submit(proposal, "labour")
        assert (await refusal(client.request("labour", "POST", f"/v1/jobs/{job}/cancel", b"{}"))).exit_status == 3


async def test_only_parties_speak_of_approvals_receipts_and_ends(network: Network) -> None:
    await network.start("labour")
    proposal = network.proposal()
    await network.submit(proposal, "labour")
    job = job_id(proposal.job_digest)
    async with network.client() as client:
        for what in ("approvals", "receipts", "end"):
            assert (await refusal(client.request("labour", "POST", f"/v1/jobs/{job}/{what}", b"{}"))).exit_status == 3
    assert (await network.status("labour", job))["state"] == "AWAITING_APPROVAL"


async def test_a_proposal_counts_only_with_the_coordinators_signature_on_exactly_that(network: Network) -> None:
    await network.start("labour")
    proposal = network.proposal()
    good = network.envelope(proposal)
    forged = sign(proposal, PROPOSAL_TYPE, "hq", network.identity("welfare").signing_key)
    named = sign(proposal, PROPOSAL_TYPE, "welfare", network.identity("welfare").signing_key)
    typed = sign(proposal, "application/vnd.mpcgov.approval+json", "hq", network.hq.signing_key)
    moved = network.envelope(network.proposal()).model_copy(update={"signatures": good.signatures})
    async with network.client() as client:
        for envelope in (forged, named, typed, moved):
            error = await refusal(client.request("labour", "POST", "/v1/jobs", envelope.to_bytes()))
            assert error.exit_status == 2
    assert network.nodes["labour"].book.find(job_id(proposal.job_digest)) is None


async def test_a_proposal_for_others_is_not_this_nodes_business(network: Network) -> None:
    await network.start("labour")
    parties = {party: {"dataset": "people"} for party in ("welfare", "education")} | {"tax": {}}
    proposal = network.proposal(parties=parties)
    async with network.client() as client:
        error = await refusal(client.request("labour", "POST", "/v1/jobs", network.envelope(proposal).to_bytes()))
    assert (error.exit_status, "no party" in error.message) == (3, True)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"\xff\xfe", b"null", b"[" * 100_000, b'{"payload":1e400}', b'{"a":1,"a":1}', b"{}" * 10],
    ids=range(9),
)
async def test_nonsense_is_answered_by_one_line_of_json(network: Network, body: bytes) -> None:
    await network.start("labour")
    for path in ("/v1/jobs", "/v1/declarations"):
        status, text = await raw(network, "POST", path, data=body)
        assert status == 400
        assert set(json.loads(text)["error"]) == {"code", "message", "hint"}  # whose fault it is the asker must judge
        assert "Traceback" not in text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/v1/jobs/../../etc/passwd"),
        ("DELETE", "/v1/jobs"),
        ("GET", "/v1/jobs/AAAA-%00"),
        ("PUT", "/v1/about"),
    ],
)
async def test_unknown_requests_are_answered_by_one_line_of_json(network: Network, method: str, path: str) -> None:
    await network.start("labour")
    status, text = await raw(network, method, path)
    assert status in (404, 405)
    assert json.loads(text)["error"]["code"] == "route"


async def test_bodies_have_a_limit_and_a_time(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    await network.start("labour")

    async def slowly() -> Any:
        while True:
            yield b" "
            await asyncio.sleep(0.05)

    status, text = await raw(network, "POST", "/v1/declarations", data=io.BytesIO(b" " * ((1 << 20) + 1)))
    assert (status, json.loads(text)["error"]["code"]) == (400, "too-long")
    monkeypatch.setattr(body, "BODY_S", 0.3)
    status, text = await raw(network, "POST", "/v1/jobs", data=slowly())
    assert (status, json.loads(text)["error"]["code"]) == (409, "too-slow")
    status, _ = await raw(network, "GET", "/v1/about", headers={"X-Long": "x" * 20_000})
    assert status == 400


async def test_compressed_bodies_are_not_unpacked(network: Network) -> None:
    import zlib

    await network.start("labour")
    bomb = zlib.compress(b" " * 5_000_000)
    status, text = await raw(network, "POST", "/v1/declarations", data=bomb, headers={"Content-Encoding": "deflate"})
    assert (status, json.loads(text)["error"]["code"]) == (400, "json")


async def test_an_error_of_ours_shows_nothing_and_the_node_lives_on(
    network: Network, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await network.start("labour")

    def broken(*_: object) -> None:
        raise ValueError("the value hemlock")

    monkeypatch.setattr(registry, "find", broken)
    status, text = await raw(network, "GET", "/v1/protocols/joint-count")
    assert (status, json.loads(text)["error"]["code"]) == (500, "internal")
    monkeypatch.undo()
    assert (await raw(network, "GET", "/v1/protocols/joint-count"))[0] == 200
    assert "hemlock" not in text + capsys.readouterr().out


async def test_malformed_http_puts_no_trace_and_nothing_of_the_peers_bytes_into_the_log(
    network: Network, capfd: pytest.CaptureFixture[str]
) -> None:
    await network.start("labour")
    card = network.loaded("labour").identity.card
    host, port = str(card.address).split(":")
    context = tls.client_context(network.identity("welfare"), card)
    for sent in (b"hemlock hemlock\r\n\r\n", b"GET /v1/about HTTP/1.1\r\nhemlock\x00: \xff\r\n\r\n"):
        reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
        writer.write(sent)
        assert b" 400 " in await asyncio.wait_for(reader.readline(), LONG_S)
        writer.close()
    said = "".join(capfd.readouterr())
    assert "malformed request" in said
    assert "hemlock" not in said
    assert "Traceback" not in said


async def test_every_request_is_on_record_and_floods_take_one_line(network: Network) -> None:
    await network.start("labour")
    job = job_id(network.proposal().job_digest)
    async with network.client("welfare") as client:
        for _ in range(30):
            await refusal(client.request("labour", "GET", f"/v1/jobs/{job}"))
            await refusal(client.request("labour", "POST", "/v1/jobs", b"{}"))
    await network.stop("labour")
    records = operator.audit_records(network.home("labour"))
    requests = [tuple(record["facts"].values()) for record in records if record["event"] == "request"]
    assert requests == [
        ("welfare", "GET /v1/jobs/{job}", "unknown-job"),
        ("welfare", "POST /v1/jobs", "caller"),
    ]
    repeated = next(record for record in records if record["event"] == "requests repeated")
    assert sorted(counts[-1] for counts in repeated["facts"]["counts"]) == [30, 30]


def test_what_nodes_ask_of_each_other_in_every_job_is_put_down_without_the_job() -> None:
    noted: list[tuple[str, str, str]] = []
    sought: list[str] = []
    book = SimpleNamespace(
        note=lambda event, job, **facts: noted.append((job, facts["what"], facts["answer"])),
        find=lambda job: sought.append(job) or (None if job == "unknown" else job),
    )
    log, head, share = RequestLog(book), "POST /v1/jobs/{job}/head", "GET /v1/jobs/{job}/share"
    for job in ("one", "two"):
        for what, answer in ((head, "ok"), (head, "caller"), (share, "ok")):
            log.record("welfare", what, answer, job)
    each = [(job, what, answer) for job in ("one", "two") for what, answer in ((head, "caller"), (share, "ok"))]
    assert noted == [("", head, "ok"), *each]
    assert sought == 2 * ["one"] + 2 * ["two"]  # no job is looked up that isn't put down
    log.record("welfare", share, "ok", "unknown")
    assert noted[-1] == ("", share, "ok")


async def test_what_cant_be_recorded_isnt_answered(network: Network) -> None:
    await network.start("labour")
    with network.nodes["labour"]._store.write() as tx:
        tx.exec_driver_sql("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    async with network.client("welfare") as client:
        body = b'{"dataset":"people","columns":["region"]}'
        error = await refusal(client.request("labour", "POST", "/v1/declarations", body))
    assert (error.exit_status, error.code) == (4, "store")


async def test_a_client_that_is_closed_leaves_no_socket_open(network: Network) -> None:
    """Not even one whose peer hasn't answered its goodbye in TLS."""
    await network.start("labour")
    client = network.client()
    await client.request("labour", "GET", "/v1/about")
    (session,) = client._carrier._sessions.values()
    (transport,) = session.connector._made
    sock = transport.get_extra_info("socket")
    transport.close()
    session.connector._conns.clear()  # as of a connection that ended otherwise than by an answer
    assert sock.fileno() != -1
    await client.__aexit__(None, None, None)
    assert sock.fileno() == -1
