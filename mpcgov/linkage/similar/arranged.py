"""The order in which an owner brings its records: block by block, every block padded to one length.

Only its owner knows it. Everybody knows how long the blocks are, and what comes out has a row for each of their rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpcgov.errors import InternalError
from mpcgov.mpc.word.field import Words

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Arranged:
    """Which record is in each row; −1 in rows that pad."""

    records: Numbers

    def __len__(self) -> int:
        return len(self.records)

    def columns(self, values: Words) -> Words:
        """Columns of the records, shape (columns, records), as columns of the rows, 0 in those that pad."""
        rows = np.zeros((len(values), len(self)), np.uint64)
        rows[:, self._real] = values[:, self.records[self._real]]
        return rows

    def numbers(self, values: Numbers) -> Numbers:
        """A column of the records as one of the rows, −1 in those that pad."""
        rows = np.full(len(self), -1, np.int64)
        rows[self._real] = values[self.records[self._real]]
        return rows

    @property
    def _real(self) -> NDArray[np.bool_]:
        real: NDArray[np.bool_] = self.records >= 0
        return real


def longest(blocks: Numbers, count: int) -> int:
    """How many records the fullest of `count` blocks has; `blocks`: each record's, −1 for one that is in none."""
    return int(np.bincount(blocks[blocks >= 0], minlength=count).max())


def arranged(blocks: Numbers, count: int, length: int) -> Arranged:
    """The records block by block, in their own order, each block `length` rows long."""
    order = np.argsort(blocks, kind="stable")
    order = order[blocks[order] >= 0]
    inside = blocks[order]
    place = np.arange(len(order)) - np.searchsorted(inside, inside)
    if len(order) and int(place.max()) >= length:
        raise InternalError("a block of more records than its length")
    records = np.full(count * length, -1, np.int64)
    records[inside * length + place] = order
    return Arranged(records)


def listing(blocks: Sequence[Numbers], length: int) -> Arranged:
    """The records that are in a block of any pass, in their own order, and rows that pad, up to `length`."""
    used = np.flatnonzero(np.any([one >= 0 for one in blocks], axis=0))
    if len(used) > length:
        raise InternalError("more records in blocks than there may be")
    records = np.full(length, -1, np.int64)
    records[: len(used)] = used
    return Arranged(records)
