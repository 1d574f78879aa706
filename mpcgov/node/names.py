"""Under which name jobs have used a source of ours: it keeps that name, since ledger and budgets are kept by it.

`datasets.yaml` gives a source one name at a time (`mpcgov.spec.places`); this holds it to that name from then on.
"""

from __future__ import annotations

import sqlalchemy as sql

from mpcgov.node.store import TABLES

NAMES = sql.Table(
    "names",
    TABLES,
    sql.Column("place", sql.Text, primary_key=True),
    sql.Column("dataset", sql.String(64), nullable=False),
)
"""By where a source is, free of links and without who reads it, the name that a job has used it by first."""


def taken(tx: sql.Connection, dataset: str, place: str) -> str | None:
    """Takes down that a job uses a source by a name. Returns the other name that it has had from before, if any."""
    first = tx.execute(sql.select(NAMES.c.dataset).where(NAMES.c.place == place)).scalar_one_or_none()
    if first is None:
        tx.execute(sql.insert(NAMES).values(place=place, dataset=dataset))
    return None if first in (None, dataset) else first
