"""An attacker with a solver: the least and greatest that every hidden cell of released tables can be.

It knows what is opened, cells in which nobody can be, that counts aren't negative, and the most rows that the
declarations allow. Totals of two-way tables make a network, whose vertices are integral: the bounds that HiGHS finds
over the reals are those over counts. Tables that have nothing to do with each other are solved in one program, a hidden
cell of each at a time.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import block_diag, csr_matrix

from mpcgov.disclosure import SENTINEL


@dataclass
class Release:
    """One table as it was opened: cells, and totals of rows, of columns and of all, if there are any."""

    shape: tuple[int, int]
    opened: Sequence[Sequence[int]]


@dataclass
class Case:
    """Tables that tell about each other: `within`: (i, j) if each cell of table i has no more rows than that of j."""

    releases: Sequence[Release]
    most: int
    within: Sequence[tuple[int, int]] = ()
    empty: frozenset[int] = frozenset()
    """Cells of the first table that the attacker knows to be empty."""


def widths(cases: Sequence[Case]) -> list[list[float]]:
    """For each case, by how much each hidden cell's greatest value exceeds its least."""
    systems = [_system(case) for case in cases]
    equal, equals = _stacked([system[0] for system in systems], [system[1] for system in systems])
    less, lesses = _stacked([system[2] for system in systems], [system[3] for system in systems])
    counts = [system[4] for system in systems]
    bounds = [(0, case.most) for case, count in zip(cases, counts, strict=True) for _ in range(count)]
    starts = np.cumsum([0, *counts])
    hidden = [range(start, start + count) for start, count in zip(starts, counts, strict=False)]
    found: list[list[float]] = [[] for _ in cases]
    for chosen in itertools.zip_longest(*hidden):
        objective = np.zeros(len(bounds))
        objective[[place for place in chosen if place is not None]] = 1
        ends = []
        for sign in (1, -1):
            solved = linprog(
                sign * objective, A_eq=equal, b_eq=equals, A_ub=less, b_ub=lesses, bounds=bounds, method="highs-ds"
            )
            assert solved.status == 0, solved.message
            ends.append(solved.x)
        for case, place in enumerate(chosen):
            if place is not None:
                found[case].append(ends[1][place] - ends[0][place])
    return found


def _stacked(matrices: list[csr_matrix], values: list[list[int]]) -> tuple[csr_matrix | None, np.ndarray | None]:
    right = np.array([value for part in values for value in part], float)
    return (block_diag(matrices, format="csr"), right) if len(right) else (None, None)


System = tuple[csr_matrix, list[int], csr_matrix, list[int], int]


def _system(case: Case) -> System:
    """What sums of the hidden cells must be equal to what, what no more than what, and how many there are."""
    sizes = [rows * columns for rows, columns in (release.shape for release in case.releases)]
    starts = np.cumsum([0, *sizes])
    sums: list[tuple[dict[int, int], int]] = []
    opened: list[int] = []
    for start, release in zip(starts, case.releases, strict=False):
        cells = np.arange(start, start + np.prod(release.shape)).reshape(release.shape)
        opened += [0 if place in case.empty and not start else value for place, value in enumerate(release.opened[0])]
        lines = [*cells, *cells.T, cells.reshape(-1)]
        totals = [total for margin in release.opened[1:] for total in margin]
        found = zip(lines, totals, strict=False)
        sums += [(dict.fromkeys(line.tolist(), 1), total) for line, total in found if total != SENTINEL]
    pairs = [
        ({int(starts[a] + place): 1, int(starts[b] + place): -1}, 0)
        for a, b in case.within
        for place in range(sizes[a])
    ]
    hidden = [place for place, value in enumerate(opened) if value == SENTINEL]
    return *_rows(sums, opened, hidden), *_rows(pairs, opened, hidden), len(hidden)


def _rows(sums: list[tuple[dict[int, int], int]], opened: list[int], hidden: list[int]) -> tuple[csr_matrix, list[int]]:
    """The same sums over hidden cells only, shown ones on the other side; without those over none."""
    column = {place: number for number, place in enumerate(hidden)}
    entries, right = [], []
    for line, total in sums:
        kept = {column[place]: sign for place, sign in line.items() if place in column}
        if kept:
            entries.append(kept)
            right.append(total - sum(sign * opened[place] for place, sign in line.items() if place not in column))
    rows = [row for row, entry in enumerate(entries) for _ in entry]
    columns = [number for entry in entries for number in entry]
    values = [value for entry in entries for value in entry.values()]
    return csr_matrix((values, (rows, columns)), shape=(len(entries), len(hidden))), right
