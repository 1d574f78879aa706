"""m parties in one process, on a wire of futures that keeps everything it carries: for results and for views."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mpcgov.mpc.word.prss import Prss, subsets
from mpcgov.mpc.word.wire import Channel, Line

P = 2**61 - 1


@dataclass
class Network:
    """All messages between the parties, by (from, to, label)."""

    messages: dict[tuple[int, int, int], bytes] = field(default_factory=dict)
    waiting: dict[tuple[int, int, int], asyncio.Future[bytes]] = field(default_factory=dict)


@dataclass
class LocalWire:
    network: Network
    me: int

    def post(self, peer: int, label: int, payload: memoryview) -> None:
        key = (self.me, peer, label)
        assert key not in self.network.messages, "a label was used twice"
        assert peer != self.me
        self.network.messages[key] = bytes(payload)
        if key in self.network.waiting:
            self.network.waiting.pop(key).set_result(bytes(payload))

    def fetch(self, peer: int, label: int, into: memoryview) -> Awaitable[None]:
        return asyncio.ensure_future(self._fetch(peer, label, into))  # one that a failing test drops is no warning

    async def _fetch(self, peer: int, label: int, into: memoryview) -> None:
        key = (peer, self.me, label)
        if key in self.network.messages:
            await asyncio.sleep(0)
            payload = self.network.messages[key]
        else:
            future = self.network.waiting[key] = asyncio.get_running_loop().create_future()
            payload = await future
        assert len(payload) == len(into), f"{len(payload)} bytes where {len(into)} belong"
        into[:] = payload

    async def drained(self) -> None:
        await asyncio.sleep(0)


@dataclass
class Party:
    """What a protocol gets in these tests."""

    line: Line
    prss: Prss
    network: Network

    @property
    def me(self) -> int:
        return self.line.me

    def channel(self) -> Channel:
        return self.line.channel()

    def view(self) -> list[bytes]:
        """Every message that this party received, in the order of sender and label."""
        keys = sorted(key for key in self.network.messages if key[1] == self.me)
        return [self.network.messages[key] for key in keys]


def make_parties(parties: int, threshold: int = 1, masters: dict[tuple[int, ...], bytes] | None = None) -> list[Party]:
    """m parties with threshold t that share fresh keys, or the given ones."""
    masters = masters or {s: os.urandom(32) for s in subsets(parties, threshold)}
    network = Network()
    return [
        Party(
            Line(LocalWire(network, me), me, parties),
            Prss(me, parties, threshold, {s: key for s, key in masters.items() if me in s}),
            network,
        )
        for me in range(parties)
    ]


def run(parties: Sequence[Party], program: Callable[[Any], Awaitable[Any]]) -> list[Any]:
    """Run one coroutine function at every party, side by side: the results in the order of the parties."""

    async def together() -> list[Any]:
        return list(await asyncio.gather(*(program(party) for party in parties)))

    return asyncio.run(together())


def share(values: Any, parties: int, degree: int) -> list[np.ndarray]:
    """Fresh Shamir shares of integers modulo 2^61 − 1, by plain Python: one array per party."""
    array = np.asarray(values, dtype=object)
    rows = [array % P for _ in range(parties)]
    for power in range(1, degree + 1):
        slope = np.array([int.from_bytes(os.urandom(16), "big") % P for _ in range(array.size)], dtype=object)
        rows = [(row + slope.reshape(array.shape) * (i + 1) ** power) % P for i, row in enumerate(rows)]
    return [row.astype(np.uint64) for row in rows]


def opened(rows: list[np.ndarray], degree: int) -> np.ndarray:
    """The integers −p/2 … p/2 that shares at points 1, 2, … stand for; all must lie on one polynomial."""
    points = list(range(1, degree + 2))
    for point in range(degree + 2, len(rows) + 1):
        assert np.all(_at(rows, point, points) == rows[point - 1].astype(object)), "shares of a higher degree"
    value = _at(rows, 0, points)
    return np.where(value > P // 2, value - P, value)


def _at(rows: list[np.ndarray], point: int, points: list[int]) -> np.ndarray:
    total = np.zeros(rows[0].shape, dtype=object)
    for i in points:
        factor = 1
        for j in points:
            if i != j:
                factor = factor * (point - j) * pow(i - j, -1, P) % P
        total = total + rows[i - 1].astype(object) * factor
    return total % P
