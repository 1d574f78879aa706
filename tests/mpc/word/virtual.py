"""Parties on a wire that takes one second for each message, by a clock that jumps: how many come one after the other.

Computing takes no time by it. So when all are done, it shows the length of the longest chain of messages.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tests.mpc.word.local import LocalWire, Party


class _Selector(selectors.DefaultSelector):
    """Never waits: where there is nothing but time to wait for, it passes."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        events = super().select(0)
        if not events and timeout:
            self.now += timeout
        return events


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, clock: _Selector) -> None:
        self._clock = clock
        super().__init__(clock)

    def time(self) -> float:
        return self._clock.now


class _SlowWire(LocalWire):
    def post(self, peer: int, label: int, payload: memoryview) -> None:
        data = memoryview(bytes(payload))
        asyncio.get_running_loop().call_later(1.0, super().post, peer, label, data)


def took(parties: Sequence[Party], program: Callable[[Any], Awaitable[Any]]) -> tuple[list[Any], int]:
    """What each party's program gives, and the longest chain of messages."""
    for party in parties:
        party.line.wire = _SlowWire(party.network, party.me)
    clock = _Selector()

    async def together() -> list[Any]:
        return list(await asyncio.gather(*(program(party) for party in parties)))

    loop = _Loop(clock)
    try:
        return loop.run_until_complete(together()), round(clock.now)
    finally:
        loop.close()
