"""Jobs that are proposed again for each period."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path

import click

from mpcgov.cli.options import Group, file_argument, home_option
from mpcgov.cli.render import note, print_table
from mpcgov.errors import PeerError, Refused


@click.group("schedule", cls=Group)
def schedule() -> None:
    """Jobs that are proposed again for each period."""


@schedule.command("add")
@click.argument("name", metavar="NAME")
@file_argument("file", "JOB.yaml")
@home_option
@click.option("--every", type=click.Choice(["day", "month", "quarter", "year"]), default="month", show_default=True)
@click.option("--first", required=True, metavar="PERIOD", help="The first period, such as 2026-03, 2026-Q1, 2026.")
@click.option("--most", required=True, type=int, help="How many runs at most.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="No period that ends later.")
@click.option("--days-after", type=int, default=1, show_default=True, help="So long after a period's end it is due.")
def add(
    name: str, file: Path, home: Path, every: str, first: str, most: int, until: dt.datetime | None, days_after: int
) -> None:
    """Keeps a job that names its period, such as where: "month = '{period}'"."""
    from mpcgov.coordinator import schedule as schedules

    last = None if until is None else until.date()
    made = schedules.add(home, file, name=name, every=every, first=first, most=most, until=last, days_after=days_after)
    due = made.next and made.due_on(made.next)
    note(f"schedule {name}: first due on {due}; have 'mpcgov job schedule run --home {home}' run daily")


@schedule.command("list")
@home_option
def list_schedules(home: Path) -> None:
    """The schedules, and what became of each period."""
    from mpcgov.coordinator import schedule as schedules

    rows: list[tuple[object, ...]] = []
    for one in schedules.schedules(home):
        rows += [(one.name, run.period, run.state, run.job, run.why) for run in one.runs]
        upcoming = one.next
        left = f"due on {one.due_on(upcoming)}, run {one.counted + 1} of {one.most}" if upcoming else "over"
        rows.append((one.name, upcoming.name if upcoming else "", left, "", ""))
    print_table(("schedule", "period", "", "job", "why"), rows)


@schedule.command("remove")
@click.argument("name", metavar="NAME")
@home_option
def remove(name: str, home: Path) -> None:
    """Forgets a schedule; jobs that it proposed stay."""
    from mpcgov.coordinator import schedule as schedules

    schedules.remove(home, name)
    note(f"schedule {name}: removed")


@schedule.command("run")
@click.argument("name", required=False, metavar="[NAME]")
@home_option
@click.option("--catch-up", is_flag=True, help="Propose periods whose turn was missed as well.")
def run(name: str | None, home: Path, catch_up: bool) -> None:
    """Proposes what is due, and names what was missed; for a daily timer."""
    from mpcgov.clock import RealClock
    from mpcgov.coordinator import schedule as schedules

    found = asyncio.run(schedules.run(home, RealClock(), name, catch_up=catch_up))
    runs = [(name, run) for name, done in found.items() for run in done]
    for of, one in runs:
        note(f"{of} {one.period}: {one.state}{one.job and f' as job {one.job}'}{one.why and f': {one.why}'}")
    if not runs:
        note("nothing is due")
    for state, kind in (("refused", Refused), ("unreachable", PeerError)):
        bad = [f"{of} {one.period}" for of, one in runs if one.state == state]
        if bad:
            raise kind(f"{state}: {', '.join(bad)}", hint="see above", code="schedule")
