"""Cells of the matrix of faults in made-up time: what breaks, in which phase, at which role, and that the same holds.

`tests/faults` breaks running nodes, on a machine whose time passes. Here are the cells that take long there, or hang on
how busy it is: silence in one direction, clocks, and disks. No time passes, so that each takes a second of processor.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from mpcgov.lifecycle import TERMINAL, State
from mpcgov.spec.order import Order
from tests.nightly import first
from tests.node.network import PARTIES
from tests.simulation.loop import SimulatedLoop
from tests.simulation.nodes import EPOCH, Consortium
from tests.simulation.schedule import Asked, Schedule
from tests.simulation.test_schedules import consortium, slow_polls
from tests.simulation.wires import Way

__all__ = ["consortium", "slow_polls"]

DAY_S = 86_400.0
SLOW_S = 0.2
"""How much longer each write of a slow disk takes."""
PHASES = ("hello", "ready", "deal", "compute", "done")
"""Of a worker; when it is done, its node waits for receipts."""
ROLES = range(len(PARTIES))

Break = Callable[[Schedule, str], None]


def cut(heard: bool, hears: bool) -> Break:
    """Nothing of a party reaches anybody, or nothing of anybody reaches it."""

    def happen(world: Schedule, victim: str) -> None:
        for other in PARTIES:
            if other != victim:
                world.wires.ways[victim, other] = Way(cut=not heard)
                world.wires.ways[other, victim] = Way(cut=not hears)

    return happen


def slow_way(world: Schedule, victim: str) -> None:
    for pair in itertools.permutations(PARTIES, 2):
        world.wires.ways[pair] = Way(delay_s=0.1)


def wrong_clock(by_s: float) -> Break:
    def happen(world: Schedule, victim: str) -> None:
        world.clocks[victim].wrong_by_s = by_s

    return happen


def read_only(world: Schedule, victim: str) -> None:
    world.nodes[victim].full = True


def slow_disk(world: Schedule, victim: str) -> None:
    """A node does nothing else while it waits for its disk, and others' time passes."""
    store, write = world.nodes[victim]._store, world.nodes[victim]._store.write

    @contextlib.contextmanager
    def slowly() -> Iterator[Any]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        loop._pass(SLOW_S)
        with write() as tx:
            yield tx

    store.write = slowly


FAULTS: dict[str, Break] = {
    "not heard by anybody": cut(heard=False, hears=True),
    "hears nobody": cut(heard=True, hears=False),
    "disk read-only": read_only,
    "slow disk": slow_disk,
    "clock a day ahead": wrong_clock(DAY_S),
    "clock a day behind": wrong_clock(-DAY_S),
    "100 ms on each way": slow_way,
}
HARMLESS = frozenset({"slow disk", "clock a day ahead", "clock a day behind", "100 ms on each way"})
CASES = [
    case
    for case in itertools.product(FAULTS, PHASES, ROLES)
    if case[0] in HARMLESS or case[1] != "done"  # among receipts some may release what others can't: tests/faults
]
EACH = [(fault, PHASES[number % 4], number % 3) for number, fault in enumerate(FAULTS)]
"""Each fault once, of which some break by day, too."""


class Case(Schedule):
    """One job that all approve, and what breaks at one of its parties once that is in a phase."""

    def __init__(self, consortium: Consortium, fault: str, phase: str, victim: str) -> None:
        super().__init__(consortium, 1, changes=False)
        self.fault, self.phase, self.victim = fault, phase, victim
        self.after: Asked | None = None

    async def run(self) -> None:
        self.consortium.begin_anew()
        for party in PARTIES:
            await self.start(party)
        watching = asyncio.create_task(self.wires.watch())
        reached, worker = asyncio.Event(), self.workers[self.victim]
        enter = worker.enter

        async def entered(order: Order, phase: str) -> None:
            if phase == self.phase and not reached.is_set():
                FAULTS[self.fault](self, self.victim)
                reached.set()
            await enter(order, phase)

        worker.enter = entered
        await self._wanted(self._asked(self.consortium.drafts[0], EPOCH))
        await self._at_rest()
        assert reached.is_set(), "the job never came so far"
        self._mend()
        self.after = self._asked(self.consortium.drafts[1], EPOCH + asyncio.get_running_loop().time())
        await self._wanted(self.after)
        await self._at_rest()
        watching.cancel()

    async def _wanted(self, asked: Asked) -> None:
        for party in PARTIES:
            await self.hq.request(party, "POST", "/v1/jobs", self.network.envelope(asked.proposal).to_bytes())
        for party in PARTIES:
            self.nodes[party].book.approve(asked.id)

    def _mend(self) -> None:
        for pair in self.wires.ways:
            self.wires.ways[pair] = Way()
        self.nodes[self.victim].full = False
        self.clocks[self.victim].wrong_by_s = 0.0


@pytest.mark.parametrize(("fault", "phase", "role"), first(3, [*EACH, *(case for case in CASES if case not in EACH)]))
def test_a_fault_at_one_party_ends_the_job_at_all_and_harms_nothing_else(
    consortium: Consortium, fault: str, phase: str, role: int
) -> None:
    victim = PARTIES[role]

    async def scenario() -> Case:
        world = Case(consortium, fault, phase, victim)
        await world.run()
        check(world)
        for party in list(world.nodes):
            world.kill(party)
        return world

    with structlog.testing.capture_logs(), asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        runner.run(scenario())


def check(world: Case) -> None:
    """Both others ended the job and named who failed, nobody has a share, logs verify, and the next job is released."""
    asked, harmless = world.jobs[0], world.fault in HARMLESS
    for party, node in world.nodes.items():
        row = node.book.job(asked.id)
        assert row.state in TERMINAL
        if harmless:
            assert row.state is State.RELEASED, (party, row.state, row.reason)
        else:
            assert row.state in (State.ABORTED, State.FAILED), (party, row.state, row.reason)
            assert row.reason.startswith(world.victim), (party, row.reason)
        assert node._audit.verify() > 5
        assert world.after is not None
        last = node.book.job(world.after.id)
        assert last.state is State.RELEASED, (party, last.state, last.reason)
