"""Under which name jobs have used a source of ours: it keeps that name, since ledger and budgets are kept by it.

`datasets.yaml` gives a source one name at a time (`mpcgov.spec.places`); this holds it to that name from then on,
also by another path or link, by a pattern or folder that takes in what was used, and by a URL that says less.
"""

from __future__ import annotations

import json

import sqlalchemy as sql

from mpcgov.node.tables import TABLES
from mpcgov.spec.places import same

NAMES = sql.Table(
    "names",
    TABLES,
    sql.Column("place", sql.Text, primary_key=True),
    sql.Column("dataset", sql.String(64), nullable=False),
)
"""By each of `Place.texts` of a source, the name that a job has used it by first."""

_KNOWN = sql.select(NAMES)


def taken(tx: sql.Connection, dataset: str, place: str) -> str | None:
    """Takes down that a job uses a source by a name. Returns the other name that it has had from before, if any.

    `place`: all `Place.texts` of the source, as one JSON text.
    """
    texts: list[str] = json.loads(place)
    known = {row.place: str(row.dataset) for row in tx.execute(_KNOWN)}
    for old, first in known.items():
        if first != dataset and any(same(old, text) for text in texts):
            return first
    new = [{"place": text, "dataset": dataset} for text in texts if text not in known]
    if new:
        tx.execute(sql.insert(NAMES), new)
    return None
