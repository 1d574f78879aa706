"""How many rows are in each cell."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from mpcgov.kinds import footers
from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Computed, Intervals, JobTable, Kind, Numbers, Span, counted, groups, no_faults
from mpcgov.linked import sums
from mpcgov.spec.statement import Opened, ResultTable


def _span(one: JobTable) -> Span:
    by, domain = groups(one)
    return (*by, one.table.value), domain


def _opened(one: JobTable) -> Iterator[Opened]:
    yield counted(one, sums.count(one.linked).high)


def rows(_: JobTable, table: ResultTable, numbers: Numbers) -> Iterator[Row]:
    """Each cell with its only number."""
    (counts,) = numbers.values()
    yield from ([*cell, count] for cell, count in zip(itertools.product(*table.domain), counts, strict=True))


def _intervals(noise: Intervals, _: JobTable, table: ResultTable, numbers: Numbers) -> Iterator[Row]:
    ((name, counts),) = numbers.items()
    yield from ([of_count(noise, f"{table.name}.{name}", count)] for count in counts)


def of_count(noise: Intervals, name: str, count: int | None) -> list[int] | None:
    """The interval of a noisy number of rows, which may be rounded; None if it is suppressed."""
    if count is None:
        return None
    low, high = noise.around(name, count)
    rounding = (noise.round_to or 0) // 2
    return [max(0, low - rounding), high + rounding]


def _footer(columns: Sequence[str], rows: Sequence[Row], rules: Rules) -> list[str]:
    return footers.of_counts(rows, len(columns) - 1, rules)


COUNT = Kind(
    name="count",
    title="one {value}",
    local=frozenset({"counts", "rows", "records"}),
    params=frozenset(),
    computed=Computed.CELLS,
    counts=True,
    items=None,
    margins=True,
    faults=no_faults,
    span=_span,
    opened=_opened,
    rows=rows,
    intervals=_intervals,
    footer=_footer,
)
