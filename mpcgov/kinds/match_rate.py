"""How many records of each group are linked: how good the links are, and for whom."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from mpcgov.kinds import footers
from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Computed, JobTable, Kind, Numbers, Span, no_faults
from mpcgov.spec.statement import Opened, ResultTable


def groups(one: JobTable) -> tuple[tuple[str, ...]]:
    """The groups that a job asks about, as readers see them: what spans the table."""
    linked = one.linked
    return (tuple(f"{column}={value}" for column in linked.asked.report for value in linked.levels(column)),)


def _span(one: JobTable) -> Span:
    return ("group", "records", "linked", "rate"), groups(one)


def _opened(one: JobTable) -> Iterator[Opened]:
    if not one.linked.asked.report:
        return
    most = max(one.linked.declarations[party].max_rows for party in one.linked.owners)
    yield Opened(name="records", low=0, high=most)
    yield Opened(name="linked", low=0, high=most, gate=f"{one.name}.records")


def _rows(_: JobTable, table: ResultTable, numbers: Numbers) -> Iterator[Row]:
    for cell, (group,) in enumerate(itertools.product(*table.domain)):
        records, linked = numbers["records"][cell], numbers["linked"][cell]
        yield [group, records, linked, None if records is None or linked is None else linked / records]


def _footer(_columns: Sequence[str], rows: Sequence[Row], rules: Rules) -> list[str]:
    least = rules["min_count"]
    text = (
        f"A column's match rates are suppressed where, in one of its groups, fewer than {least} records are linked, or "
        f"fewer than {least} aren't, zero included."
    )
    return footers.where_hidden(rows, text)


MATCH_RATE = Kind(
    name="match_rate",
    title="match_rate",
    local=frozenset({"records"}),
    params=frozenset({"report"}),
    computed=Computed.MATCH_RATES,
    counts=False,
    items=None,
    margins=False,
    faults=no_faults,
    span=_span,
    opened=_opened,
    rows=_rows,
    intervals=None,
    footer=_footer,
)
