"""How far a job is, and how long the rest takes: from bytes that were sent, and from nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mpcgov.coordinator import service
from mpcgov.lifecycle import State
from mpcgov.node import operator, standing
from mpcgov.node.store import JobRow
from mpcgov.results.pace import Pace
from mpcgov.results.progress import Status, span
from tests.node.network import Network, when


def status(sent_bytes: int, state: State = State.RUNNING) -> Status:
    return Status("aaaa-aaaa-aaaa", state, (), "compute", "", "labour", "", sent_bytes)


def test_the_rest_takes_as_long_as_the_pace_so_far_says() -> None:
    pace = Pace(1000)
    assert pace.told(status(0, State.READY), 5.0).percent is None
    first = pace.told(status(0), 10.0)
    assert (first.percent, first.left_s) == (0, None)
    later = pace.told(status(250), 20.0)
    assert (later.percent, later.left_s) == (20, 30.0)
    assert later.line().endswith("phase compute; about 20 % done; 30 s left at most")
    assert pace.told(status(5000), 50.0).percent == 90  # released, and not before, is done
    assert pace.told(status(1000, State.RELEASED), 51.0).percent is None
    assert Pace(0).told(status(10), 1.0).percent is None


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "1 s"), (60.1, "61 s"), (100, "2 min"), (7000, "2 h")])
def test_spans_are_said_as_people_do(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_what_is_told_of_bytes_is_coarse_however_many_there_are() -> None:
    """How many there are in all may follow from padded lengths, which not everybody who asks learns otherwise."""
    row = JobRow("aaaa", "", (), (), 1, State.RUNNING, "", "", "", 0.0, 0.0)

    def told(sent_bytes: int) -> int:
        return int(standing.status("labour", row, (), "compute", sent_bytes)["sent_bytes"])

    assert [told(sent) for sent in (0, 65_535, 65_536, 600_000)] == [0, 0, 65_536, 589_824]
    for least in (1 << 20, 1 << 30, 1 << 40):
        grid = [told(least + least * part // 997) for part in range(997)]
        assert len(set(grid)) == 8
        assert grid == sorted(grid)


async def test_a_node_tells_what_it_has_sent_in_steps(tmp_path: Path) -> None:
    """Enough to see it go on, and no clock of single messages; nothing once the job has ended."""
    network = Network(tmp_path)
    for worker in network.workers.values():
        worker.bulk_bytes, worker.gates["done"] = 300_000, asyncio.Event()
    await network.start()
    try:
        job = (await network.submit(network.proposal()))["labour"]["job"]
        for party in network.parties:
            await asyncio.to_thread(operator.approve, network.home(party), job)
        runs = network.nodes["labour"].service._runs
        await when(lambda: job in runs and runs[job].streams.sent_bytes >= 600_000, "it never computed")
        found = await network.status("labour", job)
        assert found["sent_bytes"] == 600_000 // standing.SENT_STEP_BYTES * standing.SENT_STEP_BYTES
        for worker in network.workers.values():
            worker.gates["done"].set()
        ended = await network.until(job, "RELEASED")
        assert {one["sent_bytes"] for one in ended.values()} == {0}
    finally:
        await network.stop()
    planned = service.pace_of(network.proposal())
    assert planned.planned_bytes > 0
