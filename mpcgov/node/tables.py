"""The tables of a node's database: jobs, what parties have signed about them, the ledger, budgets and the audit log.

Other modules add tables of their own to `TABLES`; `mpcgov.node.store` makes them all.
"""

from __future__ import annotations

import sqlalchemy as sql

TABLES = sql.MetaData()

JOBS = sql.Table(
    "jobs",
    TABLES,
    sql.Column("id", sql.String(14), primary_key=True),
    sql.Column("digest", sql.String(71), nullable=False, unique=True),
    sql.Column("proposal", sql.LargeBinary, nullable=False),
    sql.Column("parties", sql.JSON, nullable=False),
    sql.Column("receivers", sql.JSON, nullable=False),
    sql.Column("approve_before", sql.BigInteger, nullable=False),
    sql.Column("state", sql.String(20), nullable=False, index=True),
    sql.Column("reason", sql.Text, nullable=False, default=""),
    sql.Column("detail", sql.Text, nullable=False, default=""),
    sql.Column("code", sql.String(40), nullable=False, default=""),
    sql.Column("received_at", sql.Float, nullable=False),
    sql.Column("changed_at", sql.Float, nullable=False),
    sql.Column("outcome", sql.LargeBinary),
)
APPROVALS = sql.Table(
    "approvals",
    TABLES,
    sql.Column("job", sql.ForeignKey("jobs.id"), primary_key=True),
    sql.Column("party", sql.String(64), primary_key=True),
    sql.Column("envelope", sql.LargeBinary, nullable=False),
)
RECEIPTS = sql.Table(
    "receipts",
    TABLES,
    sql.Column("job", sql.ForeignKey("jobs.id"), primary_key=True),
    sql.Column("party", sql.String(64), primary_key=True),
    sql.Column("layout_digest", sql.String(71), nullable=False),
    sql.Column("envelope", sql.LargeBinary, nullable=False),
)
DECISIONS = sql.Table(
    "decisions",
    TABLES,
    sql.Column("number", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("job", sql.ForeignKey("jobs.id"), nullable=False),
    sql.Column("decided_at", sql.Float, nullable=False),
)
LEDGER = sql.Table(
    "ledger",
    TABLES,
    sql.Column("job", sql.ForeignKey("jobs.id"), primary_key=True),
    sql.Column("content", sql.String(71), nullable=False, index=True),
    sql.Column("dataset", sql.String(64), index=True),
    sql.Column("release", sql.LargeBinary),
    sql.Column("unit", sql.String(64)),
    sql.Column("measure", sql.String(10)),
    sql.Column("amount", sql.Text),
    sql.Column("snapshot", sql.JSON, nullable=False),
    sql.Column("matchers", sql.JSON, nullable=False),
    sql.Column("state", sql.String(10), nullable=False),
    sql.Column("answers", sql.String(14)),
    sql.Column("stale", sql.Boolean, nullable=False),
    sql.Column("at", sql.Float, nullable=False),
)
BUDGETS = sql.Table(
    "budgets",
    TABLES,
    sql.Column("dataset", sql.String(64), primary_key=True),
    sql.Column("unit", sql.String(64), primary_key=True),
    sql.Column("measure", sql.String(10), primary_key=True),
    sql.Column("total", sql.Text, nullable=False),
)
HEADS = sql.Table(
    "seen_heads",
    TABLES,
    sql.Column("party", sql.String(64), primary_key=True),
    sql.Column("signing_key", sql.String(64), primary_key=True),
    sql.Column("sequence", sql.BigInteger, nullable=False),
    sql.Column("envelope", sql.LargeBinary, nullable=False),
)
AUDIT = sql.Table(
    "audit",
    TABLES,
    sql.Column("sequence", sql.BigInteger, primary_key=True, autoincrement=False),
    sql.Column("record", sql.LargeBinary, nullable=False),
    sql.Column("hash", sql.String(71), nullable=False),
    sql.Column("signature", sql.String(128), nullable=False),
)

LOOKED_UP = (
    sql.Index("jobs_by_arrival", JOBS.c.received_at.desc(), JOBS.c.id),
    sql.Index("ledger_by_state", LEDGER.c.state, LEDGER.c.stale, LEDGER.c.at),
    sql.Index("ledger_by_age", LEDGER.c.dataset, LEDGER.c.at, LEDGER.c.job),
)
"""What people's pages, and decisions, look up. Without them SQLite reads each row for it, past the proposal or the
release in it, or sorts all that a decision reads."""
