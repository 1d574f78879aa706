"""What a node asks the process that reads its data of tables that may differ in few rows, and what that answers.

It stays within one agency: answers depend on rows, and only its own people see them.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mpcgov.spec.ids import ColumnName, DatasetName
from mpcgov.spec.load import Frozen


class Rows(Frozen):
    """One table's rows of a data set: those that `where` chooses and that have a value in every column of `present`.

    `by`: the columns of the data set that the table's cells are by. `margins`: whether it has totals, too.
    `company`: which rows of other agencies are in its cells, so that a cell may be shown in which few or none are ours;
    equal texts for the same ones, None for none.
    """

    where: str | None
    present: Annotated[tuple[ColumnName, ...], Field(strict=False)]
    by: Annotated[tuple[ColumnName, ...], Field(strict=False)]
    margins: bool = False
    company: str | None = None


class Question(Frozen):
    """By how many persons does a new table differ from each earlier one? `datasets`: the path of datasets.yaml.

    `others`: tables that can be added to the earlier ones. `distinct`: places, in all tables from the new one on, of
    those that choose other rows than any before them by what filters say. `min_counts`: of all the tables, and ours.
    `sets`: columns of which fingerprints are wanted, together.
    """

    datasets: str
    dataset: DatasetName
    new: Rows
    earlier: Annotated[tuple[Rows, ...], Field(strict=False)]
    others: Annotated[tuple[Rows, ...], Field(strict=False)]
    distinct: Annotated[tuple[int, ...], Field(strict=False)]
    min_counts: Annotated[tuple[int, ...], Field(strict=False)]
    sets: Annotated[tuple[Annotated[tuple[ColumnName, ...], Field(strict=False)], ...], Field(strict=False)] = ()


class Cell(Frozen):
    """A cell of the columns that two tables are by, and how many persons are in just one of the tables."""

    values: Annotated[tuple[str, ...], Field(strict=False)]
    persons: int


class Difference(Frozen):
    """How two tables differ: in how many persons, in all and in each cell where there are any, smallest first."""

    by: Annotated[tuple[ColumnName, ...], Field(strict=False)]
    persons: int
    cells: Annotated[tuple[Cell, ...], Field(strict=False)]

    @property
    def fewest(self) -> int:
        """Of the cells in which the tables differ and of all together, the fewest persons."""
        return min(self.persons, *(cell.persons for cell in self.cells), self.persons)


class Answer(Frozen):
    """One difference for each earlier table, in order. `fewest`: persons in the smallest group of rows that are in the
    same ones of all these tables; None if there is one group only. `follows`: one table's rows are others', added and
    subtracted, but for nobody. `few`: sums and differences of cells are about fewer persons than may be shown.
    `prints`: the data set's fingerprints. `changed`: they aren't those that an earlier table was made of."""

    differences: Annotated[tuple[Difference, ...], Field(strict=False)]
    fewest: int | None
    follows: bool = False
    few: bool = False
    prints: dict[str, str] = Field(default_factory=dict)
    changed: bool = False

    @property
    def least(self) -> int:
        """The fewest persons that follow from any of it; 0 if tables don't differ at all, or cells single out fewer."""
        if self.follows or self.few or self.changed:
            return 0
        found = [difference.fewest for difference in self.differences]
        return min([*found, *([] if self.fewest is None else [self.fewest])], default=0)
