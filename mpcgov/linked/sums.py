"""The sums that a linked job is made of, and how they are computed with words of 61 bits.

A sum may need more bits than a word has. Then each owner splits its factor into limbs of `radix_bits`, sums of products
of limbs stay below 2^57, and before anything is opened carries are taken up, so that what is opened are the digits of
the whole sum and nothing of how it came about. A multiple of 2^57 at each place makes signed sums positive.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod

from mpcgov.linked.facts import Linked
from mpcgov.linked.qualified import Qualified

SAFE_BITS = 57
"""Sums of products of limbs stay below 2^57 in magnitude, so that lifted, and with carries, they fit 59 bits."""

_SPARE_BITS = 5
"""No place of a product is the sum of more than 32 products of limbs."""


@dataclass(frozen=True)
class Sum:
    """Σ, over a cell's rows in which all of `owners` have a match, of a product of columns; of none: their number.

    `low`, `high`: what it can be. `limbs`: by owner of a column, into how many its factor is split.
    """

    columns: tuple[Qualified, ...]
    owners: frozenset[str]
    low: int
    high: int
    radix_bits: int
    limbs: tuple[tuple[str, int], ...]

    @cached_property
    def factors(self) -> dict[str, tuple[str, ...]]:
        """By owner, its columns that are multiplied, sorted; the owner can do that in the clear."""
        parties = sorted({column.party for column in self.columns})
        return {party: tuple(sorted(c.column for c in self.columns if c.party == party)) for party in parties}

    @property
    def places(self) -> int:
        """How many digits it has."""
        return sum(count for _, count in self.limbs) - len(self.limbs) + 1

    @property
    def largest(self) -> int:
        """The largest magnitude that it can have."""
        return max(-self.low, self.high)

    @property
    def lift(self) -> int:
        """What is added to the sum at each place, so that no place is negative; 0 if it is one signed number."""
        return 1 << SAFE_BITS if self.places > 1 else 0

    @property
    def offset(self) -> int:
        """By how much the number that is opened is greater than the sum."""
        return sum(self.lift << (place * self.radix_bits) for place in range(self.places))


def sum_of(linked: Linked, columns: tuple[Qualified, ...], needed: frozenset[str]) -> Sum:
    """The sum over the rows in which all of `needed` have a match."""
    rows = linked.most_rows(needed)
    low, high = _bounds(linked, columns, rows)
    parties = sorted({column.party for column in columns})
    if max(-low, high).bit_length() <= SAFE_BITS:
        return Sum(columns, needed, low, high, 0, tuple((party, 1) for party in parties))
    radix_bits = (SAFE_BITS - _SPARE_BITS - rows.bit_length()) // len(parties)
    largest = {party: prod(linked.number(c).largest for c in columns if c.party == party) for party in parties}
    limbs = tuple((party, max(1, -(-largest[party].bit_length() // radix_bits))) for party in parties)
    return Sum(columns, needed, low, high, radix_bits, limbs)


def place_bounds(linked: Linked, one: Sum, rows: int) -> tuple[int, int]:
    """What each place of a sum over so many rows can be."""
    if one.places > 1:
        return -(rows << one.radix_bits), rows << one.radix_bits
    return _bounds(linked, one.columns, rows)


def _bounds(linked: Linked, columns: tuple[Qualified, ...], rows: int) -> tuple[int, int]:
    """At most one column's total times the others' largest; not negative if no odd power can be."""
    numbers = [linked.number(column) for column in columns]
    bound = rows * prod(number.largest for number in numbers)
    for i, number in enumerate(numbers):
        bound = min(bound, number.total * prod(other.largest for j, other in enumerate(numbers) if j != i))
    odd = [column for column in set(columns) if columns.count(column) % 2]
    signed = any(linked.number(column).low < 0 for column in odd)
    return (-bound if signed else 0), bound


@dataclass(frozen=True)
class Item:
    """A measure or a pair of measures in one cell: by short name the sums that what is opened of it is made of.

    `n`: the number of rows that they run over. If `own_gate`, more than the cell's count decides about them, and `n`
    says so.
    """

    name: str
    columns: tuple[Qualified, ...]
    sums: Mapping[str, Sum]
    n: Sum
    own_gate: bool

    @property
    def summed(self) -> frozenset[Qualified]:
        """The columns that are summed, weight included."""
        return frozenset(column for one in self.sums.values() for column in one.columns)


def count(linked: Linked) -> Sum:
    """The number of a cell's rows."""
    return sum_of(linked, (), linked.needed())


def measures(linked: Linked) -> list[Item]:
    """Of each measure Σx and Σx²; with a weight w Σwx, Σwx² and Σw."""
    return [_item(linked, str(column), (column,)) for column in linked.asked.measures]


def pairs(linked: Linked) -> list[Item]:
    """Of each pair also n and Σxy, so that it says by itself what its correlation is."""
    return [_item(linked, f"{pair[0]},{pair[1]}", pair) for pair in linked.asked.pairs]


def _item(linked: Linked, name: str, columns: tuple[Qualified, ...]) -> Item:
    weight = () if linked.asked.weight is None else (linked.asked.weight,)
    needed = linked.needed(*columns, *weight)
    products = {"w": weight} if weight else {}
    products |= {letter: (*weight, column) for letter, column in zip("xy", columns, strict=False)}
    if linked.job.disclosure.dominance is None:  # a sum of squares tells the greatest far better than a sum does
        products |= {2 * letter: (*weight, column, column) for letter, column in zip("xy", columns, strict=False)}
    if len(columns) == 2:
        products["xy"] = (*weight, *columns)
    sums = {short: sum_of(linked, factors, needed) for short, factors in products.items()}
    own_gate = needed != linked.needed() or linked.job.disclosure.noise is None
    return Item(name, columns, sums, sum_of(linked, (), needed), own_gate)


def rivals(linked: Linked, item: Item) -> list[Item]:
    """Items over other rows with which an item tells of the rows that only some of them have.

    They sum a column of its own too; or the rows of one of the two are among the other's, so that the difference of
    their numbers is known. In a cell, the owners of its groups match in all rows: which rows are among which is judged
    as if they did in every item. An unweighted measure has no rivals among pairs: these give way to it.
    """
    grouped = frozenset(column.party for column in linked.asked.groups)
    own = item.n.owners | grouped
    return [
        other
        for other in (*measures(linked), *pairs(linked))
        if (item.summed & other.summed or own <= other.n.owners | grouped or own >= other.n.owners | grouped)
        and item.n.owners != other.n.owners
        and not (len(item.summed) == 1 and "xy" in other.sums)
    ]


def row_sets(linked: Linked, item: Item) -> list[frozenset[str]]:
    """The sets of owners whose common matches must be counted to know how an item and its rivals divide the rows."""
    every = frozenset().union(*(one.n.owners for one in (item, *rivals(linked, item)))) - linked.needed()
    sizes = range(len(every) + 1)
    return [linked.needed() | set(some) for size in sizes for some in itertools.combinations(sorted(every), size)]


def top_names(measure: str) -> tuple[str, str]:
    """The names of the greatest and the second greatest value of a measure."""
    return f":greatest {measure}", f":second {measure}"


def rows_name(owners: frozenset[str]) -> str:
    """The name of the number of rows in which all of some owners have a match."""
    return f":{'+'.join(sorted(owners))}"
