"""Sorting in the clear order of comparisons: which of two rows is less is opened, of rows that were shuffled before.

The rows are in uniformly random order and no two are equal, so what is opened is the outcome of comparisons of a
uniform permutation of 0 … n−1: it depends on n only, and a simulator draws such a permutation and answers from it.
This holds for every choice of pairs that depends on earlier outcomes only, as here.

Quicksort, all segments side by side, each at its own step: sort a sample of a segment by all its pairs, compare the
others with its median, divide; then each part with the median of its half of the sample, until none of it is left.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgov.mpc.codec import nobodys
from mpcgov.mpc.word.kernels import inlined, kernel

Order = NDArray[np.int64]
Outcomes = NDArray[np.uint64]
Less = Callable[[Order, Order], Awaitable[Outcomes]]
"""Given numbers of rows a and b, 1 where row a is less than row b."""


MOST_SAMPLE = 255
FEW = 1 << 14
"""Comparisons that cost no more than their rounds."""


@inlined
def _sample(length: Any, short: Any) -> Any:
    """How many of a segment's rows are sorted by all pairs: all of a short one, else one less than a power of two, so
    that medians of what is left of them are pivots until nothing is left."""
    if length <= short:
        return length
    if length < 32:
        return 3
    if length < 256:
        return 7
    if length < 2048:
        return 15
    if length < 32768:
        return 63
    return 255


@kernel("int64(int64[:, ::1], int64)")
def _count(segments: Any, short: Any) -> Any:
    """How many comparisons come next."""
    total = 0
    for s in range(segments.shape[0]):
        length, known = segments[s, 1] - segments[s, 0], segments[s, 2]
        k = _sample(length, short)
        total += length - known if known else k * (k - 1) // 2
    return total


@kernel("void(int64[::1], int64[:, ::1], int64, int64[::1], int64[::1])")
def _pairs(order: Any, segments: Any, short: Any, left: Any, right: Any) -> None:
    """All pairs of a segment's sample; or, if that is in order already, each other row and the sample's median."""
    at = 0
    for s in range(segments.shape[0]):
        start, stop, known = segments[s, 0], segments[s, 1], segments[s, 2]
        if known:
            pivot = order[start + known // 2]
            for i in range(start + known, stop):
                left[at], right[at] = order[i], pivot
                at += 1
        else:
            end = start + _sample(stop - start, short)
            for i in range(start, end):
                for j in range(i + 1, end):
                    left[at], right[at] = order[i], order[j]
                    at += 1


@kernel("void(int64[::1], int64[:, ::1], int64, uint64[::1], int64[:, ::1])")
def _arranged(order: Any, segments: Any, short: Any, less: Any, after: Any) -> None:
    """Put each sample in order: a row's place is how many of its pairs it is greater in. Or divide a segment: lesser
    rows before the median, greater ones after it, each behind its half of the sample. Two segments of `after` for each,
    the other one of a sample empty."""
    at = 0
    rest = np.empty(order.size, np.int64)
    rows, places = np.empty(MOST_SAMPLE, np.int64), np.empty(MOST_SAMPLE, np.int64)
    for s in range(segments.shape[0]):
        start, stop, known = segments[s, 0], segments[s, 1], segments[s, 2]
        if known == 0:
            k = _sample(stop - start, short)
            for i in range(k):
                rows[i], places[i] = order[start + i], 0
            for i in range(k):
                for j in range(i + 1, k):
                    places[j if less[at] else i] += 1
                    at += 1
            for i in range(k):
                order[start + places[i]] = rows[i]
            after[2 * s, 0], after[2 * s, 1], after[2 * s, 2] = start, stop, k
            after[2 * s + 1, 0], after[2 * s + 1, 1], after[2 * s + 1, 2] = stop, stop, 0
            continue
        half = known // 2
        greater = 0
        for i in range(half, known):
            rest[greater] = order[start + i]
            greater += 1
        free = start + half
        for i in range(start + known, stop):
            row, is_less = order[i], 1 if less[at] else 0
            order[free], rest[greater] = row, row  # to both: which of them counts is a coin, and no branch guesses that
            free, greater = free + is_less, greater + 1 - is_less
            at += 1
        order[free:stop] = rest[:greater]
        after[2 * s, 0], after[2 * s, 1], after[2 * s, 2] = start, free, half
        after[2 * s + 1, 0], after[2 * s + 1, 1], after[2 * s + 1, 2] = free + 1, stop, known - half - 1


async def order_of(count: int, less: Less, ranks: Order | None = None) -> Order:
    """The numbers of rows in ascending order; of `ranks` only, if given: other places hold rows in no known order.

    For few ranks that is about 3 · n comparisons instead of n · log₂ n.
    """
    order, segments = np.arange(count), np.array([[0, count, 0]])
    while len(segments := _wanted(segments, ranks)):
        short = _short(count, int((segments[:, 1] - segments[:, 0]).sum()))
        pairs = int(_count(segments, short))
        left, right = np.empty(pairs, np.int64), np.empty(pairs, np.int64)
        _pairs(order, segments, short, left, right)
        after = np.empty((2 * len(segments), 3), np.int64)
        _arranged(order, segments, short, await less(left, right), after)
        segments = after
    if np.bincount(order, minlength=count).max(initial=0) > 1:
        raise nobodys("comparisons of an order that can't be")
    return order


def _short(count: int, left: int) -> int:
    """How long a segment is sorted by all its pairs: the longer, the fewer rows are left, to save rounds at the end."""
    return max(8, min(MOST_SAMPLE, 2 * max(count // 16, FEW) // left))


def _wanted(segments: Order, ranks: Order | None) -> Order:
    """The segments whose rows aren't all in order, and that have one of the ranks."""
    lengths = segments[:, 1] - segments[:, 0]
    keep = (lengths > 1) & (lengths > segments[:, 2])
    if ranks is not None:
        wanted = np.sort(ranks)
        keep &= np.searchsorted(wanted, segments[:, 0]) < np.searchsorted(wanted, segments[:, 1])
    return np.ascontiguousarray(segments[keep])
