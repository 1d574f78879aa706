"""Facts of a job over rows that aren't linked: every owner has the same columns, and their rows are added up.

Seen as a linked job in which all columns are one owner's: what is opened, its bounds, what decides about it, and how
receivers divide, are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mpcgov import figures
from mpcgov.errors import SpecError
from mpcgov.linked import layout
from mpcgov.linked.columns import Carried, Category, Number, carried
from mpcgov.linked.facts import Linked
from mpcgov.linked.faults import of_units
from mpcgov.linked.params import Asked
from mpcgov.linked.qualified import Qualified
from mpcgov.spec.job import Job
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.table import CategoryColumn, Column, Declaration


@dataclass(frozen=True)
class Stacked(Linked):
    """An unlinked job with its protocol's manifest and the declarations of its data parties."""

    @property
    def divisions(self) -> int:
        """In how many ways the values of a column are divided, by all owners alike."""
        return figures.DIVISIONS

    def most_rows(self, needed: frozenset[str]) -> int:
        """How many rows there may be, all owners' together."""
        return sum(self.declarations[party].max_rows for party in self.owners)

    def declared_number(self, column: Qualified) -> Number:
        """A numeric column, of all owners."""
        found = self._carried(column)
        if not isinstance(found, Number):
            raise SpecError(f"{column} is not a number", code="job")
        return found

    def most_keys(self, column: Qualified) -> int:
        """In how many rows a column can have a value, all owners' together."""
        return self.most_rows(frozenset())

    def possible(self, column: Qualified) -> int:
        """How many values one row of a numeric column can have, by its declaration."""
        number = self.declared_number(column)
        return number.high - number.low + 1

    def is_category(self, column: Qualified) -> bool:
        """Whether a column is a category."""
        return isinstance(self._carried(column), Category)

    def levels(self, column: Qualified) -> tuple[str, ...]:
        """The values of a category column, in the first owner's order."""
        found = self._carried(column)
        if not isinstance(found, Category):
            raise SpecError(f"{column} is not a category", code="job")
        return found.values

    def needed(self, *columns: Qualified) -> frozenset[str]:
        """Nobody has to have a match."""
        return frozenset()

    def _carried(self, column: Qualified) -> Carried | None:
        declared = self.declarations[self.owners[0]].columns[column.column]
        return carried(declared, None, self.most_rows(frozenset()))


def facts(job: Job, manifest: Manifest, declarations: Mapping[str, Declaration]) -> Linked:
    """The facts of a job, whether its rows are linked or not."""
    return (Linked if manifest.linked else Stacked).of(job, manifest, declarations)


def faults(job: Job, manifest: Manifest, declarations: Mapping[str, Declaration], asked: Asked) -> list[str]:
    """What is wrong with the columns, every one of which all owners must declare alike; and with the tables' sizes."""
    found = [fault for column in asked.columns for fault in _column(job, declarations, asked, column)]
    found += of_units(job, declarations)
    stacked = Stacked(job, manifest, declarations, asked)
    return found or list(stacked.clamp_faults()) or layout.faults(stacked)


def _column(job: Job, declarations: Mapping[str, Declaration], asked: Asked, column: Qualified) -> Iterator[str]:
    first: Column | None = None
    for party in job.data_parties:
        place = f"params: {party}: column {column} of {job.parties[party].dataset}"
        kind = declarations[party].columns.get(column.column)
        if kind is None:
            yield f"params: {party}: data set {job.parties[party].dataset} has no column {column}"
            continue
        group, number = column in asked.groups, column in asked.numbers
        as_dealt, article = carried(kind, None, 1), "an" if kind.kind == "integer" else "a"
        if group and number:
            yield f"params: {column} must be both a category and a number"
            return
        if group and not isinstance(as_dealt, Category):
            yield f"{place} is {article} {kind.kind}, not a category"
        elif number and not isinstance(as_dealt, Number):
            yield f"{place} is {article} {kind.kind}, not a number"
        elif first is not None and not _alike(first, kind):
            yield (
                f"{place} is declared otherwise than at {job.data_parties[0]}: all must declare the same kind, "
                f"{'values' if group else 'range, places and unit'}"
            )
        first = first or kind


def _alike(a: Column, b: Column) -> bool:
    if isinstance(a, CategoryColumn) and isinstance(b, CategoryColumn):
        return set(a.values) == set(b.values)
    return a == b
