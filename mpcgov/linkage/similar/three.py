"""Three of more than three parties compute by themselves, and then share what comes out with all.

Comparing needs bits of which every two parties have a piece, so it is among three, of which one may be curious: two
owners and one more. Among themselves they have points 1 to 3 and keys of their own, fresh for the job. Each of their
shares that comes out is dealt afresh to all parties (Gennaro, Rabin and Rabin, PODC 1998), so the others only ever see
fresh sharings.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import numpy as np

from mpcgov.mpc.word import stream
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.prss import Prss, Subset
from mpcgov.mpc.word.sharing import redeal, weights
from mpcgov.mpc.word.wire import Channel, Line, Wire

Operation = Callable[[], tuple[Channel, Prss]]

LABELS = 1 << 62
"""Labels of all parties' messages are below; those among three are above."""
OPERATIONS = 1 << 21
"""So many operations each three have that compare in turn, so that none has a label of another's."""


class Three(NamedTuple):
    """Who compares. `turn`: the number of these three among all that do in a job, which may have members in common."""

    members: tuple[int, ...]
    turn: int = 0


class _Among:
    """The wire between three parties, by their places among them."""

    def __init__(self, wire: Wire, members: tuple[int, ...]) -> None:
        self._wire, self._members = wire, members

    def post(self, peer: int, label: int, payload: memoryview) -> None:
        """See `Wire`."""
        self._wire.post(self._members[peer], LABELS + label, payload)

    def fetch(self, peer: int, label: int, into: memoryview) -> Awaitable[None]:
        """See `Wire`."""
        return self._wire.fetch(self._members[peer], LABELS + label, into)

    async def drained(self) -> None:
        """See `Wire`."""
        await self._wire.drained()


async def among(line: Line, three: Three) -> Operation:
    """What opens operations among three parties, of which we are one. One round, for the key of each pair."""
    members, first = three.members, three.turn * OPERATIONS
    me = members.index(line.me)
    own = Line(_Among(line.wire, members), me, len(members), operations=first, last=first + OPERATIONS)
    mine = {other: stream.private_key() for other in range(me + 1, len(members))}
    taken = await own.channel().exchange(
        {other: stream.key_words(key) for other, key in mine.items()}, dict.fromkeys(range(me), stream.KEY_WORDS)
    )
    theirs = {other: stream.key_from(words) for other, words in taken.items()}
    pairs: dict[Subset, bytes] = {(min(me, other), max(me, other)): key for other, key in {**mine, **theirs}.items()}
    prss = Prss(me, len(members), 1, pairs)
    return lambda: (own.channel(), prss)


async def to_all(operation: Operation, members: tuple[int, ...], share: Words | None, shape: tuple[int, ...]) -> Words:
    """Our shares, among all parties, of what the three share; those who aren't among them pass None. One round."""
    channel, prss = operation()
    dealers = {members[place]: factor for place, factor in enumerate(weights((1, 2)))}
    own = np.zeros(shape, np.uint64) if share is None else share
    return await redeal(channel, prss.threshold, dealers, own)
