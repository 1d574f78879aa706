"""How an agency's people change its policy: one puts a text forward, as many agree as the policy in force asks for.

What they said is on record before the file is touched, so that a node that is killed in between goes on where it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from mpcgov.clock import Clock
from mpcgov.errors import Refused, SpecError
from mpcgov.node import consent, inforce, named_filters
from mpcgov.node.audit import AuditLog, Entry
from mpcgov.node.book import Book
from mpcgov.node.desk import accounts
from mpcgov.node.home import NodeHome
from mpcgov.node.tables import TABLES
from mpcgov.spec.assertion import Assertion
from mpcgov.spec.ids import digest
from mpcgov.spec.load import parse_yaml
from mpcgov.spec.policy import Policy
from mpcgov.spec.policy_changes import Change, changes
from mpcgov.spec.table import Declaration

WHERE = "policy.yaml"
NOTHING = Policy()
"""What a policy allows that is missing, empty or broken."""

POLICY = sql.Table(
    "policy_change",
    TABLES,
    sql.Column("digest", sql.String(71), primary_key=True),
    sql.Column("before", sql.String(71), nullable=False),
    sql.Column("text", sql.Text, nullable=False),
    sql.Column("person", sql.String(256), nullable=False),
    sql.Column("at", sql.Float, nullable=False),
    sql.Column("agreed", sql.Boolean, nullable=False),
)
"""The text that is put forward, one at a time. `before`: which one it replaces. `agreed`: by as many as it takes."""
YESES = sql.Table(
    "policy_yeses",
    TABLES,
    sql.Column("digest", sql.ForeignKey(POLICY.c.digest), primary_key=True),
    sql.Column("person", sql.String(256), primary_key=True),
    sql.Column("signed", sql.Boolean, nullable=False),
    sql.Column("at", sql.Float, nullable=False),
)
"""Who agrees; what their passkeys signed is in the audit log."""


@dataclass(frozen=True)
class Forward:
    """A text that was put forward. `people`: whose yes counts, the first of all first."""

    digest: str
    before: str
    text: str
    person: str
    at: float
    people: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """How an agency's policy stands.

    `text`: what is in force. `needed`: how many people change it. `written`: what `policy.yaml` says, if that is
    something else, which then allows nothing; None if it is in force, or can't be read.
    """

    text: str
    needed: int
    written: str | None
    forward: Forward | None

    @property
    def digest(self) -> str:
        """The digest of what is in force."""
        return digest(self.text.encode())


def read(text: str, declared: Mapping[str, Declaration]) -> Policy:
    """A policy, with everything that is wrong with it said at once.

    Raises:
        SpecError: something is.
    """
    policy = parse_yaml(text, Policy, WHERE)
    if never := [f"{WHERE}: {fault}" for fault in named_filters.faults(policy, declared)]:
        raise SpecError(never, code="policy")
    return policy


def lenient(text: str) -> Policy:
    """What a text allows; nothing if it is no policy."""
    try:
        return parse_yaml(text, Policy, WHERE) if text.strip() else NOTHING
    except SpecError:
        return NOTHING


def compared(before: str, after: str) -> list[Change]:
    """What becomes allowed by another text, and what no longer is."""
    return changes(lenient(before), lenient(after))


def standing(home: NodeHome, tx: sql.Connection) -> Standing:
    """How the policy stands now.

    Raises:
        SpecError: what is in force can't be read.
    """
    found, written = inforce.read(home.state_path), inforce.text_of(home.policy_path)
    if found is None or found.approvals < 2:
        text = written or ""
        needed, written = lenient(text).approvals if found is None else 1, None
    else:
        text, needed = found.text, found.approvals
        written = None if written is None or digest(written.encode()) in found.digests else written
    return Standing(text, needed, written, _forward(tx, lenient(text)))


class _SettledAlready(Exception):
    """The running node and whoever said the last yes may both put a text in force; one of them records it."""


class Policies:
    """The changes of one node's policy."""

    def __init__(self, home: NodeHome, book: Book, audit: AuditLog, clock: Clock) -> None:
        self._home = home
        self._book = book
        self._audit = audit
        self._clock = clock
        self._seen: tuple[int, ...] | None = None

    def look(self) -> None:
        """Puts in force what was agreed to, and holds on to a policy that asks for two people once it is written."""
        with self._book.view() as tx:
            row = tx.execute(sql.select(POLICY).where(POLICY.c.agreed)).one_or_none()
        if row is not None:
            self._settle(row.text, row.digest)
        if (seen := _stat(self._home.policy_path)) == self._seen:
            return
        found, text = inforce.read(self._home.state_path), inforce.text_of(self._home.policy_path)
        if text is not None and (found is None or found.approvals < 2) and (policy := lenient(text)).approvals > 1:
            # One person wrote it, as one could: under the policy before, it took no more.
            with self._audit.entry() as entry:
                entry.record("policy in force", policy=digest(text.encode()), needed=policy.approvals)
            inforce.adopt(self._home.state_path, text, policy)
        self._seen = seen

    def agree(self, text: str, before: str, person: str, signed: Assertion | None = None) -> bool:
        """A person's yes to a text, which puts it forward if nobody has; whether it is in force now.

        Args:
            before: the digest of what it takes the place of.
            signed: what the person's passkey has signed, verified by the caller; None on the command line.

        Raises:
            SpecError: it is no policy. Refused: something else is in force by now, or only passkeys count.
        """
        read(text, self._declared())
        new = digest(text.encode())
        with self._audit.entry() as entry:
            now = standing(self._home, entry.tx)
            if now.digest != before or (now.digest == new and now.written is None):
                raise Refused("another policy is in force by now", hint="look at the change again", code="policy")
            if signed is None and _needs_passkeys(entry.tx, lenient(now.text)):
                hint = "say it in the console; or let the policy say passkeys: optional"
                raise Refused("here only a yes with a passkey counts", hint=hint, code="passkey")
            self._yes(entry, text, before, person, signed)
            forward = _forward(entry.tx, lenient(now.text))
            whole = forward is not None and len(forward.people) >= now.needed
            if whole and forward is not None:
                entry.tx.execute(sql.update(POLICY).where(POLICY.c.digest == new).values(agreed=True))
                entry.record("policy agreed", policy=new, before=before, people=", ".join(forward.people))
        if whole:
            self._settle(text, new)
        return whole

    def withdraw(self, person: str) -> None:
        """Takes back what was put forward, whoever did."""
        with self._audit.entry() as entry:
            forward = _forward(entry.tx, NOTHING)
            if forward is None:
                raise Refused("nothing was put forward", code="policy")
            _forget(entry.tx)
            entry.record("policy withdrawn", policy=forward.digest, person=person)

    def restore(self, person: str) -> None:
        """Writes what is in force into `policy.yaml` again: agreed to before, it takes nobody's yes now."""
        with self._audit.entry() as entry:
            now = standing(self._home, entry.tx)
            if now.needed < 2:
                raise Refused("the file is what is in force here", code="policy")
            entry.record("policy restored", policy=now.digest, person=person)
        inforce.replace(self._home.state_path, self._home.policy_path, now.text, lenient(now.text))

    def _yes(self, entry: Entry, text: str, before: str, person: str, signed: Assertion | None) -> None:
        new, at = digest(text.encode()), self._clock.now()
        known = _forward(entry.tx, NOTHING)
        if known is None or (known.digest, known.before) != (new, before):
            _forget(entry.tx)
            row = {"digest": new, "before": before, "text": text, "person": person, "at": at, "agreed": False}
            entry.tx.execute(sql.insert(POLICY).values(row))
        mine = (YESES.c.digest == new, YESES.c.person == person)
        entry.tx.execute(sql.delete(YESES).where(*mine))
        entry.tx.execute(sql.insert(YESES).values(digest=new, person=person, signed=signed is not None, at=at))
        said: dict[str, Any] = {} if signed is None else {"assertion": accounts.facts(signed)}
        entry.record("yes to policy", policy=new, before=before, person=person, **said)

    def _settle(self, text: str, new: str) -> None:
        inforce.replace(self._home.state_path, self._home.policy_path, text, lenient(text))
        with suppress(_SettledAlready), self._audit.entry() as entry:
            if entry.tx.execute(sql.select(POLICY).where(POLICY.c.digest == new, POLICY.c.agreed)).first() is None:
                raise _SettledAlready
            _forget(entry.tx)
            entry.record("policy in force", policy=new, needed=lenient(text).approvals)

    def _declared(self) -> Mapping[str, Declaration]:
        try:
            return self._home.datasets().root
        except SpecError:
            return {}


def _forward(tx: sql.Connection, policy: Policy) -> Forward | None:
    """What was put forward, with the people whose yes counts under the policy in force, and who may still say it."""
    row = tx.execute(sql.select(POLICY)).one_or_none()
    if row is None:
        return None
    counts = YESES.c.signed & accounts.may_still(YESES, accounts.MAY_AGREE)
    if not _needs_passkeys(tx, policy):
        counts |= ~YESES.c.signed
    said = sql.select(YESES.c.person).where(YESES.c.digest == row.digest, counts)
    names = tuple(tx.execute(said.order_by(YESES.c.at, YESES.c.person)).scalars())
    return Forward(row.digest, row.before, row.text, row.person, row.at, names)


def _needs_passkeys(tx: sql.Connection, policy: Policy) -> bool:
    return consent.needs_passkeys(tx, policy, accounts.MAY_AGREE)


def _stat(path: Path) -> tuple[int, ...]:
    """Changes whenever a file does."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def _forget(tx: sql.Connection) -> None:
    tx.execute(sql.delete(YESES))
    tx.execute(sql.delete(POLICY))
