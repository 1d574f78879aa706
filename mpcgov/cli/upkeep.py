"""What keeps a node going: backups, and notices to its people."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path

import click

from mpcgov.cli.options import Group, home_option
from mpcgov.cli.render import note
from mpcgov.errors import PeerError


@click.command("backup")
@home_option
@click.option("--out", required=True, metavar="FILE", type=click.Path(path_type=Path), help="A file that isn't there.")
def backup(home: Path, out: Path) -> None:
    """The home in one file, keys included, data not; safe while the node runs."""
    from mpcgov.node import backup as backups

    made = backups.make(home, out)
    note(f"{out}: {made.party}, {len(made.files)} files, {made.records} audit records; it holds the node's keys")


@click.command("restore")
@home_option
@click.option("--from", "source", required=True, metavar="FILE", type=click.Path(path_type=Path), help="The backup.")
def restore(home: Path, source: Path) -> None:
    """Puts a backup's home in place, where there is none, once all of it is verified."""
    from mpcgov.node import restore as restores

    made = restores.restore(home, source)
    when = dt.datetime.fromtimestamp(made.made_at, dt.UTC)
    note(f"{home}: {made.party} as of {when:%Y-%m-%d %H:%M} UTC, {made.records} audit records, all in order")
    note(
        "policy, data sets, budgets, people and passkeys are as they were then: look through them, then start the node"
    )
    note("the data themselves are in no backup: put them where datasets.yaml says")
    note("no job runs before all members have shown what they saw of its log: 'mpcgov node doctor' asks them")


@click.group("notify", cls=Group)
def notify() -> None:
    """Who is told by e-mail or webhook what happens."""


@notify.command("test")
@home_option
def try_notices(home: Path) -> None:
    """Sends a test notice to all that node.yaml names."""
    from mpcgov.node import home as homes
    from mpcgov.node.notify import notifier

    found = asyncio.run(notifier.try_out(homes.load(home)))
    for channel, fault in found.items():
        note(f"{channel}: {fault or 'taken'}")
    if bad := [channel for channel, fault in found.items() if fault]:
        raise PeerError(f"not taken: {', '.join(bad)}", hint="see above", code="notify")
