"""Lets people in: what an agency's operator does on the node's machine, whether the node runs or not."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sql

from mpcgov.clock import RealClock
from mpcgov.errors import LocalError
from mpcgov.node import people as system
from mpcgov.node.desk import accounts
from mpcgov.node.desk.accounts import PEOPLE, Person, Role
from mpcgov.node.desk.config import ConsoleConfig
from mpcgov.node.operator import opened

LINK_S = 24 * 3600.0
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Enrolled:
    """A person, and how many passkeys they have."""

    person: Person
    passkeys: int


def add(home: Path, name: str, role: Role, known_as: str = "") -> str:
    """Lets a person in; gives the link by which they make their passkey, once, within a day.

    Args:
        known_as: the name that peers see; a number of its own if none is given.

    Raises:
        LocalError: the name can't be one, or is taken.
    """
    if not _NAME.fullmatch(name):
        hint = "small letters, digits and . _ -, such as anna.berg; the name of their system user if they have one"
        raise LocalError(f"{name!r} can't be a person's name", hint=hint, code="people")
    with opened(home) as (node, _, audit), audit.entry() as entry:
        there = accounts.people(entry.tx)
        known_as = known_as or next(text for i in range(1, 10**6) if (text := f"person {i}") not in _taken(there))
        if any(one.name == name for one in there) or known_as in _taken(there):
            hint = "mpcgov node people list shows who there is; people link gives a new link"
            raise LocalError(f"{name}: this name, or {known_as!r}, is taken", hint=hint, code="people")
        handle = secrets.token_hex(32)
        row = {"name": name, "role": role, "known_as": known_as, "handle": handle, "added_at": RealClock().now()}
        entry.tx.execute(sql.insert(PEOPLE).values(row))
        entry.record("person added", person=name, role=role, known_as=known_as, by=system.current())
        return _linked(entry.tx, name, node.config.console)


def link(home: Path, name: str) -> str:
    """A new link for a person, for a further passkey; earlier ones end.

    Raises:
        LocalError: there is nobody of this name.
    """
    with opened(home) as (node, _, audit), audit.entry() as entry:
        _require(entry.tx, name)
        entry.record("enrolment link", person=name, by=system.current())
        return _linked(entry.tx, name, node.config.console)


def remove(home: Path, name: str) -> None:
    """Lets a person in no more; a session of theirs ends at once.

    Raises:
        LocalError: there is nobody of this name.
    """
    with opened(home) as (_, _, audit), audit.entry() as entry:
        _require(entry.tx, name)
        accounts.remove(entry.tx, name)
        entry.record("person removed", person=name, by=system.current())


def enrolled(home: Path) -> list[Enrolled]:
    """Everybody who is let in."""
    with opened(home) as (_, book, _), book.view() as tx:
        return [Enrolled(one, len(accounts.passkeys(tx, name=one.name))) for one in accounts.people(tx)]


def _linked(tx: sql.Connection, name: str, config: ConsoleConfig | None) -> str:
    token = secrets.token_urlsafe(24)
    accounts.add_link(tx, name, token, RealClock().now() + LINK_S)
    return f"{(config or ConsoleConfig()).seen_at}/enrol#{token}"


def _require(tx: sql.Connection, name: str) -> None:
    if accounts.person(tx, name) is None:
        raise LocalError(f"{name}: there is nobody of this name", hint="mpcgov node people list", code="people")


def _taken(people: list[Person]) -> set[str]:
    return {one.known_as for one in people}
