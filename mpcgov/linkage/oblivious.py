"""The oblivious join: rows of several owners brought into one order, and nobody learns even how many matched.

A star as in `join`. In a spoke the other owner B puts its rows into a cuckoo table, where each key names three places;
a third party M, the helper, gets the table padded by a stream that both owners know, and from the left owner A the
three places of each of its rows. So M and A have additive shares of three candidates for each row, and all parties
compare the candidates' tokens with the row's own and add up what belongs to the equal one. See
docs/security/linkage.md. The idea is that of Mohassel, Rindal and Rosulek (CCS 2020), whose owners don't know keys.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpcgov.errors import InternalError
from mpcgov.linkage import cuckoo, tags
from mpcgov.linkage.cuckoo import CHOICES, Places
from mpcgov.linkage.join import PrivateList, SpokePlan
from mpcgov.linked.sizes import table_third
from mpcgov.mpc.codec import WireError
from mpcgov.mpc.word import compare, field, stream
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.permute import packed, packed_words, unpacked
from mpcgov.mpc.word.product import reduce_degree
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sharing import deal
from mpcgov.mpc.word.stream import KEY_WORDS, Stream
from mpcgov.mpc.word.wire import Channel, in_batches

TOKEN_BITS = 60
"""Different keys have the same token with probability 2^-60; tokens that no key has lie above all others."""
NO_KEY = 1 << TOKEN_BITS
NO_ROW = NO_KEY + 1

PIECE = compare.LANES_CHUNK // CHOICES
"""Rows in a batch."""


@dataclass(frozen=True)
class Keys:
    """What both owners of a spoke know, and nobody else: for the blocks of keys, tokens, places, and the pad."""

    points: tuple[int, int]
    token: bytes
    place: bytes
    pad: bytes


@dataclass(frozen=True)
class Halves:
    """An additive half of a table of tokens and columns, and which of its places belong to each row of the left list.

    `tokens`: at the left owner, those of its rows; the helper has 0 in their place.
    """

    table: Words
    places: Places
    tokens: Words

    def of(self, rows: slice) -> Words:
        """Our half of what is dealt for some rows: for each choice the difference of tokens, then columns; flat."""
        third = len(self.table) // CHOICES
        found = np.stack([self.table.take(self.places[rows, j] + j * third, axis=0) for j in range(CHOICES)])
        own = np.broadcast_to(self.tokens[rows], found.shape[:2])
        found[:, :, 0] = field.subtract(own, found[:, :, 0])
        return found.reshape(-1)


async def spoke(channel: Channel, prss: Prss, plan: SpokePlan, own: PrivateList | None, columns: Words | None) -> Words:
    """As `join.spoke`: our shares of the other owner's columns in the left list's order, 0 where there is no match.

    The first column must be 1 for every key: what becomes of it says which rows have a match.
    """
    if columns is not None and (len(columns) != plan.columns or not (columns[0] == 1).all()):
        raise InternalError("the first column of an owner doesn't say which rows are real")
    return await _chosen(channel, prss, plan, own, columns)


async def overlap(channel: Channel, prss: Prss, plan: SpokePlan, own: PrivateList | None) -> Words:
    """Our share of how many keys both have, shape (1,)."""
    columns = np.ones((1, len(own.keys)), np.uint64) if own is not None and channel.line.me == plan.other else None
    return field.sum_rows(await _chosen(channel, prss, plan, own, columns))


async def _chosen(
    channel: Channel, prss: Prss, plan: SpokePlan, own: PrivateList | None, columns: Words | None
) -> Words:  # fmt: skip
    """Our shares of each row's match, shape (left rows, columns), one at least."""
    halves = await _halves(channel, plan, own, columns)

    async def step(part: Channel, rows: slice) -> Words:
        return await _matched(part, prss, plan, halves, rows)

    return await in_batches(channel, plan.left_rows, PIECE, step)


async def _halves(channel: Channel, plan: SpokePlan, own: PrivateList | None, columns: Words | None) -> Halves | None:
    """What the left owner and the helper have of the table and the left list; None at anybody else."""
    me, width, third = channel.line.me, max(1, plan.columns), table_third(plan.other_length)
    if me == plan.matcher:
        sizes = {plan.left: packed_words(CHOICES * plan.left_rows), plan.other: CHOICES * third * width}
        taken = await channel.exchange({}, sizes)
        if not field.all_elements(taken[plan.other]):
            raise WireError("a number outside the field", plan.other)
        found = unpacked(taken[plan.left], CHOICES * plan.left_rows, third, plan.left)
        places: Places = found.astype(np.int32).reshape(plan.left_rows, CHOICES)
        return Halves(taken[plan.other].reshape(-1, width), places, np.zeros(plan.left_rows, np.uint64))
    if me not in (plan.left, plan.other):
        return None
    if own is None or (columns is None) == (me == plan.other):
        raise InternalError("an owner without its list")
    if columns is not None:
        keys, table = await _table(channel, plan, own, columns, third)
        padded = field.subtract(table, _pad(keys, table.shape))
        await channel.exchange({plan.matcher: padded}, {})
        return None
    keys = await _agree(channel, plan)
    places, tokens = _listed(own, keys, third)
    await channel.exchange({plan.matcher: packed(places.reshape(-1).astype(np.int64))}, {})
    return Halves(_pad(keys, (CHOICES * third, width)), places, tokens)


async def _agree(channel: Channel, plan: SpokePlan) -> Keys:
    """The left owner's part: it sends its 32 bytes, and gets the other's."""
    mine = stream.private_key()
    taken = await channel.exchange({plan.other: stream.key_words(mine)}, {plan.other: KEY_WORDS})
    return _keys((mine, stream.key_from(taken[plan.other])), plan)


async def _table(
    channel: Channel, plan: SpokePlan, own: PrivateList, columns: Words, third: int
) -> tuple[Keys, Words]:  # fmt: skip
    """The other owner's part: its table, under keys that leave room for all its rows.

    It draws its bytes until they do, and sends these: that it had to draw again, which it has once in 2^41 times, shows
    to nobody.
    """
    taken = await channel.exchange({}, {plan.left: KEY_WORDS})
    places = None
    while places is None:
        mine = stream.private_key()
        keys = _keys((stream.key_from(taken[plan.left]), mine), plan)
        blocks = tags.key_blocks(own.keys, keys.points)
        if not tags.some_equal(blocks):
            places = cuckoo.arranged(cuckoo.places(tags.encrypted(blocks, keys.place), third), third)
    await channel.exchange({plan.left: stream.key_words(mine)}, {})
    table = np.zeros((CHOICES * third, len(columns)), np.uint64)
    table[:, 0] = NO_KEY
    there = np.flatnonzero(places >= 0)
    table[there] = columns.T[places[there]]
    table[there, 0] = _tokens(blocks, keys)[places[there]]
    return keys, table


def _listed(own: PrivateList, keys: Keys, third: int) -> tuple[Places, Words]:
    """Places and tokens of the left list's rows, in its order. Rows without a key have places, too, drawn at random."""
    blocks = tags.key_blocks(own.keys, keys.points)
    pads = own.random.words(2 * (own.length - len(own.keys))).reshape(-1, 2)
    places = cuckoo.places(np.concatenate([tags.encrypted(blocks, keys.place), pads]), third)
    tokens = np.full(own.length, NO_ROW, np.uint64)
    tokens[: len(blocks)] = _tokens(blocks, keys)
    return places.take(own.order, axis=0), tokens[own.order]


def _keys(secrets: tuple[bytes, bytes], plan: SpokePlan) -> Keys:
    """A spoke's keys, from 32 bytes of each owner's operating system, the left owner's first."""
    derive = tags.derivation(secrets, plan.job_digest, plan.name, plan.ids)
    return Keys(tags.points(derive), derive("tokens"), derive("places"), derive("pad"))


def _tokens(blocks: Words, keys: Keys) -> Words:
    found: Words = tags.encrypted(blocks, keys.token)[:, 0] >> np.uint64(64 - TOKEN_BITS)
    return found


def _pad(keys: Keys, shape: tuple[int, ...]) -> Words:
    return Stream(keys.pad).elements(shape[0] * shape[1]).reshape(shape)


async def _matched(channel: Channel, prss: Prss, plan: SpokePlan, halves: Halves | None, rows: slice) -> Words:
    """Our shares of the columns of the candidate, if any, whose token is a row's; shape (rows, columns)."""
    count, width = rows.stop - rows.start, max(1, plan.columns)
    own = None if halves is None else halves.of(rows)
    shares = await deal(channel, prss.threshold, [plan.left, plan.matcher], own, CHOICES * count * width)
    candidates = field.add(*shares).reshape(CHOICES, count, width)
    equal = await compare.zero(channel, prss, candidates[:, :, 0])
    some = field.sum_rows(equal).reshape(count, 1)
    if width == 1:
        return some
    chosen = field.product(np.broadcast_to(equal[:, :, None], (CHOICES, count, width - 1)), candidates[:, :, 1:])
    together = await reduce_degree(channel, prss, field.sum_rows(chosen.reshape(CHOICES, -1)))
    return np.concatenate([some, together.reshape(count, width - 1)], axis=1)
