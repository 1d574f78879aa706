"""Comparison of secret integers for any number of parties, in batches of bounded memory.

For three parties bits in GF(2) lanes (`sign`), for others a uniform mask (`masked`). Either way x must lie strictly
between −2^60 and 2^60: the caller's bounds see to it. For a < b it is the difference a − b that must.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import numpy as np

from mpcgov.mpc.word import field, lanes, masked, sign
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.product import product
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sharing import open_to_all
from mpcgov.mpc.word.sign import BitCircuit
from mpcgov.mpc.word.wire import Channel

LANES_CHUNK = 1 << 17
"""Elements in one batch of lanes: about 150 bytes each while it lasts."""
MASKED_CHUNK = 1 << 12
"""Elements in one batch of masks: 61 shared bits each and as much again for the products."""

_Step = Callable[[Words], Awaitable[Words]]


async def _in_chunks(x: Words, size: int, step: _Step) -> Words:
    row = x.reshape(-1)
    parts = [await step(row[start : start + size]) for start in range(0, max(1, row.size), size)]
    return (np.concatenate(parts) if len(parts) > 1 else parts[0]).reshape(x.shape)


async def negative(channel: Channel, prss: Prss, x: Words) -> Words:
    """x < 0 as shares of degree t of 0 and 1, x of degree t and any shape. 9 rounds a chunk."""

    async def lane_step(part: Words) -> Words:
        return await sign.to_field(channel, prss, await sign.negative_bits(channel, prss, part), part.size)

    async def masked_step(part: Words) -> Words:
        return await masked.negative(channel, prss, part)

    if prss.parties == 3:
        return await _in_chunks(x, LANES_CHUNK, lane_step)
    return await _in_chunks(x, MASKED_CHUNK, masked_step)


async def zero(channel: Channel, prss: Prss, x: Words) -> Words:
    """x = 0 as shares of degree t of 0 and 1, x of degree t and any shape. 9 rounds a chunk."""

    async def lane_step(part: Words) -> Words:
        return await sign.to_field(channel, prss, await sign.zero_bits(channel, prss, part), part.size)

    async def masked_step(part: Words) -> Words:
        return await masked.zero(channel, prss, part)

    if prss.parties == 3:
        return await _in_chunks(x, LANES_CHUNK, lane_step)
    return await _in_chunks(x, MASKED_CHUNK, masked_step)


async def open_less(channel: Channel, prss: Prss, differences: Sequence[Words]) -> Words:
    """Whether the first of these differences that isn't 0 is negative, at every party, as public 0 and 1.

    Only for a sort's distinct values in uniformly random order. Differences are 1-D, the most significant first; each
    but the last costs a second comparison.
    """

    async def lane_step(*parts: Words) -> Words:
        bits = await sign.negative_bits(channel, prss, parts[-1])
        for part in reversed(parts[:-1]):
            circuit = BitCircuit(channel, prss, 1, bits.left.shape[1])
            tied = await circuit.product(await sign.zero_bits(channel, prss, part), bits)
            bits = tied ^ await sign.negative_bits(channel, prss, part)
        return lanes.from_row(await sign.open_bits(channel, prss, bits), parts[0].size)

    async def masked_step(*parts: Words) -> Words:
        bit = await masked.negative(channel, prss, parts[-1])
        for part in reversed(parts[:-1]):
            tied = await product(channel, prss, await masked.zero(channel, prss, part), bit)
            bit = field.add(tied, await masked.negative(channel, prss, part))
        return await open_to_all(channel, bit, prss.threshold)

    size, step = (LANES_CHUNK, lane_step) if prss.parties == 3 else (MASKED_CHUNK, masked_step)
    starts = range(0, max(1, differences[0].size), size)
    return np.concatenate([await step(*(row[start : start + size] for row in differences)) for start in starts])


async def choose(channel: Channel, prss: Prss, bit: Words, then: Words, otherwise: Words) -> Words:
    """`then` where bit is 1 and `otherwise` where it is 0, all of degree t and one shape. One round."""
    difference = await product(channel, prss, bit, field.subtract(then, otherwise))
    return field.add(otherwise, difference)
