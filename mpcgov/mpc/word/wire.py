"""What protocols need of the network: numbered messages between parties, and nothing else.

A channel is one operation's own line to all parties. Channels are opened in program order, which is the same at all
parties, and so are their numbers; within a channel the k-th message from a to b has number k. So operations may run
side by side and no message is ever taken for another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default
from typing import Protocol

import numpy as np

from mpcgov.mpc.codec import WireError
from mpcgov.mpc.word import field
from mpcgov.mpc.word.field import Words

MESSAGES_PER_CHANNEL = 1 << 24


class Wire(Protocol):
    """Messages of known size to and from each other party, by label; a label is used once in each direction."""

    def post(self, peer: int, label: int, payload: memoryview) -> None:
        """Send without waiting. The buffer belongs to the wire from now on: it isn't changed any more."""

    async def fetch(self, peer: int, label: int, size: int) -> memoryview:
        """The peer's message of exactly `size` bytes, in memory that is the caller's and may be written to."""

    async def drained(self) -> None:
        """Wait until the peers have taken enough of what was posted."""


@dataclass
class Line:
    """Where the next numbers of one computation come from, and what it has cost so far."""

    wire: Wire
    me: int
    parties: int
    rounds: int = 0
    bytes_sent: int = 0
    channels: int = 0

    def channel(self) -> Channel:
        """A new operation's channel. To be called in program order, before anything is awaited."""
        self.channels += 1
        return Channel(self, self.channels)


@dataclass
class Channel:
    """One operation's messages and the numbers of its random streams."""

    line: Line
    number: int
    _sent: dict[int, int] = default(default_factory=dict)
    _fetched: dict[int, int] = default(default_factory=dict)
    _draws: int = 0

    def branch(self) -> Channel:
        """A channel for a part of this operation that runs beside others: opened before any of them awaits."""
        return self.line.channel()

    def draw(self) -> int:
        """A number for a pseudorandom stream, never used before in this computation."""
        self._draws += 1
        return self.number * MESSAGES_PER_CHANNEL + self._draws

    async def exchange(self, send: Mapping[int, Words], take: Mapping[int, int]) -> dict[int, Words]:
        """One round: send words to some parties, and wait for so many words from others."""
        self.line.rounds += 1
        for peer, words in send.items():
            payload = np.ascontiguousarray(words).reshape(-1).view(np.uint8).data
            self.line.bytes_sent += payload.nbytes
            self.line.wire.post(peer, self._label(self._sent, peer), payload)
        await self.line.wire.drained()
        labels = {peer: self._label(self._fetched, peer) for peer in take}
        return {peer: await self._fetch(peer, labels[peer], count) for peer, count in take.items()}

    async def exchange_elements(self, send: Mapping[int, Words], take: Mapping[int, int]) -> dict[int, Words]:
        """One round of field elements. Raises WireError, naming the peer, for a word that is none."""
        taken = await self.exchange(send, take)
        for peer, words in taken.items():
            if not field.all_elements(words):
                raise WireError("a number outside the field", peer)
        return taken

    async def _fetch(self, peer: int, label: int, count: int) -> Words:
        return np.frombuffer(await self.line.wire.fetch(peer, label, 8 * count), np.uint64)

    def _label(self, used: dict[int, int], peer: int) -> int:
        index = used.get(peer, 0)
        used[peer] = index + 1
        return self.number * MESSAGES_PER_CHANNEL + index
