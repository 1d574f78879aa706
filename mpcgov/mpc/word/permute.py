"""Apply a permutation that one party knows to rows that another has, or that are shared: one-time padded, linear
cost.

Sender X has rows, programmer M a map from wanted rows to X's rows, receiver Y helps. M draws a uniform order of all
rows and a key; X gets both and sends Y its rows in that order, minus the key's stream; Y gets from M the places of
the wanted rows in that order. Y's padded rows and the pads at M add up to the wanted rows; each is dealt afresh.

X sees a uniform order and key: nothing. Y sees places of a uniform order, distinct, so uniform whatever the map, and
rows padded by a stream that it doesn't know. M sees nothing. t = 1: any two of the three together learn the map or
rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpcgov.errors import InternalError, SpecError
from mpcgov.mpc.codec import WireError
from mpcgov.mpc.word import field, stream
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sharing import deal, weights
from mpcgov.mpc.word.stream import KEY_WORDS, Stream
from mpcgov.mpc.word.wire import Channel

Order = NDArray[np.int64]


@dataclass(frozen=True)
class Roles:
    """Who is who in one permutation, three different parties by index; and its public sizes.

    Any two of the three together learn the map or rows. `beyond_threshold`: the caller's promise says so for t ≥ 2.
    """

    sender: int
    programmer: int
    receiver: int
    rows: int
    wanted: int
    columns: int
    beyond_threshold: bool = False

    def __post_init__(self) -> None:
        if len({self.sender, self.programmer, self.receiver}) != 3:
            raise InternalError("a permutation needs three different parties")
        if not 0 <= self.wanted <= self.rows or self.rows >= 1 << 32:
            raise InternalError(f"{self.wanted} of {self.rows} rows")


async def permute_known(
    channel: Channel, prss: Prss, roles: Roles, rows: Words | None, source: Order | None, own: Words | None = None
) -> Words:
    """Our shares of the wanted rows, of degree t: wanted row k is row source[k] of the sender. Three rounds.

    `rows` is the sender's, of shape (rows, columns); `source` the programmer's, distinct numbers of rows; the others
    pass None. `own`, of the sender's shape, is added to its rows by the programmer: for rows that both have a part of.
    """
    if prss.threshold != 1 and not roles.beyond_threshold:
        raise SpecError("a permutation that one party knows needs threshold 1")
    me = channel.line.me
    half: Words | None = None
    if me == roles.programmer:
        half = await _programme(channel, roles, source, own)
    elif me == roles.sender:
        await _send(channel, roles, rows)
    elif me == roles.receiver:
        half = await _receive(channel, roles)
    count = roles.wanted * roles.columns
    shares = await deal(channel, prss.threshold, [roles.programmer, roles.receiver], half, count)
    return field.add(*shares).reshape(roles.wanted, roles.columns)


async def _programme(channel: Channel, roles: Roles, source: Order | None, own: Words | None) -> Words:
    """The programmer's part: its half of the wanted rows, the pads."""
    if source is None or source.shape != (roles.wanted,):
        raise InternalError("the wanted rows aren't as many as agreed")
    if roles.wanted and not 0 <= source.min() <= source.max() < roles.rows:
        raise InternalError("a wanted row that isn't there")
    if roles.wanted and np.bincount(source).max() > 1:
        raise InternalError("the wanted rows aren't distinct")
    order = Stream(stream.private_key()).permutation(roles.rows)
    place = np.empty_like(order)
    place[order] = np.arange(roles.rows)
    places = place[source]
    key = stream.private_key()
    await channel.exchange(
        {roles.sender: np.concatenate([stream.key_words(key), packed(order)]), roles.receiver: packed(places)}, {}
    )
    half = _pads(key, roles).take(places, axis=0)
    return (half if own is None else field.add(half, own.take(source, axis=0))).reshape(-1)


async def _send(channel: Channel, roles: Roles, rows: Words | None) -> None:
    """The sender's part: its rows in the programmer's order, padded, go to the receiver."""
    if rows is None or rows.shape != (roles.rows, roles.columns):
        raise InternalError("the sender's rows aren't as many as agreed")
    taken = await channel.exchange({}, {roles.programmer: KEY_WORDS + packed_words(roles.rows)})
    words = taken[roles.programmer]
    order = unpacked(words[KEY_WORDS:], roles.rows, roles.rows, roles.programmer)
    padded = field.subtract(rows.take(order, axis=0), _pads(stream.key_from(words[:KEY_WORDS]), roles))
    await channel.exchange({roles.receiver: padded}, {})


async def _receive(channel: Channel, roles: Roles) -> Words:
    """The receiver's part: its half of the wanted rows, padded."""
    taken = await channel.exchange({}, {roles.programmer: packed_words(roles.wanted)})
    places = unpacked(taken[roles.programmer], roles.wanted, roles.rows, roles.programmer)
    padded = await channel.exchange_elements({}, {roles.sender: roles.rows * roles.columns})
    return padded[roles.sender].reshape(roles.rows, roles.columns).take(places, axis=0).reshape(-1)


async def permute_shared(channel: Channel, prss: Prss, roles: Roles, share: Words, source: Order | None) -> Words:
    """As `permute_known`, for rows that are shared with degree 1, of shape (rows, columns).

    Programmer and sender split them by Lagrange at their two points; the programmer permutes its own part itself.
    """
    points = (roles.programmer + 1, roles.sender + 1)
    factors = dict(zip((roles.programmer, roles.sender), weights(points), strict=True))
    part = field.scale(share, factors[prss.me]) if prss.me in factors else None
    rows = part if prss.me == roles.sender else None
    own = part if prss.me == roles.programmer else None
    return await permute_known(channel, prss, roles, rows, source, own)


def _pads(key: bytes, roles: Roles) -> Words:
    return Stream(key).elements(roles.rows * roles.columns).reshape(roles.rows, roles.columns)


def packed_words(count: int) -> int:
    """How many words row numbers take."""
    return (count + 1) // 2


def packed(places: Order) -> Words:
    """Row numbers, two to a word."""
    halves = np.zeros(2 * packed_words(len(places)), "<u4")
    halves[: len(places)] = places
    return halves.view(np.uint64)


def unpacked(words: Words, count: int, limit: int, sender: int) -> Order:
    """`count` row numbers below `limit`; WireError, naming the sender, if one isn't."""
    places = words.view("<u4")[:count].astype(np.int64)
    if count and places.max() >= limit:
        raise WireError("a row that isn't there", sender)
    return places
