"""A linked regression's columns: what their owners deal, in which limbs and within which bounds. Public facts only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mpcgov import precision
from mpcgov.errors import SpecError
from mpcgov.linked.classes import MOST_JOINT
from mpcgov.linked.facts import Linked
from mpcgov.linked.qualified import Qualified
from mpcgov.linked.taken import classed
from mpcgov.precision import Needs

SUM_BITS = 57
"""Sums over all rows of products of two columns' limbs stay below 2^57 in magnitude."""
_SPARE_BITS = 2
"""At each place of a product of two columns up to four products of limbs are added up."""

_EVEN_BATCHES = 24
"""Batches of rows for each column, the outcome included, where that isn't too many: then each has about a 24th of a
coefficient."""
_FEWEST_BATCHES = 100
"""With few columns there are so many: few rows are in each, then, if there are few."""
_SHARES = ((2, 12), (1, 4))
"""A batch may have up to a quarter of a coefficient if there are 12 batches for each column, as they aren't even; in
models too large for that up to half, with 4."""
_OF_OPENINGS = 7, 8
"""So much of all masked openings of a job may be for batches."""


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

    @property
    def is_number(self) -> bool:
        """Whether its column has numbers."""
        return self.column is not None and self.level is None


@dataclass(frozen=True)
class Limb:
    """One column that an owner deals: a limb of a number, or which rows have one value of a category, or are on one
    side of a division of the number."""

    column: str
    level: int | None
    radix_bits: int
    limb: int
    side: bool = False


@dataclass(frozen=True)
class Model:
    """The columns of X, the intercept first, and the outcome last.

    `judged`: by receiver, its columns whose classes must have enough rows, if more than one category.
    """

    terms: tuple[Term, ...]
    rows: int
    radix_bits: int
    judged: Mapping[str, tuple[str, ...]]

    @property
    def unknowns(self) -> int:
        """d: coefficients, the intercept included."""
        return len(self.terms) - 1

    @property
    def names(self) -> tuple[str, ...]:
        """The coefficients'."""
        return tuple(term.name for term in self.terms[:-1])

    @property
    def numbers(self) -> int:
        """How many numbers are released of every column: coefficients, their standard errors, and r2."""
        return 2 * self.unknowns + 1

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

    def batches(self, subsets: int) -> int:
        """Into how many batches the rows are divided, none of which may have too large a share of a coefficient; with
        so many subsets of m − t parties."""
        words = self.places * precision.entries(self.unknowns)
        wanted = max(_EVEN_BATCHES * (self.unknowns + 1), _FEWEST_BATCHES)
        openings = 1 << (((1 << precision.MAX_OPENINGS_BITS) - 1) // subsets).bit_length() - 1
        part, whole = _OF_OPENINGS
        return max(1, min(wanted, openings * part // (whole * subsets * words)))

    def share_bits(self, subsets: int) -> int:
        """b, if no person has 2^-b or more of a coefficient.

        Raises:
            SpecError: there can't be batches enough for any.
        """
        for bits, least in _SHARES:
            if self.batches(subsets) >= least * (self.unknowns + 1):
                return bits
        raise SpecError("its coefficients are too many to look at every person's share of them")

    def needs(self, subsets: int) -> Needs:
        """What its solution takes."""
        return precision.fit_needs(self.squares, subsets, self.places, self.batches(subsets))

    def limbs(self, owner: str) -> list[Limb]:
        """What an owner deals, column by column, each from its lowest limb up, and last its number's division."""
        return [limb for term in self.terms for limb in self._limbs(term, owner)]

    def classes(self, owner: str) -> int:
        """How many columns it deals after these that say which rows are in each class of its own."""
        return MOST_JOINT if owner in self.judged else 0

    def place_of(self, owners: list[str]) -> list[list[int]]:
        """For each column its limbs' places where the owners' limbs stand in that order, after a first one of 1."""
        return [places[: term.limbs] for places, term in zip(self._places(owners), self.terms, strict=True)]

    def divisions(self, owners: list[str]) -> list[int]:
        """The places of the divisions of the columns of numbers."""
        return [places[-1] for places, term in zip(self._places(owners), self.terms, strict=True) if term.is_number]

    def _places(self, owners: list[str]) -> list[list[int]]:
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
            if term.is_number:
                yield Limb(term.column.column, None, 0, 0, side=True)


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
    return Model((*terms, _number(linked, outcome, rows, radix_bits)), rows, radix_bits, dict(_judged(linked)))


def _judged(linked: Linked) -> Iterator[tuple[str, tuple[str, ...]]]:
    for owner in linked.owners:
        own = classed(linked, owner)
        if own is not None and (own.numbers or len(own.by) > 1):
            yield owner, (*own.by, *own.numbers)


def _number(linked: Linked, column: Qualified, rows: int, radix_bits: int) -> Term:
    number = linked.number(column)
    square = number.largest * min(number.total, rows * number.largest)
    limbs = max(1, -(-number.largest.bit_length() // radix_bits)) if radix_bits else 1
    return Term(str(column), column, None, limbs, max(1, square))
