"""What this agency's people were asked and said: who said yes to a job, and to tables that overlap earlier ones.

Nothing here decides; what is written stands in the transaction of the audit record that tells of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sql

from mpcgov.node.tables import JOBS, TABLES

PERIOD_S = 30 * 86400.0
"""So far back questions about overlapping tables are counted: `mpcgov.node.beside` limits them."""

YESES = sql.Table(
    "yeses",
    TABLES,
    sql.Column("job", sql.ForeignKey(JOBS.c.id), primary_key=True),
    sql.Column("person", sql.String(256), primary_key=True),
    sql.Column("at", sql.Float, nullable=False),
)
OVERLAPS = sql.Table(
    "overlaps",
    TABLES,
    sql.Column("job", sql.ForeignKey(JOBS.c.id), primary_key=True),
    sql.Column("dataset", sql.String(64), nullable=False, index=True),
    sql.Column("at", sql.Float, nullable=False),
    sql.Column("answer", sql.String(10), nullable=False),
    sql.Column("beside", sql.JSON, nullable=False),
)
"""`answer`: open, yes or no. `beside`: the earlier jobs whose tables a yes was given beside."""

_JOB = OVERLAPS.c.job == sql.bindparam("job")
_ANSWER = sql.select(OVERLAPS.c.answer).where(_JOB)
_BESIDE = sql.select(OVERLAPS.c.beside).where(_JOB, OVERLAPS.c.answer == "yes")
_ASKED = (
    sql.select(sql.func.count())
    .select_from(OVERLAPS)
    .where(OVERLAPS.c.dataset == sql.bindparam("dataset"), ~_JOB, OVERLAPS.c.at > sql.bindparam("since"))
)


def ask(tx: sql.Connection, job: str, dataset: str, now: float) -> None:
    """A job whose rows may differ in few from an earlier one's is put to a person."""
    row = {"job": job, "dataset": dataset, "at": now, "answer": "open", "beside": []}
    tx.execute(sql.insert(OVERLAPS).values(row))


def asked(tx: sql.Connection, dataset: str, job: str, now: float) -> int:
    """How many other such questions there were lately; the number depends on jobs alone, never on what was said."""
    return int(tx.execute(_ASKED, {"dataset": dataset, "job": job, "since": now - PERIOD_S}).scalar_one())


def answer(tx: sql.Connection, job: str) -> str | None:
    """What was said to such a job; None for one that isn't."""
    return tx.execute(_ANSWER, {"job": job}).scalar_one_or_none()


def said(tx: sql.Connection, job: str, what: str, beside: Sequence[str] = ()) -> None:
    """What a person has said to such a job, and beside which earlier ones."""
    tx.execute(sql.update(OVERLAPS).where(OVERLAPS.c.job == job).values(answer=what, beside=list(beside)))


def beside(tx: sql.Connection, job: str) -> set[str]:
    """The earlier jobs that a yes was given to such a job beside."""
    return {*(tx.execute(_BESIDE, {"job": job}).scalar_one_or_none() or ())}


def overlapping(tx: sql.Connection, dataset: str) -> list[tuple[str, tuple[str, ...]]]:
    """The jobs over a data set that were let through beside earlier ones that they overlap, with these."""
    mine = sql.select(OVERLAPS).where(OVERLAPS.c.dataset == dataset, OVERLAPS.c.answer == "yes")
    return [(row.job, tuple(row.beside)) for row in tx.execute(mine.order_by(OVERLAPS.c.at))]


def yes(tx: sql.Connection, job: str, person: str, now: float) -> None:
    """A person's yes, in the place of an earlier one under their name."""
    tx.execute(sql.delete(YESES).where(YESES.c.job == job, YESES.c.person == person))
    tx.execute(sql.insert(YESES).values(job=job, person=person, at=now))


def keep_only(tx: sql.Connection, job: str, names: Sequence[str]) -> None:
    """The job is decided, by these people's yes and no other."""
    tx.execute(sql.delete(YESES).where(YESES.c.job == job, YESES.c.person.not_in(names)))


def yeses(tx: sql.Connection, job: str) -> tuple[str, ...]:
    """Who has said yes to a job, first of all first."""
    query = sql.select(YESES.c.person).where(YESES.c.job == job)
    return tuple(tx.execute(query.order_by(YESES.c.at, YESES.c.person)).scalars())
