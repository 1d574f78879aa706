"""The audit log: what this node was asked and what it did; append-only, hash-chained, signed by the node's key.

A record stands in the same transaction as the change that it tells of, so neither exists without the other: where
nothing can be recorded, nothing is done. Each record names the hash of the one before; a signed head beside the
database says how many there are, so that a cut tail is found; a running node writes it for all records of HEAD_S
together. Whoever holds the node's key and rewrites both can forge a log; only other parties' copies could show that.

When a node's key is rotated the log goes on: the first record under the new key names the former one, and by its hash
everything before it. So the present key vouches for the former ones, each for its part of the log.

No data value is recorded, and no text of a job: jobs stand here by id and digest.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mpcgov import files
from mpcgov.clock import Clock
from mpcgov.errors import InternalError, LocalError, PeerError, SpecError
from mpcgov.keys import Identity
from mpcgov.node.record import RECORD_TYPE, Record, former_key, is_signed
from mpcgov.node.store import Store
from mpcgov.node.tables import AUDIT
from mpcgov.spec.envelope import Envelope, open_envelope, pae, sign
from mpcgov.spec.ids import digest
from mpcgov.spec.load import canonical_json, parse_json
from mpcgov.spec.statement import HEAD_TYPE, Head

NEW_OWN_KEY = "new own key"
"""The event of the first record under a new key."""

HEAD_S = 0.2
"""How long a running node gathers records before it writes their head, which waits for the disk twice."""

START = digest(b"")
"""What the first record names as the hash before it."""

# What is asked all the time is put together once.
_LAST = sql.select(AUDIT).order_by(AUDIT.c.sequence.desc()).limit(1).with_for_update()
_HEAD = sql.select(AUDIT.c.sequence, AUDIT.c.hash).order_by(AUDIT.c.sequence.desc()).limit(1)
_HASH = sql.select(AUDIT.c.hash).where(AUDIT.c.sequence == sql.bindparam("sequence"))
_APPEND = sql.insert(AUDIT)


class Entry:
    """A transaction in which things change and are recorded."""

    def __init__(self, tx: sql.Connection, log: AuditLog) -> None:
        self.tx = tx
        self.head: Head | None = None
        self._log = log

    def record(self, event: str, job: str = "", **facts: Any) -> None:
        """Adds a record at the end of the log."""
        self.head = self._log.append(self.tx, event, job, facts)


class AuditLog:
    """The log of one node; the daemon and its operator's commands may append to it at the same time."""

    def __init__(self, store: Store, identity: Identity, state_path: Path, clock: Clock) -> None:
        self._store = store
        self._identity = identity
        self._clock = clock
        self._head_path = state_path / "audit.head"
        self._lock_path = state_path / "audit.lock"
        self._behind: Head | None = None
        self._due: Head | None = None
        self._later: Callable[[], object] | None = None
        self._own: str | None = None
        self._former: str | None = None

    def begin(self, former: str, roster: str) -> None:
        """Goes on with a log that was written under a former key, given in hexadecimal digits, from now on under this
        identity's; a second time changes nothing.

        Raises:
            PeerError: it can't be recorded.
        """
        self._former = former
        key = self._identity.public_key
        if not self.goes_on_under(key):
            with self.entry() as entry:
                entry.record(NEW_OWN_KEY, signing_key=key, former=former, roster=roster)
            return
        self.write_head()

    def write_head(self) -> None:
        """Signs a head for all records that there are.

        Raises:
            PeerError: it can't be written.
        """
        with self._store.read() as tx:
            last = self.last(tx)
        self._advance_head(last)

    def goes_on_under(self, key: str) -> bool:
        """Whether the log has gone on under a key, given in hexadecimal digits, that was new once."""
        with self._store.read() as tx:
            return any(record.facts.get("signing_key") == key for record in self.of(tx, NEW_OWN_KEY))

    @contextmanager
    def entry(self) -> Iterator[Entry]:
        """Changes and their records, durable together when the block is left; the only way to change anything.

        Raises:
            PeerError: nothing can be recorded, so nothing was done.
            InternalError: the block changed things without a record.
        """
        if self._behind is not None:
            self._advance_head(self._behind)
        with self._store.write() as tx:
            entry = Entry(tx, self)
            yield entry
            if entry.head is None:
                raise InternalError("a change without an audit record")
        due, self._due = self._due, entry.head
        if self._later is None:
            self.settle()
        elif due is None:
            self._later()

    def gather(self, later: Callable[[], object] | None) -> None:
        """From now on heads are written by `settle`, which `later` sees to soon; None: at once, for each entry."""
        self._later = later

    def settle(self) -> None:
        """Writes the head of what is recorded. That has happened; if it can't be written, the next entry waits for it.

        May run in a thread, beside further entries.
        """
        due, self._due = self._due, None
        if due is not None:
            try:
                self._advance_head(due)
            except PeerError:
                self._behind = due

    def records(self) -> list[Record]:
        """Everything in the log, oldest first, nothing verified."""
        with self._store.read() as tx:
            rows = tx.execute(sql.select(AUDIT.c.record).order_by(AUDIT.c.sequence))
            return [parse_json(bytes(row.record), Record, "audit record") for row in rows]

    def verify(self) -> int:
        """The number of records, once every one holds: its place, its link to the one before, its signature.

        Raises:
            LocalError: one doesn't, or the end is missing; names its sequence number.
        """
        written = self._written()  # before the records, as the node goes on
        with self._store.read() as tx:
            changes = self.of(tx, NEW_OWN_KEY)
            self._former = changes[-1].facts.get("former") if changes else None
            head = self._opened(written)
            count, previous = 0, START
            for row in tx.execute(sql.select(AUDIT).order_by(AUDIT.c.sequence)).yield_per(1000):
                count += 1
                while changes and changes[0].sequence <= count:
                    del changes[0]
                self._check(row, count, previous, former_key(changes[0]) if changes else self._key)
                previous = row.hash
                if head is not None and head.sequence == count and head.hash != row.hash:
                    raise _damaged(count, "is another than the signed head names")
        if head is None and count:
            raise _damaged(count, "has no signed head (audit.head is missing)")
        if head is not None and head.sequence > count:
            raise _damaged(count + 1, f"and all up to {head.sequence} are missing")
        return count

    def of(self, tx: sql.Connection, *events: str) -> list[Record]:
        """The records of some events, oldest first, nothing verified."""
        found: list[Record] = []
        for row in tx.execute(sql.select(AUDIT.c.record).order_by(AUDIT.c.sequence)).yield_per(1000):
            if isinstance(row.record, bytes) and any(f'"{event}"'.encode() in row.record for event in events):
                record = parse_json(row.record, Record, "audit record")
                found += [record] if record.event in events else []
        return found

    def backwards(self, tx: sql.Connection, *marks: str) -> Iterator[Record]:
        """The records in which one of the marks stands, an event or a job's id, newest first, nothing verified."""
        wanted = [f'"{mark}"'.encode() for mark in marks]
        for row in tx.execute(sql.select(AUDIT.c.record).order_by(AUDIT.c.sequence.desc())).yield_per(1000):
            if isinstance(row.record, bytes) and any(mark in row.record for mark in wanted):
                yield parse_json(row.record, Record, "audit record")

    def last(self, tx: sql.Connection) -> Head:
        """How far the log goes, as the database has it.

        Raises:
            LocalError: there is no record.
        """
        found = tx.execute(_HEAD).one_or_none()
        if found is None:
            raise _damaged(1, "is missing")
        return Head(sequence=found.sequence, hash=found.hash)

    def at(self, tx: sql.Connection, sequence: int) -> Head | None:
        """What the head was when the log had so many records; None if it hasn't."""
        found = tx.execute(_HASH, {"sequence": sequence}).scalar_one_or_none()
        return None if found is None else Head(sequence=sequence, hash=found)

    def append(self, tx: sql.Connection, event: str, job: str, facts: dict[str, Any]) -> Head:
        """Adds a record in somebody's transaction; returns what the head will be once that is durable."""
        last = tx.execute(_LAST).one_or_none()
        if last is not None and last.hash != self._own and event != NEW_OWN_KEY and not is_signed(last, self._key):
            raise LocalError(
                "audit log: it was written under another key than this home's",
                hint="if the node's keys are being rotated, start the node",
                code="audit",
            )
        sequence, previous = (1, START) if last is None else (last.sequence + 1, last.hash)
        record = Record(
            sequence=sequence, at=round(self._clock.now(), 3), event=event, job=job, facts=facts, previous=previous
        )
        body = canonical_json(record.model_dump(mode="json"))
        signature = base64.b64encode(self._identity.signing_key.sign(pae(RECORD_TYPE, body))).decode()
        self._own = digest(body)
        tx.execute(_APPEND, {"sequence": sequence, "record": body, "hash": self._own, "signature": signature})
        return Head(sequence=sequence, hash=self._own)

    @property
    def _key(self) -> Ed25519PublicKey:
        return self._identity.signing_key.public_key()

    def _check(self, row: Any, expected: int, previous: str, key: Ed25519PublicKey | None) -> None:
        body = row.record
        if not isinstance(body, bytes):
            raise _damaged(expected, "is no longer of the kind that was written")
        try:
            record = parse_json(body, Record, "record")
        except SpecError:
            raise _damaged(expected, "can't be read") from None
        if key is None or not is_signed(row, key):
            raise _damaged(expected, "was not signed by this node's key")
        if row.sequence != expected or record.sequence != expected:
            raise _damaged(expected, "is missing or not in its place")
        if record.previous != previous or digest(body) != row.hash:
            raise _damaged(expected, "doesn't follow from the one before")

    def _advance_head(self, head: Head) -> None:
        try:
            with self._lock_path.open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                known = self._opened(self._written())
                if known is None or known.sequence < head.sequence:
                    envelope = sign(head, HEAD_TYPE, self._identity.name, self._identity.signing_key)
                    files.replace(self._head_path, envelope.to_bytes(), 0o600)
        except (LocalError, OSError):
            raise PeerError(
                "the node can't write the head of its audit log, so it does nothing",
                hint="is the disk full?",
                code="store",
            ) from None
        self._behind = None

    def _written(self) -> bytes | None:
        with contextlib.suppress(OSError):
            return self._head_path.read_bytes() if self._head_path.exists() else None
        return b""

    def _opened(self, written: bytes | None) -> Head | None:
        if written is None:
            return None
        for key in (self._identity.public_key, self._former):
            if key is not None:
                with contextlib.suppress(SpecError):
                    envelope = parse_json(written, Envelope, "audit.head")
                    return open_envelope(envelope, HEAD_TYPE, Head, self._identity.name, key)
        raise LocalError(
            "audit log: its signed head (audit.head) is damaged", hint="find out who changed it", code="audit"
        )


def _damaged(sequence: int, what: str) -> LocalError:
    return LocalError(f"audit log: record {sequence} {what}", hint="find out who changed the database", code="audit")
