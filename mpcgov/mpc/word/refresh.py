"""Fresh polynomials for shares that leave to a receiver: the same values, no trace of their origin. Sends keys, once.

To each share is added the value of a polynomial of degree t that is 0 at 0. For every set D of t − 1 parties, all the
others have a key in common, and of it a stream for each result; its elements are the factors of x · Π_{j ∈ D} (x − j).
A coalition C of c < t parties lacks the streams of the sets D ⊇ C, whose polynomials span all those of degree t that
are 0 at 0 and at C's points (over any t − c other points, the products that leave one of them out are a Lagrange
basis). So what a receiver gets with C's help is a uniform polynomial through the value and C's shares. With t parties,
value and shares determine it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import prod

import numpy as np

from mpcgov.mpc.word import field, stream
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.prss import Prss, Subset
from mpcgov.mpc.word.stream import KEY_WORDS, Stream
from mpcgov.mpc.word.wire import Channel


def family_for(prss: Prss) -> list[Subset]:
    """The sets of all but t − 1 parties."""
    return list(combinations(range(prss.parties), prss.parties - prss.threshold + 1))


async def refreshing_keys(channel: Channel, prss: Prss) -> Words:
    """What `refresh` takes, for any number of results. One round."""
    keys = await common_keys(channel, family_for(prss))
    return np.stack([np.zeros(KEY_WORDS, np.uint64) if key is None else stream.key_words(key) for key in keys])


def refresh(channel: Channel, prss: Prss, share: Words, keys: Words) -> Words:
    """Our shares of degree t of the same values on fresh polynomials. Nothing is sent."""
    me, everyone, number = prss.me, range(prss.parties), channel.draw()
    weights, rows = [1], [share.reshape(-1)]
    for members, key in zip(family_for(prss), keys, strict=True):
        if me in members:
            weights.append((me + 1) * prod(me - other for other in everyone if other not in members))
            rows.append(Stream(stream.key_from(key), number).elements(share.size))
    return field.combine(weights, rows).reshape(share.shape)


async def common_streams(channel: Channel, family: Sequence[Subset]) -> list[Stream | None]:
    """A fresh stream for each subset that we are in. One round."""
    return [None if key is None else Stream(key) for key in await common_keys(channel, family)]


async def common_keys(channel: Channel, family: Sequence[Subset]) -> list[bytes | None]:
    """A fresh key for each subset that we are in: its first member draws it and sends it to the others."""
    line = channel.line
    drawn = {i: stream.private_key() for i, subset in enumerate(family) if subset[0] == line.me}
    send: dict[int, list[Words]] = {}
    for i, key in drawn.items():
        for party in family[i][1:]:
            send.setdefault(party, []).append(stream.key_words(key))
    mine = {
        first: [i for i, subset in enumerate(family) if subset[0] == first and line.me in subset[1:]]
        for first in range(line.parties)
    }
    taken = await channel.exchange(
        {party: np.concatenate(parts) for party, parts in send.items()},
        {first: KEY_WORDS * len(wanted) for first, wanted in mine.items() if wanted},
    )
    for first, words in taken.items():
        for i, part in zip(mine[first], words.reshape(-1, KEY_WORDS), strict=True):
            drawn[i] = stream.key_from(part)
    return [drawn.get(i) for i in range(len(family))]
