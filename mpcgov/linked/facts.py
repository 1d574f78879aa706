"""A linked job's public facts, put together once: what it asks for, of columns that are declared how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from mpcgov.errors import SpecError
from mpcgov.linked import blocks
from mpcgov.linked.columns import NO_MATCH, Category, Number, carried, carried_by, rule
from mpcgov.linked.divisions import MARK, bound, marked
from mpcgov.linked.encoding import PROBABILITIES, Scoring, candidate_scoring, scoring
from mpcgov.linked.params import Asked, read
from mpcgov.linked.qualified import Qualified
from mpcgov.spec.job import Job
from mpcgov.spec.manifest import Manifest, Table
from mpcgov.spec.table import Declaration


@dataclass(frozen=True)
class Linked:
    """A linked job with its protocol's manifest and the declarations of its data parties."""

    job: Job
    manifest: Manifest
    declarations: Mapping[str, Declaration]
    asked: Asked

    @classmethod
    def of(cls, job: Job, manifest: Manifest, declarations: Mapping[str, Declaration]) -> Linked:
        """The facts of a job that has passed `check_job`."""
        return cls(job, manifest, declarations, read(job, manifest, []))

    @property
    def tables(self) -> dict[str, Table]:
        """The protocol's tables that the job's output may have; one of which nothing is opened isn't released."""
        output = self.asked.output or "count"
        return {
            name: table for name, table in self.manifest.tables.items() if not table.output or output in table.output
        }

    @property
    def probabilities(self) -> tuple[Fraction, ...]:
        """The least probability of links, and those above it of which it is counted how many links have at least it."""
        least = self.asked.probability
        return () if least is None else (least, *(one for one in PROBABILITIES if one > least))

    @property
    def careful(self) -> bool:
        """Whether links must be more probable where of so few too many would be expected to be wrong."""
        return self.asked.probability is not None and "min_probability" not in self.job.params

    @property
    def estimated(self) -> bool:
        """Whether estimates of probable links are released. Those of three registers or more are about links that no
        group has, too, so that who brings records could tell from them whom of its own another one has."""
        return self.asked.probability is not None and (len(self.owners) == 2 or not self.job.receiving_owners)

    @property
    def scoring(self) -> Scoring:
        """How records are compared."""
        types = [field.type for field in self.asked.fields]
        return candidate_scoring(types) if self.asked.threshold is None else scoring(types, self.asked.threshold)

    @property
    def passes(self) -> tuple[blocks.Pass, ...]:
        """What divides the records into blocks, pass by pass; of a job without blocks one that divides nothing."""
        return blocks.passes(self.asked.blocks, self.declarations) or ((),)

    @property
    def block_counts(self) -> tuple[int, ...]:
        """How many blocks each pass has."""
        return tuple(map(blocks.count, self.passes))

    @property
    def owners(self) -> tuple[str, ...]:
        """The parties that bring data, in job order."""
        return self.job.data_parties

    @property
    def left(self) -> str | None:
        """The owner all of whose keys a left join keeps; None for an inner join."""
        return self.job.data_parties[0] if self.job.linking.join == "left" else None

    @property
    def knowing_groups(self) -> tuple[str, ...]:
        """The owners but the left one that are shown counts, and know how many rows are in their own groups."""
        return () if self.job.disclosure.noise else tuple(o for o in self.job.receiving_owners if o != self.left)

    @property
    def divisions(self) -> int:
        """In how many ways the values of a column are divided."""
        return 1

    def most_rows(self, needed: frozenset[str]) -> int:
        """How many linked rows there may be in which all of some owners have a match."""
        if not self.asked.one_to_one:
            return self.declarations[self.owners[self.asked.match == "one-to-many"]].max_rows
        return min(self.declarations[party].max_rows for party in needed)

    def number(self, column: Qualified) -> Number:
        """A numeric column as it is dealt: if noise is asked for, clamped and counted from its middle."""
        if column.column.startswith(MARK):
            most = bound(column.column)
            most = self._width(Qualified(column.party, marked(column.column))) if most is None else most
            return Number(0, most, 0, self.most_keys(column) * most)
        noise, found = self.job.disclosure.noise, self.declared_number(column)
        if noise is None:
            return found
        return found.centred(noise.clamp.get(str(column)), self.most_keys(column))

    def _width(self, column: Qualified) -> int:
        number = self.declared_number(column)
        return number.high - number.low

    def of_receiver(self, column: Qualified) -> bool:
        """Whether who owns the column gets exact results, and so knows what they are made of but for others' values."""
        return column.party in self.job.receiving_owners and self.job.disclosure.noise is None

    def most_keys(self, column: Qualified) -> int:
        """In how many rows a column can have a value."""
        return self.declarations[column.party].max_rows

    def clamp_faults(self) -> Iterator[str]:
        """Ranges for noise that leave nothing of what a measure is declared with."""
        clamp = {} if self.job.disclosure.noise is None else self.job.disclosure.noise.clamp
        for column in self.asked.measures:
            if str(column) in clamp and self.number(column).low >= self.number(column).high:
                yield f"disclosure.noise.clamp: {column} isn't declared with two values in that range"

    def declared_number(self, column: Qualified) -> Number:
        """A numeric column as its owner's rows carry it."""
        found = carried_by(self.job, self.declarations, column)
        if not isinstance(found, Number):
            raise SpecError(f"{column} is not a number", code="job")
        return found

    def possible(self, column: Qualified) -> int:
        """How many values one row of a numeric column can have, by its declaration; of numbers of rows two count."""
        if rule(self.job, column) == "count":
            return 2
        found = carried(self.declarations[column.party].columns[column.column], None, 1)
        if not isinstance(found, Number):
            raise SpecError(f"{column} is not a number", code="job")
        return found.high - found.low + 1

    def is_category(self, column: Qualified) -> bool:
        """Whether a column is a category."""
        return isinstance(carried_by(self.job, self.declarations, column), Category)

    def levels(self, column: Qualified) -> tuple[str, ...]:
        """The values that a category column is declared with."""
        found = carried_by(self.job, self.declarations, column)
        if not isinstance(found, Category):
            raise SpecError(f"{column} is not a category", code="job")
        return found.values

    def values(self, column: Qualified) -> tuple[str, ...]:
        """The values of a category column in domain order, `(no match)` last where there may be none."""
        levels = self.levels(column)
        return (*levels, NO_MATCH) if self.left not in (None, column.party) else levels

    def needed(self, *columns: Qualified) -> frozenset[str]:
        """The owners that must have a match in a row for these columns to be summed over it."""
        if self.left is None:
            return frozenset(self.owners)
        return frozenset({self.left, *(column.party for column in columns)})
