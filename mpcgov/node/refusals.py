"""Jobs that this agency's data ended, before anything was shared: each tells the others one word about the data.

Most such words are facts of a whole data set, the same whatever a job chooses (docs/security/oracles.md has them all).
So that the others can't be asked for one word after another, each is charged: it stands in the ledger, people see how
many there were, and after the third within a day over one data set no policy says yes by itself.
"""

from __future__ import annotations

import sqlalchemy as sql

from mpcgov.lifecycle import Event
from mpcgov.node.tables import LEDGER

WINDOW_S = 86_400.0

_CHARGED = "refused"
"""The state, in the ledger, of a job that the data ended."""
_NOT_OURS = frozenset({"stopped"})
_LATELY = (
    sql.select(sql.func.count())
    .select_from(LEDGER)
    .where(
        LEDGER.c.dataset == sql.bindparam("dataset"), LEDGER.c.state == _CHARGED, LEDGER.c.at > sql.bindparam("since")
    )
)


def charge(tx: sql.Connection, job: str, event: Event, code: str, now: float) -> None:
    """Takes down how a job ended, if it was by this agency's data or by how long they took to read.

    Only before the commit: from then on the job counts as released. Whatever failed here then counts as the data's
    doing, since nobody outside could tell.
    """
    if (event is Event.FAIL and code not in _NOT_OURS) or (event is Event.ABORT and code == "deadline"):
        mine = (LEDGER.c.job == job, LEDGER.c.state == "reserved", LEDGER.c.dataset.is_not(None))
        tx.execute(sql.update(LEDGER).where(*mine).values(state=_CHARGED, at=now))


def lately(tx: sql.Connection, dataset: str, now: float) -> int:
    """How many jobs the data of a data set have ended within a day."""
    return int(tx.execute(_LATELY, {"dataset": dataset, "since": now - WINDOW_S}).scalar_one())


def lately_or_next(tx: sql.Connection, dataset: str, now: float) -> int:
    """`lately`, and once there is one, with the jobs that are about to read the data, as these may be the next."""
    refused = lately(tx, dataset, now)
    return refused + _count(tx, dataset, LEDGER.c.state == "reserved") if refused else 0


def ever(tx: sql.Connection, dataset: str) -> int:
    """How many jobs the data of a data set have ended in all."""
    return _count(tx, dataset, LEDGER.c.state == _CHARGED)


def _count(tx: sql.Connection, dataset: str, *which: sql.ColumnElement[bool]) -> int:
    query = sql.select(sql.func.count()).select_from(LEDGER).where(LEDGER.c.dataset == dataset, *which)
    return int(tx.execute(query).scalar_one())
