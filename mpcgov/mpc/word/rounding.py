"""Rounding secret integers to multiples of a public base: exactly, over the whole range, nothing opened statistically.

For m = 3 the value is z = u + v − w·p with summands that party 1 and party 2 know and a carry w that lanes give (see
`sign`). Both deal their summand modulo the base, so s = (u mod b) + (v mod b) − w·(p mod b) is z modulo b and lies in
−b < s < 2b: two comparisons make it z mod b. For other m the value is z = c − r + w·p with c opened behind a uniform
mask of 61 bits (see `masked`); s = (c mod b) + Σ rᵢ·(−2^i mod b) + w·(p mod b) lies in 0 ≤ s < 63·b, and b·32, b·16 … b
are taken off where they fit.

A statistical mask as for wide fields, b·t + s_S per subset, doesn't fit here: values of 25 bits, 2^20 of them in a job
and 2^-40 need 85 bits.
"""

from __future__ import annotations

import numpy as np

from mpcgov.errors import SpecError
from mpcgov.mpc.word import compare, field, less, masked, sign
from mpcgov.mpc.word.field import BITS, P, Words
from mpcgov.mpc.word.product import product
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sharing import deal
from mpcgov.mpc.word.wire import Channel, in_batches

LIMIT = 1 << 60
NARROW = BITS - 2
"""Numbers of so many bits are the sum of their summands, or of these and one."""


def check_fits(low: int, high: int, base: int) -> None:
    """Raise SpecError unless the range, and 63 times the base, fit 60 bits."""
    if base < 1 or 63 * base >= LIMIT or high - low + 2 * base >= LIMIT:
        raise SpecError(f"rounding integers between {low} and {high} to multiples of {base} doesn't fit 60 bits")


async def round_to(channel: Channel, prss: Prss, x: Words, low: int, high: int, base: int) -> Words:
    """The nearest multiples of `base`, halves up, of 1-D x of degree t in low … high: base · ⌊(x + ⌊b/2⌋) / base⌋.

    Raises SpecError as `check_fits` does.
    """
    check_fits(low, high, base)
    half = base // 2
    start = (low + half) // base * base
    z = field.add(x, np.full(x.shape, (half - start) % P, np.uint64))
    shifted = field.subtract(z, await remainder(channel, prss, z, high + half - start, base))
    return field.add(shifted, np.full(x.shape, start % P, np.uint64))


async def remainder(channel: Channel, prss: Prss, z: Words, most: int, base: int) -> Words:
    """z modulo base for 1-D shares of 0 ≤ z ≤ most < 2^60, of degree t. Opens nothing for m = 3."""

    async def lane_step(part: Channel, piece: slice) -> Words:
        return await _three(part, prss, z[piece], most.bit_length(), base)

    async def masked_step(part: Channel, piece: slice) -> Words:
        return await _many(part, prss, z[piece], base)

    size, step = (compare.LANES_CHUNK, lane_step) if prss.parties == 3 else (compare.MASKED_CHUNK, masked_step)
    return await in_batches(channel, z.size, size, step)


async def _three(channel: Channel, prss: Prss, z: Words, bits: int, base: int) -> Words:
    s = await _narrow(channel, prss, z, bits, base) if bits <= NARROW else await _whole(channel, prss, z, base)
    both = np.concatenate([s, field.subtract(s, np.full(s.shape, base, np.uint64))])
    found = await less.negative_bits(channel, prss, both, less.width(-2 * base, 2 * base - 1))
    below_zero, below_base = (await sign.to_field(channel, prss, found, both.size, ahead=True)).reshape(2, -1)
    at_least_zero = field.combine([base, base], [below_zero, below_base])
    return field.subtract(field.add(s, at_least_zero), np.full(s.shape, base, np.uint64))


async def _narrow(channel: Channel, prss: Prss, z: Words, bits: int, base: int) -> Words:
    """z = u + v − w·p with w = 1 − [u < 2^bits]·[v < 2^bits], as z < 2^bits: see `less`. Two rounds."""
    own = sign.summand(prss, z)
    known = None if own is None else np.concatenate([own % np.uint64(base), own < np.uint64(1 << bits)])
    (u, a), (v, b) = (part.reshape(2, -1) for part in await deal(channel, 1, [0, 1], known, 2 * z.size))
    wraps = field.subtract(np.ones_like(z), await product(channel, prss, a, b))
    return field.combine([1, 1, -(P % base)], [u, v, wraps])


async def _whole(channel: Channel, prss: Prss, z: Words, base: int) -> Words:
    """z = c − r + w·p. Parties 1 and 2 know c: a line that is 0 at point 3 is a sharing of it. Party 3 deals r."""
    value, wrap = await less.wrapped(channel, prss, z)
    rest = value % np.uint64(base)
    (r,) = await deal(channel, 1, [2], rest if prss.me == 2 else None, z.size)
    c = field.scale(rest, (2 - prss.me) * field.inverse(3))
    wraps = await sign.to_field(channel, prss, wrap, z.size, ahead=True)
    return field.combine([1, -1, P % base], [c, r, wraps])


async def _many(channel: Channel, prss: Prss, z: Words, base: int) -> Words:
    opened = await masked.unmask(channel, prss, z)
    factors = [-(1 << i) % base for i in range(BITS)]
    s = field.combine([1, P % base, *factors], [opened.c % np.uint64(base), opened.wrap, *opened.bits])
    for multiple in (base << k for k in range(5, -1, -1)):
        less = field.subtract(s, np.full(s.shape, multiple, np.uint64))
        fits_not = await masked.negative(channel, prss, less)
        s = field.add(less, field.scale(fits_not, multiple))
    return s
