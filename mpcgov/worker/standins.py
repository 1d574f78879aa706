"""Numbers and dates within what is declared that most likely stand for no value: told to the owner, by how many rows.

Found are those that registers fill up with, such as 99, 999, -1 or 1900-01-01, where they are far from all other values
or in far more rows than days are. What a measure would make of them nobody sees in a mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import ibis

from mpcgov.spec.table import DateColumn, DecimalColumn, IntegerColumn
from mpcgov.worker.readers.raw import counted
from mpcgov.worker.source import Source

MANY_ROWS = 10
"""What fewer rows have isn't remarked upon."""

_DIGITS = range(2, 13)
_HIGH = tuple(10**digits - below for digits in _DIGITS for below in (1, 2, 3, 4))
_LOW = tuple(-number for number in (*range(1, 10), *_HIGH))
_DAYS = tuple(
    map(date.fromisoformat, ("1800-01-01", "1900-01-01", "1901-01-01", "1970-01-01", "2099-12-31", "9999-12-31"))
)
_TIMES = 10
"""A day is remarked upon that has so many times the rows of the others."""

_NUMBER = "with a number such as 99, 999 or -1, far from all others: if it stands for no value, declare it by missing"
_DAY = "with a day such as 1900-01-01, far more than other days have: if it stands for no value, declare it by missing"


def stand_ins(source: Source) -> list[str]:
    """What is said of a data set's columns of numbers and dates."""
    kinds = source.declaration.columns
    numbers = [name for name, kind in kinds.items() if isinstance(kind, IntegerColumn | DecimalColumn)]
    days = [name for name, kind in kinds.items() if isinstance(kind, DateColumn)]
    return [*_far(source, _at_an_end(source, numbers)), *_frequent(source, days)]


def _unit(source: Source, name: str) -> int:
    """What 1 is in a column of numbers."""
    kind = source.declaration.columns[name]
    return int(10**kind.places) if isinstance(kind, DecimalColumn) else 1


def _asked(source: Source, **expressions: Any) -> dict[str, Any]:
    found: dict[str, Any] = source.query(source.table.aggregate(**expressions)).to_pylist()[0] if expressions else {}
    return found


def _at_an_end(source: Source, names: Sequence[str]) -> dict[str, list[int]]:
    """The columns whose least or greatest value is such a number, with all that are within: others take longer."""
    ends = {
        f"{end}{n}": getattr(source.table[source.value(name)], end)()
        for n, name in enumerate(names)
        for end in ("min", "max")
    }
    found, chosen = _asked(source, **ends), dict[str, list[int]]()
    for n, name in enumerate(names):
        least, most, unit = found[f"min{n}"], found[f"max{n}"], _unit(source, name)
        if least is not None and (least in {unit * one for one in _LOW} or most in {unit * one for one in _HIGH}):
            chosen[name] = [unit * one for one in (*_LOW, *_HIGH) if least <= unit * one <= most]
    return chosen


def _far(source: Source, within: Mapping[str, list[int]]) -> list[str]:
    ends, odd = dict[str, Any](), dict[str, Any]()
    for n, (name, numbers) in enumerate(within.items()):
        value = source.table[source.value(name)]
        odd[name] = ibis.array(numbers).contains(value)
        ends |= {f"min{n}": value.min(where=~odd[name]), f"max{n}": value.max(where=~odd[name])}
    found, sums = _asked(source, **ends), dict[str, Any]()
    for n, name in enumerate(within):
        least, most, value = found[f"min{n}"], found[f"max{n}"], source.table[source.value(name)]
        if least is not None:
            unit = _unit(source, name)
            longer = value >= unit * 10 ** len(str(max(most, 0) // unit))
            sums[name] = (odd[name] & (longer | ((value < 0) & (least >= 0)))).sum()
    rows = _asked(source, **sums)
    return [f"column {name}: {counted(rows[name])} {_NUMBER}" for name in sums if (rows[name] or 0) >= MANY_ROWS]


def _frequent(source: Source, names: Sequence[str]) -> list[str]:
    sums = dict[str, Any]()
    for n, name in enumerate(names):
        value = source.table[source.value(name)]
        sums |= {f"day{n}_{k}": (value == day).sum() for k, day in enumerate(_DAYS)}
        sums |= {f"rows{n}": value.count(), f"days{n}": value.approx_nunique()}
    found, said = _asked(source, **sums), []
    for n, name in enumerate(names):
        most = max(found[f"day{n}_{k}"] or 0 for k in range(len(_DAYS)))
        others = (found[f"rows{n}"] - most) / max(1, found[f"days{n}"] - 1)
        said += [f"column {name}: {counted(most)} {_DAY}"] if most >= max(MANY_ROWS, _TIMES * others) else []
    return said
