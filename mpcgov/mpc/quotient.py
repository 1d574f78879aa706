"""Quotients of large secret integers as floating-point numbers of 24 bits: division that opens nothing but masks.

1. *Magnitude*, in two steps, without the bits of anything. One masked opening gives ⌊v/2^(B·j)⌋ for all j as words,
   each off by a carry. The highest j at which it is beyond the carry is the leading part; below it the words have
   wrapped round and mean nothing, which a running product hides. Then v · 2^(B·(top − j)) has its leading bit among the
   first B or so, where comparisons with each power of two find it.
2. *Normalised* v · 2^shift is truncated to w bits: f in ½ … 1.
3. *Division* (Goldschmidt, as in Catrina and Saxena, FC 2010): with x₀ = (45 − 30f)/16 and e = 1 − f·x₀, |e| ≤ 1/15,
   q = g·x₀·(1 + e)(1 + e²)(1 + e⁴) is g/f within e⁸ < 2^-31. The field has room for that, without truncation.
4. *Rounding*, in words: q to 24 significant bits, by comparison with ½, 1 and 2, and to multiples of 256.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mpcgov.mpc.codec import Elements
from mpcgov.mpc.crossing import Crossing
from mpcgov.mpc.word import field
from mpcgov.mpc.word.field import Words
from mpcgov.precision import PART_BITS, SIGNIFICANT_BITS, Plan

FRACTION_BITS = 30
"""Quotients have units of 2^-30 before they are rounded."""
UNIT = 1 << (FRACTION_BITS - SIGNIFICANT_BITS + 2)


@dataclass(frozen=True)
class Floats:
    """Words: quotients as significand · 2^exponent, 0 · 2^0 for 0; and whether each denominator isn't 0."""

    significands: Words
    exponents: Words
    defined: Words


async def divide(
    crossing: Crossing, numerators: Elements, denominators: Elements, which: Sequence[int], plan: Plan
) -> Floats:
    """numerators[i] / denominators[which[i]], relatively within 2^-24 + (C(m,t) + 1)·2^-29; denominators ≥ 0.

    Significands are 0, or 2^23 ≤ |s| ≤ 2^24; without meaning where the denominator is 0. Whatever the integers, the
    same messages: about 40 rounds for three parties.
    """
    k = len(denominators)
    normal, exponents, nonzero, zero = await _normalise(crossing, np.concatenate([denominators, numerators]), plan)
    normal[:k] += zero[:k] << (plan.normal_bits - 1)  # a quotient that means nothing keeps within its bounds, too
    masked = await crossing.mask(normal, plan.normal_bits + 1)
    top = masked.shifted(plan.normal_bits - plan.working_bits)
    below = np.ascontiguousarray(exponents[:k][list(which)])
    q = await _quotients(crossing, top[:k], top[k:], list(which), plan)
    significands, levels = await _round(crossing, q)
    exponents = field.combine([1, -1, 1], [below, exponents[k:], levels])
    exponents = field.subtract(exponents, np.full(exponents.shape, SIGNIFICANT_BITS + 1, np.uint64))
    exponents = await crossing.multiply(exponents, nonzero[k:])
    return Floats(significands, exponents, nonzero[:k])


async def _normalise(crossing: Crossing, values: Elements, plan: Plan) -> tuple[Elements, Words, Words, Elements]:
    """v · 2^x with |v| · 2^x in 2^(normal_bits − 1) … 2^normal_bits, or a little beyond; x; whether v isn't 0; and
    whether it is."""
    shifted, first = await _leading_part(crossing, (values << plan.guard) % crossing.modulus, plan)
    places = PART_BITS * (plan.parts - 1) - plan.guard
    words = (await crossing.mask(shifted, plan.normal_bits)).shifted_words(places)
    thresholds = np.array([1 << (plan.guard + i - (i == 0)) for i in range(plan.steps)], dtype=np.uint64)
    both = await crossing.at_least(np.repeat(words[:, None], plan.steps, axis=1), thresholds)
    bits = field.add(both[0], both[1])
    reached = await crossing.lift(bits)
    last = plan.steps - 1
    factor = (reached[:, 0] << last) - sum(reached[:, 1 + i] << (last - 1 - i) for i in range(last))
    normal = await crossing.reduce(shifted * (factor % crossing.modulus))
    columns = [np.ascontiguousarray(column) for column in bits.T]
    return normal, field.combine([1, last, *([-1] * last)], [first, *columns]), columns[0], 1 - reached[:, 0]


async def _leading_part(crossing: Crossing, values: Elements, plan: Plan) -> tuple[Elements, Words]:
    """v · 2^x and x, a multiple of PART_BITS, so that the leading bit is at PART_BITS · (parts − 1) or above."""
    masked = await crossing.mask(values, plan.bits + plan.guard)
    words = np.stack([masked.shifted_words(PART_BITS * j) for j in range(plan.parts)], axis=1)
    carries = np.full(plan.parts, crossing.runtime.config.subsets + 1, dtype=np.uint64)
    both = await crossing.at_least(words, carries)
    below = field.subtract(np.ones_like(both), both)
    none = await _running_product(crossing, await crossing.multiply(below[0], below[1]))
    above = np.concatenate([none[:, 1:], np.ones((len(none), 1), dtype=np.uint64)], axis=1)
    leading_bits = field.subtract(above, none)
    leading = await crossing.lift(leading_bits)
    shifts = [PART_BITS * (plan.parts - 1 - j) for j in range(plan.parts)]
    factor = sum(leading[:, j] << shift for j, shift in enumerate(shifts))
    columns = [np.ascontiguousarray(column) for column in leading_bits.T]
    return await crossing.reduce(values * (factor % crossing.modulus)), field.combine(shifts, columns)


async def _running_product(crossing: Crossing, bits: Words) -> Words:
    """Products of each column of (n, columns) with all columns to its right."""
    columns, step = bits.shape[1], 1
    while step < columns:
        combined = await crossing.multiply(np.ascontiguousarray(bits[:, :-step]), np.ascontiguousarray(bits[:, step:]))
        bits = np.concatenate([combined, bits[:, columns - step :]], axis=1)
        step *= 2
    return bits


async def _quotients(crossing: Crossing, f: Elements, g: Elements, which: list[int], plan: Plan) -> Words:
    """g[i] / f[which[i]] in units of 2^-30; f in 2^(w−1) … 2^w."""
    w, n = plan.working_bits, len(g)
    start = 45 * (1 << w) - 30 * f
    one = 1 << (2 * w + 4)
    products = await crossing.reduce(np.concatenate([g * start[which], f * start]))
    q, e = products[:n], one - products[n:]
    for power in (1, 2):
        products = await crossing.reduce(np.concatenate([q * (one**power + e[which]), e * e]))
        q, e = products[:n], products[n:]
    q = await crossing.reduce(q * (one**4 + e[which]))
    scale_bits = 16 * w + 32
    return (await crossing.mask(q, scale_bits + 2)).shifted_words(scale_bits - FRACTION_BITS)


async def _round(crossing: Crossing, q: Words) -> tuple[Words, Words]:
    """Significands of 24 bits of quotients of up to 2.2, and how many of ½, 1 and 2 these reach once rounded."""
    ends = range(FRACTION_BITS - 1, FRACTION_BITS + 2)
    thresholds = np.array([(1 << end) - (1 << (end - SIGNIFICANT_BITS - 1)) for end in ends], dtype=np.uint64)
    both = await crossing.at_least(np.repeat(q[:, None], len(ends), axis=1), thresholds)
    reached = [np.ascontiguousarray(column) for column in field.add(both[0], both[1]).T]
    factor = field.subtract(np.full(q.shape, 8, np.uint64), field.combine([4, 2, 1], reached))
    scaled = await crossing.multiply(q, factor)
    return await crossing.rounded(scaled, UNIT << (SIGNIFICANT_BITS + 1), UNIT), field.combine([1, 1, 1], reached)
