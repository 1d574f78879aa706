"""Quotients of large secret integers as floating-point numbers of 24 bits: division that opens nothing but masks.

1. *Magnitude*, in two steps, without the bits of anything. One masked opening gives ⌊v/2^(B·j)⌋ for all j as words,
   each off by a carry. The highest j at which it is beyond the carry is the leading part; below it the words have
   wrapped round and mean nothing, which `word.leading` hides. Then v · 2^(B·(top − j)) has its leading bit among the
   first B or so, where comparisons with each power of two find it.
2. *Normalised* v · 2^shift is truncated to w bits: f in ½ … 1.
3. *Division* (Goldschmidt, as in Catrina and Saxena, FC 2010): with x₀ = (45 − 30f)/16 and e = 1 − f·x₀, |e| ≤ 1/15,
   q = g·x₀·(1 + e)(1 + e²)(1 + e⁴) is g/f within e⁸ < 2^-31. The field has room for that, without truncation.
4. *Rounding*, in words: q to 24 significant bits, by comparison with ½, 1 and 2, and to multiples of 256. As it isn't
   known meanwhile what q will be times, all four products are rounded.

Products are masked as they are, of degree 2t, and reshared beside that where they are used again.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from mpcgov.mpc.codec import Elements
from mpcgov.mpc.crossing import Crossing, Masked
from mpcgov.mpc.word import field
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.lazy import LazyWords
from mpcgov.mpc.word.leading import none_from
from mpcgov.mpc.word.product import reduce_degree
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.wire import Channel
from mpcgov.precision import PART_BITS, SIGNIFICANT_BITS, Plan

FRACTION_BITS = 30
"""Quotients have units of 2^-30 before they are rounded."""
UNIT = 1 << (FRACTION_BITS - SIGNIFICANT_BITS + 2)


async def divide(
    crossing: Crossing, numerators: Elements, denominators: Elements, which: Sequence[int], plan: Plan, kept: Words
) -> Words:
    """numerators[i] / denominators[which[i]], relatively within 2^-24 + (C(m,t) + 1)·2^-29; denominators ≥ 0.

    Words: all significands, 0 or 2^23 ≤ |s| ≤ 2^24, without meaning where the denominator is 0; then all exponents, 0
    of 0. Both are 0 unless `kept`, one word, is 1. Whatever the integers, the same messages: about 30 rounds for three
    parties.
    """
    k = len(denominators)
    normal, first, exponents, nonzero = await _normalise(crossing, np.concatenate([denominators, numerators]), plan)
    top = normal.shifted(plan.normal_bits - plan.working_bits)
    top[:k] += (1 - first[:k]) << (plan.working_bits - 1)  # a quotient that means nothing keeps within its bounds, too
    some = crossing.multiply(nonzero[k:], np.repeat(kept, len(numerators)))
    below = np.ascontiguousarray(exponents[:k][list(which)])
    q = await _quotients(crossing, top[:k], top[k:], list(which), plan)
    wanted = await some.words()
    significands, levels = await _round(crossing, q, wanted)
    exponents = field.combine([1, -1, 1], [below, exponents[k:], levels])
    exponents = field.subtract(exponents, np.full(exponents.shape, SIGNIFICANT_BITS + 1, np.uint64))
    scaled = crossing.multiply(exponents, wanted)
    return np.concatenate([await significands.words(), await scaled.words()])


async def _normalise(crossing: Crossing, values: Elements, plan: Plan) -> tuple[Masked, Elements, Words, Words]:
    """v · 2^x with |v| · 2^x in 2^(normal_bits − 1) … 2^normal_bits, or a little beyond, behind masks; whether v isn't
    0, in both fields; and x."""
    shifted, first = await _leading_part(crossing, (values << plan.guard) % crossing.modulus, plan)
    places = PART_BITS * (plan.parts - 1) - plan.guard
    masked, shifted = await crossing.mask_and_reduce(shifted, plan.normal_bits)
    thresholds = np.array([1 << (plan.guard + i - (i == 0)) for i in range(plan.steps)], dtype=np.uint64)
    words = np.repeat(masked.shifted_words(places)[:, None], plan.steps, axis=1)
    both = await crossing.at_least(words, thresholds).words()
    bits = field.add(both[0], both[1])
    reached = await crossing.lift(bits)
    last = plan.steps - 1
    factor = (reached[:, 0] << last) - sum(reached[:, 1 + i] << (last - 1 - i) for i in range(last))
    normal = await crossing.mask(shifted * (factor % crossing.modulus), plan.normal_bits + 1, of_product=True)
    columns = [np.ascontiguousarray(column) for column in bits.T]
    exponents = field.combine([1, last, *([-1] * last)], [first, *columns])
    return normal, reached[:, 0], exponents, columns[0]


async def _leading_part(crossing: Crossing, values: Elements, plan: Plan) -> tuple[Elements, Words]:
    """v · 2^x, of degree 2t, and x, a multiple of PART_BITS, so that the leading bit is at PART_BITS · (parts − 1) or
    above."""
    masked = await crossing.mask(values, plan.bits + plan.guard)
    words = np.stack([masked.shifted_words(PART_BITS * j) for j in range(plan.parts)], axis=1)

    async def leading(channel: Channel, prss: Prss, x: Words) -> Words:
        return await none_from(channel, prss, x, crossing.runtime.config.subsets + 1)

    none = await crossing.protocol(words.shape, leading, words)
    above = np.concatenate([none[:, 1:], np.ones((len(none), 1), dtype=np.uint64)], axis=1)
    leading_bits = field.subtract(above, none)
    found = await crossing.lift(leading_bits)
    shifts = [PART_BITS * (plan.parts - 1 - j) for j in range(plan.parts)]
    factor = sum(found[:, j] << shift for j, shift in enumerate(shifts))
    columns = [np.ascontiguousarray(column) for column in leading_bits.T]
    return values * (factor % crossing.modulus) % crossing.modulus, field.combine(shifts, columns)


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
    scale_bits = 16 * w + 32
    masked = await crossing.mask(q * (one**4 + e[which]), scale_bits + 2, of_product=True)
    return masked.shifted_words(scale_bits - FRACTION_BITS)


async def _round(crossing: Crossing, q: Words, kept: Words) -> tuple[LazyWords, Words]:
    """Significands of 24 bits of quotients of up to 2.2, or 0 unless kept; and how many of ½, 1 and 2 these reach once
    rounded. All that they may be times is rounded, and the right one picked after."""
    ends = range(FRACTION_BITS - 1, FRACTION_BITS + 2)
    thresholds = np.array([(1 << end) - (1 << (end - SIGNIFICANT_BITS - 1)) for end in ends], dtype=np.uint64)
    compared = crossing.at_least(np.repeat(q[:, None], len(ends), axis=1), thresholds)
    factors = [8, 4, 2, 1]
    scaled = np.concatenate([field.scale(q, factor) for factor in factors])
    rounding = crossing.rounded(scaled, UNIT << (SIGNIFICANT_BITS + 3), UNIT)
    both = await compared.words()
    reached = [np.ascontiguousarray(column) for column in field.add(both[0], both[1]).T]
    steps = [np.ones_like(q), *reached, np.zeros_like(q)]
    right = np.concatenate([field.subtract(above, below) for above, below in itertools.pairwise(steps)])
    picked = await crossing.multiply(right, np.tile(kept, len(factors))).words()

    async def choose(channel: Channel, prss: Prss, bits: Words, numbers: Words) -> Words:
        products = field.product(bits, numbers).reshape(len(factors), -1)
        return await reduce_degree(channel, prss, field.combine([1] * len(factors), list(products)))

    return crossing.begin(q.shape, choose, picked, await rounding.words()), field.combine([1, 1, 1], reached)
