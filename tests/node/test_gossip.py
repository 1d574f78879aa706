"""Approvals on their way to the other nodes, and what becomes of them while one of these is down."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from mpcgov.node.causes import Silence
from mpcgov.node.gossip import Gossip

JOBS: list[Any] = [SimpleNamespace(id=f"job {number}", parties=("labour", "welfare")) for number in range(50)]


class Peer:
    """Welfare's node, which is down until somebody starts it: the jobs that it was dialled for."""

    def __init__(self) -> None:
        self.up, self.dialled = False, list[str]()
        self.identity = SimpleNamespace(name="labour")

    async def request(self, party: str, _: str, path: str, *__: Any) -> dict[str, Any]:
        self.dialled.append(path.split("/")[3])
        if not self.up:
            raise Silence((party,), "no connection", code="unreachable")
        return {"approval": None}


async def test_a_party_that_is_down_is_dialled_for_one_job_at_a_time_and_gets_all_once_it_is_back() -> None:
    peer, tasks, taken = Peer(), set[asyncio.Task[None]](), list[str]()

    def spawn(work: Any, _: str) -> asyncio.Task[None]:
        tasks.add(task := asyncio.create_task(work))
        return task

    book: Any = SimpleNamespace(me="labour", approvals=lambda _: {"labour": b"yes"})
    client: Any = peer
    gossip = Gossip(book, client, spawn, lambda job, *_: taken.append(job))

    async def tick(number: int) -> int:
        peer.dialled.clear()
        for row in JOBS:
            gossip.push(row, number)
        await asyncio.gather(*tasks)
        return len(peer.dialled)

    assert [await tick(number) for number in (1, 2, 3)] == [50, 1, 1]
    peer.up = True
    assert [await tick(number) for number in (4, 6)] == [1, 49]
    assert sorted(taken) == sorted(row.id for row in JOBS)
