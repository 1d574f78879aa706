"""Nodes that don't answer: a list of jobs waits for such a node once, not for each job, and not at each load."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mpcgov.coordinator import home as homes
from mpcgov.coordinator import service
from mpcgov.errors import MpcgovError
from mpcgov.node import operator
from mpcgov.results import standings
from mpcgov.results.progress import View
from mpcgov.trust.client import Client
from tests.node.network import Network
from tests.office.headquarters import Headquarters, headquarters
from tests.patience import LONG_S

JOBS = 6


@asynccontextmanager
async def mute(network: Network, party: str) -> AsyncIterator[None]:
    """In the place of a party's node, something that takes connections and never says a word."""
    writers: list[asyncio.StreamWriter] = []

    async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(ConnectionError):
            while await reader.read(1 << 16):
                pass
        writer.close()

    host, _, port = network.roster.member(party).address.rpartition(":")
    server = await asyncio.start_server(taken, host, int(port))
    try:
        yield
    finally:
        server.close()
        for writer in writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many questions the list has put to each party's node so far."""
    asked, ask = Counter[str](), standings.ask

    async def counting(client: Client, party: str, job: str) -> View | MpcgovError:
        asked[party] += 1
        return await ask(client, party, job)

    monkeypatch.setattr(standings, "ask", counting)
    return asked


async def _proposed(hq: Headquarters) -> None:
    for number in range(JOBS):
        proposal = hq.network.proposal(purpose=f"Youth on support, report {number}")
        stored = homes.store(homes.load(hq.home), proposal)
        async with hq.network.client() as client:
            for party in ("labour", "welfare"):
                await client.request(party, "POST", "/v1/jobs", stored.envelope.to_bytes())
        await asyncio.to_thread(operator.approve, hq.network.home("labour"), stored.id)


async def test_a_node_that_says_nothing_is_waited_for_once_for_a_whole_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standings, "AGAIN_S", float("inf"))
    network, asked = Network(tmp_path), counted(monkeypatch)
    async with headquarters(network) as hq:
        await network.start("labour", "welfare")
        await _proposed(hq)
        await network.stop("welfare")
        anna = await hq.visitor()
        async with mute(network, "welfare"):
            _, page = await anna.get("/")
            assert page.count('class="state approved"') == JOBS  # as far as labour knows
            assert 0 < asked["welfare"] <= standings.AT_ONCE
            assert asked["labour"] == JOBS
            before = asked["welfare"]
            assert (await anna.get("/"))[1].count("<td>welfare, education</td>") == JOBS
            assert asked["welfare"] == before
            # The same on the terminal, over connections of its own.
            listed = await service.list_jobs(hq.home)
            assert [one.status is not None for one in listed] == [True] * JOBS
            assert asked["welfare"] <= before + standings.AT_ONCE
        # Once it runs, whoever looks sees it, without being made to wait.
        monkeypatch.setattr(standings, "AGAIN_S", 0.0)
        await network.start("welfare")
        async with asyncio.timeout(LONG_S):
            while (await anna.get("/"))[1].count('class="state awaiting_approval"') != JOBS:
                pass
        await network.stop()


async def test_a_list_without_any_node_says_so_and_asks_nobody_again(hq_alone: Headquarters) -> None:
    for number in range(JOBS):
        homes.store(homes.load(hq_alone.home), hq_alone.network.proposal(purpose=f"Report {number}"))
    anna = await hq_alone.visitor()
    for _ in range(2):
        assert (await anna.get("/"))[1].count("no node answers") == JOBS


@pytest.fixture
async def hq_alone(tmp_path: Path) -> AsyncIterator[Headquarters]:
    async with headquarters(Network(tmp_path)) as one:
        yield one
