"""What a node's carrier must do, held against the real network and the one that is made up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import WSMsgType

from mpcgov.errors import LocalError, PeerError, Refused
from mpcgov.node import operator
from mpcgov.node.daemon import NodeDaemon
from mpcgov.node.relay import ENDED_CODE
from mpcgov.spec.load import canonical_json
from mpcgov.spec.statement import job_id
from mpcgov.trust.client import Client
from tests.node.network import PARTIES, Network, refusal, when
from tests.simulation.nodes import Consortium
from tests.simulation.world import World


class Real:
    """Nodes that listen, and clients that connect to them."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.nodes: dict[str, NodeDaemon] = network.nodes

    async def start(self, *parties: str) -> None:
        await self.network.start(*parties)

    async def stop(self, *parties: str) -> None:
        await self.network.stop(*parties)

    def client(self, name: str) -> Client:
        return self.network.client(name)


class MadeUp(Real):
    """The same through the wires of the simulation."""

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.world = World(Consortium(network, []), 0)
        self.world.workers = dict(network.workers)
        for party in PARTIES:
            self.world.clocks[party].now = network.clock.now
        self.nodes = self.world.nodes

    async def start(self, *parties: str) -> None:
        for party in parties or PARTIES:
            await self.world.start(party)

    async def stop(self, *parties: str) -> None:
        for party in parties or tuple(self.world.nodes):
            await self.world.stop(party)

    def client(self, name: str) -> Client:
        return Client(self.network.identity(name), self.network.roster, self.world.wires.carrier(name))


@pytest.fixture(params=[Real, MadeUp], ids=["real", "made up"])
async def members(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Real]:
    members = request.param(Network(tmp_path))
    yield members
    await members.stop()


async def test_answers_and_refusals_arrive_as_what_they_are(members: Real) -> None:
    await members.start()
    async with members.client("hq") as hq, members.client("welfare") as welfare:
        assert (await hq.request("labour", "GET", "/v1/about"))["party"] == "labour"
        unknown = await refusal(hq.request("labour", "GET", "/v1/jobs/aaaa-bbbb-cccc"))
        assert isinstance(unknown, LocalError)
        assert unknown.message == "labour: job aaaa-bbbb-cccc: unknown at this node"
        no = await refusal(welfare.request("labour", "POST", "/v1/jobs", b"{}"))
        assert isinstance(no, Refused)
        assert no.message == "labour: only the coordinator may ask this"
        elsewhere = await refusal(hq.request("labour", "GET", "/v2"))
        assert "no such request (HTTP 404)" in elsewhere.message
        nonsense = await refusal(hq.request("labour", "POST", "/v1/jobs", b"{"))
        assert nonsense.message.startswith("labour: ")
        long = await refusal(hq.request("labour", "GET", "/v1/about", limit_bytes=10))
        assert long.code == "unreachable"


async def test_a_node_that_is_off_is_unreachable(members: Real) -> None:
    await members.start("labour")
    async with members.client("labour") as labour:
        for work in (labour.request("welfare", "GET", "/v1/about"), labour.stream("welfare", "/v1/jobs/x/stream")):
            error = await refusal(work)
            assert isinstance(error, PeerError)
            assert error.code == "unreachable"
            assert error.message.startswith("welfare: no connection at ")


async def awaited(members: Real) -> str:
    """A job for which labour awaits streams, whose other nodes are off."""
    await members.start()
    network, proposal = members.network, members.network.proposal()
    job, body = job_id(proposal.job_digest), network.envelope(proposal).to_bytes()
    async with members.client("hq") as hq:
        for party in PARTIES:
            await hq.request(party, "POST", "/v1/jobs", body)
    for party in ("welfare", "education"):
        await asyncio.to_thread(operator.approve, network.home(party), job)
    book = members.nodes["labour"].book
    await when(lambda: len(book.approvals(job)) == 2, "labour has no approvals")
    await members.stop("welfare", "education")
    await asyncio.to_thread(operator.approve, network.home("labour"), job)
    service = members.nodes["labour"].service
    await when(lambda: job in service._turns, "labour never got all approvals")
    service.begin(job)  # as if the others had a place for it
    return job


async def test_a_stream_carries_bytes_once_claimed_and_says_why_it_ends(members: Real) -> None:
    job = await awaited(members)
    path = f"/v1/jobs/{job}/stream"
    async with members.client("welfare") as welfare, members.client("hq") as hq:
        none = await refusal(welfare.stream("labour", "/v1/jobs/aaaa-bbbb-cccc/stream"))
        assert none.message == "labour: refused the stream (400)"
        ws = await welfare.stream("labour", path)
        assert (await refusal(welfare.stream("labour", path))).message == "labour: refused the stream (403)"
        assert (await refusal(hq.stream("labour", path))).message == "labour: refused the stream (403)"
        for number in range(3):
            await ws.send_bytes(b"x" * (number + 1))
        returned = [await ws.receive() for _ in range(3)]
        assert [(each.type, each.data) for each in returned] == [(WSMsgType.TEXT, str(256 + n)) for n in (1, 2, 3)]
        stopping = asyncio.create_task(members.stop("labour"))
        message = await ws.receive()
        assert (message.type, message.data) == (WSMsgType.CLOSE, ENDED_CODE)
        assert (message.extra or "").startswith("stopped labour: its node was stopped")
        await ws.close()
        await stopping


async def test_a_request_with_rubbish_in_it_changes_nothing(members: Real) -> None:
    await members.start("labour")
    async with members.client("welfare") as welfare:
        for body in (b"", b"[]", canonical_json({"event": "abort"}), b"\xff\xfe"):
            await refusal(welfare.request("labour", "POST", "/v1/jobs/aaaa-bbbb-cccc/end", body))
        assert (await welfare.request("labour", "GET", "/v1/about"))["party"] == "labour"
