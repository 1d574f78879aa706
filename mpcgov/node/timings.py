"""How long each phase of a job took at this node: for its log, and for whoever listens."""

from __future__ import annotations

import time
from collections.abc import Callable

PHASES = ("connect", "hello", "read", "ready", "deal", "compute", "clear", "open", "reveal", "close", "receipts")
"""What a job does at a node, in order; `connect` and `receipts` are the daemon's, the others the computing child's."""

RELEASED = "release"
Listener = Callable[[str, dict[str, float]], None]
"""Is told how a job ended, by the event's name, and the seconds of each of its phases."""


class Stopwatch:
    """The phase that a job is in, and the seconds that each took so far."""

    def __init__(self, phase: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.phase = phase
        self._clock = clock
        self._since = clock()
        self._seconds: dict[str, float] = {}

    def enter(self, phase: str) -> None:
        """From now on the job does something else."""
        now = self._clock()
        self._seconds[self.phase] = self._seconds.get(self.phase, 0.0) + now - self._since
        self.phase, self._since = phase, now

    def seconds(self) -> dict[str, float]:
        """By phase, in the order in which they were entered, the seconds up to now."""
        self.enter(self.phase)
        return {phase: round(taken, 3) for phase, taken in self._seconds.items()}


class Timings:
    """Tells those who listen how long a job took."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []

    def tell(self, end: str, seconds: dict[str, float]) -> None:
        """A job has ended."""
        for listener in self.listeners:
            listener(end, seconds)
