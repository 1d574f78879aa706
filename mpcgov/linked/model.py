"""A linked regression's columns: what their owners deal, in which limbs and within which bounds. Public facts only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mpcgov.errors import SpecError
from mpcgov.linked import precision
from mpcgov.linked.facts import Linked
from mpcgov.linked.precision import Needs
from mpcgov.linked.qualified import Qualified

SUM_BITS = 57
"""Sums over all rows of products of two columns' limbs stay below 2^57 in magnitude."""
_SPARE_BITS = 2
"""At each place of a product of two columns up to four products of limbs are added up."""

SPARE_ROWS = 10
"""There must be so many more rows than coefficients."""


@dataclass(frozen=True)
class Term:
    """A column of the regression: a number, 1 for one value of a category (its `level`), or of nobody: 1 in all rows.

    `limbs`: in how many pieces it is dealt. `square`: what its squares can add up to.
    """

    name: str
    column: Qualified | None
    level: int | None
    limbs: int
    square: int


@dataclass(frozen=True)
class Limb:
    """One column that an owner deals: a limb of a number, or which rows have one value of a category."""

    column: str
    level: int | None
    radix_bits: int
    limb: int


@dataclass(frozen=True)
class Model:
    """The columns of X, the intercept first, and the outcome last."""

    terms: tuple[Term, ...]
    rows: int
    radix_bits: int

    @property
    def unknowns(self) -> int:
        """d: coefficients, the intercept included."""
        return len(self.terms) - 1

    @property
    def names(self) -> tuple[str, ...]:
        """The coefficients'."""
        return tuple(term.name for term in self.terms[:-1])

    @property
    def places(self) -> int:
        """How many places a sum of products of two columns has."""
        return 2 * max(term.limbs for term in self.terms) - 1

    @property
    def categories(self) -> tuple[tuple[int, ...], ...]:
        """Of each category the places of its columns; its first value has none."""
        found: dict[Qualified, list[int]] = {}
        for place, term in enumerate(self.terms):
            if term.column is not None and term.level is not None:
                found.setdefault(term.column, []).append(place)
        return tuple(map(tuple, found.values()))

    @property
    def squares(self) -> list[int]:
        """Bounds of the columns' sums of squares."""
        return [term.square for term in self.terms]

    def needs(self, subsets: int) -> Needs:
        """What its solution takes."""
        return precision.fit_needs(self.squares, subsets, self.places)

    def limbs(self, owner: str) -> list[Limb]:
        """What an owner deals, column by column, each from its lowest limb up."""
        return [limb for term in self.terms for limb in self._limbs(term, owner)]

    def place_of(self, owners: list[str]) -> list[list[int]]:
        """For each column its limbs' places where the owners' limbs stand in that order, after a first one of 1."""
        at, found = 1, {0: [0]}
        for owner in owners:
            for place, term in enumerate(self.terms):
                count = sum(1 for _ in self._limbs(term, owner))
                if count:
                    found[place] = list(range(at, at + count))
                    at += count
        return [found[place] for place in range(len(self.terms))]

    def _limbs(self, term: Term, owner: str) -> Iterator[Limb]:
        if term.column is not None and term.column.party == owner:
            for limb in range(term.limbs):
                yield Limb(term.column.column, term.level, self.radix_bits, limb)


def model(linked: Linked) -> Model:
    """The model that a job asks for."""
    outcome = linked.asked.outcome
    if outcome is None:
        raise SpecError("a regression without an outcome", code="job")
    rows = linked.most_rows(frozenset(linked.owners))
    columns = [column for column in (*linked.asked.predictors, outcome) if not linked.is_category(column)]
    largest = max(linked.number(column).largest for column in columns)
    fits = rows * largest**2 < 1 << SUM_BITS
    radix_bits = 0 if fits else (SUM_BITS - _SPARE_BITS - rows.bit_length()) // 2
    terms = [Term("(intercept)", None, None, 1, rows)]
    for column in linked.asked.predictors:
        if linked.is_category(column):
            values = list(enumerate(linked.values(column)))[1:]
            terms += [Term(f"{column}={value}", column, level, 1, rows) for level, value in values]
        else:
            terms.append(_number(linked, column, rows, radix_bits))
    return Model((*terms, _number(linked, outcome, rows, radix_bits)), rows, radix_bits)


def _number(linked: Linked, column: Qualified, rows: int, radix_bits: int) -> Term:
    number = linked.number(column)
    square = number.largest * min(number.total, rows * number.largest)
    limbs = max(1, -(-number.largest.bit_length() // radix_bits)) if radix_bits else 1
    return Term(str(column), column, None, limbs, max(1, square))
