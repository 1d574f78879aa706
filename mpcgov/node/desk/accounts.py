"""The people whom an agency lets in, their roles and their passkeys, as the node's database has them.

No passwords. Nothing here decides; what is written stands in the transaction of the audit record that tells of it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sql

from mpcgov.node.desk.config import Role
from mpcgov.node.tables import JOBS, TABLES
from mpcgov.spec.assertion import Assertion
from mpcgov.spec.load import canonical_json, parse_json

MAY_DECIDE: frozenset[Role] = frozenset({"approver"})
MAY_EDIT: frozenset[Role] = frozenset({"policy-editor"})
MAY_AGREE: frozenset[Role] = MAY_DECIDE | MAY_EDIT
"""Who says yes or no to jobs; who writes policies; whose yes to a policy counts."""

PEOPLE = sql.Table(
    "people",
    TABLES,
    sql.Column("name", sql.String(64), primary_key=True),
    sql.Column("role", sql.String(20), nullable=False),
    sql.Column("known_as", sql.String(64), nullable=False, unique=True),
    sql.Column("handle", sql.String(64), nullable=False, unique=True),
    sql.Column("added_at", sql.Float, nullable=False),
)
"""`known_as`: the name that peers get to see. `handle`: what a passkey calls its person, by chance."""
PASSKEYS = sql.Table(
    "passkeys",
    TABLES,
    sql.Column("id", sql.String(1400), primary_key=True),
    sql.Column("person", sql.ForeignKey(PEOPLE.c.name), nullable=False, index=True),
    sql.Column("cose_key", sql.LargeBinary, nullable=False),
    sql.Column("key", sql.LargeBinary, nullable=False),
    sql.Column("used", sql.BigInteger, nullable=False),
    sql.Column("added_at", sql.Float, nullable=False),
)
"""`cose_key`, `key`: its public key, as passkeys write it and as everybody else does. `used`: its own counter."""
LINKS = sql.Table(
    "enrolment_links",
    TABLES,
    sql.Column("hash", sql.String(64), primary_key=True),
    sql.Column("person", sql.ForeignKey(PEOPLE.c.name), nullable=False),
    sql.Column("ends_at", sql.Float, nullable=False),
)
ACCOUNTS = sql.Table(
    "accounts",
    TABLES,
    sql.Column("issuer", sql.String(500), primary_key=True),
    sql.Column("subject", sql.String(255), primary_key=True),
    sql.Column("person", sql.ForeignKey(PEOPLE.c.name), unique=True),
    sql.Column("by_claim", sql.Boolean, nullable=False),
)
"""Whose account at the agency's provider is whose. `person`: None once they were let in no more. `by_claim`: whether
the account's own claims give the role. `issuer`: empty, with a name as `subject`, for everybody who was removed."""
ASSERTIONS = sql.Table(
    "assertions",
    TABLES,
    sql.Column("job", sql.ForeignKey(JOBS.c.id), primary_key=True),
    sql.Column("person", sql.String(256), primary_key=True),
    sql.Column("body", sql.LargeBinary, nullable=False),
)
"""What a person's passkey has signed to say yes to a job."""

_ASSERTIONS_OF = sql.select(ASSERTIONS.c.person, ASSERTIONS.c.body).where(ASSERTIONS.c.job == sql.bindparam("job"))


@dataclass(frozen=True)
class Person:
    """Somebody whom the agency lets in."""

    name: str
    role: Role
    known_as: str
    handle: str


@dataclass(frozen=True)
class Account:
    """An account at the agency's provider that is known here; `person`: None if theirs is let in no more."""

    person: str | None
    by_claim: bool


@dataclass(frozen=True)
class Passkey:
    """What is kept of a passkey: nothing secret."""

    id: str
    person: str
    cose_key: bytes
    key: bytes
    used: int


def add(tx: sql.Connection, name: str, role: Role, known_as: str, now: float) -> Person:
    """A new person; the caller has looked whether the names are free."""
    person = Person(name, role, known_as, secrets.token_hex(32))
    tx.execute(sql.insert(PEOPLE).values(vars(person) | {"added_at": now}))
    return person


def free_outward_name(tx: sql.Connection) -> str:
    """A name for peers to see that nobody has."""
    taken = {one.known_as for one in people(tx)}
    return next(text for i in range(1, 10**6) if (text := f"person {i}") not in taken)


def people(tx: sql.Connection) -> list[Person]:
    """Everybody, by name."""
    rows = tx.execute(sql.select(PEOPLE.c.name, PEOPLE.c.role, PEOPLE.c.known_as, PEOPLE.c.handle))
    return sorted((Person(*row) for row in rows), key=lambda person: person.name)


def person(tx: sql.Connection, name: str) -> Person | None:
    """Somebody by name."""
    return next((one for one in people(tx) if one.name == name), None)


def of_handle(tx: sql.Connection, handle: str) -> Person | None:
    """Somebody by handle: who was removed and added again under the same name has another one."""
    return next((one for one in people(tx) if one.handle == handle), None)


def passkeys(tx: sql.Connection, *, name: str | None = None) -> list[Passkey]:
    """Everybody's passkeys, or one person's."""
    query = sql.select(*(PASSKEYS.c[column] for column in Passkey.__dataclass_fields__))
    rows = tx.execute(query if name is None else query.where(PASSKEYS.c.person == name))
    return [Passkey(row.id, row.person, bytes(row.cose_key), bytes(row.key), row.used) for row in rows]


def passkey(tx: sql.Connection, identifier: str) -> Passkey | None:
    """A passkey by id."""
    return next((one for one in passkeys(tx) if one.id == identifier), None)


def may_still(yeses: sql.Table, roles: Set[Role]) -> sql.ColumnElement[bool]:
    """Whether who said a yes of a table is there, in one of these roles, and was before they said it: somebody who was
    removed and added again since is somebody else."""
    same = (PEOPLE.c.name == yeses.c.person, PEOPLE.c.added_at <= yeses.c.at)
    return sql.exists().where(*same, PEOPLE.c.role.in_(roles))


def sign(tx: sql.Connection, roles: Set[Role]) -> bool:
    """Whether somebody of one of these roles has a passkey."""
    query = sql.select(sql.func.count()).select_from(PASSKEYS.join(PEOPLE)).where(PEOPLE.c.role.in_(roles))
    return bool(tx.execute(query).scalar_one())


def account(tx: sql.Connection, issuer: str, subject: str) -> Account | None:
    """An account at a provider; None if it isn't known here."""
    query = sql.select(ACCOUNTS.c.person, ACCOUNTS.c.by_claim)
    row = tx.execute(query.where(ACCOUNTS.c.issuer == issuer, ACCOUNTS.c.subject == subject)).one_or_none()
    return None if row is None else Account(row.person, row.by_claim)


def has_account(tx: sql.Connection, name: str) -> bool:
    """Whether a person signs in at the agency's provider, and so not here."""
    query = sql.select(sql.func.count()).select_from(ACCOUNTS).where(ACCOUNTS.c.person == name)
    return bool(tx.execute(query).scalar_one())


def without_passkey(tx: sql.Connection, name: str) -> Person | None:
    """Somebody who signs in at the provider and has no passkey yet; None for anybody else."""
    lacks = has_account(tx, name) and not passkeys(tx, name=name)
    return person(tx, name) if lacks else None


def bind(tx: sql.Connection, issuer: str, subject: str, name: str, *, by_claim: bool) -> None:
    """From now on a person signs in with this account, whoever did before."""
    tx.execute(sql.delete(ACCOUNTS).where(ACCOUNTS.c.issuer == issuer, ACCOUNTS.c.subject == subject))
    tx.execute(sql.insert(ACCOUNTS).values(issuer=issuer, subject=subject, person=name, by_claim=by_claim))


def set_role(tx: sql.Connection, name: str, role: Role) -> None:
    """What a person may do from now on."""
    tx.execute(sql.update(PEOPLE).where(PEOPLE.c.name == name).values(role=role))


def link_hash(token: str) -> str:
    """What is kept of an enrolment link: nobody who reads the database can use it."""
    return hashlib.sha256(token.encode()).hexdigest()


def link_person(tx: sql.Connection, token: str, now: float) -> Person | None:
    """Whom a link is for, if it is one and hasn't ended."""
    query = sql.select(LINKS.c.person).where(LINKS.c.hash == link_hash(token), LINKS.c.ends_at > now)
    name = tx.execute(query).scalar_one_or_none()
    return None if name is None else person(tx, name)


def add_link(tx: sql.Connection, name: str, token: str, ends_at: float) -> None:
    """A new link for a person, in the place of earlier ones."""
    tx.execute(sql.delete(LINKS).where(LINKS.c.person == name))
    tx.execute(sql.insert(LINKS).values(hash=link_hash(token), person=name, ends_at=ends_at))


def add_passkey(tx: sql.Connection, passkey: Passkey, now: float) -> None:
    """A person's new passkey; the link that it came by is used up."""
    tx.execute(sql.delete(LINKS).where(LINKS.c.person == passkey.person))
    tx.execute(sql.insert(PASSKEYS).values(vars(passkey) | {"added_at": now}))


def is_barred(tx: sql.Connection, name: str) -> bool:
    """Whether somebody of this name was removed, so that no account's claims let them in; `admit` takes it back."""
    return account(tx, "", name) is not None


def admit(tx: sql.Connection, name: str) -> None:
    """An operator lets somebody of this name in, whoever had it before."""
    tx.execute(sql.delete(ACCOUNTS).where(ACCOUNTS.c.issuer == "", ACCOUNTS.c.subject == name))


def remove(tx: sql.Connection, name: str) -> None:
    """Lets somebody in no more, nor their account or another of their name. What was decided stays."""
    admit(tx, name)
    tx.execute(sql.insert(ACCOUNTS).values(issuer="", subject=name, person=None, by_claim=False))
    tx.execute(sql.update(ACCOUNTS).where(ACCOUNTS.c.person == name).values(person=None))
    tx.execute(sql.delete(LINKS).where(LINKS.c.person == name))
    tx.execute(sql.delete(PASSKEYS).where(PASSKEYS.c.person == name))
    tx.execute(sql.delete(PEOPLE).where(PEOPLE.c.name == name))


def used(tx: sql.Connection, identifier: str, count: int) -> None:
    """A passkey has signed something; `count`: its own counter, by which a copy of it shows."""
    tx.execute(sql.update(PASSKEYS).where(PASSKEYS.c.id == identifier).values(used=count))


def keep(tx: sql.Connection, job: str, name: str, assertion: Assertion | None) -> None:
    """What somebody's passkey has signed to say yes to a job, in the place of earlier words; None if none has."""
    tx.execute(sql.delete(ASSERTIONS).where(ASSERTIONS.c.job == job, ASSERTIONS.c.person == name))
    if assertion is not None:
        body = canonical_json(assertion.model_dump(mode="json"))
        tx.execute(sql.insert(ASSERTIONS).values(job=job, person=name, body=body))


def kept(tx: sql.Connection, job: str) -> dict[str, Assertion]:
    """What passkeys have signed to say yes to a job, by person."""
    rows = tx.execute(_ASSERTIONS_OF, {"job": job})
    return {row.person: parse_json(bytes(row.body), Assertion, "assertion") for row in rows}


def of_people(assertions: dict[str, Assertion], names: Iterable[str]) -> tuple[Assertion, ...]:
    """The assertions of some people, in their order; nothing of those who have none."""
    return tuple(assertions[name] for name in names if name in assertions)


def facts(assertion: Assertion) -> dict[str, Any]:
    """An assertion as it stands in the audit log."""
    return assertion.model_dump(mode="json")
