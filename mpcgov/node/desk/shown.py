"""What an agency's people are shown of their node besides jobs: data sets, budgets, the audit log, its health."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from mpcgov.errors import MpcgovError, Refused
from mpcgov.node import budget, operator
from mpcgov.node.book import Book
from mpcgov.node.home import NodeHome
from mpcgov.node.tables import AUDIT
from mpcgov.spec.policy import DatasetPolicy
from mpcgov.spec.table import Column, Dataset

AUDIT_PAGE = 50
AUDIT_LOOK = 10_000
"""So many records are searched for one page."""

FIGURES = "figures"


def datasets(home: NodeHome) -> dict[str, Any]:
    """What is declared of each data set, what the policy lets be done with its columns, and which figures were kept
    when it was checked. No data are read."""
    policy, fault = None, ""
    try:
        policy = home.policy()[0]
    except Refused as error:
        fault = error.line()
    found = []
    for name, dataset in home.datasets().root.items():
        allowed = policy.datasets.get(name) if policy is not None else None
        found.append(_dataset(home, name, dataset, allowed))
    return {"datasets": found, "fault": fault}


def budgets(home: NodeHome) -> dict[str, Any]:
    """What jobs with noise may tell in all, and have told."""
    return budget.show(home.path).to_json()


def health(home: NodeHome) -> dict[str, Any]:
    """What is in order at this node and its peers, asked now: faults first, then the other agencies."""
    found = sorted(operator.doctor(home.path), key=lambda one: (one.ok, not one.name.startswith("party ")))
    return {"findings": [asdict(finding) for finding in found]}


def audit(book: Book, before: int, text: str) -> dict[str, Any]:
    """A page of the audit log, the newest first.

    Args:
        before: only records of a smaller number; 0 for the newest.
        text: what a record must have in it somewhere, whatever the case; empty for any.
    """
    needle, found, looked = text.lower().encode(), [], 0
    query = sql.select(AUDIT.c.sequence, AUDIT.c.record).order_by(AUDIT.c.sequence.desc())
    query = query.where(AUDIT.c.sequence < before) if before > 0 else query
    last = 0
    with book.view() as tx:
        # By place and not by name, which takes twice the time for so many rows.
        for sequence, record in tx.execute(query.limit(AUDIT_LOOK)).yield_per(200):
            looked, last, body = looked + 1, sequence, bytes(record)
            if needle in body.lower():
                found.append(json.loads(body))
                if len(found) == AUDIT_PAGE:
                    break
    return {"records": found, "next": last if last > 1 else 0, "looked": looked}


def audit_verified(home: NodeHome) -> dict[str, Any]:
    """Whether the audit log is whole."""
    try:
        return {"whole": True, "text": "", "records": operator.audit_verify(home.path)}
    except MpcgovError as error:
        return {"whole": False, "text": error.line(), "records": 0}


def _dataset(home: NodeHome, name: str, dataset: Dataset, allowed: DatasetPolicy | None) -> dict[str, Any]:
    figures = sorted((home.path / FIGURES).glob(f"{name}@*.json"))
    return {
        "name": name,
        "edition": dataset.edition,
        "max_rows": dataset.max_rows,
        "missing": str(dataset.missing),
        "allowed": allowed is not None,
        "min_count": allowed.min_count if allowed is not None else None,
        "columns": [
            {
                "name": column,
                "kind": kind.kind,
                "values": _values(kind),
                "uses": sorted(allowed.uses_of(column)) if allowed is not None else [],
            }
            for column, kind in dataset.columns.items()
        ],
        "checks": [_kept(path) for path in figures],
    }


def _kept(path: Path) -> dict[str, Any]:
    """When the figures of an edition were kept: `dataset check --keep`, which refuses no data but counts faults."""
    return {"edition": path.stem.partition("@")[2], "at": path.stat().st_mtime}


def _values(kind: Column) -> str:
    values = getattr(kind, "values", None)
    if values is not None:
        return str(len(values))
    low, high = getattr(kind, "min", None), getattr(kind, "max", None)
    return "" if low is None and high is None else f"{low} – {high}"
