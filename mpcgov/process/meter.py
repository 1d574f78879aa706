"""Where a process's time goes, phase by phase: computing, or waiting for others; and what it sends meanwhile."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable
from typing import Literal

from mpcgov.spec.order import Step

Spent = Callable[[], tuple[int, int]]
"""The rounds and bytes up to now."""


class Idle(selectors.DefaultSelector):
    """An event loop's selector that knows how long the loop has had nothing to do."""

    waited_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready, as ever."""
        started = time.monotonic()
        try:
            return super().select(timeout)
        finally:
            self.waited_s += time.monotonic() - started


class Meter:
    """The phases of one process, one after the other.

    `at`: which process; `idle`: what its event loop waits with, if it has one; `spent`: what it has sent so far.
    """

    def __init__(
        self, at: Literal["reader", "engine"], phase: str, idle: Idle | None = None, spent: Spent = lambda: (0, 0)
    ) -> None:
        self._at: Literal["reader", "engine"] = at
        self._idle = idle
        self.spent = spent
        self._phase = phase
        self._steps: list[Step] = []
        self._begun = self._now()

    def enter(self, phase: str) -> None:
        """From now on the process does something else."""
        began, ended = self._begun, self._now()
        seconds, cpu_s, waited_s, rounds, sent = (b - a for a, b in zip(began, ended, strict=True))
        self._steps.append(
            Step(
                at=self._at, phase=self._phase, started_s=began[0], seconds=seconds, cpu_s=cpu_s,
                waited_s=min(waited_s, seconds), rounds=int(rounds), bytes_sent=int(sent),
            )
        )  # fmt: skip
        self._phase, self._begun = phase, ended

    def steps(self) -> tuple[Step, ...]:
        """All that it has done up to now."""
        self.enter("end")
        return tuple(self._steps)

    def _now(self) -> tuple[float, float, float, int, int]:
        waited_s = 0.0 if self._idle is None else self._idle.waited_s
        return (time.monotonic(), time.process_time(), waited_s, *self.spent())


def runner(idle: Idle) -> asyncio.Runner:
    """An event loop that waits with `idle`."""
    return asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(idle))
