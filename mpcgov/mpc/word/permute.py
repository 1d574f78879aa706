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


@dataclass(frozen=True)
class Arrangement:
    """One permutation, as one party knows it: rows are brought over in pieces of their columns, all by the same one.

    So a programmer can't bring one column by another map than the next. `key`: of the pads, at programmer and sender.
    `order`: of the sender's rows, at the sender. `places`: of the wanted rows in it, at programmer and receiver.
    `source`: the map, at the programmer. `early`: the order was drawn before the map was known, so that the sender's
    rows are there in time.
    """

    roles: Roles
    key: bytes = b""
    order: Order | None = None
    places: Order | None = None
    source: Order | None = None
    early: bool = False

    def pads(self, piece: int, columns: int) -> Words:
        """What is taken from the rows of one piece: each has a stream of its own."""
        return Stream(self.key, piece).elements(self.roles.rows * columns).reshape(self.roles.rows, columns)


async def permute_known(
    channel: Channel, prss: Prss, roles: Roles, rows: Words | None, source: Order | None, own: Words | None = None
) -> Words:
    """Our shares of the wanted rows, of degree t: wanted row k is row source[k] of the sender. Three rounds.

    `rows` is the sender's, of shape (rows, columns); `source` the programmer's, distinct numbers of rows; the others
    pass None. `own`, of the sender's shape, is added to its rows by the programmer: for rows that both have a part of.
    """
    return await bring(channel, prss, await arrange(channel, prss, roles, source), 0, roles.columns, rows, own)


@dataclass(frozen=True)
class Drawn:
    """What a programmer draws: a uniform order of the sender's rows, and the key of the pads."""

    key: bytes
    order: Order


async def draw(channel: Channel, prss: Prss, roles: Roles) -> Drawn | None:
    """The programmer draws, and tells the sender, who waits for it in `arrange`: that needs no map. Others get None."""
    _check_threshold(prss, roles)
    if channel.line.me != roles.programmer:
        return None
    drawn = Drawn(stream.private_key(), Stream(stream.private_key()).permutation(roles.rows))
    await channel.ahead({roles.sender: np.concatenate([stream.key_words(drawn.key), packed(drawn.order)])}, {})
    return drawn


async def arrange(
    channel: Channel, prss: Prss, roles: Roles, source: Order | None, drawn: Drawn | None = None, early: bool = False
) -> Arrangement:
    """One permutation, for any number of pieces. One round.

    Args:
        drawn: if `early`, what `draw` gave at the programmer, some rounds ago.

    Raises:
        WireError: what the programmer sent isn't an order of the rows, or not distinct rows; names it. Of repeated rows
            a sum would be one person's.
    """
    _check_threshold(prss, roles)
    me, programmer = channel.line.me, roles.programmer
    if me == programmer:
        drawn = drawn if early else await draw(channel, prss, roles)
        return await _programmed(channel, roles, source, drawn, early)
    if me == roles.sender:
        take = channel.ahead if early else channel.exchange
        words = (await take({}, {programmer: KEY_WORDS + packed_words(roles.rows)}))[programmer]
        order = _distinct(unpacked(words[KEY_WORDS:], roles.rows, roles.rows, programmer), roles, programmer)
        return Arrangement(roles, stream.key_from(words[:KEY_WORDS]), order, early=early)
    if me == roles.receiver:
        words = (await channel.exchange({}, {programmer: packed_words(roles.wanted)}))[programmer]
        places = unpacked(words, roles.wanted, roles.rows, programmer)
        return Arrangement(roles, places=_distinct(places, roles, programmer), early=early)
    return Arrangement(roles)


def _check_threshold(prss: Prss, roles: Roles) -> None:
    if prss.threshold != 1 and not roles.beyond_threshold:
        raise SpecError("a permutation that one party knows needs threshold 1")


async def _programmed(
    channel: Channel, roles: Roles, source: Order | None, drawn: Drawn | None, early: bool
) -> Arrangement:
    """The programmer's part: the wanted rows' places in the order that the sender is told."""
    if source is None or source.shape != (roles.wanted,) or drawn is None:
        raise InternalError("the wanted rows aren't as many as agreed")
    if roles.wanted and not 0 <= source.min() <= source.max() < roles.rows:
        raise InternalError("a wanted row that isn't there")
    if not _are_distinct(source, roles.rows):
        raise InternalError("the wanted rows aren't distinct")
    place = np.empty_like(drawn.order)
    place[drawn.order] = np.arange(roles.rows)
    places = place[source]
    await channel.ahead({roles.receiver: packed(places)}, {})
    return Arrangement(roles, drawn.key, places=places, source=source, early=early)


async def bring(
    channel: Channel,
    prss: Prss,
    arranged: Arrangement,
    piece: int,
    columns: int,
    rows: Words | None,
    own: Words | None = None,
) -> Words:
    """Our shares of some columns of the wanted rows; `piece` is a number that no other piece has. Two rounds.

    `rows`, `own`: as in `permute_known`.
    """
    roles, me = arranged.roles, channel.line.me
    half: Words | None = None
    if me == roles.programmer and arranged.places is not None:
        half = arranged.pads(piece, columns).take(arranged.places, axis=0)
        if own is not None and arranged.source is not None:
            half = field.add(half, own.take(arranged.source, axis=0))
    elif me == roles.sender and arranged.order is not None:
        if rows is None or rows.shape != (roles.rows, columns):
            raise InternalError("the sender's rows aren't as many as agreed")
        padded = field.subtract(rows.take(arranged.order, axis=0), arranged.pads(piece, columns))
        await channel.ahead({roles.receiver: padded}, {})
    elif me == roles.receiver and arranged.places is not None:
        take = channel.ahead_elements if arranged.early else channel.exchange_elements
        taken = await take({}, {roles.sender: roles.rows * columns})
        half = taken[roles.sender].reshape(roles.rows, columns).take(arranged.places, axis=0)
    dealt = None if half is None else half.reshape(-1)
    shares = await deal(channel, prss.threshold, [roles.programmer, roles.receiver], dealt, roles.wanted * columns)
    return field.add(*shares).reshape(roles.wanted, columns)


def _are_distinct(places: Order, limit: int) -> bool:
    """Whether numbers below the limit are different ones."""
    seen = np.zeros(limit, np.bool_)
    seen[places] = True
    return int(np.count_nonzero(seen)) == len(places)


def _distinct(places: Order, roles: Roles, sender: int) -> Order:
    if not _are_distinct(places, roles.rows):
        raise WireError("the same row twice", sender)
    return places


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
    halves = words.view("<u4")
    places = halves[:count].astype(np.int64)
    if (count and places.max() >= limit) or halves[count:].any():
        raise WireError("a row that isn't there", sender)
    return places
