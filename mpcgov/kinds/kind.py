"""What every kind of table must say of itself, and what it is asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from mpcgov.kinds.footers import Row, Rules
from mpcgov.linked.facts import Linked
from mpcgov.linked.sums import Item
from mpcgov.spec.manifest import Local, ParamKind, Table
from mpcgov.spec.statement import Opened, ResultTable

Span = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]
"""A table's columns as readers see them, and for each column that spans its cells the values, in order."""

Numbers = Mapping[str, Sequence[int | None]]
"""By name, without the table's, one opened number for each cell; None where it was suppressed."""


class Computed(Enum):
    """What the engine computes for a table, and with it the rule by which its numbers are shown (`worker/gates.py`)."""

    CELLS = "counts of rows, and sums of columns, in cells; shown where enough rows are"
    OVERLAPS = "for each set of owners, how many keys all of them have"
    MODEL = "a regression; shown if enough rows are behind all of it"
    LINKS = "the linked pairs of compared records; shown if these are enough"
    MATCH_RATES = "how many records of each group are linked"
    DOUBTFUL = "how many linked pairs are near the threshold"
    GROUP_QUALITY = "how good each group's probable links are, and how much of what is probable is linked"
    QUALITY = "estimated precision and recall of probable links"
    PROBABILITY = "how many links are how probable"
    COLUMNS = "how complete columns of owners' data sets are; each shown if all parts of it are enough, or none"


class Intervals(Protocol):
    """How noisy numbers are (`mpcgov.jobs.accuracy.Accuracy`). `round_to`: to what counts are rounded, if they are."""

    @property
    def round_to(self) -> int | None: ...

    def around(self, name: str, value: int, numbers: int = 1) -> tuple[int, int]:
        """The interval of `table.number`, if it is to hold for so many numbers at once."""


@dataclass(frozen=True)
class JobTable:
    """One table of a job: what a kind is asked about.

    `name`, `table`: as the manifest has it. `counts`: the number of rows in each of the job's cells, as `table.number`,
    whichever of its tables brings it; it decides about numbers that have no number of rows of their own.
    """

    linked: Linked
    name: str
    table: Table
    kind: Kind
    counts: str

    @property
    def number(self) -> str:
        """The name of its number of rows."""
        return self.kind.number(self.table)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of table. No attribute has a default: who adds a kind says all of it.

    What follows from these is no attribute, so that no kind can say it wrong: to whom its numbers tell of their own
    records, how many it tells of each column, and what it costs.

    Attributes:
        name: what a manifest's `measure` says.
        title: what is in one of its cells, for who reads a plan; `{value}` stands for the table's `value`.
        local: over what owners have it can be computed, as a manifest's `local`.
        params: the kinds of parameters that a protocol needs for it.
        computed: what the engine computes for it.
        counts: whether it brings the number of rows in each cell, as `value` (a regression's, as `n`). Of a job's
            tables just one does.
        items: the measures, or pairs of measures, whose sums it is made of (`sums.measures`, `sums.pairs`); None of a
            kind that opens nothing of columns.
        margins: whether its true totals may be released with it.
        faults: what in a job can't be, besides what no job may ask for; before anything of it is computed.
        span: what readers see of it.
        opened: the numbers that are opened of it, in every cell, with their bounds; each with what decides about it,
            its gate, or itself if it has none. A table of which nothing is opened isn't released.
        rows: from the opened numbers to the rows that readers see, in domain order. Receivers do that in the clear; it
            hides nothing: a number that may not be known wasn't opened, and is None.
        intervals: for each cell, the intervals of its last columns where numbers are noisy; None of a kind that isn't
            released with noise.
        footer: what is said below it of what is hidden in it, from its columns, its rows, and the rules of a result.
    """

    name: str
    title: str
    local: frozenset[Local]
    params: frozenset[ParamKind]
    computed: Computed
    counts: bool
    items: Callable[[Linked], list[Item]] | None
    margins: bool
    faults: Callable[[JobTable], Iterator[str]]
    span: Callable[[JobTable], Span]
    opened: Callable[[JobTable], Iterator[Opened]]
    rows: Callable[[JobTable, ResultTable, Numbers], Iterator[Sequence[Any]]]
    intervals: Callable[[Intervals, JobTable, ResultTable, Numbers], Iterator[Sequence[Any]]] | None
    footer: Callable[[Sequence[str], Sequence[Row], Rules], list[str]]

    @property
    def of_cells(self) -> bool:
        """Whether each number is about the rows of one cell, whatever else the job asks for, so that a ledger may
        compare tables of it by their cells; of others it takes every difference for a difference in rows."""
        return self.computed in (Computed.CELLS, Computed.OVERLAPS)

    @property
    def of_sets(self) -> bool:
        """Whether its cells are sets of owners, all of whose pairs are linked."""
        return self.computed is Computed.OVERLAPS

    @property
    def tells_owners(self) -> bool:
        """Whether it opens sums of columns, which tell a column's owner about its own records, so that a policy must
        name that owner as a receiver."""
        return self.items is not None

    def number(self, table: Table) -> str:
        """The name of its number of rows."""
        return "n" if self.computed is Computed.MODEL else table.value


def no_faults(_: JobTable) -> Iterator[str]:
    """Of a kind for every job that its protocol's parameters allow."""
    return iter(())


def counted(one: JobTable, most: int) -> Opened:
    """The table's number of rows, which may be rounded."""
    return Opened(name=one.number, low=0, high=most + (one.linked.job.disclosure.round_to or 0))


def groups(one: JobTable) -> Span:
    """The columns of `by`, and their values: what cells are by."""
    found = one.linked.asked.groups if one.table.by else ()
    return tuple(map(str, found)), tuple(one.linked.values(column) for column in found)
