"""Records that are equal in some fields, found before all others are compared: their owners learn which they are.

Both owners tag those fields under keys that the party that helps doesn't have, as in a join by a matcher. It sees which
tags are in both lists, and tells each owner at which places of its own list. See docs/security/linkage.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpcgov.errors import SpecError
from mpcgov.linkage.join import exchange_lengths
from mpcgov.linkage.matching import matches
from mpcgov.linkage.tags import TAG_WORDS, SpokeKeys, TagList, Texts, key_tags
from mpcgov.linked.comparing import MOST_EXACT
from mpcgov.linked.sizes import padded_length
from mpcgov.mpc.codec import WireError
from mpcgov.mpc.word import stream
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.stream import Stream
from mpcgov.mpc.word.wire import Channel

Numbers = NDArray[np.int64]

_LENGTH_BYTES = 4


@dataclass(frozen=True)
class Exact:
    """Rows for exact pairs, in an order that both owners have: how many, and which of our records is in each.

    `records`: −1 in rows to spare; empty at who owns none, and where there are no such rows.
    """

    rows: int
    records: Numbers

    def rest(self, blocks: Numbers) -> Numbers:
        """Each record's block, −1 if it has an exact partner: it is compared with nobody."""
        blocks = blocks.copy()
        blocks[self.records[self.records >= 0]] = -1
        return blocks

    @property
    def real(self) -> Words:
        """1 in rows with a pair, 0 in those to spare."""
        return (self.records >= 0).astype(np.uint64)


def none() -> Exact:
    """No exact pairs, where the job doesn't ask for them."""
    return Exact(0, np.zeros(0, np.int64))


async def common_secrets(channel: Channel, owners: tuple[int, int], mine: bytes | None) -> tuple[bytes, bytes] | None:
    """The secrets of both owners, in this order; nobody else has them, and gets None. One round."""
    me = channel.line.me
    if me not in owners or mine is None:
        return None
    (peer,) = [owner for owner in owners if owner != me]
    taken = await channel.exchange({peer: stream.key_words(mine)}, {peer: stream.KEY_WORDS})
    theirs = stream.key_from(taken[peer])
    return (mine, theirs) if me == owners[0] else (theirs, mine)


async def exact_pairs(
    channel: Channel,
    owners: tuple[int, int],
    helper: int,
    most: Mapping[int, int],
    own: tuple[Sequence[Texts], SpokeKeys, int] | None,
) -> Exact:
    """The pairs of records that are equal in all of some fields, each the only one of its owner's. Four rounds.

    Args:
        owners: in job order; `helper` finds equal tags.
        most: by owner, the most records that its data set may have.
        own: at an owner, those fields of all its records, the keys of the tags, and how many records its list is said
            to have, before that is rounded up.

    Raises:
        SpecError: the shorter list is too long.
        WireError: what came can't be; names the sender.
    """
    lengths = await exchange_lengths(channel, most, None if own is None else own[2])
    if min(lengths.values()) > MOST_EXACT:
        raise SpecError(
            f"params.exact: the shorter of the two lists has {min(lengths.values()):,} records; at most {MOST_EXACT:,}",
            hint="leave params.exact out, or have their owners declare the part that is asked about as data sets",
            code="pairs",
        )
    if channel.line.me == helper:
        return await _matched(channel, owners, lengths)
    tagged = None
    if own is not None:
        tagged = _Tagged(*own[:2], lengths[channel.line.me])
        await channel.exchange({helper: tagged.tags}, {})
    rows = int((await channel.exchange({}, {helper: 1}))[helper][0])
    if rows > min(lengths.values()) or rows != padded_length(rows):
        raise WireError("a number of exact pairs that can't be", helper)
    if tagged is None:
        return Exact(rows, np.zeros(0, np.int64))
    return Exact(rows, tagged.records((await channel.exchange({}, {helper: rows}))[helper], helper))


async def _matched(channel: Channel, owners: tuple[int, int], lengths: Mapping[int, int]) -> Exact:
    """At the helper: tell all how many pairs there are, rounded up, and each owner their places in its list.

    The order is that of the first owner's list, which is as random to the second as its own.
    """
    taken = await channel.exchange({}, {owner: TAG_WORDS * lengths[owner] for owner in owners})
    first, second = (taken[owner].reshape(-1, TAG_WORDS) for owner in owners)
    found = matches(first, second, owners)
    places = np.flatnonzero(found >= 0)
    rows = padded_length(len(places))
    others = [peer for peer in range(channel.line.parties) if peer != channel.line.me]
    await channel.exchange({peer: np.array([rows], np.uint64) for peer in others}, {})
    told = {owner: np.full(rows, lengths[owner], np.uint64) for owner in owners}
    for owner, own in zip(owners, (places, found[places]), strict=True):
        told[owner][: len(places)] = own
    await channel.exchange(told, {})
    return Exact(rows, np.zeros(0, np.int64))


class _Tagged:
    """An owner's list of tags, in an order of its own: of records that have all fields and share them with none.

    Random ones make up the length.
    """

    def __init__(self, fields: Sequence[Texts], keys: SpokeKeys, length: int) -> None:
        present = np.all([np.diff(field.offsets) > 0 for field in fields], axis=0)
        tags, some = key_tags(joined(fields), keys), np.flatnonzero(present)
        _, first, count = np.unique(tags[some], axis=0, return_index=True, return_counts=True)
        self._some = some[np.sort(first[count == 1])]
        random = Stream(stream.private_key())
        self._order = random.permutation(length)
        listed = TagList(len(self._some), length, np.zeros(0, np.bool_))
        self.tags = listed.tags(tags[self._some], np.zeros((0, TAG_WORDS), np.uint64), self._order, random)

    def records(self, places: Words, helper: int) -> Numbers:
        """Which of our records is in each row, by the places of their tags; the list's length stands for none."""
        count = int(np.count_nonzero(places < len(self._order)))
        if padded_length(count) == len(places) and (places[:count] < len(self._order)).all():
            found = self._order[places[:count].astype(np.int64)]
            if (found < len(self._some)).all() and len(np.unique(found)) == count:
                return np.concatenate([self._some[found], np.full(len(places) - count, -1)])
        raise WireError("places of exact pairs that can't be", helper)


def joined(fields: Sequence[Texts]) -> Texts:
    """Some fields of each record as one text, each after its length: different fields never make the same text."""
    lengths = np.array([np.diff(field.offsets) for field in fields], np.int64)
    starts = np.concatenate([[0], np.cumsum((lengths + _LENGTH_BYTES).sum(axis=0))])
    data, at = np.empty(int(starts[-1]), np.uint8), starts[:-1].copy()
    for field, sizes in zip(fields, lengths, strict=True):
        data[at[:, None] + np.arange(_LENGTH_BYTES)] = sizes.astype("<u4").view(np.uint8).reshape(-1, _LENGTH_BYTES)
        at += _LENGTH_BYTES
        first = field.offsets[:-1]
        text = field.data[field.offsets[0] : field.offsets[-1]]
        data[np.repeat(at - (first - field.offsets[0]), sizes) + np.arange(len(text))] = text
        at += sizes
    return Texts(data, starts)
