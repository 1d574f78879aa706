"""The matcher join: rows of several owners brought into one order, without anybody learning who matched.

A star has one left owner A and a spoke to each other owner B, matched by a third party M. Under a key that M doesn't
have, A and B tag their keys, pad and shuffle their lists, and send M the tags. M maps each row of A's list to its match
in B's, or to a null row of its own, and B's columns are brought into A's order by a permutation that M programs. See
docs/security/linkage.md for what each of them sees, and `tags` for tags and lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mpcgov.errors import InternalError
from mpcgov.linkage.matching import ascending, common, matches, sources
from mpcgov.linkage.tags import (
    TAG_WORDS,
    Order,
    SpokeKeys,
    TagList,
    Texts,
    derived,
    dummy_tags,
    key_tags,
    some_equal,
    spoke_keys,
    tag_list,
)
from mpcgov.linked.sizes import padded_length, pair_name
from mpcgov.mpc.codec import WireError
from mpcgov.mpc.word import field, stream
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.permute import Roles, arrange, bring, draw
from mpcgov.mpc.word.product import inner_product
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sharing import deal
from mpcgov.mpc.word.stream import KEY_BYTES, KEY_WORDS, Stream
from mpcgov.mpc.word.wire import Channel

BLOCK = 1 << 24
"""Elements of a matrix of rows that are under way at once: 128 MB, of which a party holds a few at a time."""


MOST_STARTS = 4
"""Two of an owner's keys, of usual number and lengths, have the same tag once in 2^67 spokes, again in 2^134."""
AGAIN = "two of its keys with one tag, again and again"


@dataclass(frozen=True)
class SpokePlan:
    """One spoke by party index, with its public sizes: padded lengths of both lists, dummies, columns brought over.

    `job_digest`, `name` and `ids` (left owner's first) tell its keys from all others. `shard`: what tells a shard's
    coins from all others; empty for whole lists.
    """

    left: int
    other: int
    matcher: int
    left_length: int
    other_length: int
    dummies: int
    columns: int
    job_digest: str
    name: str
    ids: tuple[str, str]
    shard: str = ""

    @property
    def owners(self) -> tuple[int, int]:
        """Who sends the matcher a list."""
        return self.left, self.other

    @property
    def left_rows(self) -> int:
        """The rows of the left list, and of the result."""
        return self.left_length + self.dummies

    @property
    def other_rows(self) -> int:
        """The rows of the other list."""
        return self.other_length + self.dummies


async def exchange_lengths(channel: Channel, most_keys: Mapping[int, int], own_keys: int | None) -> dict[int, int]:
    """The padded length of each owner's list, by party index: every party learns them. One round.

    Args:
        most_keys: by owner, the most keys that its data set may have.
        own_keys: how many we say that we have, if we are an owner.

    Raises:
        WireError: a length that no list can have; names the sender.
    """
    me = channel.line.me
    send = {}
    if own_keys is not None:
        word = np.array([padded_length(own_keys)], np.uint64)
        send = {peer: word for peer in range(channel.line.parties) if peer != me}
    taken = await channel.exchange(send, {owner: 1 for owner in most_keys if owner != me})
    lengths = {owner: int(words[0]) for owner, words in taken.items()}
    for owner, length in lengths.items():
        if length > padded_length(most_keys[owner]) or length != padded_length(length):
            raise WireError("a list of a length that it can't have", owner)
    if own_keys is not None:
        lengths[me] = padded_length(own_keys)
    return {owner: lengths[owner] for owner in most_keys}


class PrivateList:
    """What only its owner knows of its list: the keys, which are distinct, the randomness, the order of the rows.

    A left owner has one for all spokes of its star, any other owner a new one in each spoke. Coins alone follow from
    the owner's `secret`, so that the same rows once more show a matcher the same number; order and pads are fresh.
    """

    def __init__(self, keys: Texts, length: int, dummies: int, secret: bytes) -> None:
        self.keys = keys
        self.length = length
        self.dummies = dummies
        self.random = Stream(stream.private_key())
        self.coins: dict[str, str] = {}
        self._secret = secret

    @cached_property
    def order(self) -> Order:
        """Of its rows, where others' are brought into it."""
        return self.random.permutation(self.length + self.dummies)

    def mark(self, plan: SpokePlan) -> bytes:
        """What the other owner of a spoke is told of our secret: it is another one when our secret is."""
        return derived((self._secret, bytes(KEY_BYTES)), self._context(plan), "mark")

    def with_coins(self, plan: SpokePlan, mark: bytes) -> TagList:
        """How the list is made up in one spoke: coins by our secret and the other owner's mark, so that other rows of
        either owner have independent ones. `coins` has what tells them apart, by pair of owners."""
        secrets, context = (self._secret, mark), self._context(plan)
        self.coins[pair_name(*plan.ids)] = derived(secrets, context, "which").hex()
        return tag_list(len(self.keys), self.length, self.dummies, Stream(derived(secrets, context, "coins")))

    def _context(self, plan: SpokePlan) -> tuple[str, ...]:
        return (*sorted(plan.ids), str(self.dummies), *([plan.shard] if plan.shard else []))

    def columns(self, values: Words) -> Words:
        """Columns of the keys, shape (columns, N), as rows in the list's order, shape (length + dummies, columns)."""
        padded = np.zeros((self.length + self.dummies, len(values)), np.uint64)
        padded[: len(self.keys)] = values.T
        return padded.take(self.order, axis=0)

    def numbers(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """A column of the keys in the list's order, −1 in rows without a key."""
        padded = np.full(self.length + self.dummies, -1, np.int64)
        padded[: len(self.keys)] = values
        return padded[self.order]


async def spoke(channel: Channel, prss: Prss, plan: SpokePlan, own: PrivateList | None, columns: Words | None) -> Words:
    """Our shares of the other owner's columns in the left list's order, shape (left rows, columns), 0 without a match.

    Args:
        own: the left and the other owner's list; None at anybody else.
        columns: the other owner's, of its keys, shape (columns, N), elements; None at anybody else.
    """
    result = np.empty((plan.columns, plan.left_rows), np.uint64)
    roles = Roles(
        sender=plan.other,
        programmer=plan.matcher,
        receiver=plan.left,
        rows=plan.other_rows + plan.left_rows,
        wanted=plan.left_rows,
        columns=plan.columns,
        beyond_threshold=True,
    )
    drawn = await draw(channel, prss, roles)
    lists, _ = await _matched(channel, plan, own, in_order=True)
    source = None if lists is None else sources(matches(lists[0], lists[1], plan.owners), plan.other_rows)
    arranged = await arrange(channel, prss, roles, source, drawn, early=True)
    for number, piece in enumerate(_pieces(plan.columns, plan.other_rows + plan.left_rows)):
        rows = None
        if own is not None and columns is not None:
            brought = own.columns(columns[piece])
            rows = np.concatenate([brought, np.zeros((plan.left_rows, brought.shape[1]), np.uint64)])
        result[piece] = (await bring(channel, prss, arranged, number, piece.stop - piece.start, rows)).T
    return result.T


def _pieces(columns: int, rows: int) -> list[slice]:
    """Columns that are dealt or brought over at once, so that what that takes is bounded however many there are."""
    step = max(1, BLOCK // rows)
    return [slice(start, min(start + step, columns)) for start in range(0, columns, step)]


async def overlap(channel: Channel, prss: Prss, plan: SpokePlan, own: PrivateList | None) -> Words:
    """Our share of how many keys both have, shape (1,): nothing has to be aligned for that; the lists are ascending.

    The matcher deals what it counts, and both owners their coins: where both are 1, a dummy was counted.
    """
    me = channel.line.me
    lists, listed = await _matched(channel, plan, own, in_order=False)
    counted = None if lists is None else np.array([common(lists[0], lists[1], plan.owners)], np.uint64)
    (total,) = await deal(channel, prss.threshold, [plan.matcher], counted, 1)
    if plan.dummies == 0:
        return total
    coins = None if listed is None or me == plan.matcher else listed.coins.astype(np.uint64)
    left, other = await deal(channel, prss.threshold, [plan.left, plan.other], coins, plan.dummies)
    return field.subtract(total, (await inner_product(channel, prss, left, other)).reshape(1))


async def _matched(
    channel: Channel, plan: SpokePlan, own: PrivateList | None, *, in_order: bool
) -> tuple[tuple[Words, ...] | None, TagList | None]:
    """Both lists, at the matcher; how an owner's own is made up. `in_order`: in their owners' order, or ascending."""
    me = channel.line.me
    if me == plan.matcher:
        return await _listed(channel, plan), None
    if me not in plan.owners:
        return None, None
    if own is None:
        raise InternalError("an owner without its list")
    return None, await _tags(channel, plan, own, in_order)


async def _listed(channel: Channel, plan: SpokePlan) -> tuple[Words, ...]:
    """The matcher's part: both lists, once neither owner has to start again.

    Raises:
        WireError: an owner wants to start again once too often; names it.
    """
    rows = {plan.left: plan.left_rows, plan.other: plan.other_rows}
    for _ in range(MOST_STARTS):
        again = await channel.ahead({}, dict.fromkeys(rows, 1))
        starts = [owner for owner, answer in again.items() if _yes(answer, owner)]
        sizes = {owner: TAG_WORDS * count for owner, count in rows.items() if owner not in starts}
        taken = await channel.exchange({}, sizes)
        if not starts:
            return tuple(taken[owner].reshape(-1, TAG_WORDS) for owner in rows)
    raise WireError(AGAIN, starts[0])


async def _tags(channel: Channel, plan: SpokePlan, own: PrivateList, in_order: bool) -> TagList:
    """An owner sends its list of tags: how it is made up. Should two of its keys have the same tag, it sends none, and
    both owners start again.

    Raises:
        WireError: the other owner wants to start again once too often; names it.
    """
    me = channel.line.me
    peer = plan.other if me == plan.left else plan.left
    for _ in range(MOST_STARTS):
        keys, mark = await _agree(channel, plan, peer, own.mark(plan))
        found, listed, dummies = key_tags(own.keys, keys), own.with_coins(plan, mark), dummy_tags(plan.dummies, keys)
        pads = own.random
        tags, same = (None, some_equal(found)) if in_order else ascending(listed.unordered(found, dummies, pads))
        again = np.array([same], np.uint64)
        await channel.ahead({plan.matcher: again}, {})
        if not again[0]:
            tags = listed.tags(found, dummies, own.order, pads) if tags is None else tags
            await channel.ahead({plan.matcher: tags}, {})
        answer = (await channel.exchange({peer: again}, {peer: 1}))[peer]
        if not _yes(answer, peer) and not again[0]:
            return listed
    if again[0]:
        raise InternalError(AGAIN)
    raise WireError(AGAIN, peer)


def _yes(answer: Words, sender: int) -> bool:
    if answer[0] > 1:
        raise WireError("an answer that is neither yes nor no", sender)
    return bool(answer[0])


async def _agree(channel: Channel, plan: SpokePlan, peer: int, mark: bytes) -> tuple[SpokeKeys, bytes]:
    """Fresh keys of the spoke, from 32 bytes of each owner's operating system; and the other owner's mark."""
    mine = stream.private_key()
    sent = np.concatenate([stream.key_words(mine), stream.key_words(mark)])
    taken = (await channel.exchange({peer: sent}, {peer: 2 * KEY_WORDS}))[peer]
    theirs, their_mark = stream.key_from(taken[:KEY_WORDS]), stream.key_from(taken[KEY_WORDS:])
    secrets = (mine, theirs) if channel.line.me == plan.left else (theirs, mine)
    return spoke_keys(secrets, plan.job_digest, plan.name, plan.ids), their_mark


async def left_columns(
    channel: Channel, prss: Prss, left: int, rows: int, count: int, own: tuple[PrivateList, Words] | None
) -> Words:
    """Our shares of the left owner's columns in its list's order, shape (rows, count); the owner deals them.

    `own`: at the left owner its list and its columns of its keys, shape (count, N), elements.
    """
    result = np.empty((count, rows), np.uint64)
    for piece in _pieces(count, rows):
        values = None if own is None else own[0].columns(own[1][piece]).reshape(-1)
        (shares,) = await deal(channel, prss.threshold, [left], values, rows * (piece.stop - piece.start))
        result[piece] = shares.reshape(rows, -1).T
    return result.T
