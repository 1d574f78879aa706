"""What a measurement is: data, the same in every run, and the right answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgov.bench.goals import Goal
from mpcgov.errors import InternalError

Array = NDArray[Any]


@dataclass(frozen=True)
class Task:
    """A workload's data, one dictionary of named arrays per party, and what the receiver must get; NaN for anything.

    `tolerance`: how far each number of the result may be off, relative to the greatest; 0 for exact.
    `files`: where a whole job is measured, its reading included: writes `job.yaml` and the agencies' folders, and gives
    what is expected. `numbers`: what to compare with that, of such a job's result; `read`: the same of a peer's.
    """

    inputs: tuple[dict[str, Array], ...]
    expected: Array
    tolerance: float = 0.0
    files: Callable[[Path], Array] | None = None
    numbers: Callable[[dict[str, Any]], Array] = lambda result: np.array([])
    read: Callable[[Array], Array] = lambda result: result

    def check(self, result: Array, who: str, tolerance: float = 0.0) -> None:
        """Raise InternalError unless `result` is right, to this or the given tolerance, whichever is greater."""
        if result.shape != self.expected.shape:
            raise InternalError(f"{who}: a result of shape {result.shape} instead of {self.expected.shape}")
        limit = max(self.tolerance, tolerance) * np.nanmax(np.abs(self.expected))
        wrong = int((~(np.abs(result - self.expected) <= limit) & ~np.isnan(self.expected)).sum())
        if wrong:
            raise InternalError(f"{who}: {wrong} of {result.size} numbers are wrong")


@dataclass(frozen=True)
class Workload:
    """What to compute, for people, and how to make it. `case` says the size that is measured.

    `on_demand`: takes so long, or needs so much, that it is measured only when it is named. `once`: so long that it is
    run once, and not to warm up. `links`: the result that is compared is the F1 of linked records. `goals`: what mpcgov
    has to reach, `far_goals`: where the parties are as far apart as `link.FAR`.
    """

    name: str
    title: str
    case: str
    size: int
    make: Callable[[int], Task]
    on_demand: bool = False
    once: bool = False
    links: bool = False
    goals: tuple[Goal, ...] = ()
    far_goals: tuple[Goal, ...] = ()


def _words(label: str, count: int) -> NDArray[np.uint64]:
    """Pseudorandom 64-bit words that are the same everywhere and for every version of numpy."""
    return np.frombuffer(hashlib.shake_256(label.encode()).digest(8 * count), dtype="<u8").astype(np.uint64)


def integers(label: str, count: int, bits: int) -> NDArray[np.int64]:
    """Uniform integers of so many bits."""
    return (_words(label, count) >> np.uint64(64 - bits)).astype(np.int64)
