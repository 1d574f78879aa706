"""Cuckoo tables (Pagh and Rodler, 2001): every key in one of three places that it names itself, one in each third.

Whoever looks for a key must look at its three places only, whatever else is in the table. Keys go in by augmenting
paths, so a table fails only if no arrangement exists at all: see `mpcgov.linked.sizes.table_third` for how rarely.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.kernels import kernel

CHOICES = 3
Places = NDArray[np.int32]

_LOW32, _S32 = np.uint64(2**32 - 1), np.uint64(32)


def places(blocks: Words, third: int) -> Places:
    """Each key's place within each third, from its block of 128 random bits; shape (N, 3).

    A place is ⌊third · f / 2^32⌋ for 32 of the bits. The same function of random bits makes those of no key.
    """
    parts = (blocks[:, 0] & _LOW32, blocks[:, 0] >> _S32, blocks[:, 1] & _LOW32)
    return np.stack([(part * np.uint64(third) >> _S32).astype(np.int32) for part in parts], axis=1)


@kernel("int64(int32[:, ::1], int32[::1], int32[::1], int32[::1], int32[::1])")
def _insert(bins: Any, table: Any, seen: Any, queue: Any, before: Any) -> int:
    """Breadth first from each key's places to an empty one, then everybody on the way moves up; −1, or who can't."""
    for i in range(bins.shape[0]):
        head, tail, free = 0, 0, -1
        for j in range(3):
            place = bins[i, j]
            seen[place] = i + 1
            queue[tail], before[tail] = place, -1
            if table[place] < 0 and free < 0:
                free = tail
            tail += 1
        while free < 0 and head < tail:
            other = table[queue[head]]
            for j in range(3):
                place = bins[other, j]
                if free < 0 and seen[place] != i + 1:
                    seen[place] = i + 1
                    queue[tail], before[tail] = place, head
                    if table[place] < 0:
                        free = tail
                    tail += 1
            head += 1
        if free < 0:
            return i
        while before[free] >= 0:
            table[queue[free]] = table[queue[before[free]]]
            free = before[free]
        table[queue[free]] = i
    return -1


def arranged(found: Places, third: int) -> Places | None:
    """Which key is in each place of the table, −1 for an empty one, shape (3·third,); None if there is no room."""
    bins = found + np.arange(CHOICES, dtype=np.int32) * np.int32(third)
    table, seen, queue, before = (np.zeros(CHOICES * third, np.int32) for _ in range(4))
    table -= 1
    return table if _insert(bins, table, seen, queue, before) < 0 else None
