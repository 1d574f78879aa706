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
from mpcgov.node.desk.accounts import Person
from mpcgov.node.desk.config import ConsoleConfig, Role
from mpcgov.node.operator import opened

LINK_S = 24 * 3600.0
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Enrolled:
    """A person, and how many passkeys they have."""

    person: Person
    passkeys: int


def add(home: Path, name: str, role: Role, known_as: str = "", account: str = "") -> str:
    """Lets a person in; gives the link by which they make their passkey, once, within a day.

    Args:
        known_as: the name that peers see; a number of its own if none is given.
        account: the `sub` of theirs at the agency's provider, if they sign in there; the link is then no link, but
            where.

    Raises:
        LocalError: the name can't be one, or is taken; or so is the account, or there is no provider.
    """
    if not NAME.fullmatch(name):
        hint = "small letters, digits and . _ -, such as anna.berg; the name of their system user if they have one"
        raise LocalError(f"{name!r} can't be a person's name", hint=hint, code="people")
    with opened(home) as (node, _, audit), audit.entry() as entry:
        there, known_as = accounts.people(entry.tx), known_as or accounts.free_outward_name(entry.tx)
        if any(name == one.name or known_as == one.known_as for one in there):
            hint = "mpcgov node people list shows who there is; people link gives a new link"
            raise LocalError(f"{name}: this name, or {known_as!r}, is taken", hint=hint, code="people")
        accounts.admit(entry.tx, name)
        accounts.add(entry.tx, name, role, known_as, RealClock().now())
        what = {"account": account} if account else {}
        entry.record("person added", person=name, role=role, known_as=known_as, **what, by=system.current())
        config = node.config.console or ConsoleConfig()
        if not account:
            return _linked(entry.tx, name, config)
        _bind(entry.tx, config, account, name)
        return f"{config.seen_at}/sign-in"


def link(home: Path, name: str) -> str:
    """A new link for a person, for a further passkey; earlier ones end.

    Raises:
        LocalError: there is nobody of this name.
    """
    with opened(home) as (node, _, audit), audit.entry() as entry:
        _require(entry.tx, name)
        entry.record("enrolment link", person=name, by=system.current())
        return _linked(entry.tx, name, node.config.console or ConsoleConfig())


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


def _linked(tx: sql.Connection, name: str, config: ConsoleConfig) -> str:
    token = secrets.token_urlsafe(24)
    accounts.add_link(tx, name, token, RealClock().now() + LINK_S)
    return f"{config.seen_at}/enrol#{token}"


def _bind(tx: sql.Connection, config: ConsoleConfig, account: str, name: str) -> None:
    """From now on the person signs in by an account; raises if there is no provider, or it is somebody else's."""
    if config.provider is None:
        raise LocalError("--account: node.yaml names no provider (console: provider:)", code="people")
    known = accounts.account(tx, config.provider.issuer, account)
    if known is not None and known.person is not None:
        raise LocalError(f"--account: it is {known.person}'s", hint="mpcgov node people list", code="people")
    accounts.bind(tx, config.provider.issuer, account, name, by_claim=False)


def _require(tx: sql.Connection, name: str) -> None:
    if accounts.person(tx, name) is None:
        raise LocalError(f"{name}: there is nobody of this name", hint="mpcgov node people list", code="people")
