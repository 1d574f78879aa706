"""mpcgov and its peers in turns: the same data, the same minutes, medians of 5."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from mpcgov.bench.contenders import Contender
from mpcgov.bench.jobteam import JobTeam
from mpcgov.bench.link import Link, Relay
from mpcgov.bench.nodeteam import NodeTeam
from mpcgov.bench.task import Task, Workload
from mpcgov.bench.team import Team, Turn
from mpcgov.errors import MpcgovError

RUNS = 5
PATIENCE_S = 150.0
"""A contender isn't started again once its runs took that long: MPyC's comparisons take minutes. The table says so."""


@dataclass(frozen=True)
class Measured:
    """What a contender needed for a workload: median seconds and what `team.Turn` says, over its runs.

    `failure` says why it has none, or none after some.
    """

    contender: Contender
    turns: tuple[Turn, ...]
    failure: str = ""

    @property
    def seconds(self) -> float:
        """Median from the start to the result at the receiver."""
        return statistics.median(turn.elapsed_s for turn in self.turns)

    @property
    def cpu_s(self) -> float:
        """Median CPU seconds of the party that used the most."""
        return statistics.median(turn.cpu_s for turn in self.turns)

    @property
    def peak_mb(self) -> float:
        """The most memory a party ever held."""
        return max(turn.peak_mb for turn in self.turns)

    @property
    def bytes_sent(self) -> int | None:
        """By all parties together, in the last run."""
        return self.turns[-1].bytes_sent

    @property
    def rounds(self) -> int | None:
        """In which parties wait for each other; of the last run, as every run has as many."""
        return self.turns[-1].rounds

    @property
    def computing_s(self) -> float | None:
        """Median of what the engines took by themselves, without reading; None where nobody tells."""
        known = [turn.computing_s for turn in self.turns if turn.computing_s is not None]
        return statistics.median(known) if known else None

    @property
    def f1(self) -> float:
        """The worst run's, where the result is one."""
        return min(float(turn.result[0]) for turn in self.turns)


class _Entry:
    """A contender's way through the race."""

    def __init__(self, contender: Contender, team: Team | JobTeam | NodeTeam, task: Task) -> None:
        self._contender = contender
        self._team = team
        self._task = task
        self._turns: list[Turn] = []
        self._failure = ""

    async def ready(self) -> None:
        await self._unless_it_fails(self._team.ready())

    async def run(self) -> None:
        if not self._failure and sum(turn.elapsed_s for turn in self._turns) < PATIENCE_S:
            await self._unless_it_fails(self._measure())

    async def _measure(self) -> None:
        turn = await self._team.run()
        self._task.check(turn.result, self._contender.name, self._contender.tolerance)
        self._turns.append(turn)

    async def _unless_it_fails(self, step: Coroutine[None, None, None]) -> None:
        """A peer that fails is out, with its reason; mpcgov's own failure ends the race."""
        try:
            await step
        except MpcgovError as error:
            if self._contender.environment is None:
                raise
            self._failure = error.message

    def measured(self) -> Measured:
        return Measured(self._contender, tuple(self._turns), self._failure)


async def race(
    workload: Workload,
    contenders: Sequence[Contender],
    tell: Callable[[str], None],
    task: Task | None = None,
    link: Link | None = None,
) -> list[Measured]:
    """Let the contenders run in turns, 5 times each; or once.

    Args:
        tell: told what is going on, for people.
        task: another task than the workload's own, for tests.
        link: what is between every two parties; nothing if it isn't given.

    Raises:
        InternalError: mpcgov itself failed, or its result is wrong.
    """
    task = task or workload.make(workload.size)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mpcgov-bench-")))
        data = folder / "data"
        if task.files is not None:
            tell(f"{workload.name}: writes the parties' files")
            task = replace(task, expected=await asyncio.to_thread(task.files, data))
        entries = []
        for number, contender in enumerate(contenders):
            tell(f"{workload.name}: {contender.name} starts{'' if workload.once else ' and warms up'}")
            place = folder / str(number)
            place.mkdir()
            relay = None if link is None else stack.enter_context(Relay(link))
            team: Team | JobTeam | NodeTeam = Team(contender, workload.name, task, place, data, relay)
            if task.files is not None and contender.own:
                team = JobTeam(task, data, contender.options.get("job", "job.yaml"), relay)
            if contender.module == "mpcgov.node":
                team = NodeTeam(task, data, place, relay)
            await stack.enter_async_context(team)
            entries.append(_Entry(contender, team, task))
            if not (workload.once and isinstance(team, JobTeam)):
                await entries[-1].ready()
        runs = 1 if workload.once else RUNS
        for number in range(1, runs + 1):
            tell(f"{workload.name}: run {number} of {runs}")
            # To and fro, or one would always follow the last, and find the machine as that leaves it.
            for entry in entries if number % 2 else entries[::-1]:
                await entry.run()
    return [entry.measured() for entry in entries]
