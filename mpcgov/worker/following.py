"""What follows from several tables about one data set by adding and subtracting: by linear algebra on groups of rows.

A group is the rows that are in the same cells of the same tables. Every cell that is shown is a sum of groups, and
what follows from cells are sums and differences of them.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpcgov.spec.difference import Rows

MOST_CELLS = 1500
"""Of tables by other columns, no more are looked at together: beyond, something may follow."""


@dataclass(frozen=True)
class Group:
    """Which of the tables its rows are among, their values in the columns that cells are by, and how many persons."""

    among: tuple[bool, ...]
    values: dict[str, str | None]
    persons: int


def follows(among: Sequence[Sequence[bool]]) -> bool:
    """Whether one table's rows are those of others, added and subtracted: but for nobody, or would be but for a person.

    Args:
        among: for each group there is, which of the tables it is among.
    """
    matrix = np.array(among, dtype=float)
    some = matrix[:, matrix.any(axis=0)] if matrix.size else matrix
    return bool(some.size and np.linalg.matrix_rank(some) < some.shape[1])


def few(groups: Sequence[Group], tables: Sequence[Rows], least: int) -> bool:
    """Whether sums and differences of the tables' cells can be about groups of fewer persons alone.

    Cells with fewer are hidden. Where the cells of large groups have full rank among the rest, no combination of them
    is without a large group. Other agencies' rows may be in all cells of joint tables, which are shown then. So this is
    asked twice: for whoever knows these rows, and can take them off; and for whoever doesn't. To these they are a group
    of each cell, large and the same in all of these tables, if their filters and the cells are. If not, tables may tell
    of these rows alone: then no cell of a joint table is taken to be hidden, and none to have others' rows.
    """
    if _few_of(groups, tables, least):
        return True
    joint = tuple(table.company is not None for table in tables)
    alike = len({table.by for table in tables}) == 1 and not any(table.margins for table in tables)
    if not alike or len({table.company for table in tables} - {None}) > 1:
        return any(joint) and _few_of(groups, tables, least, joint)
    cells = {tuple(group.values.items()) for group in groups}
    theirs = [Group(joint, dict(cell), least) for cell in cells] if any(joint) else []
    return bool(theirs) and _few_of([*groups, *theirs], tables, least)


def _few_of(groups: Sequence[Group], tables: Sequence[Rows], least: int, shown: Sequence[bool] = ()) -> bool:
    """The same of these groups alone, one cell of the columns that all tables are by after the other.

    Args:
        shown: of each table whether its cells are, however few are in them.
    """
    common = set.intersection(*({*table.by} for table in tables))
    if any(table.margins for table in tables):
        common = set()
    blocks = defaultdict(list)
    for group in groups:
        blocks[tuple(group.values[name] for name in sorted(common))].append(group)
    return any(_few(block, tables, least, shown or [False] * len(tables)) for block in blocks.values())


def _few(groups: Sequence[Group], tables: Sequence[Rows], least: int, shown: Sequence[bool]) -> bool:
    persons = np.array([group.persons for group in groups])
    cells = set[tuple[int, ...]]()
    for anyhow, cell in _cells(groups, tables, shown):
        if anyhow or persons[list(cell)].sum() >= least:
            cells.add(cell)
        if len(cells) > MOST_CELLS:
            return True
    matrix = np.zeros((len(cells), len(groups)))
    for row, cell in zip(matrix, cells, strict=True):
        row[list(cell)] = 1
    return _rank(matrix) > _rank(matrix[:, persons >= least])


def _rank(matrix: NDArray[np.float64]) -> int:
    return int(np.linalg.matrix_rank(matrix)) if matrix.size else 0


def _cells(
    groups: Sequence[Group], tables: Sequence[Rows], shown: Sequence[bool]
) -> Iterator[tuple[bool, tuple[int, ...]]]:
    """For each cell of each table, totals included, whether it is shown, and the numbers of the groups in it."""
    for place, table in enumerate(tables):
        lengths = range(len(table.by) + 1) if table.margins else [len(table.by)]
        for by in itertools.chain(*(itertools.combinations(table.by, length) for length in lengths)):
            found = defaultdict[tuple[str | None, ...], list[int]](list)
            for number, group in enumerate(groups):
                if group.among[place]:
                    found[tuple(group.values[name] for name in by)].append(number)
            yield from ((shown[place], tuple(cell)) for cell in found.values())
