"""How the rows of a column spread over what is declared of it: counts of parts, and no value."""

from __future__ import annotations

from datetime import date
from typing import Any, TypeGuard

import ibis

from mpcgov.spec.expect import Bins
from mpcgov.spec.table import CategoryColumn, Column, DateColumn, DecimalColumn, IntegerColumn
from mpcgov.worker.source import Source

Ranged = IntegerColumn | DecimalColumn | DateColumn

PARTS = 20
"""Into so many equal parts a range is cut, if it has as many steps."""


def has_bins(kind: Column) -> TypeGuard[CategoryColumn | Ranged]:
    """Whether a column's rows can be counted by parts."""
    return isinstance(kind, CategoryColumn | Ranged)


def bins(source: Source, name: str) -> Bins:
    """The rows of a column in each part of its range, or in each of its categories, in order; none of one that has
    neither.

    Raises:
        DataError: the engine can't count them.
    """
    kind, value = source.declaration.columns[name], source.table[source.value(name)]
    if not has_bins(kind):
        return Bins(declared="", rows=())
    if isinstance(kind, CategoryColumn):
        found = _counted(source, value)
        return Bins(declared=", ".join(kind.values), rows=tuple(found.get(one, 0) for one in kind.values))
    low, high, steps = _range(kind, value)
    parts = min(PARTS, high - low + 1)
    found = _counted(source, (((steps - low) * parts) // (high - low + 1)).cast("int64"))
    return Bins(declared=span(kind), rows=tuple(found.get(part, 0) for part in range(parts)))


def span(kind: Column) -> str:
    """What is declared of a column's values, in few words."""
    if isinstance(kind, Ranged):
        return f"{kind.min} to {kind.max}"
    return ", ".join(kind.values) if isinstance(kind, CategoryColumn) else ""


def _range(kind: Ranged, value: Any) -> tuple[int, int, Any]:
    if isinstance(kind, DateColumn):
        first, last = date.fromisoformat(kind.min), date.fromisoformat(kind.max)
        return 0, (last - first).days, value.delta(ibis.literal(first), unit="day")
    if isinstance(kind, DecimalColumn):
        return kind.low, kind.high, value
    return kind.min, kind.max, value


def _counted(source: Source, part: Any) -> dict[Any, int]:
    parts = source.table.select(part=part)
    rows = parts.filter(parts.part.notnull()).group_by("part").aggregate(n=ibis._.count())
    return {row["part"]: int(row["n"]) for row in source.query(rows).to_pylist()}
