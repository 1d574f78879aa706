"""Comparison of secret integers for any number of parties, in batches of bounded memory.

For three parties bits in GF(2) lanes (`sign`), for others a uniform mask (`masked`). Either way x must lie strictly
between −2^60 and 2^60: the caller's bounds see to it. For a < b it is the difference a − b that must.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mpcgov.mpc.word import field, lanes, less, masked, sign
from mpcgov.mpc.word.field import BITS, Words
from mpcgov.mpc.word.product import product
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sharing import open_to_all
from mpcgov.mpc.word.sign import BitCircuit
from mpcgov.mpc.word.wire import Channel, in_batches

ANY = BITS - 1
"""Bits of what is compared, beside its sign, if nothing more is known of it."""
LANES_CHUNK = 1 << 17
"""Elements in one batch of lanes: about 100 bytes each while it lasts."""
MASKED_CHUNK = 1 << 12
"""Elements in one batch of masks: 61 shared bits each and as much again for the products."""


async def negative(channel: Channel, prss: Prss, x: Words, bits: int = ANY) -> Words:
    """x < 0 as shares of degree t of 0 and 1, x of degree t and any shape, −2^bits ≤ x < 2^bits. 4 or 5 rounds a batch
    for three parties, 9 for others."""
    row = x.reshape(-1)

    async def lane_step(part: Channel, piece: slice) -> Words:
        found = await less.negative_bits(part, prss, row[piece], bits)
        return await sign.to_field(part, prss, found, row[piece].size, ahead=True)

    async def masked_step(part: Channel, piece: slice) -> Words:
        return await masked.negative(part, prss, row[piece])

    size, step = (LANES_CHUNK, lane_step) if prss.parties == 3 else (MASKED_CHUNK, masked_step)
    return (await in_batches(channel, row.size, size, step)).reshape(x.shape)


async def zero(channel: Channel, prss: Prss, x: Words, bits: int = BITS) -> Words:
    """x = 0 as shares of degree t of 0 and 1, x of degree t and any shape, −2^bits ≤ x < 2^bits; by default anything. 3
    to 5 rounds a batch for three parties, 9 for others."""
    row = x.reshape(-1)

    async def lane_step(part: Channel, piece: slice) -> Words:
        found = await less.zero_bits(part, prss, row[piece], bits)
        return await sign.to_field(part, prss, found, row[piece].size, ahead=True)

    async def masked_step(part: Channel, piece: slice) -> Words:
        return await masked.zero(part, prss, row[piece])

    size, step = (LANES_CHUNK, lane_step) if prss.parties == 3 else (MASKED_CHUNK, masked_step)
    return (await in_batches(channel, row.size, size, step)).reshape(x.shape)


async def open_less(
    channel: Channel, prss: Prss, count: int, widths: Sequence[int], differences: Callable[[slice], list[Words]]
) -> Words:
    """Whether the first difference that isn't 0 is negative, at every party, as public 0 and 1.

    Only for a sort's distinct values in uniformly random order. `differences` gives, for a piece of the `count`
    comparisons, 1-D shares of degree t, the most significant first, each of so many bits and a sign as `widths` says;
    each but the last costs a second comparison.
    """

    async def lane_step(part: Channel, piece: slice) -> Words:
        *firsts, last = differences(piece)
        if not firsts:
            return lanes.from_row(await less.open_negative(part, prss, last, widths[0]), last.size)
        bits = await less.negative_bits(part, prss, last, widths[-1])
        for difference, width in zip(reversed(firsts), reversed(widths[:-1]), strict=True):
            circuit = BitCircuit(part, prss, 1, bits.left.shape[1])
            tied = await circuit.product(await less.zero_bits(part, prss, difference, width), bits)
            bits = tied ^ await less.negative_bits(part, prss, difference, width)
        return lanes.from_row(await sign.open_bits(part, prss, bits), last.size)

    async def masked_step(part: Channel, piece: slice) -> Words:
        *firsts, last = differences(piece)
        bit = await masked.negative(part, prss, last)
        for difference in reversed(firsts):
            tied = await product(part, prss, await masked.zero(part, prss, difference), bit)
            bit = field.add(tied, await masked.negative(part, prss, difference))
        return await open_to_all(part, bit, prss.threshold)

    size, step = (LANES_CHUNK, lane_step) if prss.parties == 3 else (MASKED_CHUNK, masked_step)
    return await in_batches(channel, count, size, step)


async def choose(channel: Channel, prss: Prss, bit: Words, then: Words, otherwise: Words) -> Words:
    """`then` where bit is 1 and `otherwise` where it is 0, all of degree t and one shape. One round."""
    difference = await product(channel, prss, bit, field.subtract(then, otherwise))
    return field.add(otherwise, difference)
