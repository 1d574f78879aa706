"""Which more cells of a two-way table must be hidden before its true totals may be told: chosen on secret counts.

A hidden cell (i, j) is safe beside true totals if it is on a cycle (i, j), (i, b), (a, b), (a, j) of hidden cells whose
corners (i, b) and (a, j) both hold at least min_count: adding d to the one pair and taking it from the other changes no
total, for every d from 0 to min_count. For each cell all cycles are compared, with a tournament whose outcome stays
secret; the same work for every table. `mpcgov.disclosure.closed` says it in plain code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mpcgov import disclosure
from mpcgov.mpc import SecretArray, concatenate, if_else

Places = NDArray[np.int64]


def close(counts: SecretArray, shown: SecretArray, columns: int) -> tuple[SecretArray, SecretArray]:
    """1 where a cell may still be shown, and, shape (1,), 1 if the totals may be.

    Args:
        counts: shape (cells,), row-major, not negative. shown: 1 for the cells that the other rules let be shown, each
            of which holds at least min_count.

    Leaks: nothing.
    """
    cells = len(counts)
    cycles = [list(disclosure.cycles(cell, cells, columns)) for cell in range(cells)]
    hidden = 1 - shown
    if not cycles[0]:
        return shown, hidden.sum() < 1
    # by corner (i, b), (a, j) and (a, b): the cell that it is, in the cycles of each cell
    corners = np.moveaxis(np.array(cycles, np.int64), 2, 0)
    least, chosen = _least(counts, shown, corners)
    unclosed = least.reshape((cells,)) >= _limit(counts) * corners.shape[2]
    safe = (hidden * unclosed).sum() < 1
    marked = _marked(chosen, hidden, corners) >= 1
    return shown * (1 - marked * safe), safe


def _limit(counts: SecretArray) -> int:
    """More than the sum of any cycle."""
    return 3 * counts.high + 1


def _least(counts: SecretArray, shown: SecretArray, corners: Places) -> tuple[SecretArray, list[SecretArray]]:
    """The least sum of each cell's cycles, and by round of the tournament where the right one of a pair won.

    Sums are made distinct, and cycles whose corners aren't both shown greater than all others.
    """
    beside, below, across = (corner.reshape(-1) for corner in corners)
    shape, limit = corners.shape[1:], _limit(counts)
    fit = shown[beside] * shown[below]
    sums = limit + fit * (counts[beside] + counts[below] + counts[across] - limit)
    left = sums.reshape(shape) * shape[1] + np.arange(shape[1])
    rounds = []
    while (width := left.shape[1]) > 1:
        half = width // 2
        first, second = left[:, :half], left[:, half : 2 * half]
        wins = second < first
        rounds.append(wins)
        winners = if_else(wins, second, first)
        left = winners if width == 2 * half else concatenate([winners, left[:, 2 * half :]], axis=1)
    return left, rounds


def _marked(rounds: list[SecretArray], hidden: SecretArray, corners: Places) -> SecretArray:
    """How many hidden cells' least cycles each cell is a corner of."""
    cells, count = corners.shape[1:]
    chosen = hidden.reshape((cells, 1))
    for wins in reversed(rounds):
        half = wins.shape[1]
        right = chosen[:, :half] * wins
        parts = [chosen[:, :half] - right, right]
        chosen = concatenate(parts if chosen.shape[1] == half else [*parts, chosen[:, half:]], axis=1)
    flat = chosen.reshape((cells * count,))
    orders = (np.argsort(corner.reshape(-1), kind="stable") for corner in corners)
    first, *others = (flat[order].reshape((cells, count)).sum(axis=1) for order in orders)  # each is in `count` cycles
    return sum(others, start=first)
