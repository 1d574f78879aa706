"""The whole story on one machine: three agencies' nodes, a coordinator and two jobs, with real daemons and real TLS.

It does what the agencies' people would do, and tells each step with the command they would type.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from mpcgov import registry
from mpcgov.coordinator import service
from mpcgov.errors import LocalError, PeerError
from mpcgov.node import operator, template
from mpcgov.publish.learned import who_learned
from mpcgov.results.progress import Status
from mpcgov.spec.job import Job
from mpcgov.spec.load import load_yaml
from mpcgov.trial import rehearsal
from mpcgov.trial.copied import Copy

MAIN_JOB = "people-on-registers.yaml"
LINKED_JOB = "wages-of-earlier-participants.yaml"


@dataclass(frozen=True)
class Shown:
    """What came of a job: its title, its result, and who learned what in words."""

    title: str
    result: dict[str, Any]
    learned: list[tuple[str, list[str]]]


def run(tell: rehearsal.Tell) -> list[Shown]:
    """Runs the main example job between three nodes of its own, and then one that links rows.

    All of it is gone afterwards, also after Ctrl-C.

    Args:
        tell: hears each step, as a line.

    Raises:
        LocalError: this installation has no examples. MpcgovError: what went wrong on the way.
    """
    examples = _examples()
    jobs = [load_yaml(examples / "jobs" / name, Job) for name in (MAIN_JOB, LINKED_JOB)]
    parties = tuple(dict.fromkeys(party for job in jobs for party in job.parties))
    started = time.monotonic()
    with (
        _terminable(),
        tempfile.TemporaryDirectory(prefix="mpcgov-demo-") as folder,
        _starts(len(parties)) as start,
        rehearsal.kept_ports(len(parties)) as ports,
    ):
        base = Path(folder)
        homes = rehearsal.found(base, examples / "agencies", dict(zip(parties, ports, strict=True)), tell)
        with rehearsal.daemons(homes, tell, start) as running:
            asyncio.run(rehearsal.all_answer(base / rehearsal.COORDINATOR, running))
            tell(f"  all {len(parties)} answer, {time.monotonic() - started:.1f} s after the start")
            results = [_job(base, examples / "jobs" / MAIN_JOB, homes, 4, tell)]
            tell("\nWhose rows are whose was no question there. The second job needs to know, and nobody may learn it.")
            results.append(_job(base, examples / "jobs" / LINKED_JOB, homes, 7, tell))
    tell(f"\nEverything took {time.monotonic() - started:.1f} s; all nodes are stopped, their folders removed.\n")
    return [Shown(job.purpose, result, who_learned(result)) for job, result in zip(jobs, results, strict=True)]


@contextlib.contextmanager
def _starts(count: int) -> Iterator[rehearsal.Start]:
    """What starts so many nodes: where it can be had, copies of this process, which are made now and wait."""
    if not template.CAN_FORK:
        yield rehearsal.started
        return
    template.prepare()
    copies: list[Copy] = []
    try:
        for _ in range(count):
            with rehearsal.undisturbed():
                copies.append(Copy())
        waiting = list(copies)

        def start(home: Path) -> rehearsal.Running:
            copy = waiting.pop()
            copy.serve(home, home / rehearsal.LOG)
            return copy

        yield start
    finally:
        with rehearsal.undisturbed():
            for copy in copies:
                copy.close()


def _examples() -> Path:
    for folder in (registry.PACKAGE / "examples", registry.PACKAGE.parent / "examples"):
        if (folder / "jobs" / MAIN_JOB).is_file():
            return folder
    raise LocalError(
        "this installation has no examples", hint="run the demo from a checkout of the repository", code="examples"
    )


def _job(base: Path, job_path: Path, homes: Mapping[str, Path], step: int, tell: rehearsal.Tell) -> dict[str, Any]:
    """One job from the proposal to its result, told in three steps from `step`."""
    job = load_yaml(job_path, Job)
    tell(f'\n{step}. The coordinator proposes a job: "{job.purpose}".')
    tell(f"   $ mpcgov job submit examples/jobs/{job_path.name} --home hq")
    stored = asyncio.run(service.submit_job(base / rehearsal.COORDINATOR, job_path))
    tell(f"   {stored.id}")
    tell(f"\n{step + 1}. A person at each agency looks at it and says yes; once all did, the nodes start.")
    for party in job.parties:
        with rehearsal.undisturbed():
            operator.approve(homes[party], stored.id)
        tell(f"   $ mpcgov node approve {stored.id} --home {party}")
    approved = time.monotonic()
    ended, result = asyncio.run(service.wait_for(base / rehearsal.COORDINATOR, stored.id, _states_only(tell)))
    if result is None:
        raise PeerError(f"job {ended.job}: the coordinator is not among its receivers", code="receiver")
    tell(f"   {time.monotonic() - approved:.1f} s from the last yes to the result")
    tell(f"\n{step + 2}. The coordinator takes every node's signed share of the result, and opens it.")
    tell(f"   $ mpcgov job result {stored.id} --home hq")
    return result


def _states_only(tell: rehearsal.Tell) -> Callable[[Status], None]:
    """Tells of each state once, and of nothing in between."""
    told: list[str] = []

    def hear(now: Status) -> None:
        if now.state.value not in told:
            told.append(now.state.value)
            tell(f"   {now.state.value}")

    return hear


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """A request to end is met like Ctrl-C: by way of every `finally`; also where a shell had us ignore Ctrl-C, as it
    does with what runs in the background."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)  # asyncio meets it between two steps; an exception from here, anywhere

    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: interrupt}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
