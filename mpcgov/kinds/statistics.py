"""Each cell's count, and each measure's mean and variance over the cell's rows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from mpcgov import figures
from mpcgov.kinds import footers, moments, noisy
from mpcgov.kinds.count import of_count
from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Computed, Intervals, JobTable, Kind, Numbers, Span, counted, groups, no_faults
from mpcgov.linked import sums
from mpcgov.spec.statement import Opened, ResultTable


def _span(one: JobTable) -> Span:
    by, domain = groups(one)
    shown = [f"{column}.{what}" for column in one.linked.asked.measures for what in ("mean", "variance")]
    return (*by, one.number, *shown), domain


def _opened(one: JobTable) -> Iterator[Opened]:
    yield counted(one, sums.count(one.linked).high)
    yield from moments.of_items(one)


def _rows(one: JobTable, table: ResultTable, numbers: Numbers) -> Iterator[Row]:
    linked, digits = one.linked, one.linked.job.disclosure.digits
    for cell, names in enumerate(itertools.product(*table.domain)):
        row: list[Any] = [*names, numbers[one.number][cell]]
        for column in linked.asked.measures:
            if linked.job.disclosure.noise is not None:
                row += noisy.described(one, column, numbers, cell)
                continue
            found = moments.described(one, column, numbers, cell)
            row += [
                None if part is None else figures.shown(float(part), digits) for part in (found.mean, found.variance)
            ]
        yield row


def _intervals(noise: Intervals, one: JobTable, table: ResultTable, numbers: Numbers) -> Iterator[Row]:
    for cell in range(table.rows):
        row: list[Any] = [of_count(noise, one.counts, numbers[one.number][cell])]
        for column in one.linked.asked.measures:
            row += noisy.intervals(noise, one, column, numbers, cell)
        yield row


def _footer(columns: Sequence[str], rows: Sequence[Row], rules: Rules) -> list[str]:
    shown = sum(name.endswith((".mean", ".variance")) for name in columns)
    place = len(columns) - shown - 1
    lines = footers.of_counts(rows, place, rules)
    if any(row[place] is not None and None in row[place:] for row in rows):
        lines.append(f"{footers.HIDDEN} {footers.of_numbers('number beside a released count', rules)}")
        if "dominance" in rules:
            lines.append(f"{footers.HIDDEN} So is a mean where one value dominates ({rules['dominance']} % rule).")
    return lines


STATISTICS = Kind(
    name="statistics",
    title="statistics",
    local=frozenset({"sums", "rows", "records"}),
    params=frozenset({"measures"}),
    computed=Computed.CELLS,
    counts=True,
    items=sums.measures,
    margins=False,
    faults=no_faults,
    span=_span,
    opened=_opened,
    rows=_rows,
    intervals=_intervals,
    footer=_footer,
)
