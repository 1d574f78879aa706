"""Shamir sharing of word-size elements: dealing, redealing and opening, for m parties and any degree t < m/2.

The party at index i has the point i + 1. A dealer doesn't draw coefficients but t of the shares: the t parties after it
get a fresh 32-byte key each and expand it, the others get their shares, interpolated through the value at 0 and the
drawn ones. Any t shares are then uniform, as with random coefficients, beside AES in counter mode being random; and a
dealing costs m − 1 − t elements per value on the wire instead of m − 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from mpcgov.errors import InternalError
from mpcgov.mpc.codec import WireError
from mpcgov.mpc.word import field, stream
from mpcgov.mpc.word.field import P, Words
from mpcgov.mpc.word.stream import Stream
from mpcgov.mpc.word.wire import Channel


@cache
def weights(points: tuple[int, ...], at: int = 0) -> tuple[int, ...]:
    """Lagrange: Σ weights[k] · f(points[k]) = f(at) for every f of degree < len(points)."""
    result = []
    for point in points:
        numerator = denominator = 1
        for other in points:
            if other != point:
                numerator = numerator * (at - other) % P
                denominator = denominator * (point - other) % P
        result.append(numerator * field.inverse(denominator) % P)
    return tuple(result)


def keyed(dealer: int, parties: int, degree: int) -> list[int]:
    """Who gets a key instead of shares: the `degree` parties after the dealer."""
    return [(dealer + step) % parties for step in range(1, degree + 1)]


def split(values: Words, dealer: int, parties: int, degree: int) -> tuple[dict[int, bytes], dict[int, Words]]:
    """A fresh sharing of 1-D `values`: keys of the parties that expand theirs, and shares of all the others."""
    keys = {party: stream.private_key() for party in keyed(dealer, parties, degree)}
    drawn = [Stream(key).elements(len(values)) for key in keys.values()]
    points = (0, *(party + 1 for party in keys))
    rest = [party for party in range(parties) if party not in keys]
    return keys, {party: field.combine(weights(points, party + 1), [values, *drawn]) for party in rest}


async def deal(channel: Channel, degree: int, dealers: Sequence[int], values: Words | None, count: int) -> list[Words]:
    """Our share of what each of `dealers` deals, `count` elements each; in one round.

    `values` are ours if we are a dealer. Each party sees t or fewer shares of each sharing: uniform.
    """
    line = channel.line
    send: dict[int, Words] = {}
    own: dict[int, Words] = {}
    if line.me in dealers:
        if values is None or values.shape != (count,):
            raise InternalError("a dealer without the values that it deals")
        keys, rows = split(values, line.me, line.parties, degree)
        own[line.me] = rows.pop(line.me)
        send = {**{party: stream.key_words(key) for party, key in keys.items()}, **rows}
    by_key = [d for d in dealers if line.me in keyed(d, line.parties, degree)]
    take = {d: stream.KEY_WORDS if d in by_key else count for d in dealers if d != line.me}
    for dealer, words in (await channel.exchange(send, take)).items():
        if dealer in by_key:
            own[dealer] = Stream(stream.key_from(words)).elements(count)
        elif field.all_elements(words):
            own[dealer] = words
        else:
            raise WireError("a number outside the field", dealer)
    return [own[dealer] for dealer in dealers]


async def redeal(channel: Channel, degree: int, parts: dict[int, int], own: Words) -> Words:
    """A fresh sharing of Σ parts[i] · (party i's own words): each party in `parts` deals its term. One round.

    With the Lagrange weights of the parts' points this turns shares of any degree < len(parts) into degree t.
    """
    me = channel.line.me
    term = field.scale(own.reshape(-1), parts[me]) if me in parts else None
    shares = await deal(channel, degree, sorted(parts), term, own.size)
    return field.combine([1] * len(shares), shares).reshape(own.shape)


async def open_to_all(channel: Channel, share: Words, degree: int) -> Words:
    """The values of a sharing of this degree, at every party, in one round.

    At degree t the values alone determine what t parties see. Above it only sharings to which a fresh zero sharing of
    the same degree was added may come here.
    """
    me, parties = channel.line.me, channel.line.parties
    row = share.reshape(-1)
    after = [(me + step) % parties for step in range(1, degree + 1)]
    before = [(me - step) % parties for step in range(1, degree + 1)]
    taken = await channel.exchange_elements(dict.fromkeys(after, row), dict.fromkeys(before, row.size))
    points = tuple(q + 1 for q in (me, *before))
    return field.combine(weights(points), [row, *(taken[q] for q in before)]).reshape(share.shape)
