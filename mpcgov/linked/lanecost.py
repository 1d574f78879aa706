"""What it takes three parties to round numbers in lanes (`mpc.word.wholes`): by public facts alone, step by step."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from mpcgov.linked.traffic import WORD

BATCH_LIMBS = 1 << 12
SIDE_BY_SIDE = 2
"""Batches under way at once."""
FEW = 1 << 11
LANES = 64
DIGIT, MOST = 3, 3
ARITIES = (2, 3, 4)

ROUNDS = 6
"""To find whether words wrap, hide numbers, make digits of them and borrows, pick bits, and bring them to the field."""

CHAIN = {2: 2, 3: 7, 4: 18}
LOWEST = {1: 0, 2: 1, 3: 4, 4: 11}
"""Bits that party 3 deals for gates of so many neighbours, and of the lowest ones."""


@dataclass(frozen=True)
class Batch:
    """Numbers that are rounded together to `kept` bits: `limbs` of all sums that they are made of, `products` of the
    numbers, sums that are floors, and the bits of the longest."""

    limbs: int
    products: int
    numbers: int
    floors: int
    length: int
    kept: int

    def cost(self, count: int) -> tuple[int, int]:
        """Rounds, and bytes of party 3, which sends the most, for so many elements of each number."""
        size = max(1, BATCH_LIMBS // self.limbs)
        batches = -(-count // size)
        arities, span_rounds = self._arities(min(count, size))
        found = levels(self._digits - 1)
        rounds = ROUNDS + bool(self.products) + len(found) + span_rounds

        def lanes(numbers: int) -> int:
            return -(-numbers * count // LANES)

        words = self.length * (lanes(self.limbs) + lanes(self.products))
        words += lanes(self.numbers + self.floors) * self._difference(found)
        words += lanes(self.numbers) * (self._spans(*arities) + self.kept + 3)
        elements = self.numbers * count * (self.kept + 5 + self._above.bit_length())
        return rounds * -(-batches // SIDE_BY_SIDE), WORD * (words + elements)

    @property
    def _digits(self) -> int:
        return -(-self.length // DIGIT)

    @property
    def _above(self) -> int:
        return self.length - 1 - self.kept

    def _difference(self, found: Sequence[int]) -> int:
        """Bits dealt for the digits, the levels, and the borrows."""
        digits = self._digits
        dealt = self.length + sum(-(-(self.length - bits) // DIGIT) * ((1 << bits) - 1) for bits in range(1, DIGIT))
        dealt, span, blocks = dealt + (digits - 1) * ((1 << DIGIT) - 1), 1, digits - 1
        for arity in found:
            for many in range(2, arity + 1):
                dealt += _between(span * (many - 1), span * many, blocks) * LOWEST[many]
            span *= arity
            dealt += max(0, blocks - span) * CHAIN[arity]
        for bit in range(DIGIT):
            for many in range(MOST + 1):
                start, stop = (0, 1) if many == 0 else (1 + span * (many - 1), 1 + span * many)
                here = _between(start, stop, -(-(self.length - bit) // DIGIT))
                dealt += here * (LOWEST[many + (bit > 0)] if many + bit else 0)
        return dealt

    def _arities(self, count: int) -> tuple[tuple[int, int], int]:
        """How many bits meet in gates that find where a number begins and which bits run, and the rounds of both."""
        widest = 5 if count * self.numbers <= FEW else 4
        parts = 1 + bool(self.floors)
        rounds = max(depth(self._above, parts, widest), depth(self.kept + 1, 1, widest))
        above = next(arity for arity in range(2, 6) if depth(self._above, parts, arity) <= rounds)
        return (above, next(arity for arity in range(2, 6) if depth(self.kept + 1, 1, arity) <= rounds)), rounds

    def _spans(self, above: int, runs: int) -> int:
        dealt, span, parts, width, left = 0, 1, 1 + bool(self.floors), 1, self.length - 1
        while parts > 1 or span < self._above:
            taken = max(1, above // parts)
            for many in range(1, taken + 1):
                stop = span * many if many < taken else self._above
                dealt += _between(span * (many - 1), stop, self._above) * _every(many * parts)
            span, parts = span * taken, 1
        while width < self.kept + 1:
            reach = min(self.kept + 1, width * runs)
            left -= reach - width
            dealt, width = dealt + left * _every(-(-reach // width)), reach
        return dealt


def depth(rows: int, parts: int, arity: int) -> int:
    """How many levels of gates reach all rows."""
    span, found = 1, 0
    while parts > 1 or span < rows:
        span, parts, found = span * max(1, arity // parts), 1, found + 1
    return found


def levels(blocks: int) -> Sequence[int]:
    """How many neighbours are taken together, level by level, until three blocks are as many as there are."""
    deep = 0
    while MOST * max(ARITIES) ** deep < blocks:
        deep += 1
    return min((fit for fit in itertools.product(ARITIES, repeat=deep) if MOST * prod(fit) >= blocks), key=sum)


def _every(bits: int) -> int:
    return (1 << bits) - bits - 1


def _between(start: int, stop: int, most: int) -> int:
    return max(0, min(stop, most) - start)
