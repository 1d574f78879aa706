"""What is measured: each workload's data, the same in every run, and its right answer in plain numpy.

To add one: a function that makes a `Task` of a given size, and an entry in WORKLOADS; then a program for mpcgov in
`programs`, and one in each peer that can do it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgov.errors import InternalError

Array = NDArray[Any]

PARTIES = 3
VALUE_BITS = 32
PLACES = 1000
"""W7's numbers have three decimal places."""
PREDICTORS = 10
MIN_COUNT, ROUND_TO = 10, 5
"""W9's rules; its noise is that of epsilon 1 for a person with a row in each of three registers."""


@dataclass(frozen=True)
class Task:
    """A workload's data, one dictionary of named arrays per party, and what the receiver must get.

    `tolerance`: how far each number of the result may be off, relative to the greatest; 0 for exact.
    """

    inputs: tuple[dict[str, Array], ...]
    expected: Array
    tolerance: float = 0.0

    def check(self, result: Array, who: str, tolerance: float = 0.0) -> None:
        """Raise InternalError unless `result` is right, to this or the given tolerance, whichever is greater."""
        if result.shape != self.expected.shape:
            raise InternalError(f"{who}: a result of shape {result.shape} instead of {self.expected.shape}")
        limit = max(self.tolerance, tolerance) * np.abs(self.expected).max()
        wrong = int((~(np.abs(result - self.expected) <= limit)).sum())
        if wrong:
            raise InternalError(f"{who}: {wrong} of {result.size} numbers are wrong")


@dataclass(frozen=True)
class Workload:
    """What to compute, for people, and how to make it. `case` says the size that is measured."""

    name: str
    title: str
    case: str
    size: int
    make: Callable[[int], Task]


def _words(label: str, count: int) -> NDArray[np.uint64]:
    """Pseudorandom 64-bit words that are the same everywhere and for every version of numpy."""
    return np.frombuffer(hashlib.shake_256(label.encode()).digest(8 * count), dtype="<u8").astype(np.uint64)


def integers(label: str, count: int, bits: int) -> NDArray[np.int64]:
    """Uniform integers of so many bits."""
    return (_words(label, count) >> np.uint64(64 - bits)).astype(np.int64)


def sum_of_tables(size: int) -> Task:
    """Each party brings a table; the receiver gets the sum."""
    tables = [integers(f"table {party}", size, VALUE_BITS) for party in range(PARTIES)]
    return Task(tuple({"table": table} for table in tables), np.sum(tables, axis=0))


def comparisons(size: int) -> Task:
    """x of one party, y of another: 1 where x < y. A tenth of the pairs are equal."""
    x, y = integers("x", size, VALUE_BITS), integers("y", size, VALUE_BITS)
    y[::10] = x[::10]
    return Task(({"x": x}, {"y": y}, {}), (x < y).astype(np.int64))


def sorting(size: int) -> Task:
    """Each party brings a third of the values, some of them equal; the receiver gets all in ascending order."""
    values = integers("values", size, VALUE_BITS)
    values[::10] = values[0]
    parts = np.array_split(values, PARTIES)
    return Task(tuple({"values": part} for part in parts), np.sort(values))


def regression(size: int) -> Task:
    """Each party brings a third of the rows; the receiver gets the coefficients, the intercept first.

    The rows are shared and multiplied inside MPC, as linked rows would have to be. (Parties whose rows aren't linked
    could also add up their own Gram matrices. That would be another workload, and take next to nothing.)
    """
    x = integers("predictors", size * PREDICTORS, 11).reshape(size, PREDICTORS) - 1024
    noise = integers("noise", size * 4, 8).reshape(size, 4).sum(axis=1) - 510
    slopes = np.arange(1, PREDICTORS + 1) / PREDICTORS
    y = np.rint(x @ slopes).astype(np.int64) + noise + 500
    rows = [{"x": xs, "y": ys} for xs, ys in zip(np.array_split(x, PARTIES), np.array_split(y, PARTIES), strict=True)]
    design = np.column_stack([np.ones(size), x / PLACES])
    coefficients = np.linalg.lstsq(design, y / PLACES, rcond=None)[0]
    return Task(tuple(rows), coefficients, tolerance=1e-6)


def protected_counts(size: int) -> Task:
    """Each party brings counts; the receiver gets the sums, noisy, rounded, and -1 where they are below the threshold.

    Two cells in three are empty. `noise` is only as long as what parties draw when the clock runs.
    """
    counts = [
        np.where(np.arange(size) % 3, 0, 1000 + integers(f"counts {party}", size, 14)) for party in range(PARTIES)
    ]
    expected = np.sum(counts, axis=0)
    inputs = tuple({"counts": one, "noise": np.zeros(size, np.int64)} for one in counts)
    return Task(inputs, np.where(expected < MIN_COUNT, -1, expected), tolerance=0.003)


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("W1", "sum of 3 tables", "10^6 cells", 10**6, sum_of_tables),
        Workload("W5", "comparisons of 32-bit values", "10^5", 10**5, comparisons),
        Workload("W6", "sort of 32-bit values", "10^5", 10**5, sorting),
        Workload("W7", "linear regression", "10^5 rows × 10", 10**5, regression),
        Workload("W9", "counts gated, rounded and noised", "10^5 cells", 10**5, protected_counts),
    )
}
