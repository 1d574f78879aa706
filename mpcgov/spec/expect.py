"""What an owner expects of a data set as a whole, so that a register that was damaged on its way is used by no job.

Judged over all rows, whichever a job chooses and whichever columns it uses, and against nothing that moves by itself: a
data set meets them or doesn't, for as long as its rows and its declaration are the same. Only its owner sees which.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from mpcgov.spec.ids import ColumnName
from mpcgov.spec.load import Frozen
from mpcgov.spec.numbers import DecimalText

_EDITION = re.compile(r"([0-9]{4})(?:-(?:Q([1-4])|([0-9]{2})(?:-([0-9]{2}))?))?")
_COARSE = ("category", "integer", "decimal", "date")


def _share(text: str) -> str:
    if not 0 <= Decimal(text) <= 1:
        raise ValueError("expected a share from 0 to 1, such as 0.05")
    return text


Share = Annotated[DecimalText, AfterValidator(_share)]
Rows = Annotated[int, Field(ge=0, le=2**31)]
Days = Annotated[int, Field(ge=0, le=40_000)]


class Expectations(Frozen):
    """What is expected of a data set.

    `rows`: the fewest and the most. `missing`: by column, the largest share of rows without a value. `repeated`: by
    column, the largest share of rows whose value another row has too. `fresh`: by date column, how many days before
    the edition's last day the latest rows may lie. `drift`: by column, the largest share of rows that have moved to
    another part of the declared range, or to another category, since the edition before.
    """

    rows: Annotated[tuple[Rows, Rows], Field(strict=False)] | None = None
    missing: dict[ColumnName, Share] = Field(default_factory=dict)
    repeated: dict[ColumnName, Share] = Field(default_factory=dict)
    fresh: dict[ColumnName, Days] = Field(default_factory=dict)
    drift: dict[ColumnName, Share] = Field(default_factory=dict)

    @property
    def columns(self) -> frozenset[str]:
        """The columns that are looked at."""
        return frozenset({*self.missing, *self.repeated, *self.fresh, *self.drift})


class Bins(Frozen):
    """How many rows of a column are in each part of what is declared; `declared`: what that was."""

    declared: str
    rows: Annotated[tuple[Rows, ...], Field(strict=False, max_length=100_000)]


class Figures(Frozen):
    """What is kept of an edition, to compare the next one with; counts, no values."""

    columns: dict[ColumnName, Bins]


def faults(expect: Expectations, columns: Mapping[str, Any], edition: str | None) -> list[str]:
    """What is wrong with expectations, given the declared columns."""
    found = [f"expect: there is no column {name}" for name in sorted(expect.columns - columns.keys())]
    kinds = {name: str(column.kind) for name, column in columns.items()}
    if expect.rows and expect.rows[0] > expect.rows[1]:
        found.append("expect: rows: the least number is greater than the most")
    if expect.fresh and (edition is None or last_day(edition) is None):
        found.append("expect: fresh needs an edition that is a date, such as 2025, 2025-Q4, 2025-11 or 2025-11-30")
    found += [f"expect: fresh: {name} is no date column" for name in expect.fresh if kinds.get(name, "date") != "date"]
    if expect.drift and edition is None:
        found.append("expect: drift needs an edition")
    odd = [name for name in expect.drift if kinds.get(name, "date") not in _COARSE]
    return [*found, *(f"expect: drift: {name} is a {kinds[name]} column" for name in odd)]


def last_day(edition: str) -> date | None:
    """The last day of what an edition is about, if its name is a year, a quarter, a month or a day."""
    match = _EDITION.fullmatch(edition)
    if match is None:
        return None
    year, quarter, month, day = (None if part is None else int(part) for part in match.groups())
    try:
        if day is not None:
            return date(int(year or 0), int(month or 0), day)
        last = quarter * 3 if quarter else month or 12
        return date(int(year or 0), last, monthrange(int(year or 0), last)[1])
    except ValueError:
        return None
