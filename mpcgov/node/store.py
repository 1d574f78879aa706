"""What a node must not forget: jobs, approvals, receipts and its operator's decisions, in an SQL database.

SQLite by default, one file in the node's home; another database by URL. Nothing here decides anything: states change
by compare-and-set, inside a transaction that the audit log opens (see `mpcgov.node.audit`).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError

from mpcgov.errors import LocalError, PeerError
from mpcgov.lifecycle import State
from mpcgov.node.lookups import Lookups
from mpcgov.node.tables import APPROVALS, DECISIONS, JOBS, LOOKED_UP, RECEIPTS, TABLES
from mpcgov.spec.load import IN_LOOP_BYTES

BUSY_TIMEOUT_S = 2.0
CACHE_KIB = 500
"""What one connection keeps of a database's file, which the system keeps in memory anyway: an index's upper pages."""

T = TypeVar("T")


@dataclass(frozen=True)
class JobRow:
    """A job as this node knows it.

    `reason` may be told to the other members; `detail` is for this agency's own people.
    """

    id: str
    digest: str
    parties: tuple[str, ...]
    receivers: tuple[str, ...]
    approve_before: int
    state: State
    reason: str
    detail: str
    code: str
    received_at: float
    changed_at: float


class Store:
    """The database, with readers and writers apart."""

    def __init__(self, state_path: Path, url: str | None = None) -> None:
        try:
            state_path.mkdir(parents=True, exist_ok=True, mode=0o700)
            where = url or sql.URL.create("sqlite", database=str(state_path / "node.sqlite"))
            # Parameters hold statements of others; an error's text may be logged.
            # The connection that was used last has its pages at hand; taken in turns, each would hold them all. A
            # server may have cut off one that wasn't used for long, so it is asked first.
            served = sql.make_url(where).get_backend_name() != "sqlite"
            self._engine = sql.create_engine(where, hide_parameters=True, pool_use_lifo=True, pool_pre_ping=served)
            if (kind := self._engine.dialect.name) not in _HARDEN:
                raise LocalError(f"state: a node keeps nothing in {kind}", hint="SQLite or Postgres", code="store")
            self._begin = _HARDEN[kind](self._engine)
            self._lookups = Lookups(self._engine, _CHANGED.get(kind))
            with _one_at_a_time(state_path), self._engine.begin() as connection:
                self._begin(connection, False)
                _complete(connection)
        except (SQLAlchemyError, OSError, ImportError) as error:
            raise LocalError(
                f"{state_path}: the node's database can't be opened ({type(error).__name__})", code="store"
            ) from None

    def close(self) -> None:
        """Gives the database's files back."""
        self._lookups.close()
        self._engine.dispose()

    @contextmanager
    def write(self) -> Iterator[sql.Connection]:
        """A transaction that no other writer runs beside; durable when the block is left.

        Raises:
            PeerError: the database can't take it (full, read-only, broken); nothing was changed.
        """
        with _reported(), self._engine.begin() as connection:
            self._begin(connection, True)
            yield connection

    @contextmanager
    def read(self) -> Iterator[sql.Connection]:
        """A consistent view.

        Raises:
            PeerError: the database can't be read.
        """
        with _reported(), self._engine.begin() as connection:
            self._begin(connection, False)
            yield connection

    def look_up(self, find: Callable[..., T], *what: Hashable) -> T:
        """What `find` finds of this in a consistent view: what it found before, if nobody has changed anything since.

        Only for what is short. All who ask get the same: lists come as tuples, and of a dict only what reads it.

        Raises:
            PeerError: the database can't be read.
        """
        return self._lookups.answer(self.read, find, *what)


def _complete(connection: sql.Connection) -> None:
    """Makes the tables and indexes that aren't there: a database that is older than some of them gets them now.

    Every command opens the database, so that what is there is asked for once and not table by table.
    """
    there = set(sql.inspect(connection).get_table_names())
    if missing := [table for name, table in TABLES.tables.items() if name not in there]:
        TABLES.create_all(connection, missing)
    for index in LOOKED_UP:
        if index.table not in missing:
            index.create(connection, checkfirst=True)


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        cause = type(getattr(error, "orig", None) or error).__name__
        raise PeerError(
            f"the node can't use its database ({cause}), so it does nothing", hint="is the disk full?", code="store"
        ) from None


@contextmanager
def _one_at_a_time(state_path: Path) -> Iterator[None]:
    """Lets the node and its operator's commands open the state in turns: a database that is being made, or set to log
    ahead of its writes, turns others away at once instead of letting them wait."""
    folder = os.open(state_path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


Begin = Callable[[sql.Connection, bool], None]
"""Begins a transaction, which writes or only reads. Nothing listens for that on the engine: with a listener, SQLAlchemy
takes a quarter more for each statement."""


def _harden_sqlite(engine: sql.Engine) -> Begin:
    """The only place that knows SQLite: durable commits, checked references, writers that queue instead of failing."""

    @sql.event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        wait = f"busy_timeout={int(BUSY_TIMEOUT_S * 1000)}"
        hardened = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
        for setting in (wait, *hardened, f"cache_size=-{CACHE_KIB}"):
            connection.execute(f"PRAGMA {setting}")

    def begin(connection: sql.Connection, writes: bool) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return begin


def _harden_postgres(engine: sql.Engine) -> Begin:
    """The only place that knows Postgres: durable commits whatever its server's default is, one view per transaction,
    writers that queue. The lock comes before the view, so that a writer sees what the one before it did."""
    del engine

    def begin(connection: sql.Connection, writes: bool) -> None:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        if writes:
            connection.exec_driver_sql("SET LOCAL synchronous_commit = on")
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
            connection.exec_driver_sql("LOCK TABLE audit IN EXCLUSIVE MODE")

    return begin


_HARDEN = {"sqlite": _harden_sqlite, "postgresql": _harden_postgres}
"""The databases of which we know how to make commits durable and writers queue."""

_CHANGED = {"sqlite": "PRAGMA data_version"}
"""What says whether a database was changed by another connection than the one that asks, where anything does."""

_ROW_COLUMNS = [JOBS.c[name] for name in JobRow.__dataclass_fields__]
# What is asked all the time is put together once, which takes longer than to answer it.
_FIND = sql.select(*_ROW_COLUMNS).where(JOBS.c.id == sql.bindparam("job"))
_SHORT_PROPOSAL = sql.select(
    sql.case((sql.func.length(JOBS.c.proposal) <= IN_LOOP_BYTES, JOBS.c.proposal)).label("short")
).where(JOBS.c.id == sql.bindparam("job"))
_SIGNED = {one.name: sql.select(one).where(one.c.job == sql.bindparam("job")) for one in (APPROVALS, RECEIPTS)}
_IN_STATES = (
    sql.select(*_ROW_COLUMNS)
    .where(JOBS.c.state.in_(sql.bindparam("states", expanding=True)))
    .order_by(JOBS.c.received_at, JOBS.c.id)
)
_PROPOSAL = sql.select(JOBS.c.proposal).where(JOBS.c.id == sql.bindparam("job"))
_OUTCOME = sql.select(JOBS.c.outcome).where(JOBS.c.id == sql.bindparam("job"))
_MOVE = sql.update(JOBS).where(JOBS.c.id == sql.bindparam("job"), JOBS.c.state == sql.bindparam("before"))
_DECISIONS = sql.select(DECISIONS.c.number, DECISIONS.c.job).where(DECISIONS.c.number > sql.bindparam("number"))


def find(tx: sql.Connection, job: str) -> JobRow | None:
    """A job by id."""
    found = tx.execute(_FIND, {"job": job}).one_or_none()
    return None if found is None else _row(found)


def require(tx: sql.Connection, job: str) -> JobRow:
    """A job by id.

    Raises:
        LocalError: this node doesn't know it.
    """
    row = find(tx, job)
    if row is None:
        raise unknown(job)
    return row


def unknown(job: str) -> LocalError:
    """Of a job that this node doesn't know."""
    return LocalError(f"job {job}: unknown at this node", hint="is the id right?", code="unknown-job")


def in_states(tx: sql.Connection, states: frozenset[State]) -> Sequence[JobRow]:
    """The jobs in any of some states, oldest first."""
    names = sorted(state.value for state in states)
    return [_row(found) for found in tx.execute(_IN_STATES, {"states": names})]


def proposal(tx: sql.Connection, job: str) -> bytes:
    """The proposal's envelope, as it came."""
    return bytes(tx.execute(_PROPOSAL, {"job": job}).scalar_one())


def short_proposal(tx: sql.Connection, job: str) -> bytes | None:
    """The proposal's envelope, if it is no longer than what is read in the event loop; None if it is.

    Raises:
        LocalError: this node doesn't know the job.
    """
    found = tx.execute(_SHORT_PROPOSAL, {"job": job}).one_or_none()
    if found is None:
        raise unknown(job)
    return None if found.short is None else bytes(found.short)


def outcome(tx: sql.Connection, job: str) -> bytes | None:
    """This party's shares of a job's result; None if there are none."""
    found = tx.execute(_OUTCOME, {"job": job}).scalar_one()
    return None if found is None else bytes(found)


def move(tx: sql.Connection, job: str, before: State, changes: dict[str, Any]) -> None:
    """Changes a job if it still is in the state that the change was decided in.

    Raises:
        PeerError: it isn't; somebody was faster.
    """
    changed = tx.execute(_MOVE, {"job": job, "before": before.value} | changes)
    if changed.rowcount != 1:
        raise PeerError(f"job {job}: its state has changed meanwhile", hint="try again", code="state")


def statements(tx: sql.Connection, table: sql.Table, job: str) -> Mapping[str, bytes]:
    """The envelopes of a job in APPROVALS or RECEIPTS, by party."""
    return {row.party: bytes(row.envelope) for row in tx.execute(_SIGNED[table.name], {"job": job})}


def layouts(tx: sql.Connection, job: str) -> Mapping[str, str]:
    """The layout digests that the parties' receipts name."""
    return {row.party: row.layout_digest for row in tx.execute(_SIGNED[RECEIPTS.name], {"job": job})}


def decisions_after(tx: sql.Connection, number: int) -> Sequence[tuple[int, str]]:
    """The operator's decisions since one of them: number and job."""
    return sorted((row.number, row.job) for row in tx.execute(_DECISIONS, {"number": number}))


def _row(found: Any) -> JobRow:
    values = found._asdict()
    tuples = {"parties": tuple(values["parties"]), "receivers": tuple(values["receivers"])}
    return JobRow(**(values | tuples | {"state": State(values["state"])}))
