"""What protocols need of the network: numbered messages between parties, and nothing else.

A channel is one operation's own line to all parties. Channels are opened in program order, which is the same at all
parties, and so are their numbers; within a channel the k-th message from a to b has number k. So operations may run
side by side and no message is ever taken for another.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as default
from typing import Protocol

import numpy as np

from mpcgov.errors import InternalError
from mpcgov.mpc.codec import WireError
from mpcgov.mpc.word import field, steps
from mpcgov.mpc.word.field import Words

MESSAGES_PER_CHANNEL = 1 << 22
CHANNELS_PER_OPERATION = 1 << 16
"""With 2^24 operations: labels are below 2^62."""
FIRST_APART = 1 << 23
APART = 1 << 13
"""From the one on, a program that runs apart has operations of its own, so many of them."""
PIECE = 1 << 20
"""Words in one message: 8 MB."""
OVERLAP = 2
"""Batches under way at once: one computes while the other waits for its messages."""


class Wire(Protocol):
    """Messages to and from each other party, by label; a label is used once in each direction."""

    def post(self, peer: int, label: int, payload: memoryview) -> None:
        """Send without waiting. The buffer belongs to the wire from now on: it isn't changed any more."""

    def fetch(self, peer: int, label: int, into: memoryview) -> Awaitable[None]:
        """Have the peer's message written to `into`, which is exactly as long; asks at once, tells when it is there."""

    async def drained(self) -> None:
        """Wait until the peers have taken enough of what was posted."""


@dataclass
class Line:
    """Where the next numbers of one computation come from, and what it has cost so far.

    `rounds`: of the longest chain, of steps in which we send and then wait for others.
    """

    wire: Wire
    me: int
    parties: int
    rounds: int = 0
    bytes_sent: int = 0
    operations: int = 0
    last: int = FIRST_APART
    parts: list[Line] = default(default_factory=list)

    def channel(self) -> Channel:
        """A new operation's channel. To be called in program order, before anything is awaited."""
        self.operations += 1
        if self.operations >= self.last:
            raise InternalError("a computation of too many operations")
        return Channel(self, self.operations * CHANNELS_PER_OPERATION)

    def apart(self) -> Line:
        """A line for a program that goes on by itself: it numbers its operations as it comes to them, and whatever is
        built here meanwhile has other numbers. To be called in program order."""
        first = FIRST_APART + APART * len(self.parts)
        if first == 2 * FIRST_APART or self.last != FIRST_APART:  # one's own would be numbered like the main line's
            raise InternalError("too many programs apart, or one of such a program")
        part = Line(self.wire, self.me, self.parties, operations=first, last=first + APART)
        self.parts.append(part)
        return part

    @property
    def all_rounds(self) -> int:
        """Rounds so far, those of programs apart included."""
        return max(self.rounds, *(part.rounds for part in self.parts), 0)

    def wait(self) -> None:
        """One round more in the chain that runs now."""
        self.reach(steps.so_far() + 1)

    def reach(self, rounds: int) -> None:
        """What comes next in the chain that runs now comes after so many rounds."""
        steps.reach(rounds)
        self.rounds = max(self.rounds, rounds)


@dataclass
class Channel:
    """One operation's messages and the numbers of its random streams."""

    line: Line
    number: int
    _sent: dict[int, int] = default(default_factory=dict)
    _fetched: dict[int, int] = default(default_factory=dict)
    _draws: int = 0
    _branches: int = 0

    @property
    def is_branch(self) -> bool:
        """Whether this is the channel of a part; parts have no parts."""
        return self.number % CHANNELS_PER_OPERATION != 0

    @property
    def turn(self) -> int:
        """A number that goes up by one from operation to operation, and from part to part."""
        return sum(divmod(self.number, CHANNELS_PER_OPERATION))

    def branch(self) -> Channel:
        """A channel for a part of this operation that runs beside others; opened in an order common to all parties."""
        self._branches += 1
        if self.is_branch or self._branches == CHANNELS_PER_OPERATION:
            raise InternalError("an operation in too many parts")
        return Channel(self.line, self.number + self._branches)

    def draw(self) -> int:
        """A number for a pseudorandom stream, never used before in this computation."""
        self._draws += 1
        return self._numbered(self._draws)

    async def exchange(self, send: Mapping[int, Words], take: Mapping[int, int]) -> dict[int, Words]:
        """One round: send words to some parties, and get so many words from others. Large arrays go in pieces.

        What is to come is asked for first, and so read while we wait to send: no two parties wait for each other.
        """
        taken = await self.ahead(send, take)
        self.line.wait()
        return taken

    async def ahead(self, send: Mapping[int, Words], take: Mapping[int, int]) -> dict[int, Words]:
        """As `exchange`, of what comes from a party that waits for nobody: it is there in time, and no round."""
        wire = self.line.wire
        taken = {peer: np.empty(count, np.uint64) for peer, count in take.items()}
        coming = [
            wire.fetch(peer, self._label(self._fetched, peer), piece)
            for peer, words in taken.items()
            for piece in _pieces(words)
        ]
        for peer, words in send.items():
            for piece in _pieces(np.ascontiguousarray(words).reshape(-1)):
                self.line.bytes_sent += piece.nbytes
                wire.post(peer, self._label(self._sent, peer), piece)
                await wire.drained()
        for message in coming:
            await message
        return taken

    async def exchange_elements(self, send: Mapping[int, Words], take: Mapping[int, int]) -> dict[int, Words]:
        """One round of field elements. Raises WireError, naming the peer, for a word that is none."""
        taken = await self.ahead_elements(send, take)
        self.line.wait()
        return taken

    async def ahead_elements(self, send: Mapping[int, Words], take: Mapping[int, int]) -> dict[int, Words]:
        """As `ahead`, of field elements."""
        taken = await self.ahead(send, take)
        for peer, words in taken.items():
            if not field.all_elements(words):
                raise WireError("a number outside the field", peer)
        return taken

    def _label(self, used: dict[int, int], peer: int) -> int:
        index = used.get(peer, 0)
        used[peer] = index + 1
        return self._numbered(index)

    def _numbered(self, index: int) -> int:
        if index >= MESSAGES_PER_CHANNEL:  # the next would be another channel's: a key's numbers come once
            raise InternalError("an operation with too many messages")
        return self.number * MESSAGES_PER_CHANNEL + index


def _pieces(words: Words) -> list[memoryview]:
    """The bytes of a 1-D array, in pieces of at most PIECE words; of an empty one, one empty piece."""
    return [words[start : start + PIECE].view(np.uint8).data for start in range(0, max(1, words.size), PIECE)]


Step = Callable[[Channel, slice], Awaitable[Words]]
"""A part of an operation on the elements of a slice, on a channel of its own."""


async def in_batches(channel: Channel, count: int, size: int, step: Step) -> Words:
    """The results of `step` on elements 0 … count−1, batch by batch, each on a channel of its own.

    On the channel of a part, which has no parts, one batch after the other.
    """
    pieces = [slice(start, min(count, start + size)) for start in range(0, max(1, count), size)]
    if len(pieces) == 1 or channel.is_branch:
        parts = [await step(channel, piece) for piece in pieces]
        return np.concatenate(parts) if len(parts) > 1 else parts[0]
    channels = [channel.branch() for _ in pieces]
    results: dict[int, Words] = {}

    async def every_other(first: int) -> None:
        for i in range(first, len(pieces), OVERLAP):
            results[i] = await step(channels[i], pieces[i])

    await steps.together(*(every_other(first) for first in range(OVERLAP)))
    return np.concatenate([results[i] for i in range(len(pieces))])
