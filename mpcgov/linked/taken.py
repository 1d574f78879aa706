"""An owner's values as a job adds them up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpcgov.linked import classes, released
from mpcgov.linked.divisions import combined, rows_of
from mpcgov.linked.facts import Linked

Numbers = NDArray[np.int64]

_HALF_BITS = 30
"""Values below 2^60 are added up in two pieces, so that sums over a data set fit a word."""


@dataclass(frozen=True)
class Classed:
    """A receiver's columns that are cut together: numbers, in the groups that its categories span, into so many classes
    of each; `least`: how many linked rows each must have. `cells`: how many of the others' cells share them."""

    numbers: tuple[str, ...]
    by: tuple[str, ...]
    least: int
    most: int
    cells: int


def taken(linked: Linked, party: str, columns: Mapping[str, Numbers]) -> dict[str, Numbers]:
    """With noise, measures are clamped and counted from the middle of their range; a receiver's numbers are those of
    their classes; otherwise all is as it was.

    `party`: whose columns they are, as they are qualified.
    """
    result = dict(columns)
    for column in () if linked.job.disclosure.noise is None else linked.asked.measures:
        if column.party == party:
            number = linked.number(column)
            clamped = np.clip(columns[column.column], number.low + number.middle, number.high + number.middle)
            result[column.column] = clamped - number.middle
    own = classed(linked, party)
    return result if own is None else result | _means(own, result)


def classed(linked: Linked, party: str) -> Classed | None:
    """Which of a party's columns are cut into classes; None if it doesn't receive exact numbers made of its own."""
    asked, rules = linked.asked, linked.job.disclosure
    if party not in linked.job.receiving_owners or rules.noise is not None:
        return None
    if asked.outcome is not None:
        own = [column for column in (*asked.predictors, asked.outcome) if column.party == party]
        by = tuple(column.column for column in own if linked.is_category(column))
        numbers = tuple(column.column for column in own if not linked.is_category(column))
        combined = int(np.prod([len(linked.levels(column)) for column in own if linked.is_category(column)], dtype=int))
        most = classes.MOST_JOINT // combined
        return Classed(numbers, by, classes.least_rows(rules.min_count), most, 1)
    numbers = tuple(column.column for column in asked.numbers if column.party == party)
    by = tuple(column.column for column in asked.groups if column.party == party)
    others = [len(linked.values(column)) for column in asked.groups if column.party != party]
    least, cells = released.class_rows(linked), int(np.prod(others, dtype=int))
    return Classed(numbers, by, least, classes.MOST, cells) if numbers else None


def groups(linked: Linked, party: str, columns: Mapping[str, Numbers], rows: int) -> Numbers:
    """The joint group of each of a party's rows: row-major over those columns that span cells and are its own."""
    place = np.zeros(rows, np.int64)
    for column in linked.asked.groups:
        if column.party == party:
            place = place * len(linked.levels(column)) + columns[column.column]
    return place


def _means(own: Classed, columns: Mapping[str, Numbers]) -> dict[str, Numbers]:
    """The classes' means of an owner's numbers."""
    values = np.array([columns[name] for name in own.numbers], np.int64)
    result = values.copy()
    for rows in rows_of(combined([columns[name] for name in own.by], values.shape[-1])) if own.numbers else []:
        for found in _cut(values[:, rows], own):
            own_rows = rows[found]
            result[:, own_rows] = [[classes.mean(_sum(column[own_rows]), len(own_rows))] for column in values]
    return dict(zip(own.numbers, result, strict=True))


def _cut(values: Numbers, own: Classed) -> list[Numbers]:
    """`classes.cut`: the places of each class's rows."""
    every = np.arange(values.shape[1])
    varied = {k for k, column in enumerate(values) if len(column) and column.min() < column.max()}
    found = [every]
    for share in classes.shares(own.cells):
        seen: set[int] = set()
        found = _halved(every, values, share * own.least, own.most, 0, seen)
        if seen >= varied:
            break
    return found


def _halved(places: Numbers, values: Numbers, least: int, most: int, depth: int, seen: set[int]) -> list[Numbers]:
    for k in (column % len(values) for column in range(depth, depth + len(values)) if most > 1):
        column = values[k, places]
        distinct, counts = np.unique(column, return_counts=True)
        upto = np.cumsum(counts)[:-1]
        if len(upto):
            best = int(np.abs(2 * upto - len(places)).argmin())
            if min(upto[best], len(places) - upto[best]) >= least:
                seen.add(k)
                below = column <= distinct[best]
                return [
                    half
                    for side in (places[below], places[~below])
                    for half in _halved(side, values, least, most // 2, depth + 1, seen)
                ]
    return [places]


def _sum(values: Numbers) -> int:
    low = values & ((1 << _HALF_BITS) - 1)
    return (int((values >> _HALF_BITS).sum()) << _HALF_BITS) + int(low.sum())
