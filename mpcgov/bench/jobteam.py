"""mpcgov's own side where a whole job is measured: real workers that read files, compute and are opened.

Every run has new workers, as every job has; they have loaded all they need and wait when the clock starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Collection, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from mpcgov.bench.link import Relay
from mpcgov.bench.task import Task
from mpcgov.bench.team import Turn
from mpcgov.errors import InternalError
from mpcgov.spec.job import Job
from mpcgov.spec.load import load_yaml
from mpcgov.trial import profiled
from mpcgov.trial.simulation import Simulation

WARM_LIMIT_S = 120.0
QUIET_S = 0.5
"""A worker that hasn't used the processor for so long has loaded all it loads, and waits."""

LOOK_S = 0.01
NODE = "node"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass
class Meter:
    """What our workers used, by kind, `read` or `run`: looked up while they live, as they are gone when they are done.

    A party is charged with the most that any reader held and the most that any computing worker held, together, and
    with the most that any of the `nodes` held, if there are any.
    """

    nodes: Collection[int] = ()
    peak_mb: dict[str, float] = field(default_factory=dict)
    cpu_s: dict[int, float] = field(default_factory=dict)

    def look(self) -> None:
        """Note what they have used by now."""
        for pid, kind in workers(self.nodes):
            try:
                status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
                self.cpu_s[pid] = _ticks(pid) / TICKS_PER_S
            except OSError:
                continue
            held = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0")
            self.peak_mb[kind] = max(self.peak_mb.get(kind, 0.0), int(held.split()[1]) * 1024 / 1e6)

    async def keep_looking(self) -> None:
        """Look until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_S)


class JobTeam:
    """All parties of a job on this machine. A context manager: at the end no process is left."""

    def __init__(self, task: Task, data: Path, job: str = "job.yaml", relay: Relay | None = None) -> None:
        self._task = task
        simulation = Simulation.of(load_yaml(data / job, Job), data / "agencies")
        self._simulation = simulation if relay is None else replace(simulation, pair=relay.pair)

    async def __aenter__(self) -> JobTeam:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Every run has closed what it started."""

    async def ready(self) -> None:
        """Runs the whole job once, so that the files are in memory."""
        await self.run()

    async def run(self) -> Turn:
        """One measured run: from handing out the job to the opened tables."""
        with profiled.profiled() as steps:
            turn = await self._run()
        return replace(turn, computing_s=_computing_s(steps))

    async def _run(self) -> Turn:
        async with AsyncExitStack() as stack:
            supervisors = self._simulation.supervisors(keep_warm=True)
            for supervisor in supervisors.values():
                stack.push_async_callback(supervisor.close)
                await supervisor.start()
            await waiting(2 * len(supervisors))
            return await measured(self._simulation.run(supervisors), self._task)


def _computing_s(steps: profiled.Found) -> float:
    """From dealing to opening, at the engine that took longest."""
    began = {party: step.started_s for party, step in steps if (step.at, step.phase) == ("engine", "deal")}
    ended = {party: step.started_s for party, step in steps if (step.at, step.phase) == ("engine", "close")}
    return max(ended[party] - began[party] for party in began)


async def measured(job: Awaitable[dict[str, Any]], task: Task, nodes: Collection[int] = ()) -> Turn:
    """What a job takes from now to its result, by our workers, or by some nodes and theirs."""
    before, meter = Meter(nodes), Meter(nodes)
    before.look()
    looking = asyncio.create_task(meter.keep_looking())
    start = time.monotonic()
    result = await job
    elapsed_s = time.monotonic() - start
    looking.cancel()
    used = [seconds - before.cpu_s.get(pid, 0.0) for pid, seconds in meter.cpu_s.items()]
    return Turn(
        elapsed_s=elapsed_s,
        cpu_s=max(used),
        peak_mb=sum(meter.peak_mb.values()),
        bytes_sent=sum(result["cost"]["bytes_sent"].values()),
        result=task.numbers(result),
        rounds=result["cost"]["rounds"],
    )


async def waiting(count: int, nodes: Collection[int] = ()) -> None:
    """Returns once so many workers have loaded what they need, and none has been busy for a while."""
    deadline = time.monotonic() + WARM_LIMIT_S
    ticks: dict[int, int] = {}
    quiet_since = time.monotonic()
    while len(ticks) < count or time.monotonic() - quiet_since < QUIET_S:
        if time.monotonic() > deadline:
            raise InternalError("the workers aren't ready in time")
        now = {pid: _ticks(pid) for pid, kind in workers(nodes) if kind != NODE}
        if now != ticks:
            ticks, quiet_since = now, time.monotonic()
        await asyncio.sleep(QUIET_S / 10)


def workers(nodes: Collection[int] = ()) -> Iterator[tuple[int, str]]:
    """Worker processes and what they do: our own, or some nodes and theirs; not the templates they are forked from."""
    yield from ((node, NODE) for node in nodes)
    for parent in nodes or [os.getpid()]:
        yield from _workers_below(parent)


def _workers_below(parent: int) -> Iterator[tuple[int, str]]:
    """A process's children that are workers, and what they do; and its templates' children."""
    for task in Path(f"/proc/{parent}/task").glob("*"):
        children = ""
        with contextlib.suppress(OSError):  # the thread may have ended
            children = (task / "children").read_text(encoding="utf-8")
        for child in children.split():
            with contextlib.suppress(OSError):  # it may have ended
                before, _, state = Path(f"/proc/{child}/stat").read_text(encoding="utf-8").rpartition(") ")
                name = before.partition("(")[2]
                if state[0] in "ZX":
                    continue  # has ended, and its template doesn't know yet
                if name in ("mpcgov-read", "mpcgov-run"):
                    yield int(child), name.removeprefix("mpcgov-")
                elif name == "mpcgov-template":
                    yield from _workers_below(int(child))


def _ticks(pid: int) -> int:
    """The processor time that a process has used; 0 if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])
