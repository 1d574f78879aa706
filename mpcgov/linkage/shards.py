"""Shards of the owners' lists: which of them a key is in, by a hash under a key that the owners have and nobody else.

With a matcher that key follows from what the coins of all owners' lists follow from: whoever asks the same again has
the same keys in the same shards, and so shows a matcher the same numbers. See docs/security/linkage.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mpcgov.errors import InternalError
from mpcgov.linkage import tags
from mpcgov.linkage.ownrows import OwnRows
from mpcgov.linkage.tags import Texts
from mpcgov.linked.shards import shard_length
from mpcgov.mpc.word import stream
from mpcgov.mpc.word.stream import KEY_BYTES, KEY_WORDS
from mpcgov.mpc.word.wire import Channel

AT_ONCE = 1 << 20
"""Keys that are hashed at once, so that what that takes is bounded."""


@dataclass(frozen=True)
class Shard:
    """One of the parts that are linked by themselves: the whole, if there is one only.

    `lengths`: by owner that of its list, public. `label`: among owners, what tells this part of these lists split this
    way from all others; empty for the whole. `own`: our rows, if we are an owner.
    """

    lengths: Mapping[str, int]
    label: str
    own: OwnRows | None


@dataclass(frozen=True)
class Split:
    """The shards of a job, made one at a time, as each holds a copy of its rows.

    `whole`: by owner the length of its list, `lengths`: of that of each shard. `own`: all our rows; `placed`: the shard
    that each is in. `key`: the owners' own; anybody else has none.
    """

    shards: int
    whole: Mapping[str, int]
    lengths: Mapping[str, int]
    own: OwnRows | None
    key: bytes = field(default=bytes(KEY_BYTES), repr=False)
    placed: NDArray[np.uint8] | None = None

    @classmethod
    def of(cls, lengths: Mapping[str, int], shards: int, own: OwnRows | None, key: bytes | None = None) -> Split:
        """The shards of lists of such lengths."""
        parts = {owner: shard_length(length, shards) for owner, length in lengths.items()}
        if own is None or key is None:
            return cls(shards, lengths, parts, own)
        return cls(shards, lengths, parts, own, key, shard_of(own.keys, key, shards))

    def __len__(self) -> int:
        return self.shards

    def checked(self, owner: str) -> Split:
        """Itself, if our keys are no more than each shard's list holds.

        Raises:
            InternalError: they are, which happens in one of 2^64 splits, whatever the keys.
        """
        if self.placed is not None and np.bincount(self.placed).max(initial=0) > self.lengths[owner]:
            raise InternalError("a shard has more keys than its list holds")
        return self

    def with_columns(self, make: Callable[[OwnRows], OwnRows]) -> Split:
        """The same, with columns that are worked out of all our rows, whichever shards they are in."""
        if self.own is None or self.placed is None:
            return self
        return replace(self, own=make(self.own).narrowed())

    def shard(self, number: int) -> Shard:
        """The shard of that number, from 0."""
        if self.shards == 1:
            return Shard(self.lengths, "", self.own)
        label = _derive(self.key)(f"shard {number} of {self.shards}").hex()
        own = None if self.own is None or self.placed is None else self.own.part(self.placed == number)
        return Shard(self.lengths, label, own)


def lasting(own: OwnRows, context: Sequence[str]) -> bytes:
    """An owner's part of a key that is the same again if the same is asked of the same data set."""
    return tags.derived((own.secret, bytes(KEY_BYTES)), context, "split")


async def owners_key(channel: Channel, owners: Sequence[int], mine: bytes, context: Sequence[str]) -> bytes:
    """A key of all owners, of 32 bytes of each; whichever of them are as good as random, it is, too.

    Args:
        owners: by index, we among them, in an order that all know.
    """
    others = [owner for owner in owners if owner != channel.line.me]
    taken = await channel.exchange(dict.fromkeys(others, stream.key_words(mine)), dict.fromkeys(others, KEY_WORDS))
    secrets = [mine if owner == channel.line.me else stream.key_from(taken[owner]) for owner in owners]
    return tags.derived(secrets, context, "shards")


def _derive(key: bytes) -> Callable[[str], bytes]:
    return partial(tags.derived, (key, bytes(KEY_BYTES)), ("shards",))


def shard_of(keys: Texts, key: bytes, shards: int) -> NDArray[np.uint8]:
    """The shard of each key: a hash of it under a key, uniform on a power of two."""
    bits = shards.bit_length() - 1
    if shards != 1 << bits or not 1 <= bits <= 8:
        raise InternalError("shards are a power of two, up to 256")
    derive = _derive(key)
    at, cipher = tags.points(derive), derive("hash")
    found = np.empty(len(keys), np.uint8)
    for start in range(0, len(keys), AT_ONCE):
        offsets = keys.offsets[start : start + AT_ONCE + 1]
        hashes = tags.encrypted(tags.key_blocks(Texts(keys.data, offsets), at), cipher)[:, 0]
        found[start : start + AT_ONCE] = (hashes >> np.uint64(64 - bits)).astype(np.uint8)
    return found
