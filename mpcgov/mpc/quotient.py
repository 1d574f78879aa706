"""Quotients of large secret integers as floating-point numbers of 24 bits: division that opens nothing but masks.

1. *Magnitude*, in two steps, without the bits of anything. One masked opening gives ⌊v/2^(B·j)⌋ for all j as words,
   each off by a carry. The highest j at which it is beyond the carry is the leading part; below it the words have
   wrapped round and mean nothing, which a running product hides. Then v · 2^(B·(top − j)) has its leading bit among the
   first B or so, where comparisons with each power of two find it.
2. *Normalised* v · 2^shift is truncated to w bits: f in ½ … 1.
3. *Division* (Goldschmidt, as in Catrina and Saxena, FC 2010): with x₀ = (45 − 30f)/16 and e = 1 − f·x₀, |e| ≤ 1/15,
   q = g·x₀·(1 + e)(1 + e²)(1 + e⁴) is g/f within e⁸ < 2^-31. The field has room for that, without truncation.
4. *Rounding*: q to 24 significant bits, by comparison with ½, 1 and 2 and `rounding` to multiples of 256.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpcgov.errors import SpecError
from mpcgov.mpc import rounding
from mpcgov.mpc.codec import Elements
from mpcgov.mpc.config import SessionConfig, ceil_log2
from mpcgov.mpc.crossing import Crossing
from mpcgov.mpc.word import field
from mpcgov.mpc.word.field import Words

PART_BITS = 24
"""B: bits between the places at which a magnitude is looked for first."""
SIGNIFICANT_BITS = 24
FRACTION_BITS = 30
"""Quotients have units of 2^-30 before they are rounded."""
UNIT = 1 << (FRACTION_BITS - SIGNIFICANT_BITS + 2)


@dataclass(frozen=True)
class Plan:
    """Public sizes for numerators and a denominator of at most `bits` bits.

    `guard` low zeros keep carries away from the smallest values; `carry` is the length of twice the greatest carry.
    """

    bits: int
    guard: int
    carry: int

    @classmethod
    def of(cls, bits: int, subsets: int) -> Plan:
        """For a job with so many subsets of m − t parties."""
        return cls(bits, 11 + ceil_log2(subsets + 1), ceil_log2(2 * subsets + 1))

    @property
    def parts(self) -> int:
        """J: places at which a magnitude is looked for first."""
        return max(2, -(-(self.bits + self.guard) // PART_BITS))

    @property
    def steps(self) -> int:
        """Powers of two that the second search compares with."""
        return PART_BITS + self.carry

    @property
    def normal_bits(self) -> int:
        """Length of a normalised integer."""
        return PART_BITS * self.parts + self.carry

    @property
    def working_bits(self) -> int:
        """w: length of a normalised and truncated integer."""
        return 31 + self.carry

    @property
    def value_bits(self) -> int:
        """What the session's `value_bits` must be at least."""
        return max(self.normal_bits, 16 * self.working_bits + 34) + 1

    def masked_openings(self, quotients: int) -> int:
        """Masked openings of a call, an upper bound."""
        return (quotients + 1) * (4 + self.parts + self.steps) + 5 * quotients

    def check(self, config: SessionConfig) -> None:
        """Raise SpecError unless the session is wide enough."""
        if config.value_bits < self.value_bits:
            raise SpecError(f"quotients of {self.bits} bits need a job of {self.value_bits} bits")


@dataclass(frozen=True)
class Floats:
    """Wide shares: quotients as significand · 2^exponent, and whether each isn't 0 (then both are 0)."""

    significands: Elements
    exponents: Elements
    nonzero: Elements


async def divide(crossing: Crossing, numerators: Elements, denominator: Elements, plan: Plan) -> Floats:
    """numerators / denominator, relatively within 2^-24 + (C(m,t) + 1)·2^-29; shapes (n,) and (1,), denominator > 0.

    Significands are 0, or 2^23 ≤ |s| ≤ 2^24. Whatever the integers, the same messages: about 45 rounds.
    """
    values = np.concatenate([denominator, numerators])
    normal, exponents, nonzero = await _normalise(crossing, values, plan)
    masked = await crossing.mask(normal, plan.normal_bits + 1)
    top = masked.shifted(plan.normal_bits - plan.working_bits)
    words, wide = await _quotients(crossing, top[0], top[1:], plan)
    significands, levels = await _round(crossing, words, wide)
    exponents = exponents[0] - exponents[1:] + levels - (SIGNIFICANT_BITS + 1)
    exponents = await crossing.reduce(exponents * nonzero[1:])
    return Floats(significands, exponents, nonzero[1:])


async def _normalise(crossing: Crossing, values: Elements, plan: Plan) -> tuple[Elements, Elements, Elements]:
    """v · 2^x with |v| · 2^x in 2^(normal_bits − 1) … 2^normal_bits, or a little beyond; x; and whether v isn't 0."""
    shifted, first = await _leading_part(crossing, (values << plan.guard) % crossing.modulus, plan)
    places = PART_BITS * (plan.parts - 1) - plan.guard
    words = (await crossing.mask(shifted, plan.normal_bits)).shifted_words(places)
    thresholds = np.array([1 << (plan.guard + i - (i == 0)) for i in range(plan.steps)], dtype=np.uint64)
    both = await crossing.at_least(np.repeat(words[:, None], plan.steps, axis=1), thresholds)
    reached = await crossing.lift(field.add(both[0], both[1]))
    nonzero, above, last = reached[:, 0], reached[:, 1:], plan.steps - 1
    factor = (nonzero << last) - sum(above[:, i] << (last - 1 - i) for i in range(last))
    normal = await crossing.reduce(shifted * (factor % crossing.modulus))
    return normal, first + nonzero * last - above.sum(axis=1), nonzero


async def _leading_part(crossing: Crossing, values: Elements, plan: Plan) -> tuple[Elements, Elements]:
    """v · 2^x and x, a multiple of PART_BITS, so that the leading bit is at PART_BITS · (parts − 1) or above."""
    masked = await crossing.mask(values, plan.bits + plan.guard)
    words = np.stack([masked.shifted_words(PART_BITS * j) for j in range(plan.parts)], axis=1)
    carries = np.full(plan.parts, crossing.runtime.config.subsets + 1, dtype=np.uint64)
    both = await crossing.at_least(words, carries)
    below = field.subtract(np.ones_like(both), both)
    none = await _running_product(crossing, await crossing.multiply(below[0], below[1]))
    above = np.concatenate([none[:, 1:], np.ones((len(none), 1), dtype=np.uint64)], axis=1)
    leading = await crossing.lift(field.subtract(above, none))
    shifts = [PART_BITS * (plan.parts - 1 - j) for j in range(plan.parts)]
    factor = sum(leading[:, j] << shift for j, shift in enumerate(shifts))
    shift = sum(leading[:, j] * shift for j, shift in enumerate(shifts))
    return await crossing.reduce(values * (factor % crossing.modulus)), shift


async def _running_product(crossing: Crossing, bits: Words) -> Words:
    """Products of each column of (n, columns) with all columns to its right."""
    columns, step = bits.shape[1], 1
    while step < columns:
        combined = await crossing.multiply(np.ascontiguousarray(bits[:, :-step]), np.ascontiguousarray(bits[:, step:]))
        bits = np.concatenate([combined, bits[:, columns - step :]], axis=1)
        step *= 2
    return bits


async def _quotients(crossing: Crossing, f: int, g: Elements, plan: Plan) -> tuple[Words, Elements]:
    """g / f in units of 2^-30, as words and as wide shares; f in 2^(w−1) … 2^w."""
    w = plan.working_bits
    start = 45 * (1 << w) - 30 * f
    one = 1 << (2 * w + 4)
    products = await crossing.reduce(np.append(g, f) * start)
    q, e = products[:-1], one - products[-1]
    for power in (1, 2):
        products = await crossing.reduce(np.append(q * (one**power + e), e * e))
        q, e = products[:-1], products[-1]
    q = await crossing.reduce(q * (one**4 + e))
    scale_bits = 16 * w + 32
    masked = await crossing.mask(q, scale_bits + 2)
    places = scale_bits - FRACTION_BITS
    return masked.shifted_words(places), masked.shifted(places)


async def _round(crossing: Crossing, words: Words, wide: Elements) -> tuple[Elements, Elements]:
    """Significands of 24 bits of quotients q of up to 2.2, and how many of ½, 1 and 2 these reach once rounded."""
    ends = range(FRACTION_BITS - 1, FRACTION_BITS + 2)
    thresholds = np.array([(1 << end) - (1 << (end - SIGNIFICANT_BITS - 1)) for end in ends], dtype=np.uint64)
    both = await crossing.at_least(np.repeat(words[:, None], len(ends), axis=1), thresholds)
    reached = await crossing.lift(field.add(both[0], both[1]))
    factor = 8 - 4 * reached[:, 0] - 2 * reached[:, 1] - reached[:, 2]
    scaled = await crossing.reduce(wide * factor)
    runtime = crossing.runtime
    array = runtime.array_type(runtime.field.array(scaled, check=False))
    bound = UNIT << (SIGNIFICANT_BITS + 1)
    rounded = (await runtime.gather(rounding.round_to(runtime, array, -bound, bound, UNIT, crossing.operation))).value
    return rounded * pow(UNIT, -1, crossing.modulus) % crossing.modulus, reached.sum(axis=1)
