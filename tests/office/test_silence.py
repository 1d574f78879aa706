"""Nodes that don't answer: a list of jobs waits for such a node once, not for each job, and not at each load."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mpcgov.coordinator import home as homes
from mpcgov.coordinator import service
from mpcgov.results import standings
from tests.node.network import Network
from tests.office.headquarters import Headquarters, headquarters
from tests.patience import LONG_S

JOBS = 12


class Mute:
    """Takes connections in the place of a party's node, and never says a word."""

    def __init__(self) -> None:
        self.connections = 0

    async def listen(self, network: Network, party: str) -> asyncio.Server:
        host, _, port = network.roster.member(party).address.rpartition(":")
        return await asyncio.start_server(self._taken, host, int(port))

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while await reader.read(1 << 16):
            pass
        writer.close()


async def _proposed(hq: Headquarters) -> None:
    for number in range(JOBS):
        proposal = hq.network.proposal(purpose=f"Youth on support, report {number}")
        stored = homes.store(homes.load(hq.home), proposal)
        async with hq.network.client() as client:
            await client.request("labour", "POST", "/v1/jobs", stored.envelope.to_bytes())


async def test_a_node_that_says_nothing_is_waited_for_once_for_a_whole_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standings, "AGAIN_S", float("inf"))
    network, mute = Network(tmp_path), Mute()
    async with headquarters(network) as hq:
        await network.start("labour")
        await _proposed(hq)
        server, anna = await mute.listen(network, "welfare"), await hq.visitor()
        _, page = await anna.get("/")
        assert page.count('class="state awaiting_approval"') == JOBS
        asked = mute.connections
        assert 0 < asked <= standings.AT_ONCE
        assert (await anna.get("/"))[1].count("<td>labour, welfare, education</td>") == JOBS
        assert mute.connections == asked
        # The same on the terminal: a list asks by connections of its own, a few at a time.
        listed = await service.list_jobs(hq.home)
        assert [one.status is not None for one in listed] == [True] * JOBS
        assert mute.connections <= asked + standings.AT_ONCE
        server.close()
        # Once it runs, whoever looks sees it, without being made to wait.
        monkeypatch.setattr(standings, "AGAIN_S", 0.0)
        await network.start("welfare")
        async with asyncio.timeout(LONG_S):
            while (await anna.get("/"))[1].count("<td>labour, education</td>") != JOBS:
                pass
        await network.stop()


async def test_a_list_without_any_node_says_so_and_asks_nobody_again(hq_alone: Headquarters) -> None:
    for number in range(JOBS):
        homes.store(homes.load(hq_alone.home), hq_alone.network.proposal(purpose=f"Report {number}"))
    anna = await hq_alone.visitor()
    for _ in range(2):
        assert (await anna.get("/"))[1].count("no node answers") == JOBS


@pytest.fixture
async def hq_alone(tmp_path: Path):
    async with headquarters(Network(tmp_path)) as one:
        yield one
