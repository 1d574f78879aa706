"""What backs secret arrays of integers within ±2^59: words modulo 2^61 − 1, and the protocols on them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgov.mpc.config import SessionConfig
from mpcgov.mpc.links import Link
from mpcgov.mpc.word import compare, decide, field, lazy, less, rounding, sharing, sort, wholes
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.lazy import LazyWords, Public, Scheduler
from mpcgov.mpc.word.order import Order
from mpcgov.mpc.word.prss import Prss, Subset
from mpcgov.mpc.word.refresh import refresh, refreshing_keys
from mpcgov.mpc.word.stream import KEY_WORDS
from mpcgov.mpc.word.summands import Form
from mpcgov.mpc.word.wholes import Made
from mpcgov.mpc.word.wire import Channel, Line, Wire


class LinkWire:
    """The session's links as a wire."""

    def __init__(self, links: Mapping[int, Link]) -> None:
        self._links = links

    def post(self, peer: int, label: int, payload: memoryview) -> None:
        """See `Wire`."""
        self._links[peer].send_words(label, payload)

    def fetch(self, peer: int, label: int, into: memoryview) -> Any:
        """See `Wire`."""
        return self._links[peer].fetch(label, into)

    def watch(self, peer: int, label: int, into: memoryview) -> asyncio.Future[None]:
        """As `fetch`, in case that such a message comes: the peer isn't read on for its sake."""
        return self._links[peer].fetch(label, into, idly=True)

    def keep_reading(self, on: bool) -> None:
        """Whether all that peers send is read, however much of it nobody has asked for yet."""
        for link in self._links.values():
            link.keep_reading(on)

    def forget(self, labels: range) -> None:
        """Nobody sends or wants messages with these labels any more."""
        for link in self._links.values():
            link.forget(labels)

    async def drained(self) -> None:
        """See `Wire`. While we wait, every link is read on, whatever is unread."""
        full = [link for link in self._links.values() if not link.writable]
        if not full:
            return
        self.keep_reading(True)
        for link in full:
            await link.drained()
        self.keep_reading(False)


class WordEngine:
    """Secret arrays as words. `masters` are the keys of the own subsets; a failure goes to `failed`.

    `solver`: what computes linear systems beside it, in a wide field: see `mpcgov.mpc.solve`. `line`: of a part that
    is computed elsewhere, with keys of its own; no result leaves from there.
    """

    def __init__(
        self,
        config: SessionConfig,
        wire: Wire,
        masters: Mapping[Subset, bytes],
        failed: Callable[[BaseException], None],
        solver: Any = None,
        line: Line | None = None,
    ) -> None:
        self.config = config
        self.solver = solver
        parties = len(config.parties)
        self._line = line or Line(wire, config.me, parties)
        self._scheduler = Scheduler(self._line, Prss(config.me, parties, config.threshold, masters), failed)
        if line is None:
            self.prepare()

    def prepare(self) -> None:
        """Exchange, beside all else, the keys that results need when they leave."""
        parties, t = len(self.config.parties), self.config.threshold
        shape = comb(parties, t - 1), KEY_WORDS
        self._keys = self._scheduler.protocol(shape, refreshing_keys)

    @property
    def has_lanes(self) -> bool:
        """Whether bits are computed with in lanes: by three parties."""
        return len(self.config.parties) == 3

    @property
    def rounds(self) -> int:
        """Exchanges so far."""
        return self._line.all_rounds

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        await self._scheduler.idle()

    def apart(self) -> Scheduler:
        """What runs the operations of a program that goes on by itself: see `Line.apart`."""
        return self._scheduler.apart()

    def later(self, shape: tuple[int, ...], shares: Awaitable[Words], part: Scheduler) -> LazyWords:
        """Our own shares of degree t that such a program will come to, as an array."""
        return self._scheduler.later(shape, shares, part)

    def deal(self, values: NDArray[Any] | None, dealer: int, count: int) -> LazyWords:
        """`count` integers that `dealer` knows; the others pass None."""
        own = None if values is None else lazy.elements(values)

        async def protocol(channel: Channel, prss: Prss) -> Words:
            (share,) = await sharing.deal(channel, prss.threshold, [dealer], own, count)
            return share

        return self._scheduler.protocol((count,), protocol)

    def public(self, values: Public) -> Public:
        """Public integers as the operators of arrays take them."""
        return values

    def negative(self, a: LazyWords, low: int, high: int) -> LazyWords:
        """1 where a < 0 and 0 elsewhere."""
        bits = less.width(low, high)

        async def protocol(channel: Channel, prss: Prss, x: Words) -> Words:
            return await compare.negative(channel, prss, x, bits)

        return self._scheduler.protocol(a.shape, protocol, a)

    def some_not_negative(
        self, a: LazyWords, low: int, high: int, questions: Sequence[decide.Alternatives]
    ) -> LazyWords:  # fmt: skip
        """For each question 1 where in some alternative no row is negative, for three parties: see `decide`."""
        bits = less.width(low, high)

        async def protocol(channel: Channel, prss: Prss, x: Words) -> Words:
            return await decide.some_not_negative(channel, prss, x, bits, questions)

        return self._scheduler.protocol((len(questions), a.shape[1]), protocol, a)

    def zero(self, a: LazyWords, low: int, high: int) -> LazyWords:
        """1 where a = 0 and 0 elsewhere."""
        bits = less.width(low, high)

        async def protocol(channel: Channel, prss: Prss, x: Words) -> Words:
            return await compare.zero(channel, prss, x, bits)

        return self._scheduler.protocol(a.shape, protocol, a)

    def round_to(self, a: LazyWords, low: int, high: int, base: int) -> LazyWords:
        """The nearest multiples of base, halves up."""
        rounding.check_fits(low, high, base)

        async def protocol(channel: Channel, prss: Prss, x: Words) -> Words:
            return (await rounding.round_to(channel, prss, x.reshape(-1), low, high, base)).reshape(x.shape)

        return self._scheduler.protocol(a.shape, protocol, a)

    def significands(
        self, limbs: LazyWords, forms: Sequence[Form], numbers: Sequence[Made], bits: int, floor_bits: int = 0
    ) -> LazyWords:
        """Units and exponents of numbers that are made of sums, for three parties: see `wholes.significands`."""

        async def protocol(channel: Channel, prss: Prss, x: Words) -> Words:
            return await wholes.significands(channel, prss, x, forms, numbers, bits, floor_bits)

        return self._scheduler.protocol((2 * len(numbers), limbs.shape[1]), protocol, limbs)

    def concatenate(self, arrays: Sequence[LazyWords], axis: int) -> LazyWords:
        """Arrays one after the other."""
        return lazy.concatenate(list(arrays), axis)

    def divide_exactly(self, a: LazyWords, divisor: int) -> LazyWords:
        """a / divisor where every element is a multiple of it."""
        return a * field.inverse(divisor)

    def sort_rows(self, key: LazyWords, rows: LazyWords, low: int, high: int, ranks: Order | None) -> LazyWords:
        """Rows in ascending order of key, or those of some ranks."""
        sort.check_fits(low, high)

        async def protocol(channel: Channel, prss: Prss, k: Words, r: Words) -> Words:
            return await sort.sort_rows(channel, prss, k, r, low, high, ranks)

        wanted = rows.shape[0] if ranks is None else len(ranks)
        return self._scheduler.protocol((wanted, rows.shape[1]), protocol, key, rows)

    @property
    def shared_wire(self) -> Any:
        """The session's wire, that parts share: a `LinkWire`."""
        return self._line.wire

    def parts(self, count: int) -> list[Line]:
        """Lines for so many parts that are computed elsewhere; see `Line.apart`."""
        return [self._line.apart() for _ in range(count)]

    def keys_of_part(self, number: int) -> dict[Subset, bytes]:
        """Keys in place of ours for a part of this number, as all members of a subset derive them; used once."""
        return self._scheduler.prss.derived(f"part {number}")

    def operation(self) -> tuple[Channel, Prss]:
        """A channel, and the pseudorandom keys, for a protocol that isn't made of arrays; opened in program order."""
        return self._line.channel(), self._scheduler.prss

    def secret(self, shares: Words) -> LazyWords:
        """Our own shares of degree t, that such a protocol came to, as an array."""
        return LazyWords(self._scheduler, shares.shape, shares)

    async def fresh_share(self, a: LazyWords) -> Words:
        """Our own share of each element, of degree t on fresh polynomials, as elements 0 … p−1."""

        async def protocol(channel: Channel, prss: Prss, x: Words, keys: Words) -> Words:
            return refresh(channel, prss, x.reshape(-1), keys)

        return await self._scheduler.protocol((int(np.prod(a.shape)),), protocol, a, self._keys).words()
