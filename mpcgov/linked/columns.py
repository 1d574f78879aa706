"""What an owner's column is once its rows are one for each key: the bounds of what is dealt, and of sums over it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from mpcgov.linked.qualified import Qualified
from mpcgov.spec.job import Job
from mpcgov.spec.link import Rule
from mpcgov.spec.table import CategoryColumn, Column, DecimalColumn, Declaration, IntegerColumn

NO_MATCH = "(no match)"
"""The value, in a left join, of another owner's category where it has no such key."""


@dataclass(frozen=True)
class Number:
    """A numeric column: from low to high steps of 10^-places for each key, and at most `total` steps, signs left out,
    for all keys together. `middle`: what was taken off each value before it was dealt."""

    low: int
    high: int
    places: int
    total: int
    middle: int = 0

    @property
    def largest(self) -> int:
        """The largest magnitude for one key."""
        return max(abs(self.low), abs(self.high))

    def centred(self, limits: tuple[str, str] | None, max_rows: int) -> Number:
        """Clamped to limits in units, and counted from the middle, which halves what one key can add to a sum."""
        low, high = self.low, self.high
        if limits is not None:
            least, most = (Decimal(limit).scaleb(self.places) for limit in limits)
            low, high = max(low, math.ceil(least)), min(high, math.floor(most))
        middle = (low + high) // 2
        largest = max(middle - low, high - middle)
        return Number(low - middle, high - middle, self.places, max_rows * largest, middle)


@dataclass(frozen=True)
class Category:
    """A category column, dealt as a position in its values."""

    values: tuple[str, ...]


Carried = Number | Category


def carried(column: Column, rule: Rule | None, max_rows: int) -> Carried | None:
    """The column as its owner's rows carry it after `rule`; None if such a column can't be, or not under that rule."""
    if isinstance(column, CategoryColumn):
        return Category(column.values) if rule in (None, "max", "min", "first") else None
    if not isinstance(column, IntegerColumn | DecimalColumn):
        return None
    low, high, places = (
        (column.min, column.max, 0) if isinstance(column, IntegerColumn) else (column.low, column.high, column.places)
    )
    total = max_rows * max(abs(low), abs(high))
    if rule == "count":
        return Number(1, max_rows, 0, max_rows)
    if rule == "sum":
        return Number(min(low, low * max_rows), max(high, high * max_rows), places, total)
    return Number(low, high, places, total)


def rule(job: Job, column: Qualified) -> Rule | None:
    """The rule for repeated keys that the job has for a column."""
    return (job.parties[column.party].duplicates or {}).get(column.column)


def carried_by(job: Job, declarations: Mapping[str, Declaration], column: Qualified) -> Carried | None:
    """`carried` for a column of a job; None also if it isn't declared."""
    declaration = declarations.get(column.party)
    found = None if declaration is None else declaration.columns.get(column.column)
    if declaration is None or found is None:
        return None
    return carried(found, rule(job, column), declaration.max_rows)
