"""The coordinator's commands for scripts and notebooks: plan, submit, wait, result."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from mpcgov.analyst.result import Result
from mpcgov.coordinator import service
from mpcgov.coordinator.plan import Plan
from mpcgov.errors import Refused
from mpcgov.results.progress import Status

T = TypeVar("T")
JobFile = Mapping[str, Any] | str | Path
"""A job as its file says it, or the file's path."""


class Coordinator:
    """A coordinator's home, and what can be done from it. Every method may raise `mpcgov.errors.MpcgovError`."""

    def __init__(self, home: str | Path) -> None:
        self.home = Path(home)

    def plan(self, job: JobFile) -> Plan:
        """What would be opened to whom, what leaks, what it costs; proposes nothing."""
        with _file(job) as path:
            return _run(service.plan_job(self.home, path))

    def submit(self, job: JobFile) -> str:
        """Proposes a job to all its parties; its id, once each of their nodes has taken it."""
        with _file(job) as path:
            return _run(service.submit_job(self.home, path)).id

    def status(self, job: str) -> Status:
        """How a job stands, and by whom it waits."""
        return _run(service.status_of(self.home, job))

    def wait(self, job: str, tell: Callable[[Status], None] = lambda status: None) -> Result:
        """The result of a job once it has ended; `tell` hears of every change on the way.

        Raises:
            mpcgov.errors.Refused: it was released, but not to the coordinator; or somebody said no.
        """
        _, found = _run(service.wait_for(self.home, job, tell))
        if found is None:
            raise Refused(f"job {job}: released, and the coordinator is no receiver", code="receiver")
        return Result(found)

    def result(self, job: str) -> Result:
        """The result of a job that was released."""
        return Result(_run(service.result_of(self.home, job)))

    def cancel(self, job: str) -> None:
        """Ends a job at every party where it hasn't started."""
        _run(service.cancel_job(self.home, job))


@contextlib.contextmanager
def _file(job: JobFile) -> Iterator[Path]:
    if isinstance(job, str | Path):
        yield Path(job)
        return
    with tempfile.TemporaryDirectory(prefix="mpcgov-job-") as folder:
        path = Path(folder) / "job.yaml"
        path.write_text(json.dumps(dict(job), ensure_ascii=False, default=str))
        yield path


def _run(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns; in a thread of its own, as a notebook runs an event loop in this one."""
    with ThreadPoolExecutor(1, "mpcgov-coordinator") as thread:
        return thread.submit(asyncio.run, work).result()
