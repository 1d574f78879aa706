"""A receiver's own numbers as they are linked: cut into classes of many rows, each of which has its class's mean.

Whoever owns a column knows it, and may have made it up. So what is made of it singles out whoever it sets apart, by a
number or by there being none. Where the values are those of classes, and each class has so many linked rows, whatever
is made of them follows from a table of the classes that shows no small cell. Classes are found by halving the rows at
the median of one column after the other, as long as halves are large enough: Mondrian (LeFevre, DeWitt, Ramakrishnan,
ICDE 2006); that each row gets its class's mean is microaggregation (Domingo-Ferrer, Mateo-Sanz, TKDE 2002).
docs/security/disclosure.md argues for it. This is the rule in plain code, as the protocols' references use it;
`taken.py` does the same with whole columns.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from mpcgov import figures

MOST = 16
"""Into so many classes a number is cut at most, of each of its owner's groups."""
MOST_JOINT = 32
"""Of all of a receiver's columns of a model there are so many at most."""
SHARE = 4
"""An owner's classes hold so many times as many rows as must be linked, for each of the others' cells, if they can."""

Row = Mapping[str, str]


def least_rows(min_count: int, times: int = 0) -> int:
    """How many linked rows each class must have. With 2·times, a column's spread is never less than half a step.

    `times`: how many times steps are wider than what one row moves; 0: there are no such steps.
    """
    return max(min_count, 2 * times)


def shares(cells: int) -> list[int]:
    """How many times as many rows as must be linked a class holds, from what is tried first to the least."""
    most = SHARE * cells
    return [most >> k for k in range(most.bit_length())]


def cut(rows: Sequence[Sequence[int]], least: int, most: int, cells: int = 1) -> list[list[int]]:
    """The places of each class's rows.

    Args:
        rows: of each row its numbers. most: so many classes at most. cells: how many cells of the others share them.
    """
    varied = {k for k, column in enumerate(zip(*rows, strict=True)) if len(set(column)) > 1}
    found = [list(range(len(rows)))]
    for share in shares(cells):
        seen: set[int] = set()
        found = _halved(list(range(len(rows))), rows, share * least, most, 0, seen)
        if seen >= varied:
            break
    return found


def _halved(
    places: list[int], rows: Sequence[Sequence[int]], least: int, most: int, depth: int, seen: set[int]
) -> list[list[int]]:
    """Cut at the most even threshold of the first column, from that of the depth on, of which both sides are enough."""
    width = len(rows[0]) if rows else 0
    for k in (column % width for column in range(depth, depth + width) if most > 1):
        counts = sorted(Counter(rows[place][k] for place in places).items())[:-1]
        upto = list(itertools.accumulate(count for _, count in counts))
        _, best = min(((abs(2 * count - len(places)), i) for i, count in enumerate(upto)), default=(0, -1))
        if best >= 0 and min(upto[best], len(places) - upto[best]) >= least:
            seen.add(k)
            below = [place for place in places if rows[place][k] <= counts[best][0]]
            above = [place for place in places if rows[place][k] > counts[best][0]]
            return [
                *_halved(below, rows, least, most // 2, depth + 1, seen),
                *_halved(above, rows, least, most // 2, depth + 1, seen),
            ]
    return [places]


def mean(total: int, rows: int) -> int:
    """A class's mean, as a whole number of steps, halves up."""
    return (2 * total + rows) // (2 * rows)


def in_classes(
    rows: Sequence[Row], numbers: Mapping[str, Mapping[str, Any]], by: Sequence[str], least: int, most: int,
    cells: int = 1,
) -> list[dict[str, str]]:  # fmt: skip
    """An owner's rows with their classes' means for its own numbers.

    Args:
        numbers: by name, how each is declared. by: the columns that span the owner's groups, each cut by itself.
    """
    result = [dict(row) for row in rows]
    groups: dict[tuple[str, ...], list[int]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(tuple(row[name] for name in by), []).append(place)
    for places in groups.values():
        values = [[figures.steps(rows[place][name], column) for name, column in numbers.items()] for place in places]
        for found in cut(values, least, most, cells):
            for k, (name, column) in enumerate(numbers.items()):
                step = mean(sum(values[i][k] for i in found), len(found))
                for i in found:
                    result[places[i]][name] = f"{Decimal(step).scaleb(-column.get('places', 0)):f}"
    return result


def of_enough(own: Collection[Row], linked: Sequence[Row], names: Sequence[str], by: Sequence[str], least: int) -> bool:
    """Whether each class of an owner's rows, in the groups that are linked, has so many linked rows."""

    def among(rows: Collection[Row], columns: Sequence[str]) -> Counter[tuple[str, ...]]:
        return Counter(tuple(row[name] for name in columns) for row in rows)

    groups, counts = set(among(linked, by)), among(linked, [*by, *names])
    return all(counts[own_class] >= least for own_class in among(own, [*by, *names]) if own_class[: len(by)] in groups)


def of_party(columns: Collection[str], party: str) -> list[str]:
    """The names of a party's columns, of `party.column`."""
    return [name for owner, _, name in (column.partition(".") for column in columns) if owner == party]


def in_cells(
    owners: Mapping[str, Sequence[Row]], columns: Collection[str], by: Mapping[str, int], domains: Mapping[str, Any],
    receivers: Collection[str], least: int,
) -> dict[str, list[dict[str, str]]]:  # fmt: skip
    """All owners' rows for statistics of cells; the columns are those of receivers in classes.

    Args:
        columns: that are summed up. by: how many values each column has that spans cells.
    """
    result = {}
    for party, rows in owners.items():
        own = of_party(columns, party) if party in receivers else []
        numbers = {name: domains[f"{party}.{name}"] for name in own}
        others = math.prod(count for column, count in by.items() if column.partition(".")[0] != party)
        result[party] = in_classes(rows, numbers, of_party(by, party), least, MOST, others)
    return result
