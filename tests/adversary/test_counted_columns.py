"""Tables of counts by columns that a partner makes up are equations, as correlations are: only people stand against it.

40 persons are linked, half of them in a group that another agency knows. A partner that isn't a receiver divides them
in two by a column of its own, again and again; of each part's two cells one has ten at least, and is shown, which tells
the other. A lattice gives everybody's group from 30 such tables. None but the first runs by itself: each lies related
to the others, so that people are asked (`tests/node/test_asking.py`).
"""

from __future__ import annotations

import numpy as np
import pytest
from flint import fmpz_mat
from numpy.typing import NDArray

PERSONS, LEAST, WEIGHT = 40, 10, 1000
Ints = NDArray[np.int64]


def halves(rng: np.random.Generator) -> Ints:
    """1 for half of the persons."""
    return rng.permutation(np.repeat([0, 1], PERSONS // 2))


def solved(columns: Ints, counts: Ints) -> Ints | None:
    """Whether each person is in a group of which so many are in each column's part; None if nothing short is found."""
    tables, persons = columns.shape
    unit = np.hstack([2 * np.eye(persons, dtype=int), np.zeros((persons, 1), int), WEIGHT * columns.T])
    last = np.hstack([-np.ones(persons, int), [1], -WEIGHT * counts])
    reduced = fmpz_mat(np.vstack([unit, last]).tolist()).lll()
    for row in range(reduced.nrows()):
        found = np.array([int(reduced[row, place]) for place in range(persons + 1 + tables)])
        if (np.abs(found[: persons + 1]) == 1).all() and not found[persons + 1 :].any():
            return (found[persons] * found[:persons] + 1) // 2
    return None


@pytest.mark.parametrize(("tables", "found"), [(8, 0), (30, 3)])
def test_half_as_many_tables_as_persons_give_everybodys_group(tables: int, found: int) -> None:
    rng, right = np.random.default_rng(1), 0
    for _ in range(3):
        group, columns = halves(rng), np.array([np.ones(PERSONS, int), *(halves(rng) for _ in range(tables))])
        counts = columns @ group
        assert (np.maximum(counts, columns.sum(axis=1) - counts) >= LEAST).all()
        right += np.array_equal(solved(columns, counts), group)
    assert right == found
