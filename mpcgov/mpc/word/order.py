"""Sorting in the clear order of comparisons: which of two rows is less is opened, of rows that were shuffled before.

The rows are in uniformly random order and no two are equal, so what is opened is the outcome of comparisons of a
uniform permutation of 0 … n−1: it depends on n only, and a simulator draws such a permutation and answers from it.
This holds for every choice of pairs that depends on earlier outcomes only, as here.

Quicksort, all segments side by side: sort a small sample of each segment by all its pairs, compare the others with
its median, divide. Two batches of comparisons a level; 1.08 · n · log₂ n comparisons in about 2.3 · log₂ n batches.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgov.mpc.codec import nobodys
from mpcgov.mpc.word.kernels import inlined, kernel

Order = NDArray[np.int64]
Outcomes = NDArray[np.uint64]
Less = Callable[[Order, Order], Awaitable[Outcomes]]
"""Given numbers of rows a and b, 1 where row a is less than row b."""


@inlined
def _sample(length: Any) -> Any:
    """How many of a segment's rows are sorted by all pairs: all of a short one, else an odd number for a median."""
    if length <= 6:
        return length
    if length < 48:
        return 3
    if length < 512:
        return 7
    return 15


@kernel("int64(int64[:, ::1])")
def _count_sample_pairs(segments: Any) -> Any:
    total = 0
    for s in range(segments.shape[0]):
        k = _sample(segments[s, 1] - segments[s, 0])
        total += k * (k - 1) // 2
    return total


@kernel("void(int64[::1], int64[:, ::1], int64[::1], int64[::1])")
def _sample_pairs(order: Any, segments: Any, left: Any, right: Any) -> None:
    at = 0
    for s in range(segments.shape[0]):
        start = segments[s, 0]
        k = _sample(segments[s, 1] - start)
        for i in range(start, start + k):
            for j in range(i + 1, start + k):
                left[at], right[at] = order[i], order[j]
                at += 1


@kernel("void(int64[::1], int64[:, ::1], uint64[::1])")
def _sort_samples(order: Any, segments: Any, less: Any) -> None:
    """Put the sample at the head of each segment in order: a row's place is how many of its pairs it is greater in."""
    at = 0
    rows, places = np.empty(15, np.int64), np.empty(15, np.int64)
    for s in range(segments.shape[0]):
        start = segments[s, 0]
        k = _sample(segments[s, 1] - start)
        for i in range(k):
            rows[i], places[i] = order[start + i], 0
        for i in range(k):
            for j in range(i + 1, k):
                places[j if less[at] else i] += 1
                at += 1
        for i in range(k):
            order[start + places[i]] = rows[i]


@kernel("int64(int64[::1], int64[:, ::1], int64[::1], int64[::1])")
def _pivot_pairs(order: Any, segments: Any, left: Any, right: Any) -> Any:
    at = 0
    for s in range(segments.shape[0]):
        start, stop = segments[s, 0], segments[s, 1]
        k = _sample(stop - start)
        pivot = order[start + k // 2]
        for i in range(start + k, stop):
            left[at], right[at] = order[i], pivot
            at += 1
    return at


@kernel("void(int64[::1], int64[:, ::1], uint64[::1], int64[:, ::1])")
def _divide(order: Any, segments: Any, less: Any, divided: Any) -> None:
    """Lesser rows before the pivot, greater ones after it: two segments of each, next to each other in `divided`."""
    at = 0
    rest = np.empty(order.size, np.int64)
    for s in range(segments.shape[0]):
        start, stop = segments[s, 0], segments[s, 1]
        k = _sample(stop - start)
        half = k // 2
        greater = 0
        for i in range(half, k):
            rest[greater] = order[start + i]
            greater += 1
        free = start + half
        for i in range(start + k, stop):
            if less[at]:
                order[free] = order[i]
                free += 1
            else:
                rest[greater] = order[i]
                greater += 1
            at += 1
        order[free:stop] = rest[:greater]
        divided[2 * s, 0], divided[2 * s, 1] = start, free
        divided[2 * s + 1, 0], divided[2 * s + 1, 1] = free + 1, stop


@dataclass
class Progress:
    """An order under way: the segments of rows that aren't yet in order among themselves, as (start, stop)."""

    order: Order
    segments: Order


async def order_of(count: int, less: Less, ranks: Order | None = None) -> Order:
    """The numbers of rows in ascending order; of `ranks` only, if given: other places hold rows in no known order.

    For few ranks that is about 3 · n comparisons instead of n · log₂ n.
    """
    state = Progress(np.arange(count), np.array([[0, count]]))
    while True:
        state.segments = _wanted(state.segments, ranks)
        if not len(state.segments):
            if np.bincount(state.order, minlength=count).max(initial=0) > 1:
                raise nobodys("comparisons of an order that can't be")
            return state.order
        await _level(state, less)


def _wanted(segments: Order, ranks: Order | None) -> Order:
    """The segments that have more than one row, and one of the ranks."""
    keep = segments[:, 1] - segments[:, 0] > 1
    if ranks is not None:
        wanted = np.sort(ranks)
        keep &= np.searchsorted(wanted, segments[:, 0]) < np.searchsorted(wanted, segments[:, 1])
    return np.ascontiguousarray(segments[keep])


async def _level(state: Progress, less: Less) -> None:
    """Sort samples, then divide all segments that are longer than their sample."""
    order, segments = state.order, state.segments
    count = int(_count_sample_pairs(segments))
    left, right = np.empty(count, np.int64), np.empty(count, np.int64)
    _sample_pairs(order, segments, left, right)
    _sort_samples(order, segments, await less(left, right))
    rest = np.ascontiguousarray(segments[segments[:, 1] - segments[:, 0] > 6])
    left, right = np.empty(order.size, np.int64), np.empty(order.size, np.int64)
    count = int(_pivot_pairs(order, rest, left, right))
    divided = np.empty((2 * len(rest), 2), np.int64)
    if count:
        _divide(order, rest, await less(left[:count], right[:count]), divided)
    state.segments = divided
