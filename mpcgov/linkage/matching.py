"""What a matcher finds in two owners' lists of tags: which rows go together, or just how many tags are in both.

Where nothing is brought into a list's order, lists are sent in ascending order: their owners sort them anyway, to see
whether two of their tags are the same, and to walk along two such lists takes a matcher a fifth of the time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mpcgov.linkage.tags import Order, writable
from mpcgov.mpc.codec import WireError
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.kernels import inlined, kernel


@inlined
def _same(a: Words, i: Any, b: Words, j: Any) -> Any:
    return a[i, 0] == b[j, 0] and a[i, 1] == b[j, 1]


@kernel("int64(uint64[::1], uint64, uint64[:, ::1], uint64[:, ::1], int64[::1], int64[::1])")
def _pair(ordered: Words, bits: Any, left: Words, other: Words, near: Order, out: Order) -> Any:
    """For each left row the other row with its tag; −1, or which list has a tag twice, 0 or 1.

    `ordered`: both lists' tags in ascending order, their lower bits replaced by the row, the other list's after the
    left one's. Tags in full are only looked at where the upper bits agree. `near`: memory for the places where they do:
    found in a loop of their own, without a branch, so that the next one doesn't wait for the tags of one before.
    """
    count, rows, row_of = 0, left.shape[0], (np.uint64(1) << bits) - np.uint64(1)
    for k in range(ordered.size - 1):
        near[count] = k
        count += int(ordered[k] >> bits == ordered[k + 1] >> bits)
    for first in near[:count]:
        i, at = np.int64(ordered[first] & row_of), first + 1
        while at < ordered.size and ordered[at] >> bits == ordered[first] >> bits:
            j = np.int64(ordered[at] & row_of)
            if j < rows:
                if _same(left, i, left, j):
                    return 0
            elif i >= rows:
                if _same(other, i - rows, other, j - rows):
                    return 1
            elif _same(left, i, other, j - rows):
                out[i] = j - rows
            at += 1
    return -1


def matches(left: Words, other: Words, senders: tuple[int, int]) -> Order:
    """For each row of the left list the row of the other with the same tag, or −1.

    Raises:
        WireError: a tag is twice in a list; names the sender.
    """
    ordered, row_of = _by_first_word(np.concatenate([left[:, 0], other[:, 0]]))
    bits = np.uint64(int(row_of).bit_length())
    near, out = np.empty(len(ordered), np.int64), np.full(len(left), -1)
    twice = int(_pair(ordered, bits, writable(left), writable(other), near, out))
    if twice >= 0:
        raise WireError("the same tag twice", senders[twice])
    return out


@kernel("int64(uint64[:, ::1])")
def _rising(rows: Words) -> Any:
    """Whether each row is above the one before."""
    rising = 1
    for k in range(1, rows.shape[0]):
        a, b = rows[k - 1, 0], rows[k, 0]
        rising &= int(a < b) | (int(a == b) & int(rows[k - 1, 1] < rows[k, 1]))
    return rising


@kernel("int64(uint64[:, ::1], uint64[:, ::1])")
def _in_both(left: Words, other: Words) -> Any:
    """How many rows are in both of two lists that rise; without a branch, as nobody could foresee which way it goes."""
    i, j, count = 0, 0, 0
    while i < left.shape[0] and j < other.shape[0]:
        a, b = left[i, 0], other[j, 0]
        c, d = left[i, 1], other[j, 1]
        same = int(a == b)
        below, above = int(a < b) | (same & int(c < d)), int(a > b) | (same & int(c > d))
        i += 1 - above
        j += 1 - below
        count += 1 - above - below
    return count


def common(left: Words, other: Words, senders: tuple[int, int]) -> int:
    """How many tags are in both of two lists in ascending order.

    Raises:
        WireError: one isn't in ascending order, or has a tag twice; names the sender.
    """
    lists = [writable(one) for one in (left, other)]
    for rows, sender in zip(lists, senders, strict=True):
        if not _rising(rows):
            raise WireError("the same tag twice, or tags out of order", sender)
    return int(_in_both(*lists))


def sources(found: Order, others: int) -> Order:
    """For each row of the left list, the row that is brought to its place: its match, or a null row of its own.

    The other owner appends as many null rows to its `others` rows as the left list is long; one for all would come up
    more than once, and so show to the receiver who has no match.
    """
    return np.where(found >= 0, found, others + np.arange(len(found)))


@kernel("int64(uint64[:, ::1])")
def _settle(rows: Words) -> Any:
    """Brings rows that are nearly in ascending order into it, in place; how many are the same as the one before."""
    same = 0
    for k in range(1, rows.shape[0]):
        first, second, at = rows[k, 0], rows[k, 1], k
        while at and (rows[at - 1, 0] > first or (rows[at - 1, 0] == first and rows[at - 1, 1] > second)):
            rows[at, 0], rows[at, 1] = rows[at - 1, 0], rows[at - 1, 1]
            at -= 1
        rows[at, 0], rows[at, 1] = first, second
        same += int(at > 0 and rows[at - 1, 0] == first and rows[at - 1, 1] == second)
    return same


def ascending(tags: Words) -> tuple[Words, bool]:
    """The tags in ascending order, the first word before the second; and whether two are the same."""
    ordered, row_of = _by_first_word(tags[:, 0])
    rows = tags.take((ordered & row_of).view(np.int64), axis=0)
    return rows, bool(_settle(rows))


def _by_first_word(words: Words) -> tuple[Words, np.uint64]:
    """Words in ascending order, their lower bits replaced by the place that each had; and the mask of these bits.

    To sort words takes half the time of sorting places by them.
    """
    bits = np.uint64(len(words).bit_length())
    ordered = words >> bits
    ordered <<= bits
    ordered |= np.arange(len(ordered), dtype=np.uint64)
    ordered.sort()
    return ordered, (np.uint64(1) << bits) - np.uint64(1)
