"""A running node keeps nothing of a job that has ended: counted by objects, as megabytes come and go."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from mpcgov.node import daemon
from mpcgov.node.relay import Relay
from mpcgov.node.run import JobRun
from mpcgov.node.streams import JobStreams
from mpcgov.process import memory
from tests.node.network import Network, when
from tests.node.test_rotation import serving, taken_up
from tests.patience import LONG_S


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[weakref.ref[Any]]]:
    """What is made for jobs from now on, as long as it is there; nobody looks for garbage meanwhile."""
    made: list[weakref.ref[Any]] = []
    for kind in (JobRun, JobStreams, Relay, aiohttp.ClientWebSocketResponse, web.WebSocketResponse):
        monkeypatch.setattr(kind, "__init__", _noting(kind.__init__, made))
    gc.disable()
    yield made
    gc.enable()


def _noting(init: Any, made: list[weakref.ref[Any]]) -> Any:
    def noted(self: Any, *args: Any, **options: Any) -> None:
        made.append(weakref.ref(self))
        init(self, *args, **options)

    return noted


@pytest.mark.slow
async def test_nothing_refers_to_what_was_made_for_a_job_once_it_has_ended(
    network: Network, held: list[weakref.ref[Any]]
) -> None:
    await network.start()
    await network.until(await network.approved(), "RELEASED")
    await network.at_rest()
    assert len(held) == 3 * (
        1 + 1 + 2 + 2
    )  # at each node a run, its streams, and for each peer a relay and a WebSocket
    await when(lambda: memory.tidy() or not any(one() for one in held), "something of the job is still there")


async def test_a_node_frees_what_only_refers_to_itself_after_each_job(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python by itself goes by the number of objects: there are few, with hundreds of kilobytes of buffers."""
    freed = asyncio.Event()
    monkeypatch.setattr(daemon, "TIDY_S", 0.0)
    monkeypatch.setattr(daemon, "tidy", freed.set)
    async with serving(network):
        await taken_up(network, network.roster_digest)
        await network.approved()
        await asyncio.wait_for(freed.wait(), LONG_S)
