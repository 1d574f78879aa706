"""What is still to be told, in the node's database, so that a restart forgets nothing and nothing is told twice.

The audit log says what happened; a cursor says up to which record that has been turned into notices. Both are in one
transaction with the notices. There is room for so many; then the oldest go, and the log says how many did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sql

from mpcgov.node.record import Record
from mpcgov.node.tables import AUDIT, JOBS, TABLES
from mpcgov.spec.load import parse_json

ROOM = 1000
FIRST_RETRY_S = 15.0
LONGEST_RETRY_S = 6 * 3600.0
GIVE_UP_S = 3 * 86_400.0
LOOK_AT = 500
"""Records that are looked at in one transaction."""

NOTICES = sql.Table(
    "notices",
    TABLES,
    sql.Column("number", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("channel", sql.String(10), nullable=False),
    sql.Column("event", sql.String(20), nullable=False),
    sql.Column("facts", sql.JSON, nullable=False),
    sql.Column("made_at", sql.Float, nullable=False),
    sql.Column("due_at", sql.Float, nullable=False),
    sql.Column("tries", sql.Integer, nullable=False),
)
CURSOR = sql.Table(
    "notices_cursor",
    TABLES,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("sequence", sql.BigInteger, nullable=False),
)
TOLD = sql.Table(
    "notices_told",
    TABLES,
    sql.Column("what", sql.String(300), primary_key=True),
    sql.Column("at", sql.Float, nullable=False),
)
"""What is told once, such as that a certificate ends soon."""

EVENTS = {
    "ask": "waiting", "approve": "decided", "deny": "decided", "reject": "decided", "release": "released",
    "abort": "failed", "fail": "failed", "expire": "failed", "cancel": "failed",
}  # fmt: skip
"""By what the audit log calls what happened to a job, the event that people are told."""


@dataclass(frozen=True)
class Notice:
    """One thing to tell, by one channel."""

    number: int
    channel: str
    event: str
    facts: dict[str, Any]
    made_at: float
    tries: int


def gather(tx: sql.Connection, channels: Sequence[str], events: Sequence[str], now: float) -> int:
    """Turns what was recorded since the last time into notices; the number of those for which there was no room.

    The first time, what is there already counts as told.
    """
    cursor = tx.execute(sql.select(CURSOR.c.sequence)).scalar_one_or_none()
    if cursor is None:
        last = tx.execute(sql.select(sql.func.max(AUDIT.c.sequence))).scalar_one_or_none() or 0
        tx.execute(sql.insert(CURSOR).values(id=1, sequence=last))
        return 0
    query = sql.select(AUDIT.c.sequence, AUDIT.c.record).where(AUDIT.c.sequence > cursor)
    rows = tx.execute(query.order_by(AUDIT.c.sequence).limit(LOOK_AT)).all()
    for row in rows:
        record = parse_json(bytes(row.record), Record, "audit record")
        event = EVENTS.get(record.event, "")
        if event in events and record.job:
            add(tx, channels, event, _facts(tx, record), now)
    if rows:
        tx.execute(sql.update(CURSOR).values(sequence=rows[-1].sequence))
    return _keep_room(tx)


def once(tx: sql.Connection, what: str, now: float) -> bool:
    """Whether something wasn't told before; from now on it was."""
    if tx.execute(sql.select(TOLD.c.what).where(TOLD.c.what == what)).scalar_one_or_none() is not None:
        return False
    tx.execute(sql.insert(TOLD).values(what=what, at=now))
    return True


def add(tx: sql.Connection, channels: Sequence[str], event: str, facts: dict[str, Any], now: float) -> None:
    """Has something told by each channel."""
    for channel in channels:
        row = {"channel": channel, "event": event, "facts": facts, "made_at": now, "due_at": now, "tries": 0}
        tx.execute(sql.insert(NOTICES).values(row))


def due(tx: sql.Connection, channel: str, now: float, limit: int = 20) -> list[Notice]:
    """What is to be told by a channel now, oldest first."""
    columns = [NOTICES.c[name] for name in Notice.__dataclass_fields__]
    mine = (NOTICES.c.channel == channel, NOTICES.c.due_at <= now)
    found = tx.execute(sql.select(*columns).where(*mine).order_by(NOTICES.c.number).limit(limit))
    return [Notice(*row) for row in found]


def waiting(tx: sql.Connection) -> int:
    """How many notices haven't been delivered."""
    return int(tx.execute(sql.select(sql.func.count()).select_from(NOTICES)).scalar_one())


def done(tx: sql.Connection, notice: Notice) -> None:
    """A notice was delivered."""
    tx.execute(sql.delete(NOTICES).where(NOTICES.c.number == notice.number))


def put_off(tx: sql.Connection, notice: Notice, now: float) -> bool:
    """A notice couldn't be delivered: later, ever more rarely. False if it is given up."""
    if now - notice.made_at > GIVE_UP_S:
        done(tx, notice)
        return False
    wait_s = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** min(notice.tries, 20))
    changes = {"tries": notice.tries + 1, "due_at": now + wait_s}
    tx.execute(sql.update(NOTICES).where(NOTICES.c.number == notice.number).values(**changes))
    return True


def _facts(tx: sql.Connection, record: Record) -> dict[str, Any]:
    """What may leave the agency of a job: its id, its state, and until when it waits. No purpose, reason or column."""
    before = tx.execute(sql.select(JOBS.c.approve_before).where(JOBS.c.id == record.job)).scalar_one_or_none()
    return {"job": record.job, "state": str(record.facts.get("after", "")), "approve_before": before, "at": record.at}


def _keep_room(tx: sql.Connection) -> int:
    over = waiting(tx) - ROOM
    if over > 0:
        oldest = sql.select(NOTICES.c.number).order_by(NOTICES.c.number).limit(over)
        tx.execute(sql.delete(NOTICES).where(NOTICES.c.number.in_(oldest.scalar_subquery())))
    return max(0, over)
