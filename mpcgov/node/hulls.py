"""What a column can hold that was declared in one way at one time and in another at another time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mpcgov.spec.table import CategoryColumn, Column, DateColumn, DecimalColumn, IntegerColumn


def common(a: Mapping[str, Column], b: Mapping[str, Column]) -> Iterator[tuple[str, Column]]:
    """Declarations that the rows of both times meet; none of a column that was of another kind."""
    for name in {*a, *b}:
        hull = _hull(a.get(name, b.get(name)), b.get(name, a.get(name)))
        if hull is not None:
            yield name, hull


def _hull(a: Column | None, b: Column | None) -> Column | None:
    if a is None or b is None or a == b:
        return a
    if isinstance(a, CategoryColumn) and isinstance(b, CategoryColumn) and not _regrouped(a, b):
        return a.model_copy(update={"values": tuple(dict.fromkeys((*a.values, *b.values)))})
    if isinstance(a, IntegerColumn) and isinstance(b, IntegerColumn):
        return a.model_copy(update={"min": min(a.min, b.min), "max": max(a.max, b.max)})
    if isinstance(a, DateColumn) and isinstance(b, DateColumn):
        return a.model_copy(update={"min": min(a.min, b.min), "max": max(a.max, b.max)})
    if isinstance(a, DecimalColumn) and isinstance(b, DecimalColumn) and a.places == b.places:
        least, most = min(a, b, key=lambda column: column.low), max(a, b, key=lambda column: column.high)
        return a.model_copy(update={"min": least.min, "max": most.max})
    return None


def _regrouped(a: CategoryColumn, b: CategoryColumn) -> bool:
    """Whether a code of a level chooses other rows in one than in the other."""
    return any(a.groups[code] != b.groups[code] for code in a.groups.keys() & b.groups.keys())
