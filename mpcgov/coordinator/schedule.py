"""A job that is proposed again for each period: kept in the coordinator's home, driven by whoever calls `run` daily.

There is no service: a timer of the system calls one short command, and what it did is in a file. A period is proposed
once and never twice: the file says so before any node is asked. It ends after so many runs or on its last day, and a
period whose turn was missed is named, not made up for unless somebody says so. Nodes decide each job as any other.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mpcgov import files
from mpcgov.clock import Clock
from mpcgov.coordinator import home as homes
from mpcgov.coordinator import propose, submit
from mpcgov.coordinator.home import CoordinatorHome
from mpcgov.coordinator.periods import Every, Period, filled, names_period, parse
from mpcgov.errors import LocalError, MpcgovError, PeerError, SpecError
from mpcgov.spec.job import Job
from mpcgov.spec.load import Frozen, canonical_json, compose_yaml, parse_json, read_text, validate
from mpcgov.trust.client import Client

FOLDER = "schedules"
LIMIT_BYTES = 8 << 20

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,63}$")]


class Run(Frozen):
    """What became of a period: proposed as a job, refused or not taken by the nodes, or missed."""

    period: str
    state: Literal["proposed", "refused", "unreachable", "missed"]
    at: float
    job: str = ""
    why: Annotated[str, Field(max_length=10_000)] = ""


class Schedule(Frozen):
    """One of them. `job`: the text of the job file; `most`: so many runs at most; `until`: no period ends later."""

    name: Name
    job: str
    every: Every
    first: str
    most: Annotated[int, Field(ge=1, le=10_000)]
    until: Annotated[dt.date, Field(strict=False)] | None = None
    days_after: Annotated[int, Field(ge=0, le=366)] = 1
    runs: Annotated[tuple[Run, ...], Field(strict=False)] = ()

    def job_for(self, period: Period) -> Job:
        """The job of a period. Raises: SpecError if it isn't one."""
        value, lines = compose_yaml(self.job, f"schedule {self.name}")
        return validate(filled(value, period), Job, f"schedule {self.name}", lines)

    @property
    def counted(self) -> int:
        """How many of its runs were proposed, taken or not."""
        return sum(run.state in ("proposed", "refused") for run in self.runs)

    @property
    def next(self) -> Period | None:
        """The first period that nothing was done about; None if the schedule is over."""
        period = parse(self.first, self.every)
        settled = {run.period for run in self.runs if run.state != "unreachable"}
        while period.name in settled:
            period = period.after
        over = self.counted >= self.most or (self.until is not None and period.end > self.until)
        return None if over else period

    def due_on(self, period: Period) -> dt.date:
        """The day from which a period's job is proposed."""
        return period.end + dt.timedelta(days=self.days_after)

    def with_run(self, run: Run) -> Schedule:
        """The schedule once something is known of a period."""
        others = tuple(one for one in self.runs if one.period != run.period)
        return self.model_copy(update={"runs": (*others, run)})


def add(home: Path, file: Path, **fields: object) -> Schedule:
    """Keeps a new schedule for the job in a file.

    Raises:
        SpecError: it isn't one, or no place in the job names the period. LocalError: there is one of that name.
    """
    kept, text = homes.load(home), read_text(file)
    made = validate(fields | {"job": text}, Schedule, "schedule")
    made.job_for(parse(made.first, made.every))
    if not names_period(compose_yaml(text, str(file))[0]):
        raise SpecError(
            f"{file}: nothing in it names the period, so each run would ask the same",
            hint="such as where: \"month = '{period}'\"", code="period",
        )  # fmt: skip
    with _held(kept):
        if _path(kept, made.name).exists():
            raise LocalError(f"schedule {made.name}: there already", hint="remove it first", code="schedule")
        _keep(kept, made)
    return made


def schedules(home: Path) -> list[Schedule]:
    """All of them, by name."""
    kept = homes.load(home)
    return [_read(path) for path in sorted((kept.path / FOLDER).glob("*.json")) if not path.name.startswith(".")]


def remove(home: Path, name: str) -> None:
    """Forgets a schedule; the jobs that it proposed stay. Raises: LocalError if there is none."""
    kept = homes.load(home)
    with _held(kept):
        _require(kept, name)
        _path(kept, name).unlink()


async def run(home: Path, clock: Clock, name: str | None = None, *, catch_up: bool = False) -> dict[str, list[Run]]:
    """Proposes what is due, by schedule; of several periods of one that are due the last, others are missed.

    Args:
        name: of the only schedule to look at; None for all.
        catch_up: whether those periods are proposed as well, oldest first.

    Raises:
        LocalError: there is none of that name, or another process runs them just now.
    """
    kept = homes.load(home)
    with _held(kept):
        chosen = schedules(home) if name is None else [_require(kept, name)]
        return {one.name: await _run(kept, one, clock, catch_up) for one in chosen}


async def _run(home: CoordinatorHome, schedule: Schedule, clock: Clock, catch_up: bool) -> list[Run]:
    today = dt.datetime.fromtimestamp(clock.now(), dt.UTC).date()
    done: list[Run] = []
    while (period := schedule.next) is not None and schedule.due_on(period) <= today:
        overdue = schedule.due_on(period.after) <= today
        if overdue and not catch_up:
            run = Run(period=period.name, state="missed", at=clock.now())
        else:
            run = await _propose(home, schedule, period, clock)
        schedule = schedule.with_run(run)
        _keep(home, schedule)
        done.append(run)
        if run.state == "unreachable":
            break
    return done


async def _propose(home: CoordinatorHome, schedule: Schedule, period: Period, clock: Clock) -> Run:
    """Proposes one period's job; what is written down before any node is asked is what a crash leaves behind."""
    found = Run(period=period.name, state="unreachable", at=clock.now())
    try:
        async with Client(home.identity, home.roster()[1]) as client:
            draft = await propose.draft(client, home.roster(), schedule.job_for(period))
            stored = homes.store(home, draft.proposal(clock))
            found = found.model_copy(update={"state": "proposed", "job": stored.id})
            _keep(home, schedule.with_run(found))
            await submit.submit(client, stored)
    except PeerError as error:
        # It was cancelled where it was taken: the next call tries again, until the next period is due.
        return found.model_copy(update={"state": "unreachable", "why": error.line()})
    except MpcgovError as error:
        return found.model_copy(update={"state": "refused", "why": error.line()})
    return found


def _require(home: CoordinatorHome, name: str) -> Schedule:
    for path in (home.path / FOLDER).glob("*.json"):
        if path.stem == name:
            return _read(path)
    raise LocalError(f"schedule {name}: there is none", hint="mpcgov job schedule list", code="schedule")


def _read(path: Path) -> Schedule:
    try:
        return parse_json(path.read_bytes(), Schedule, str(path), LIMIT_BYTES)
    except OSError as error:
        raise LocalError(f"{path}: can't be read ({error.strerror})", code="file") from None


def _keep(home: CoordinatorHome, schedule: Schedule) -> None:
    files.replace(_path(home, schedule.name), canonical_json(schedule.model_dump(mode="json")), 0o600)


def _path(home: CoordinatorHome, name: str) -> Path:
    return home.path / FOLDER / f"{name}.json"


@contextlib.contextmanager
def _held(home: CoordinatorHome) -> Iterator[None]:
    """Nobody else changes or runs this home's schedules meanwhile."""
    folder = home.path / FOLDER
    files.own_folder(folder)
    with files.lock_file(folder / ".lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise LocalError(f"{home.path}: its schedules are being run", hint="try again", code="running") from None
        yield
