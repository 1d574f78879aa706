"""Who of an agency's people is let in to its console, and the console itself."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from mpcgov.cli.options import Group, home_option
from mpcgov.cli.render import note, print_table
from mpcgov.errors import LocalError

ROLES = ("viewer", "approver", "policy-editor", "operator")  # as in `mpcgov.node.desk.config`, which loads long


@click.group("people", cls=Group)
def people() -> None:
    """Who is let in to the console, by passkeys."""


@people.command("add")
@click.argument("name", metavar="NAME")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What the person may do.")
@click.option("--known-as", default="", metavar="TEXT", help="The name that peers see.  [default: person 1, 2, …]")
@click.option("--account", default="", metavar="SUB", help="What the agency's sign-in calls the person (sub).")
@home_option
def add(name: str, role: str, known_as: str, account: str, home: Path) -> None:
    """Lets a person in; prints the link by which they make their passkey, once, within a day.

    With --account, the person signs in at the agency's own provider instead: console, provider in node.yaml.
    """
    from mpcgov.node.desk import enrolment
    from mpcgov.node.desk.config import ROLES as KNOWN

    known = next(one for one in KNOWN if one == role)
    click.echo(enrolment.add(home, name, known, known_as, account))
    how = "they sign in there" if account else "hand them this link by a safe way; it works once, within a day"
    note(f"{name} is let in as {role}: {how}")


@people.command("link")
@click.argument("name", metavar="NAME")
@home_option
def link(name: str, home: Path) -> None:
    """A new link for a person: for a further passkey, or in the place of a lost one."""
    from mpcgov.node.desk import enrolment

    click.echo(enrolment.link(home, name))
    note(f"hand {name} this link by a safe way; it works once, within a day, and earlier ones no more")


@people.command("list")
@home_option
def list_people(home: Path) -> None:
    """Everybody who is let in."""
    from mpcgov.node.desk import enrolment

    rows = [(one.person.name, one.person.role, one.person.known_as, one.passkeys) for one in enrolment.enrolled(home)]
    print_table(("name", "role", "known to peers as", "passkeys"), rows)


@people.command("remove")
@click.argument("name", metavar="NAME")
@home_option
def remove(name: str, home: Path) -> None:
    """Lets a person in no more, at once; what was decided stays decided."""
    from mpcgov.node.desk import enrolment

    enrolment.remove(home, name)
    note(f"{name} is let in no more")


@click.command("console")
@home_option
@click.option("--listen", metavar="HOST:PORT", help="Where, on this machine.  [default: 127.0.0.1:7180]")
def console(home: Path, listen: str | None) -> None:
    """The agency's pages, for its people's browsers; the node must run."""
    from mpcgov.node.desk.config import ConsoleConfig
    from mpcgov.node.desk.server import SOCKET
    from mpcgov.node.home import STATE, NodeConfig, require
    from mpcgov.spec.load import load_yaml, validate

    require(home)
    config = load_yaml(home / "node.yaml", NodeConfig).console or ConsoleConfig()
    wanted = config.listen if listen is None else validate({"listen": listen}, ConsoleConfig, "--listen").listen
    if wanted != config.listen:
        raise LocalError(
            f"people's passkeys are made for {config.seen_at}, and would not work at {wanted}",
            hint=f"write console: {{listen: '{wanted}'}} into node.yaml, and start the node again",
            code="console",
        )
    path = (home / STATE / SOCKET).absolute()
    # A program of its own from here on: nothing that this one has loaded or could read goes with it.
    arguments = [sys.executable, "-P", "-m", "mpcgov.console", str(path), config.listen, config.seen_at]
    os.execv(sys.executable, arguments)  # noqa: S606 - our own program, and no shell
