"""Shards side by side: each is a part of the computation that a worker of each party does with its counterparts.

Parts are on lines of their own, so that no message of one is taken for another's, and have keys of their own. What a
part comes to are shares, which are added up here; nothing of them is opened. A worker that dies has its part done
again by all parties, under other keys and numbers: after each attempt every party says how it ended at its own worker.
See docs/security/linkage.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from mpcgov.errors import InternalError
from mpcgov.linkage.ownrows import OwnRows
from mpcgov.linkage.shards import Split
from mpcgov.mpc.codec import WireError, nobodys
from mpcgov.mpc.word import field, steps
from mpcgov.mpc.word.engine import WordEngine
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.prss import Subset
from mpcgov.mpc.word.wire import APART, CHANNELS_PER_OPERATION, MESSAGES_PER_CHANNEL, Channel, Wire

ATTEMPTS = 4
"""So often at most is a part done."""

OPERATIONS = APART // ATTEMPTS
"""The operations of each attempt; the first number is that of the parties' word on how it ended."""

MOST_WORKERS = 64
UNREAD_BYTES = 256 << 20
"""Shards whose linked rows take more at a party, together, don't go side by side: what comes of one of them while
another is waited for is kept in memory. A link keeps four times as much."""

DONE, DIED, HEARD = 1, 2, 3
"""How an attempt ended at a party: it is done, its worker died, or another party has said that theirs did."""


class WorkerDiedError(Exception):
    """A worker has gone before it had done its part."""


@dataclass(frozen=True)
class Part:
    """One shard, or the keys that two owners have in common in it.

    `left`: the left owner of its star; `counted`: just how many keys are in common. `lengths`: of the whole lists,
    and into how many `shards` they are split. `label` and `own`: as in `Shard`.
    """

    left: str
    counted: bool
    lengths: Mapping[str, int]
    shards: int
    label: str
    own: OwnRows | None

    @classmethod
    def of(cls, left: str, counted: bool, split: Split, number: int) -> Part:
        """The shard of that number, from 0."""
        shard = split.shard(number)
        return cls(left, counted, split.whole, len(split), shard.label, shard.own)


@dataclass(frozen=True)
class Done:
    """What a worker came to: shares, the longest chain of rounds, and what tells coins from others."""

    shares: Words
    rounds: int
    coins: Mapping[str, str]


class Workers(Protocol):
    """This party's workers, each of which does one part at a time."""

    count: int

    async def do(self, part: Part, first: int, keys: Mapping[Subset, bytes]) -> Done:
        """One part by a worker, once one is free; cancelled, it has sent all that it will have sent.

        Args:
            first: the number before its operations'.

        Raises:
            WorkerDiedError: the worker has gone.
        """

    def again(self, number: int, parties: list[int]) -> None:
        """Told that a shard is done again, as workers of these parties died."""


class SharedWire(Wire, Protocol):
    """A session's wire, as its parts share it: `mpcgov.mpc.word.engine.LinkWire`."""

    def watch(self, peer: int, label: int, into: memoryview) -> asyncio.Future[None]: ...

    def keep_reading(self, on: bool) -> None: ...

    def forget(self, labels: range) -> None: ...


async def agreed(channel: Channel, own: int, shard_bytes: int) -> int:
    """How many shards go side by side: as many as each party has workers, and as memory allows. One round.

    Raises:
        WireError: a party has as many as nobody can have; names it.
    """
    me, parties = channel.line.me, range(channel.line.parties)
    others = [peer for peer in parties if peer != me]
    word = np.array([min(own, MOST_WORKERS)], np.uint64)
    taken = await channel.exchange(dict.fromkeys(others, word), dict.fromkeys(others, 1))
    for peer, found in taken.items():
        if not 1 <= found[0] <= MOST_WORKERS:
            raise WireError("a number of workers that nobody has", peer)
    least = min(int(word[0]), *(int(found[0]) for found in taken.values()))
    return max(1, min(least, UNREAD_BYTES // max(1, shard_bytes)))


@dataclass(frozen=True)
class Shards:
    """What is asked of the shards of lists: how many there are, and what each takes at a party; what one comes to here,
    and what a worker is told of it, each made when it is its turn."""

    count: int
    bytes_each: int
    one: Callable[[int], Awaitable[Words]]
    part: Callable[[int], Part]


async def total(engine: WordEngine, workers: Workers | None, shards: Shards, coins: dict[str, str]) -> Words:
    """What all shards come to, added up: one after the other, or side by side if all parties have workers for that.

    Args:
        coins: gets what tells those of our lists from others.
    """
    if shards.count > 1:
        own = 1 if workers is None else workers.count
        width = await agreed(engine.operation()[0], own, shards.bytes_each)
        if workers is not None and width > 1:
            beside = SideBySide(engine, engine.shared_wire, workers)
            found = await beside.total(shards.part, shards.count, width)
            coins |= beside.coins
            return found
    result = await shards.one(0)
    for number in range(1, shards.count):
        result = field.add(result, await shards.one(number))
    return result


class SideBySide:
    """The parts of one sum. `wire`: that of the session, which its parts share."""

    def __init__(self, engine: WordEngine, wire: SharedWire, workers: Workers) -> None:
        self._engine, self._wire, self._workers = engine, wire, workers
        self._me, self._parties = engine.config.me, len(engine.config.parties)
        self.coins: dict[str, str] = {}

    async def total(self, parts: Callable[[int], Part], count: int, width: int) -> Words:
        """The sum of all parts, `width` of them at a time, each made when it is its turn."""
        lines = self._engine.parts(count)
        waiting, found = iter(range(count)), dict[int, Done]()

        async def in_turn(numbers: Iterator[int]) -> None:
            for number in numbers:
                found[number] = await self._part(number, lines[number].operations, parts(number))

        await asyncio.gather(*(in_turn(waiting) for _ in range(width)))
        # A function of public numbers, whichever worker was the quickest: each takes so many parts in turn.
        steps.reach(steps.so_far() + -(-count // width) * max(one.rounds for one in found.values()))
        for line in lines:
            line.reach(steps.so_far())
        total = found[0].shares
        for number in range(1, count):
            total = field.add(total, found[number].shares)
        self.coins = dict(found[count - 1].coins)  # of the last shard, as if they had gone one after the other
        return total

    async def _part(self, number: int, first: int, part: Part) -> Done:
        died: list[int] = []
        for attempt in range(ATTEMPTS):
            found, died = await self._attempt(first + attempt * OPERATIONS, part, attempt + 1 == ATTEMPTS)
            if found is not None:
                return found
            self._workers.again(number, died)
        raise WireError("its workers die again and again", died[0])

    async def _attempt(self, first: int, part: Part, last: bool) -> tuple[Done | None, list[int]]:
        """What a part comes to, unless it must be done again: the same at all parties. Who had a worker that died.

        Raises:
            InternalError: ours died in the last attempt; the others hear of the error in place of the word.
            PeerError: the words contradict each other: not all were told the same.
        """
        step = CHANNELS_PER_OPERATION * MESSAGES_PER_CHANNEL
        said = {peer: np.zeros(1, np.uint64) for peer in range(self._parties) if peer != self._me}
        heard = [self._wire.watch(peer, first * step, word.view(np.uint8).data) for peer, word in said.items()]
        doing = asyncio.ensure_future(self._workers.do(part, first, self._engine.keys_of_part(first)))
        try:
            found = await self._until(doing, heard, said)
        finally:
            doing.cancel()
        own = found if isinstance(found, int) else DONE
        if last and own == DIED:
            raise InternalError(f"one shard was tried {ATTEMPTS} times, and now a worker has died", code="worker")
        for peer in said:
            self._wire.post(peer, first * step, np.array([own], np.uint64).view(np.uint8).data)
        self._wire.keep_reading(True)
        await asyncio.gather(*heard)
        self._wire.keep_reading(False)
        # A party's word is the last that it sends of an attempt: so all of it has come.
        self._wire.forget(range(first * step, (first + OPERATIONS) * step))
        ends = {self._me: own} | {peer: int(word[0]) for peer, word in said.items()}
        for peer, end in ends.items():
            if end not in (DONE, DIED, HEARD):
                raise WireError("a word on a part that isn't one", peer)
        if isinstance(found, Done) and set(ends.values()) == {DONE}:
            return found, []
        died = [peer for peer, end in ends.items() if end == DIED]
        if not died:
            raise nobodys("words on a part that contradict each other")
        return None, died

    async def _until(
        self, doing: asyncio.Future[Done], heard: list[asyncio.Future[None]], said: Mapping[int, Words]
    ) -> Done | int:
        """What our worker comes to; or that it died, or that another party's did, in which case ours has stopped."""
        while not doing.done():
            # A word may have come before we got here: others then wait for nothing but ours.
            if any(word[0] not in (0, DONE) for word in said.values()):
                doing.cancel()
                await asyncio.wait([doing])
                if doing.cancelled():
                    return HEARD
                break
            either: set[asyncio.Future[Any]] = {doing, *(one for one in heard if not one.done())}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        try:
            return doing.result()
        except WorkerDiedError:
            return DIED
