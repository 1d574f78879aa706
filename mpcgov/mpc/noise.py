"""One party's share of differential privacy's noise: exact integers from the operating system's randomness.

Any h = m − t shares together have the whole law that a job asks for; the others can take theirs away, and nothing else.

*Discrete Laplace*, P(z) ∝ exp(−rate·|z|): a share is the difference of two Pólya variables NB(1/h, α), α = exp(−rate).
The sum of h of them is NB(1, α), geometric, and the difference of two geometric ones is discrete Laplace (Goryczka and
Xiong, IEEE TDSC 2017; Ghosh, Roughgarden and Sundararajan, STOC 2009). *Discrete Gaussian*: a share is N_Z(0, σ²/h),
and the sum of h is close to N_Z(0, σ²) (Kairouz, Liu and Steinke, ICML 2021).

Variables are drawn by inversion: 128 random bits are looked up in a table of cumulative probabilities in 2^-128, worked
out with integers of 320 bits. So a draw takes the same random words, whatever comes out, and no rejection tells by its
time. Tables are cut where 2^-132 is left; a draw is within 2^-100 of its law.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mpcgov.laws import Law, LengthLaw
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.stream import Stream, private_key

_BITS = 320
_TABLE_BITS = 128
_WORD = (1 << 64) - 1
_DECIMALS = Context(prec=120)


class Table:
    """A law over first, first + 1, …: cumulative probabilities in 2^-128, the last one left out."""

    def __init__(self, weights: Sequence[int], first: int) -> None:
        total, so_far, cumulative = sum(weights), 0, []
        for weight in weights[:-1]:
            so_far += weight
            cumulative.append((so_far << _TABLE_BITS) // total)
        self._first = first
        self._high = np.array([value >> 64 for value in cumulative], np.uint64)
        self._low = np.array([value & _WORD for value in cumulative], np.uint64)

    def __len__(self) -> int:
        return len(self._high) + 1

    def draw(self, stream: Stream, count: int) -> NDArray[np.int64]:
        """Independent draws: of each, how many cumulative probabilities are at most a uniform number of 128 bits."""
        high, low = stream.words(count), stream.words(count)
        return self.at(high, low)

    def at(self, high: Words, low: Words) -> NDArray[np.int64]:
        """The values at uniform numbers high · 2^64 + low."""
        index = np.searchsorted(self._high, high, "left")
        end = np.searchsorted(self._high, high, "right")
        for place in np.flatnonzero(index != end):  # the upper words are equal: about one draw in 2^64/len(self)
            index[place] += np.searchsorted(self._low[index[place] : end[place]], low[place], "right")
        return index + self._first


def share(law: Law, honest: int, count: int) -> NDArray[np.int64]:
    """A party's fresh share of the noise of `count` cells, if any `honest` parties must suffice."""
    stream = Stream(private_key())
    if law.pure:
        table = polya(law.rate, honest, law.most_steps())
        steps = table.draw(stream, count) - table.draw(stream, count)
    else:
        steps = gaussian(law.share_variance(honest), law.most_steps(honest)).draw(stream, count)
    rest = (stream.words(count) & np.uint64(law.step - 1)).astype(np.int64)
    return steps * law.step + rest - law.step // 2


def more_rows(law: LengthLaw) -> int:
    """How many rows a list is said to have more than it has, drawn afresh: from 0 to twice the law's shift."""
    return law.shift + int(laplace(law.rate, law.shift).draw(Stream(private_key()), 1)[0])


@cache
def laplace(rate: Fraction, most: int) -> Table:
    """Discrete Laplace on −most … most: weights exp(−rate·|z|)."""
    ratio, weight, half = _exp(-rate), 1 << _BITS, []
    for _ in range(most):
        weight = weight * ratio >> _BITS
        half.append(weight)
    return Table([*reversed(half), 1 << _BITS, *half], -most)


@cache
def polya(rate: Fraction, honest: int, most: int) -> Table:
    """NB(1/h, exp(−rate)) on 0 … most: weights Γ(g + 1/h) / (Γ(1/h) g!) · exp(−rate·g)."""
    alpha = _exp(-rate)
    weight, weights = 1 << _BITS, []
    for g in range(most + 1):
        weights.append(weight)
        weight = weight * alpha * (g * honest + 1) // ((g + 1) * honest) >> _BITS
    return Table(weights, 0)


@cache
def gaussian(variance: Fraction, most: int) -> Table:
    """N_Z(0, variance) on −most … most: weights exp(−z²/2·variance)."""
    ratio, square = _exp(-1 / (2 * variance)), _exp(-1 / variance)
    weight, half = 1 << _BITS, []
    for _ in range(most):
        weight = weight * ratio >> _BITS
        ratio = ratio * square >> _BITS
        half.append(weight)
    return Table([*reversed(half), 1 << _BITS, *half], -most)


def _exp(power: Fraction) -> int:
    """exp(power) in 2^-320, for power < 0: `decimal` rounds it correctly to 120 digits."""
    exponent = _DECIMALS.divide(Decimal(power.numerator), Decimal(power.denominator))
    whole = _DECIMALS.multiply(_DECIMALS.exp(exponent), Decimal(1 << _BITS))
    return int(whole)
