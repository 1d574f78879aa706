"""Products of secret arrays: a local product has degree 2t, and one conversion brings it back to degree t.

Inner and matrix products are summed at degree 2t first and converted once.
"""

from __future__ import annotations

from mpcgov.errors import InternalError
from mpcgov.mpc.word import field
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sharing import redeal, weights
from mpcgov.mpc.word.wire import Channel, in_batches

CHUNK = 1 << 17
"""Elements converted at once: a few MB of buffers, and work that overlaps with sending."""

_LAMBDA = (3, -3, 1)
_HALF, _THIRD = field.inverse(2), field.inverse(3)
_FROM_OWN = (2 * _THIRD, -1, -_HALF)
"""Party i's new share is _FROM_OWN[i] · zᵢ + _FROM_BEFORE[i] · zᵢ₋₁: each z lies on the line that is 0 at the third
party's point."""
_FROM_BEFORE = (_HALF, _THIRD, -2)


async def reduce_degree(channel: Channel, prss: Prss, share: Words) -> Words:
    """A fresh sharing of degree t of what is shared with degree at most 2t. One round for each chunk.

    m = 3: one element per party and product; what a party receives has a term of a pair key that it doesn't know, so it
    is uniform. Otherwise 2t + 1 parties deal their terms afresh (Gennaro, Rabin and Rabin, PODC 1998).
    """
    row = share.reshape(-1)

    async def step(part: Channel, piece: slice) -> Words:
        if prss.parties == 3:
            return await _convert_three(part, prss, row[piece])
        return await _redeal(part, prss, row[piece])

    return (await in_batches(channel, row.size, CHUNK, step)).reshape(share.shape)


async def _convert_three(channel: Channel, prss: Prss, share: Words) -> Words:
    me, number = prss.me, channel.draw()
    after, before = (me + 1) % 3, (me - 1) % 3
    plus = prss.pair(after, "product", number).elements(share.size)
    minus = prss.pair(before, "product", number).elements(share.size)
    z = field.combine([_LAMBDA[me], 1, -1], [share, plus, minus])
    taken = await channel.exchange_elements({after: z}, {before: share.size})
    return field.combine([_FROM_OWN[me], _FROM_BEFORE[me]], [z, taken[before]])


async def _redeal(channel: Channel, prss: Prss, share: Words) -> Words:
    needed = 2 * prss.threshold + 1
    dealers = sorted((channel.turn + step) % prss.parties for step in range(needed))  # spreads the work
    factors = weights(tuple(dealer + 1 for dealer in dealers))
    return await redeal(channel, prss.threshold, dict(zip(dealers, factors, strict=True)), share)


async def product(channel: Channel, prss: Prss, f: Words, g: Words) -> Words:
    """f · g, element by element; both of degree t and of the same shape."""
    return await reduce_degree(channel, prss, field.product(f, g))


async def matrix_product(channel: Channel, prss: Prss, a: Words, b_transposed: Words) -> Words:
    """a · b for matrices of degree t, b given transposed: one conversion of (rows of a) × (columns of b) elements."""
    return await reduce_degree(channel, prss, field.inner_products(a, b_transposed))


async def inner_product(channel: Channel, prss: Prss, a: Words, b: Words) -> Words:
    """Σ a · b of two vectors of degree t, shape ()."""
    if a.ndim != 1 or a.shape != b.shape:
        raise InternalError(f"an inner product of {a.shape} and {b.shape}")
    return (await matrix_product(channel, prss, a.reshape(1, -1), b.reshape(1, -1))).reshape(())
