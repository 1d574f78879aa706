"""Sorting in the clear order of comparisons: which of two rows is less is opened, of rows that were shuffled before.

The rows are in uniformly random order and no two are equal, so what is opened is the outcome of comparisons of a
uniform permutation of 0 … n−1: it depends on n only, and a simulator draws such a permutation and answers from it.
This holds for every choice of pairs that depends on earlier outcomes only, as here.

Quicksort, all segments side by side, each at its own step: sort a sample of a segment by all its pairs, compare the
others with its median, divide; then each part with the median of its half of the sample, until none of it is left.
Where few rows are left, they are compared with several of the sample at once, evenly apart, and in the end with all.
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
MOST_PIVOTS = 15


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
        return 127
    return 255


@kernel("int64(int64[:, ::1], int64, int64)")
def _count(segments: Any, short: Any, wide: Any) -> Any:
    """How many comparisons come next."""
    total = 0
    for s in range(segments.shape[0]):
        length, known = segments[s, 1] - segments[s, 0], segments[s, 2]
        k = _sample(length, short)
        total += (length - known) * min(known, wide) if known else k * (k - 1) // 2
    return total


@kernel("void(int64[::1], int64[:, ::1], int64, int64, int64[::1], int64[::1])")
def _pairs(order: Any, segments: Any, short: Any, wide: Any, left: Any, right: Any) -> None:
    """All pairs of a segment's sample; or, if that is in order already, each other row and pivots from the sample."""
    at = 0
    for s in range(segments.shape[0]):
        start, stop, known = segments[s, 0], segments[s, 1], segments[s, 2]
        if known:
            pivots = min(known, wide)
            gap = (known + 1) // (pivots + 1)
            for i in range(start + known, stop):
                for q in range(pivots):
                    left[at], right[at] = order[i], order[start + (q + 1) * gap - 1]
                    at += 1
        else:
            end = start + _sample(stop - start, short)
            for i in range(start, end):
                for j in range(i + 1, end):
                    left[at], right[at] = order[i], order[j]
                    at += 1


@inlined
def _sorted(rows: Any, less: Any, places: Any) -> Any:
    """Put rows in order by all their pairs, whose outcomes are at the start of `less`: a row's place is how many of
    these it is greater in. `places`: room for as many and these rows."""
    k, at = rows.size, 0
    for i in range(k):
        places[0, i], places[1, i] = 0, rows[i]
    for i in range(k):
        for j in range(i + 1, k):
            places[0, j if less[at] else i] += 1
            at += 1
    for i in range(k):
        rows[places[0, i]] = places[1, i]
    return at


@inlined
def _halved(rows: Any, known: Any, less: Any, rest: Any, out: Any) -> Any:
    """As `_divided`, by the median alone: in one pass, which is what there is to do where many rows are left."""
    half = known // 2
    greater = known - half
    rest[:greater] = rows[half:known]
    free = half
    for i in range(known, rows.size):
        row, is_less = rows[i], 1 if less[i - known] else 0
        rows[free], rest[greater] = row, row  # to both: which of them counts is a coin, and no branch guesses that
        free, greater = free + is_less, greater + 1 - is_less
    rows[free:] = rest[:greater]
    out[0, 1], out[0, 2] = free, half
    out[1, 0], out[1, 1], out[1, 2] = free + 1, rows.size, known - half - 1
    return rows.size - known


@inlined
def _divided(rows: Any, known: Any, pivots: Any, less: Any, rest: Any, parts: Any, out: Any) -> Any:
    """Rows between the pivots, each part behind what it has of the sample; segments of these, from 0 on, to `out`.
    `rest`, `parts`: room for as many rows."""
    at, gap, free = 0, (known + 1) // (pivots + 1), np.zeros(MOST_PIVOTS + 1, np.int64)
    for i in range(known, rows.size):
        part = pivots
        for _ in range(pivots):
            part -= np.int64(less[at])
            at += 1
        parts[i] = part
        free[part] += 1
    rest[: rows.size] = rows
    place = 0
    for part in range(pivots + 1):
        end = place + gap - 1 + free[part]
        rows[place : place + gap - 1] = rest[part * gap : (part + 1) * gap - 1]
        out[part, 0], out[part, 1], out[part, 2] = place, end, gap - 1
        free[part] = place + gap - 1
        if part < pivots:
            rows[end] = rest[(part + 1) * gap - 1]
        place = end + 1
    for i in range(known, rows.size):
        rows[free[parts[i]]] = rest[i]
        free[parts[i]] += 1
    return at


@kernel("void(int64[::1], int64[:, ::1], int64, int64, uint64[::1], int64[:, ::1])")
def _arranged(order: Any, segments: Any, short: Any, wide: Any, less: Any, after: Any) -> None:
    """Put each sample in order, or divide a segment. wide + 1 segments of `after` for each, some of them empty."""
    at = 0
    rest, parts = np.empty(order.size, np.int64), np.empty(order.size, np.int64)
    places = np.empty((2, MOST_SAMPLE), np.int64)
    after[:] = 0
    for s in range(segments.shape[0]):
        start, stop, known = segments[s, 0], segments[s, 1], segments[s, 2]
        out = after[(wide + 1) * s : (wide + 1) * (s + 1)]
        if known and wide == 1:
            at += _halved(order[start:stop], known, less[at:], rest, out)
        elif known:
            at += _divided(order[start:stop], known, min(known, wide), less[at:], rest, parts, out)
        else:
            k = _sample(stop - start, short)
            at += _sorted(order[start : start + k], less[at:], places)
            out[0, 1], out[0, 2] = stop - start, k
        out[:, :2] += start


async def order_of(count: int, less: Less, ranks: Order | None = None) -> Order:
    """The numbers of rows in ascending order; of `ranks` only, if given: other places hold rows in no known order.

    For few ranks that is about 3 · n comparisons instead of n · log₂ n.
    """
    order, segments = np.arange(count), np.array([[0, count, 0]])
    while len(segments := _wanted(segments, ranks)):
        lengths = segments[:, 1] - segments[:, 0]
        short, wide = _short(count, lengths), _wide(lengths - segments[:, 2])
        pairs = int(_count(segments, short, wide))
        left, right = np.empty(pairs, np.int64), np.empty(pairs, np.int64)
        _pairs(order, segments, short, wide, left, right)
        after = np.empty(((wide + 1) * len(segments), 3), np.int64)
        _arranged(order, segments, short, wide, await less(left, right), after)
        segments = after
    if np.bincount(order, minlength=count).max(initial=0) > 1:
        raise nobodys("comparisons of an order that can't be")
    return order


def _short(count: int, lengths: Order) -> int:
    """How long a segment is sorted by all its pairs: the longer, the fewer rows are left, to save rounds at the end."""
    if lengths.max() <= MOST_SAMPLE and (lengths * (lengths - 1) // 2).sum() <= 5 * FEW:
        return MOST_SAMPLE
    return max(8, min(MOST_SAMPLE, 2 * max(count // 16, FEW) // int(lengths.sum())))


def _wide(rows: Order) -> int:
    """With how many pivots each of so many rows of each segment is compared at once: one less than a power of two."""
    wide = MOST_PIVOTS
    while wide > 1 and wide * rows.sum() > 3 * FEW:
        wide //= 2
    return wide


def _wanted(segments: Order, ranks: Order | None) -> Order:
    """The segments whose rows aren't all in order, and that have one of the ranks."""
    lengths = segments[:, 1] - segments[:, 0]
    keep = (lengths > 1) & (lengths > segments[:, 2])
    if ranks is not None:
        wanted = np.sort(ranks)
        keep &= np.searchsorted(wanted, segments[:, 0]) < np.searchsorted(wanted, segments[:, 1])
    return np.ascontiguousarray(segments[keep])
