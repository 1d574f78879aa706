"""Which more cells of a two-way table must be hidden before its true totals may be told: chosen on secret counts.

A hidden cell (i, j) is safe beside true totals if it is on a cycle (i, j), (i, b), (a, b), (a, j) of hidden cells whose
other corners all hold at least min_count, and aren't known to be empty: adding d to the one pair and taking it from the
other changes no total, for every d from 0 to min_count. For each cell all cycles are compared, with a tournament whose
outcome stays secret; the same work for every table. `mpcgov.disclosure.closed` says it in plain code.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mpcgov import disclosure
from mpcgov.mpc import SecretArray, concatenate
from mpcgov.worker import tournament

Places = NDArray[np.int64]


def close(
    counts: SecretArray, shown: SecretArray, columns: int, impossible: Sequence[int] = ()
) -> tuple[SecretArray, SecretArray]:
    """1 where a cell may still be shown, and, shape (1,), 1 if the totals may be.

    Args:
        counts: shape (cells,), row-major, not negative. shown: 1 for the cells that the other rules let be shown, each
            of which holds at least min_count. impossible: the cells in which nobody can be, as everybody knows.

    Leaks: nothing.
    """
    cells = len(counts)
    cycles = [list(disclosure.cycles(cell, cells, columns)) for cell in range(cells)]
    exposed = _exposed(counts, shown, impossible)
    if not cycles[0]:
        return shown, exposed.sum() < 1
    # by corner (i, b), (a, j) and (a, b): the cell that it is, in the cycles of each cell
    corners = np.moveaxis(np.array(cycles, np.int64), 2, 0)
    possible = np.ones(cells, np.int64)
    possible[list(impossible)] = 0
    least, stages = tournament.least(_sums(counts, shown * possible, corners))
    unclosed = least.reshape((cells,)) >= _limit(counts) * corners.shape[2]
    safe = (exposed * unclosed).sum() < 1
    marked = _marked(tournament.chosen(stages, exposed.reshape((cells, 1))), corners) >= 1
    return shown * (1 - marked * safe), safe


def _exposed(counts: SecretArray, shown: SecretArray, impossible: Sequence[int]) -> SecretArray:
    """1 for the hidden cells that totals might tell: all but impossible ones that are indeed empty."""
    hidden, places = 1 - shown, np.array(impossible, np.int64)
    if not places.size:
        return hidden
    others = np.setdiff1d(np.arange(len(counts)), places)
    parts = [hidden[places] * (counts[places] >= 1), *([hidden[others]] if others.size else [])]
    return concatenate(parts)[np.argsort(np.concatenate([places, others]))]


def _limit(counts: SecretArray) -> int:
    """More than the sum of any cycle."""
    return 3 * counts.high + 1


def _sums(counts: SecretArray, usable: SecretArray, corners: Places) -> SecretArray:
    """The sums of each cell's cycles, made distinct; those whose corners aren't all usable are greater than others."""
    beside, below, across = (corner.reshape(-1) for corner in corners)
    shape, limit = corners.shape[1:], _limit(counts)
    fit = usable[beside] * usable[below] * usable[across]
    sums = limit + fit * (counts[beside] + counts[below] + counts[across] - limit)
    numbered: SecretArray = sums.reshape(shape) * shape[1] + np.arange(shape[1])
    return numbered


def _marked(chosen: SecretArray, corners: Places) -> SecretArray:
    """How many cells' chosen cycles each cell is a corner of."""
    cells, count = corners.shape[1:]
    flat = chosen.reshape((cells * count,))
    orders = (np.argsort(corner.reshape(-1), kind="stable") for corner in corners)
    first, *others = (flat[order].reshape((cells, count)).sum(axis=1) for order in orders)  # each is in `count` cycles
    return sum(others, start=first)
