"""Dividing a column's rows by their values, so that counts prove how many are off its most frequent value.

A column that has one value in nearly all rows is a category of the few others: sums, products and coefficients of it
are about these few. Whatever a column's values are, if fewer than k rows are off its most frequent one, all parts of
every division by value but one have fewer than k rows together. So one division of which that isn't so proves that
there is no such value. Which division is taken only decides what can be proved.

Owners of linked rows divide by their own rows, before they are linked. Where rows are added up, all divide alike.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgov import figures
from mpcgov.linked.classes import MOST

Numbers = NDArray[np.int64]

MARK = ":"
"""Begins the names of columns that say which rows are in a part of another one, how wide that is, or what it holds."""
WIDTH, DEVIATION, HELD, CLASS = "width", "deviation", "held", "class"
PARTS = 3


def divided(values: Numbers) -> Numbers:
    """1 for the rows on one side of a division by value, and 0 for the others: the most even one of those that split
    off the greater values, or the most frequent one. Shape (rows,)."""
    distinct, counts = np.unique(values, return_counts=True)
    if not len(distinct):
        return np.zeros(0, np.int64)
    upto, half = np.cumsum(counts), len(values) / 2
    threshold, frequent = int(np.abs(upto - half).argmin()), int(counts.argmax())
    below, equal = values <= distinct[threshold], values == distinct[frequent]
    even = abs(int(counts[frequent]) - half) < abs(int(upto[threshold]) - half)
    return np.asarray(equal if even else below, np.int64)


def thirds(values: Numbers, groups: Numbers) -> Numbers:
    """Each row's part, 0 to 2, within its group: from the most frequent value on, each goes to the part with the fewest
    rows. So neighbouring values are in different parts, and whatever range a cell has, it has all. Shape (rows,)."""
    result = np.zeros(len(values), np.int64)
    for rows in rows_of(groups):
        _, inverse, counts = np.unique(values[rows], return_inverse=True, return_counts=True)
        result[rows] = _dealt(counts)[inverse]
    return result


def _dealt(counts: Numbers) -> Numbers:
    """The part of each value, by how many rows have it, the least value first."""
    order, rows = np.argsort(-counts, kind="stable"), np.zeros(PARTS, np.int64)
    places_of = np.split(order, np.flatnonzero(np.diff(counts[order])) + 1)
    result = np.zeros(len(counts), np.int64)
    for places in places_of:
        size = counts[places[0]]
        # Each part would take one of equally frequent values at these numbers of its rows: the fewest come first.
        turns = rows[:, None] + size * np.arange(len(places))
        parts = np.argsort(turns, axis=None, kind="stable")[: len(places)] // len(places)
        result[places] = parts
        rows += size * np.bincount(parts, minlength=PARTS)
    return result


def fixed(values: Numbers, least: int, number: int) -> Numbers:
    """`figures.part` of each row's value, from `least` up: divisions that don't depend on rows. Shape (rows,)."""
    above = values - least
    if number < len(figures.FACTORS):
        mixed = above.astype(np.uint64) * np.uint64(figures.FACTORS[number])
        return ((mixed >> np.uint64(32)) * np.uint64(PARTS) >> np.uint64(32)).astype(np.int64)
    return np.asarray(above % PARTS if number == len(figures.FACTORS) else np.minimum(above, PARTS - 1), np.int64)


def named(part: str, column: str) -> str:
    """The name of the column that is 1 in a part's rows, or says how wide another is, or what a row's value holds."""
    return f"{MARK}{part} {column}"


def marked(name: str) -> str:
    """The column that such a name is about."""
    return name.partition(" ")[2]


def bound(name: str) -> int | None:
    """What the column of such a name can be at most; None if that goes with the other column."""
    kind = name.removeprefix(MARK).partition(" ")[0]
    return None if kind in _OF_GROUPS else figures.MOST_HELD if kind == HELD else 1


def with_parts(columns: Mapping[str, Numbers], names: Collection[str], groups: Numbers) -> dict[str, Numbers]:
    """An owner's columns, and those of `names` that say which rows are in a part of one: by thirds within the owner's
    groups; `some`, that are not 0. And the width and the standard deviation of each row's group, what a row's value
    holds among its group's, and which rows have a value of it."""
    result, known = dict(columns), dict[tuple[str, str], NDArray[Any]]()
    for name in sorted(name for name in names if name.startswith(MARK)):
        kind, _, column = name.removeprefix(MARK).partition(" ")
        values = columns[column]
        if kind == "some":
            found = values != 0
        elif kind in _OF_GROUPS:
            found = _each(values, groups, _OF_GROUPS[kind])
        elif kind == HELD:
            found = _held(values, groups)
        elif kind.startswith(CLASS):
            if (CLASS, column) not in known:
                known[CLASS, column] = in_classes([values], groups, MOST)
            found = known[CLASS, column][int(kind.removeprefix(CLASS))]
        else:
            if (kind, column) not in known:
                parts = thirds(values, groups)
                known |= {(str(part), column): parts == part for part in range(PARTS)}
            found = known[kind, column]
        result[name] = found.astype(np.int64)
    return result


def with_fixed_parts(
    columns: Mapping[str, Numbers], names: Collection[str], least: Mapping[str, int], groups: Numbers
) -> dict[str, Numbers]:
    """The columns, and those of `names` that say which rows are in a part of one, by fixed divisions; or what a row's
    value holds among the owner's in its group."""
    result = dict(columns)
    for name in (name for name in names if name.startswith(MARK)):
        kind, _, column = name.removeprefix(MARK).partition(" ")
        if kind == HELD:
            result[name] = _held(columns[column], groups)
            continue
        number, part = divmod(int(kind), PARTS)
        result[name] = (fixed(columns[column], least[column], number) == part).astype(np.int64)
    return result


def in_classes(values: Sequence[Numbers], own_groups: Numbers, most: int) -> NDArray[np.bool_]:
    """Which rows are in each of so many classes of their group, each of which has one combination of values; of a class
    that isn't there, those of the first, as it must have enough rows, too. Shape (most, rows)."""
    result = np.zeros((most, len(own_groups)), np.bool_)
    for rows in rows_of(own_groups):
        found = combined([column[rows] for column in values], len(rows))
        for number in range(most):
            result[number, rows] = found == (number if number <= found.max() else 0)
    return result


def combined(columns: Sequence[Numbers], rows: int) -> Numbers:
    """A number for each combination of values, from 0 up."""
    found = np.zeros(rows, np.int64)
    for column in columns:
        _, inverse = np.unique(column, return_inverse=True)
        _, found = np.unique(found * (inverse.max(initial=0) + 1) + inverse, return_inverse=True)
    return found


def _held(values: Numbers, groups: Numbers) -> Numbers:
    """What each row's value holds, by how many of its group have it."""
    result = np.zeros(len(values), np.int64)
    for rows in rows_of(groups):
        _, inverse, counts = np.unique(values[rows], return_inverse=True, return_counts=True)
        sizes = np.flatnonzero(np.bincount(counts))
        known = np.zeros(sizes[-1] + 1, np.int64)
        known[sizes] = [figures.held(size, len(rows)) for size in sizes.tolist()]
        result[rows] = known[counts][inverse]
    return result


def _each(values: Numbers, groups: Numbers, what: Callable[[Numbers], int]) -> Numbers:
    """For each row what its group's values have in common."""
    result = np.zeros(len(values), np.int64)
    for rows in rows_of(groups):
        result[rows] = what(values[rows])
    return result


def rows_of(groups: Numbers) -> list[Numbers]:
    """The places of each group's rows."""
    order = np.argsort(groups, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(groups[order])) + 1) if len(order) else []


_OF_GROUPS: Mapping[str, Callable[[Numbers], int]] = {
    WIDTH: lambda values: figures.width(values.tolist()),
    DEVIATION: lambda values: figures.deviation(values.tolist()),
}
