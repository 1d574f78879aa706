"""A released table as statistical formats have it: what names a cell, and the numbers in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mpcgov.owngroups import NO_MATCH

Number = int | float | None
"""None where it was hidden."""


@dataclass(frozen=True)
class Released:
    """A table of a result: texts that name a cell come first, then its numbers."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    never: Mapping[str, Collection[str]] = field(default_factory=dict)
    """By the name of a row, the numbers that aren't counted there, whatever the data are."""

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The columns that name a cell: the leading ones that hold nothing but texts."""
        count = 0
        while self.rows and count < len(self.columns) and all(isinstance(row[count], str) for row in self.rows):
            count += 1
        return self.columns[:count]

    @property
    def measures(self) -> tuple[str, ...]:
        """The other columns."""
        return self.columns[len(self.dimensions) :]

    @property
    def of_cells(self) -> bool:
        """Whether each row is a cell of its own by its names, with numbers and nothing else in it."""
        first = len(self.dimensions)
        texts = any(isinstance(value, str) for row in self.rows for value in row[first:])
        return not texts and len({row[:first] for row in self.rows}) == len(self.rows)

    def can_be(self, names: Sequence[str], measure: str) -> bool:
        """Whether there can be such a number: whom an owner's register doesn't have has no value of its columns, and
        a column that isn't ordered has no lowest ones."""
        without = {
            dimension.partition(".")[0]
            for dimension, name in zip(self.dimensions, names, strict=True)
            if name == NO_MATCH and "." in dimension
        }
        return measure.partition(".")[0] not in without and measure not in self.never.get(next(iter(names), ""), ())

    def observations(self) -> Iterator[tuple[tuple[str, ...], str, Number]]:
        """Each number by itself: the names of its cell, its measure, and it."""
        measures, first = self.measures, len(self.dimensions)
        for row in self.rows:
            for measure, number in zip(measures, row[first:], strict=True):
                yield tuple(row[:first]), measure, number


def tables_of(result: dict[str, Any]) -> tuple[Released, ...]:
    """The tables of a result, its first one first."""
    never = result["disclosure"].get("not_applicable", {})
    return tuple(
        Released(name, tuple(table["columns"]), tuple(tuple(row) for row in table["rows"]), never.get(name, {}))
        for name, table in result["tables"].items()
    )


def identifiers(names: Sequence[str], taken: Sequence[str] = ()) -> list[str]:
    """Names that formats with short names accept: letters, digits and underscores, in capitals, no two alike."""
    found: list[str] = list(taken)
    for name in names:
        plain = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_") or "COLUMN"
        plain = plain if plain[0].isalpha() else f"C_{plain}"
        tries = (plain if number == 1 else f"{plain}_{number}" for number in range(1, len(names) + len(taken) + 2))
        found.append(next(one for one in tries if one not in found))
    return found[len(taken) :]
