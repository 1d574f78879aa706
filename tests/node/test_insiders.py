"""What a party with a valid certificate tries on a job of its own: the others lose nothing but that job, and know whose
doing it was."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any

import pytest

from mpcgov.node import api, operator
from mpcgov.node.audit import HEAD_TYPE
from mpcgov.node.heads import Shown
from mpcgov.node.statements import make_approval, make_receipt
from mpcgov.node.witnesses import Witness
from mpcgov.spec.envelope import sign
from mpcgov.spec.load import canonical_json
from mpcgov.spec.statement import Head, job_id
from tests.node.network import Network, refusal, when
from tests.node.test_jobs import approve, proposed
from tests.patience import LONG_S

NOWHERE = "sha256:" + "0" * 64
OTHERS = ("labour", "welfare")


async def computing(network: Network) -> tuple[Any, str]:
    """A job in which labour computes, and nobody else can go on."""
    network.workers["labour"].gates["compute"] = asyncio.Event()
    await network.start()
    proposal, job = await proposed(network)
    await approve(network, job)
    await network.until(job, "RUNNING")
    return proposal, job


def forged_head(network: Network, sequence: int) -> bytes:
    """Education's head of a log that it doesn't have."""
    identity = network.identity("education")
    head = Head.model_construct(sequence=sequence, hash=NOWHERE)
    return canonical_json(Shown(head=sign(head, HEAD_TYPE, "education", identity.signing_key)).model_dump(mode="json"))


@pytest.mark.by_day(1)
@pytest.mark.parametrize("sequence", [2**63, 10**30, 0, -1])
async def test_a_head_with_a_number_that_no_database_keeps_is_the_fault_of_who_shows_it(
    network: Network, monkeypatch: pytest.MonkeyPatch, sequence: int
) -> None:
    await network.start()
    shown = Shown.model_validate_json(forged_head(network, sequence))
    monkeypatch.setattr(network.nodes["education"].book.heads, "answer", lambda *_: shown)
    _, job = await proposed(network)
    async with network.client("education") as client:
        error = await refusal(client.request("labour", "POST", f"/v1/jobs/{job}/head", forged_head(network, sequence)))
    assert "no head of education's log" in error.message
    await approve(network, job)
    for status in (await network.until(job, "ABORTED", parties=OTHERS)).values():
        assert "no head of education's log" in status["reason"]


async def test_a_receipt_before_the_job_computes_counts_for_nothing(network: Network) -> None:
    """Nor does one for another layout, in the end: it names who sent it."""
    network.workers["labour"].gates["ready"] = asyncio.Event()
    await network.start()
    proposal, job = await proposed(network)
    early = make_receipt(network.loaded("education"), proposal, NOWHERE, {}).to_bytes()
    await approve(network, job)
    await network.until(job, "READY")
    async with network.client("education") as client:
        answer = await client.request("labour", "POST", f"/v1/jobs/{job}/receipts", early)
        assert answer == {"receipt": None}
        assert network.nodes["labour"].book.receipts(job) == {}
        network.workers["education"].gates["done"] = asyncio.Event()
        network.workers["labour"].gates["ready"].set()
        await network.until(job, "RUNNING")
        for party in OTHERS:
            await client.request(party, "POST", f"/v1/jobs/{job}/receipts", early)
    network.workers["education"].gates["done"].set()
    statuses = await network.until(job, "ABORTED", parties=OTHERS)
    assert all("education" in status["reason"] for status in statuses.values()), statuses


async def test_one_party_cant_speak_for_another_over_its_own_connection(network: Network) -> None:
    """Approvals, receipts and heads count with the signature of whose connection it is, and with no other."""
    proposal, job = await computing(network)
    welfare = network.loaded("welfare")
    path, now = f"/v1/jobs/{job}", int(network.clock.now())
    statements = {
        "receipts": make_receipt(welfare, proposal, NOWHERE, {}).to_bytes(),
        "head": network.nodes["welfare"].book.heads.show("labour").model_dump_json().encode(),
    }
    async with network.client("education") as client:
        for what, body in statements.items():
            assert "education" in (await refusal(client.request("labour", "POST", f"{path}/{what}", body))).message
        fresh = network.proposal(params={"by": ["sex"]})
        await network.submit(fresh)
        approval = make_approval(welfare, fresh, True, NOWHERE, now, None).to_bytes()
        path = f"/v1/jobs/{job_id(fresh.job_digest)}/approvals"
        assert "education" in (await refusal(client.request("labour", "POST", path, approval))).message
    assert set(network.nodes["labour"].book.receipts(job)) == set()


async def test_a_thousand_words_of_how_a_job_ended_are_one_record(network: Network) -> None:
    _, job = await computing(network)
    async with network.client("education") as client:
        for number in range(50):
            body = canonical_json({"event": "abort", "reason": f"welfare: {number}", "code": "x"})
            await client.request("labour", "POST", f"/v1/jobs/{job}/end", body)
    await network.until(job, "ABORTED", parties=("labour",))
    await network.at_rest()
    records = operator.audit_records(network.home("labour"))
    assert sum(record["event"] == "ended elsewhere" for record in records) <= 2
    assert len(records) < 60


async def test_whoever_asks_often_whom_a_node_reaches_lets_it_look_once() -> None:
    """Or a party could keep all connections from one to another busy."""
    looked = []

    class Client:
        async def request(self, party: str, *_: Any) -> Any:
            looked.append(party)
            await asyncio.sleep(0)
            return {"state": ["READY"]}

    witness = Witness(Client())
    found = await asyncio.gather(*(witness.reaches("aaaa-aaaa-aaaa", "welfare") for _ in range(100)))
    assert (looked, set(found)) == (["welfare"], {False})


async def test_a_witness_that_lies_leaves_its_name(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Education says that it reaches welfare, which is gone."""
    network.workers["welfare"].gates["compute"] = asyncio.Event()
    await network.start()
    _, job = await proposed(network)
    await approve(network, job)
    await network.until(job, "RUNNING")

    async def lies(*_: Any) -> bool:
        return True

    monkeypatch.setattr(network.nodes["education"].service.witness, "reaches", lies)
    monkeypatch.setattr(network.nodes["welfare"].service, "stop", lies)
    await network.stop("welfare")
    status = (await network.until(job, "ABORTED", parties=("labour",)))["labour"]
    assert "education says that it reaches welfare" in status["reason"]


async def test_a_flood_of_valid_requests_of_one_member_holds_up_no_other(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes long is done in threads, of which there are few: whoever asks for much waits for its own answers."""
    began, may_end, real = list[str](), threading.Event(), api.declaration

    def slowly(*arguments: Any) -> Any:
        began.append("")
        may_end.wait()
        return real(*arguments)

    monkeypatch.setattr(api, "declaration", slowly)
    for limit in ("mpcgov.trust.client.CONNECT_TIMEOUT_S", "mpcgov.node.door.HANDSHAKE_S"):
        monkeypatch.setattr(limit, float(LONG_S))  # so many handshakes at once take long on a busy machine
    await network.start("labour")
    asked = canonical_json({"dataset": "people", "columns": ["region"]})
    async with contextlib.AsyncExitStack() as stack:
        hostile = [await stack.enter_async_context(network.client("welfare")) for _ in range(3)]
        flood = [
            asyncio.create_task(one.request("labour", "POST", "/v1/declarations", asked, LONG_S))
            for one in hostile
            for _ in range(16)
        ]
        honest = await stack.enter_async_context(network.client("education"))
        await when(lambda: len(began) >= 2, "the flood never came")
        assert "digest" in await honest.request("labour", "GET", "/v1/protocols/joint-count", timeout_s=LONG_S)
        may_end.set()
        assert len(await asyncio.gather(*flood)) == 48
