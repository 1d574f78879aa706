"""Comparison with zero for any number of parties: a uniform mask of 61 shared random bits.

r = Σ 2^i·rᵢ is uniform in 0 … 2^61 − 1, and so modulo p within 2^-61 of uniform: opening c = y + r tells nothing. Over
the integers y = c − r + w·p with w = [c < r], c being 0 … p−1; also where r = p, since then c = y. p is odd, so the
lowest bit of y is c₀ ⊕ r₀ ⊕ w. And x < 0, which stands for x + p, exactly if 2x modulo p is odd: for −2^60 < x < 2^60.

[c < r] from the lowest bit up: generate rᵢ(1 − cᵢ), propagate 1 − (cᵢ ⊕ rᵢ), c public. All terms of two positions are
linear in r₁, r₀ and r₁·r₀, so 30 products make 31 leaves of 61 positions; a tree of 5 levels combines them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpcgov.mpc.word import field
from mpcgov.mpc.word.field import BITS, Words
from mpcgov.mpc.word.product import product
from mpcgov.mpc.word.prss import Prss, random_bits
from mpcgov.mpc.word.sharing import open_to_all
from mpcgov.mpc.word.wire import Channel

PAIRS = BITS // 2


@dataclass
class Unmasked:
    """y as c − r + w·p: c public, w and the bits of r shares of degree t; bits by row, lowest first."""

    c: Words
    bits: Words
    wrap: Words


async def unmask(channel: Channel, prss: Prss, y: Words) -> Unmasked:
    """Open 1-D y, shares of degree t, behind a uniform mask, and find out secretly whether the mask wrapped round."""
    bits = (await random_bits(channel, prss, BITS * y.size)).reshape(BITS, y.size)
    both = await product(channel, prss, bits[0 : 2 * PAIRS : 2], bits[1 : 2 * PAIRS : 2])
    mask = field.combine([1 << i for i in range(BITS)], list(bits))
    c = await open_to_all(channel, field.add(y, mask), prss.threshold)
    generate, propagate = _leaves(c, bits, both)
    return Unmasked(c, bits, await _carry(channel, prss, generate, propagate))


def _leaves(c: Words, bits: Words, both: Words) -> tuple[Words, Words]:
    """Generate and propagate of c < r: of the pairs of positions, and of the last position alone."""
    one, places = np.uint64(1), _places(c)
    low, high = bits[0 : 2 * PAIRS : 2], bits[1 : 2 * PAIRS : 2]
    c_low, c_high = places[0 : 2 * PAIRS : 2], places[1 : 2 * PAIRS : 2]
    low_only, high_only = field.subtract(low, both), field.subtract(high, both)
    neither = field.subtract(np.ones_like(low), field.add(low, high_only))
    # equal in the high bit and r's low bit set: r's high bit is c's
    tail = np.where(c_high == one, both, low_only)
    generate = field.add(high * (one - c_high), tail * (one - c_low))
    propagate = np.where(
        c_high == one, np.where(c_low == one, both, high_only), np.where(c_low == one, low_only, neither)
    )
    last, c_last = bits[-1:], places[-1:]
    equal = np.where(c_last == one, last, field.subtract(np.ones_like(last), last))
    return np.concatenate([generate, last * (one - c_last)]), np.concatenate([propagate, equal])


async def _carry(channel: Channel, prss: Prss, generate: Words, propagate: Words) -> Words:
    """The generate of all positions together, lowest first."""
    while (count := len(generate)) > 1:
        even = count // 2 * 2
        pairs = even // 2
        high = propagate[1:even:2]
        combined = await product(
            channel,
            prss,
            np.concatenate([high, high[1:]]),
            np.concatenate([generate[0:even:2], propagate[2:even:2]]),
        )
        generate = np.concatenate([field.add(generate[1:even:2], combined[:pairs]), generate[even:]])
        propagate = np.concatenate([propagate[:1], combined[pairs:], propagate[even:]])
    return generate.reshape(-1)


async def negative(channel: Channel, prss: Prss, x: Words) -> Words:
    """x < 0 as shares of degree t of 0 and 1: x 1-D shares of −2^60 < x < 2^60. 9 rounds."""
    opened = await unmask(channel, prss, field.scale(x, 2))
    lowest = opened.c & np.uint64(1)
    r_lowest = opened.bits[0]
    differ = np.where(lowest == 1, field.subtract(np.ones_like(r_lowest), r_lowest), r_lowest)
    both = await product(channel, prss, differ, opened.wrap)
    return field.combine([1, 1, -2], [differ, opened.wrap, both])


async def zero(channel: Channel, prss: Prss, x: Words) -> Words:
    """x = 0 as shares of degree t of 0 and 1: x 1-D shares of anything. 8 rounds.

    With c = x + r opened, x = 0 exactly if every bit of c is r's: unless c = 0, where r may be p as well. Then all is
    done again with a fresh mask, once in 2^61.
    """
    while True:
        bits = (await random_bits(channel, prss, BITS * x.size)).reshape(BITS, x.size)
        mask = field.combine([1 << i for i in range(BITS)], list(bits))
        c = await open_to_all(channel, field.add(x, mask), prss.threshold)
        if c.all():
            break
    same = np.where(_places(c) == 1, bits, field.subtract(np.ones_like(bits), bits))
    while (count := len(same)) > 1:
        even = count // 2 * 2
        halves = await product(channel, prss, same[0:even:2], same[1:even:2])
        same = np.concatenate([halves, same[even:]])
    return same.reshape(-1)


def _places(c: Words) -> Words:
    """The 61 bits of public elements as rows of 0 and 1."""
    places: Words = (c >> np.arange(BITS, dtype=np.uint64)[:, None]) & np.uint64(1)
    return places
