"""A job each period: proposed once, until so many runs or a last day; what was missed is named."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from mpcgov.cli.main import run as typed
from mpcgov.coordinator import periods, schedule
from mpcgov.coordinator.periods import parse
from mpcgov.errors import LocalError, MpcgovError, PeerError, SpecError
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from tests.coordinator.conftest import Consortium, take

BRINGS = {"tax": {"dataset": "payers", "where": "age = {month}"}, "welfare": {"dataset": "claimants"}, "census": {}}


class SetClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.day = "2026-01-01"

    def now(self) -> float:
        return dt.datetime.fromisoformat(f"{self.day}T06:00:00+00:00").timestamp()


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


def added(consort: Consortium, **fields: Any) -> schedule.Schedule:
    file = Path(consort.job(purpose="Young payers in {period}", parties=BRINGS))
    given = {"name": "young", "every": "month", "first": "2026-01", "most": 3} | fields
    return schedule.add(consort.hq, file, **given)


def ran(consort: Consortium, clock: SetClock, day: str, **how: Any) -> list[tuple[str, str]]:
    clock.day = day
    found = asyncio.run(schedule.run(consort.hq, clock, **how))
    return [(one.period, one.state) for runs in found.values() for one in runs]


def proposed(consort: Consortium) -> list[Job]:
    return [one.job for one in consort.nodes["tax"].proposals.values()]


def busy(_node: object, _body: bytes) -> Any:
    raise PeerError("try again later")


def test_three_periods_are_run_and_it_stops_at_its_end(consort: Consortium, clock: SetClock) -> None:
    added(consort, days_after=5)
    days = [dt.date(2026, 1, 20) + dt.timedelta(days=step) for step in range(120)]
    runs = [(day.isoformat(), one) for day in days for one in ran(consort, clock, day.isoformat())]
    assert runs == [
        ("2026-02-05", ("2026-01", "proposed")),
        ("2026-03-05", ("2026-02", "proposed")),
        ("2026-04-05", ("2026-03", "proposed")),
    ]
    assert [(job.purpose, job.parties["tax"].where) for job in proposed(consort)] == [
        ("Young payers in 2026-01", "age = 1"),
        ("Young payers in 2026-02", "age = 2"),
        ("Young payers in 2026-03", "age = 3"),
    ]
    (kept,) = schedule.schedules(consort.hq)
    assert kept.next is None
    assert {one.job for one in kept.runs} == set(consort.nodes["census"].proposals)


def test_it_ends_with_the_last_period_before_a_day(consort: Consortium, clock: SetClock) -> None:
    added(consort, until="2026-02-28", most=99)
    assert ran(consort, clock, "2026-02-01") == [("2026-01", "proposed")]
    assert ran(consort, clock, "2026-03-01") == [("2026-02", "proposed")]
    assert ran(consort, clock, "2026-12-01") == []


def test_what_was_missed_is_named_and_made_up_for_only_if_asked(
    consort: Consortium, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    added(consort, most=9)
    assert ran(consort, clock, "2026-04-02") == [
        ("2026-01", "missed"), ("2026-02", "missed"), ("2026-03", "proposed")
    ]  # fmt: skip
    assert ran(consort, clock, "2026-06-02", catch_up=True) == [("2026-04", "proposed"), ("2026-05", "proposed")]
    assert typed(["job", "schedule", "list", "--home", str(consort.hq)]) == 0
    shown = capsys.readouterr().out
    assert "2026-02  missed" in " ".join(shown.replace("\n", "\n ").split(" ")).replace("   ", "  ")
    assert "due on 2026-07-01, run 4 of 9" in shown


def test_a_node_that_is_down_is_asked_again_and_a_no_is_final(consort: Consortium, clock: SetClock) -> None:
    added(consort)
    consort.nodes["census"].answers["POST", "/v1/jobs"] = busy
    assert ran(consort, clock, "2026-02-01") == [("2026-01", "unreachable")]
    assert consort.asked("tax", "cancel") == 1
    for node in consort.nodes.values():
        node.state = "AWAITING_APPROVAL"
    consort.nodes["census"].answers["POST", "/v1/jobs"] = take
    assert ran(consort, clock, "2026-02-02") == [("2026-01", "proposed")]
    consort.nodes["tax"].state, consort.nodes["tax"].reason = "DENIED", "no more of this"
    assert ran(consort, clock, "2026-03-01") == [("2026-02", "refused")]
    assert "no more of this" in schedule.schedules(consort.hq)[0].runs[-1].why
    assert ran(consort, clock, "2026-03-02") == []


def test_a_period_is_never_proposed_twice_even_after_a_crash(
    consort: Consortium, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(consort)

    async def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mpcgov.coordinator.submit.submit", killed)
        with pytest.raises(KeyboardInterrupt):
            ran(consort, clock, "2026-02-01")
    assert ran(consort, clock, "2026-02-01") == []
    (kept,) = schedule.schedules(consort.hq)
    assert [(one.period, one.state) for one in kept.runs] == [("2026-01", "proposed")]


def test_commands(consort: Consortium, capsys: pytest.CaptureFixture[str]) -> None:
    home = ["--home", str(consort.hq)]
    file = consort.job(parties=BRINGS)
    arguments = ["job", "schedule", "add", "young", file, "--first", "2020-12", "--most", "1", *home]
    assert typed(arguments) == 0
    assert typed(arguments) == 2
    assert typed(["job", "schedule", "run", "young", *home]) == 0
    assert "young 2020-12: missed" in capsys.readouterr().err
    consort.nodes["tax"].state, consort.nodes["tax"].reason = "DENIED", "never"
    assert typed(["job", "schedule", "remove", "young", *home]) == 0
    assert typed(["job", "schedule", "remove", "young", *home]) == 2
    assert typed(["job", "schedule", "run", *home]) == 0
    assert "nothing is due" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"first": "2026-13"}, "not a month"), ({"first": "2026-Q1"}, "not a month"), ({"most": 0}, "most"),
     ({"name": "../x"}, "name"), ({"every": "day", "first": "2026-02-30"}, "not a day")],
)  # fmt: skip
def test_what_is_no_schedule_is_refused(consort: Consortium, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        added(consort, **fields)
    assert schedule.schedules(consort.hq) == []


def test_a_job_must_name_its_period_and_nothing_else(consort: Consortium) -> None:
    given = {"name": "young", "every": "month", "first": "2026-01", "most": 3}
    with pytest.raises(SpecError, match="nothing in it names the period"):
        schedule.add(consort.hq, Path(consort.job()), **given)
    with pytest.raises(SpecError, match=r"\{week\}: no part of a period"):
        schedule.add(consort.hq, Path(consort.job(purpose="{week}")), **given)


def test_only_one_process_runs_them(consort: Consortium, clock: SetClock) -> None:
    added(consort)
    with schedule._held(schedule.homes.load(consort.hq)), pytest.raises(LocalError, match="are being run"):
        ran(consort, clock, "2026-02-01")


@pytest.mark.parametrize(
    ("every", "name", "after", "end"),
    [("day", "2024-02-28", "2024-02-29", "2024-02-28"), ("month", "2025-12", "2026-01", "2025-12-31"),
     ("month", "2024-02", "2024-03", "2024-02-29"), ("quarter", "2025-Q4", "2026-Q1", "2025-12-31"),
     ("year", "2025", "2026", "2025-12-31")],
)  # fmt: skip
def test_periods_follow_each_other(every: Any, name: str, after: str, end: str) -> None:
    found = parse(name, every)
    assert (found.name, found.after.name, found.end.isoformat()) == (name, after, end)
    assert periods.filled({"where": ["a >= '{start}'", 5]}, found)["where"][1] == 5


def test_a_period_can_stand_where_a_job_takes_a_text(consort: Consortium) -> None:
    file = json.loads(Path(consort.job(purpose="Payers in {period}")).read_text())
    assert validate(periods.filled(file, parse("2026-Q1", "quarter")), Job, "job").purpose == "Payers in 2026-Q1"
    with pytest.raises(MpcgovError):
        periods.filled("{}", parse("2026", "year"))
