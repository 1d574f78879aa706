"""An agency's policy: what changed in its file since people agreed to it, and their yes to that."""

from __future__ import annotations

from pathlib import Path

import click

from mpcgov.cli.options import Group, home_option
from mpcgov.cli.render import note

SIGNS = {"more": "+", "less": "-", "other": "~"}


@click.group("policy", cls=Group)
def policy() -> None:
    """What is in force, and changes of it."""


@policy.command("show")
@home_option
def show(home: Path) -> None:
    """Who changes the policy, and what the file or a change would allow."""
    from mpcgov.node import policies
    from mpcgov.node.operator import opened

    with opened(home) as (node, book, _), book.view() as tx:
        now = policies.standing(node, tx)
    click.echo(f"in force: {now.digest}; changed by {'two people' if now.needed > 1 else 'whoever may write the file'}")
    if now.written is not None:
        click.echo("policy.yaml was changed by hand, and allows nothing until two people have agreed to it:")
        _tell(now.text, now.written)
    if now.forward is not None and now.forward.text != now.written:
        click.echo(f"{now.forward.person} has put forward {now.forward.digest}:")
        _tell(now.text, now.forward.text)
    if now.forward is not None:
        click.echo(f"{len(now.forward.people)} of {now.needed} have agreed: {', '.join(now.forward.people)}")


@policy.command("approve")
@home_option
def approve(home: Path) -> None:
    """Your yes to policy.yaml as it stands, where it takes two people's."""
    from mpcgov.clock import RealClock
    from mpcgov.errors import Refused
    from mpcgov.node import people, policies
    from mpcgov.node.operator import opened

    with opened(home) as (node, book, audit):
        with book.view() as tx:
            now = policies.standing(node, tx)
        if now.written is None:
            raise Refused("policy.yaml is in force as it is: there is nothing to agree to", code="policy")
        _tell(now.text, now.written)
        who = people.current()
        done = policies.Policies(node, book, audit, RealClock()).agree(now.written, now.digest, who)
    note(f"{who} agrees; " + ("it is in force" if done else "it takes another person's yes"))


@policy.command("restore")
@home_option
def restore(home: Path) -> None:
    """Writes what is in force into policy.yaml again."""
    from mpcgov.clock import RealClock
    from mpcgov.node import people, policies
    from mpcgov.node.operator import opened

    with opened(home) as (node, book, audit):
        policies.Policies(node, book, audit, RealClock()).restore(people.current())
    note("policy.yaml is again what people have agreed to")


def _tell(before: str, after: str) -> None:
    from mpcgov.node import policies

    for one in policies.compared(before, after):
        click.echo(f"  {SIGNS[one.effect]} {one.text}")
