"""Who may open a stream: a later party of a job that awaits it, once, known by its certificate; nobody else."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mpcgov import keys
from mpcgov.errors import PeerError, Refused
from mpcgov.node import operator
from mpcgov.node.causes import Silence
from mpcgov.node.home import host_port
from mpcgov.node.streams import JobStreams
from mpcgov.spec.statement import job_id
from mpcgov.trust.client import Client
from tests.node.network import PARTIES, Network, refusal, when
from tests.patience import LONG_S


async def awaiting(network: Network) -> str:
    """A job for which labour, the first in job order, awaits the others' streams: their nodes are off by then."""
    await network.start()
    proposal = network.proposal()
    await network.submit(proposal)
    job = job_id(proposal.job_digest)
    await asyncio.to_thread(operator.approve, network.home("welfare"), job)
    await asyncio.to_thread(operator.approve, network.home("education"), job)
    for party in ("welfare", "education"):
        await network.holds_approval("labour", job, party)
    await network.stop("welfare", "education")
    await asyncio.to_thread(operator.approve, network.home("labour"), job)
    service = network.nodes["labour"].service
    await when(lambda: job in service._turns, "labour never got all approvals")
    service.begin(job)  # as if the others had still had a place for it
    return job


async def opens(client: Client, job: str) -> aiohttp.ClientWebSocketResponse:
    return await client.stream("labour", f"/v1/jobs/{job}/stream")


async def test_a_later_party_may_open_one_stream_and_no_second(network: Network) -> None:
    job = await awaiting(network)
    async with network.client("welfare") as client:
        ws = await opens(client, job)
        with pytest.raises(PeerError, match=r"refused the stream \(403\)"):
            await opens(client, job)
        await ws.close()


async def test_the_coordinator_gets_no_stream(network: Network) -> None:
    job = await awaiting(network)
    async with network.client() as client:
        with pytest.raises(PeerError, match=r"refused the stream \(403\)"):
            await opens(client, job)
    assert await network.status("labour", job) is not None


async def test_a_party_that_is_not_in_the_job_gets_no_stream(tmp_path: Path) -> None:
    network = Network(tmp_path, (*PARTIES, "tax"))
    try:
        network.parties = PARTIES
        job = await awaiting(network)
        async with network.client("tax") as client:
            with pytest.raises(PeerError, match=r"refused the stream \(403\)"):
                await opens(client, job)
    finally:
        await network.stop()


async def test_no_stream_in_the_wrong_direction(network: Network) -> None:
    """Labour comes before welfare in the job, so welfare dials; labour's own certificate must not dial welfare."""
    gate = network.workers["labour"].gates["compute"] = asyncio.Event()
    await network.start()
    proposal = network.proposal()
    await network.submit(proposal)
    job = job_id(proposal.job_digest)
    for party in PARTIES:
        await asyncio.to_thread(operator.approve, network.home(party), job)
    await network.until(job, "RUNNING")
    async with network.client("labour") as client:
        with pytest.raises(PeerError, match=r"refused the stream \(403\)"):
            await client.stream("welfare", f"/v1/jobs/{job}/stream")
    gate.set()
    await network.until(job, "RELEASED")


async def test_no_stream_for_a_job_that_is_not_under_way(network: Network) -> None:
    await network.start()
    proposal = network.proposal()
    await network.submit(proposal)
    job = job_id(proposal.job_digest)
    async with network.client("welfare") as client:
        with pytest.raises(PeerError, match=r"refused the stream \(409\)"):
            await opens(client, job)
        with pytest.raises(PeerError, match=r"refused the stream \(400\)"):
            await opens(client, "aaaa-aaaa-aaaa")


async def test_a_request_that_is_no_websocket_takes_no_slot(network: Network) -> None:
    job = await awaiting(network)
    async with network.client("welfare") as client:
        with pytest.raises(Exception, match="expected a WebSocket"):
            await client.request("labour", "GET", f"/v1/jobs/{job}/stream")
        await (await opens(client, job)).close()


async def test_a_node_to_which_nobody_comes_says_that(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mpcgov.node.streams.CONNECT_S", 0.5)
    job = await awaiting(network)
    status = (await network.until(job, "ABORTED", parties=("labour",)))["labour"]
    assert status["reason"] == "labour reaches nobody: welfare, education: no connection within 0.5 s (phase connect)"


def handshake(network: Network, context: ssl.SSLContext) -> bytes:
    """What a client gets from labour's node that speaks TLS with these credentials and asks for a stream."""
    with socket.create_connection(host_port(network.identity("labour").card.address or ""), timeout=LONG_S) as plain:
        try:
            with context.wrap_socket(plain) as tls:
                tls.sendall(b"GET /v1/jobs/aaaa-aaaa-aaaa/stream HTTP/1.1\r\nHost: x\r\n\r\n")
                return tls.recv(1000)
        except (ssl.SSLError, ConnectionError):
            return b""


def context_with(identity: keys.Identity | None, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    if identity is not None:
        context.load_cert_chain(identity.certificate_path, identity.tls_key_path)
    return context


async def test_strangers_are_refused_before_a_byte_and_put_on_record(network: Network) -> None:
    stranger = keys.create(network.folder / "stranger", "party", "welfare", "127.0.0.1:1")
    await network.start("labour")
    own = network.identity("welfare")
    for context in (context_with(None), context_with(stranger), context_with(own, ssl.TLSVersion.TLSv1_2)):
        assert await asyncio.to_thread(handshake, network, context) == b""
    member = await asyncio.to_thread(handshake, network, context_with(own))
    assert member.startswith(b"HTTP/1.1 400")
    await network.stop("labour")
    records = operator.audit_records(network.home("labour"))
    refused = [record for record in records if record["facts"].get("answer") == "refused"]
    assert [record["facts"]["caller"] for record in refused] == ["stranger"]
    assert ["stranger", "connection", "refused", "", 3] in records[-2]["facts"]["counts"]


def test_a_stream_is_claimed_once_and_only_by_later_parties() -> None:
    streams = JobStreams("aaaa-aaaa-aaaa", "welfare", PARTIES, lambda error: None)
    for party in ("labour", "welfare", "tax"):
        with pytest.raises(Refused):
            streams.claim(party)
    streams.claim("education")
    with pytest.raises(Refused):
        streams.claim("education")
    streams.unclaim("education")
    streams.claim("education")


async def test_a_peer_that_waits_for_another_is_not_named_for_it(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Education's approval has reached labour and not welfare, whose node answers, and says so.

    Education's silence is noticed as the job's turn is asked for, or as streams are made, whichever comes first.
    """
    monkeypatch.setattr("mpcgov.node.streams.CONNECT_S", 0.5)
    await network.start()
    proposal = network.proposal()
    await network.submit(proposal)
    job = job_id(proposal.job_digest)
    await network.stop("welfare")
    for party in ("education", "labour"):
        await asyncio.to_thread(operator.approve, network.home(party), job)
    await network.holds_approval("labour", job, "education")
    await network.stop("education")
    await network.start("welfare")
    await asyncio.to_thread(operator.approve, network.home("welfare"), job)
    status = (await network.until(job, "ABORTED", parties=("labour",)))["labour"]
    assert status["reason"] in ("education: no connection within 0.5 s (phase connect)", "education: no answer for 8 s")
    heard = (await network.until(job, "ABORTED", "CANCELLED", parties=("welfare",)))["welfare"]
    assert heard["reason"].startswith("labour says: education: no ")


class Answering:
    """Welfare's requests to the others' nodes, which answer this, and open no streams."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    async def request(self, party: str, *_: Any) -> Any:
        return self.answers[party]

    async def stream(self, party: str, _: str) -> Any:
        raise PeerError(f"{party}: refused the stream", code="stream")


@pytest.mark.parametrize(
    ("phase", "reason"),
    [
        ("queued", "education says: nobody has let it begin"),
        ("", "education: no connection within 0.01 s"),
        ("connect", "education: no connection within 0.01 s"),
    ],
)
async def test_who_isnt_let_begin_is_not_named_by_those_that_are(
    monkeypatch: pytest.MonkeyPatch, phase: str, reason: str
) -> None:
    """Labour, which gathers places, may tell welfare to begin and not education, and say that it doesn't reach that."""
    monkeypatch.setattr("mpcgov.node.streams.CONNECT_S", 0.01)
    streams = JobStreams("aaaa-aaaa-aaaa", "welfare", ("welfare", "education"), lambda *_: None)
    client: Any = Answering(education={"state": "APPROVED", "phase": phase, "waiting_for": []})
    error = await refusal(streams.connect(client))
    assert error.message == reason
    assert isinstance(error, Silence) == (phase != "queued")
