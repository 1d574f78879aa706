"""The counts by which it is proved that sums aren't about few rows: of which divisions' parts, and over which rows.

Of columns x, y … what is opened is about few rows if there are values a, b … so that fewer than min_count rows have
x ≠ a and y ≠ b …: nothing else goes into Σ(x − a)(y − b) …, which follows from what is opened. If the rows outside of
part p of x's division, and outside of part q of y's, are at least min_count for all parts p, q …, there are no such
values, as each is in some part. A row with the weight 0 goes into nothing, and counts as none.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from math import prod

from mpcgov.linked.classes import MOST
from mpcgov.linked.divisions import CLASS, PARTS, named
from mpcgov.linked.facts import Linked
from mpcgov.linked.qualified import Qualified

Columns = tuple[Qualified, ...]
Outside = list[tuple[int, Columns]]
"""A number of rows, as sums of products of such columns with their signs; of none: all rows."""


def of_columns(linked: Linked, columns: Columns) -> list[list[Outside]]:
    """By division, the numbers of rows outside of each choice of parts of a measure or a pair."""
    weight = linked.asked.weight
    return _outside(linked, columns, () if weight is None else (_part(weight, "some"),))


def of_weight(linked: Linked) -> list[list[Outside]]:
    """The same of the weight; empty without one."""
    weight = linked.asked.weight
    return [] if weight is None else _outside(linked, (weight,), ())


def held(linked: Linked, columns: Columns) -> list[Outside]:
    """What each column's values hold in the rows that are looked at; those of weight 0 are none."""
    weight = linked.asked.weight
    base = () if weight is None or weight in columns else (_part(weight, "some"),)
    return [[(1, (*base, _part(column, "held")))] for column in columns]


def classes(linked: Linked, columns: Columns) -> list[Outside]:
    """The rows of each class of a receiver's columns."""
    own = [column for column in columns if linked.of_receiver(column)]
    return [[(1, (_part(column, f"{CLASS}{number}"),))] for column in own for number in range(MOST)]


def counted(linked: Linked, columns: Columns) -> Iterator[Columns]:
    """The products of columns that it takes to know them."""
    weight = () if linked.asked.weight is None else (linked.asked.weight,)
    divisions = [
        *of_columns(linked, columns), *of_weight(linked),
        held(linked, columns), held(linked, weight), classes(linked, columns),
    ]  # fmt: skip
    for outside in itertools.chain(*divisions):
        yield from (product for _, product in outside)


def name(product: Columns, owners: frozenset[str]) -> str:
    """The name of the sum of such a product, over the rows in which all of some owners have a match."""
    return f":{' '.join(map(str, product))} {'+'.join(sorted(owners))}"


def _outside(linked: Linked, columns: Columns, base: Columns) -> list[list[Outside]]:
    found = []
    for division in range(linked.divisions):
        terms = [[_terms(column, division, part) for part in range(PARTS)] for column in columns]
        found.append([_product(choice, base) for choice in itertools.product(*terms)])
    return found


def _product(factors: tuple[Outside, ...], base: Columns) -> Outside:
    return [
        (prod(sign for sign, _ in chosen), (*base, *(column for _, columns in chosen for column in columns)))
        for chosen in itertools.product(*factors)
    ]


def _terms(column: Qualified, division: int, part: int) -> Outside:
    """1 in the rows outside of a part, of columns for all parts but the middle one."""
    ends = [(_part(column, str(PARTS * division + end)),) for end in (0, PARTS - 1)]
    return [(1, end) for end in ends] if part == 1 else [(1, ()), (-1, ends[part // 2])]


def _part(column: Qualified, part: str) -> Qualified:
    return Qualified(column.party, named(part, column.column))
