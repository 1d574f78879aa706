"""Comparison of secret integers for any number of parties, in batches of bounded memory.

For three parties bits in GF(2) lanes (`sign`), for others a uniform mask (`masked`). Either way x must lie strictly
between −2^60 and 2^60: the caller's bounds see to it. For a < b it is the difference a − b that must.
"""

from __future__ import annotations

from collections.abc import Callable

from mpcgov.mpc.word import field, lanes, masked, sign
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.product import product
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sharing import open_to_all
from mpcgov.mpc.word.sign import BitCircuit
from mpcgov.mpc.word.wire import Channel, in_batches

LANES_CHUNK = 1 << 16
"""Elements in one batch of lanes: about 150 bytes each while it lasts."""
MASKED_CHUNK = 1 << 12
"""Elements in one batch of masks: 61 shared bits each and as much again for the products."""


async def negative(channel: Channel, prss: Prss, x: Words) -> Words:
    """x < 0 as shares of degree t of 0 and 1, x of degree t and any shape. 9 rounds a batch."""
    row = x.reshape(-1)

    async def lane_step(part: Channel, piece: slice) -> Words:
        bits = await sign.negative_bits(part, prss, row[piece])
        return await sign.to_field(part, prss, bits, row[piece].size)

    async def masked_step(part: Channel, piece: slice) -> Words:
        return await masked.negative(part, prss, row[piece])

    size, step = (LANES_CHUNK, lane_step) if prss.parties == 3 else (MASKED_CHUNK, masked_step)
    return (await in_batches(channel, row.size, size, step)).reshape(x.shape)


async def zero(channel: Channel, prss: Prss, x: Words) -> Words:
    """x = 0 as shares of degree t of 0 and 1, x of degree t and any shape. 9 rounds a batch."""
    row = x.reshape(-1)

    async def lane_step(part: Channel, piece: slice) -> Words:
        bits = await sign.zero_bits(part, prss, row[piece])
        return await sign.to_field(part, prss, bits, row[piece].size)

    async def masked_step(part: Channel, piece: slice) -> Words:
        return await masked.zero(part, prss, row[piece])

    size, step = (LANES_CHUNK, lane_step) if prss.parties == 3 else (MASKED_CHUNK, masked_step)
    return (await in_batches(channel, row.size, size, step)).reshape(x.shape)


async def open_less(channel: Channel, prss: Prss, count: int, differences: Callable[[slice], list[Words]]) -> Words:
    """Whether the first difference that isn't 0 is negative, at every party, as public 0 and 1.

    Only for a sort's distinct values in uniformly random order. `differences` gives, for a piece of the `count`
    comparisons, 1-D shares of degree t, the most significant first; each but the last costs a second comparison.
    """

    async def lane_step(part: Channel, piece: slice) -> Words:
        *firsts, last = differences(piece)
        bits = await sign.negative_bits(part, prss, last)
        for difference in reversed(firsts):
            circuit = BitCircuit(part, prss, 1, bits.left.shape[1])
            tied = await circuit.product(await sign.zero_bits(part, prss, difference), bits)
            bits = tied ^ await sign.negative_bits(part, prss, difference)
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
