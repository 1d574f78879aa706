"""For each set of two owners or more, how many keys all of them have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mpcgov.kinds import count, footers
from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Computed, JobTable, Kind, Span, counted, no_faults
from mpcgov.linked.sets import owner_sets
from mpcgov.spec.statement import Opened


def _span(one: JobTable) -> Span:
    return ("parties", one.table.value), (tuple("+".join(owners) for owners in owner_sets(one.linked.owners)),)


def _opened(one: JobTable) -> Iterator[Opened]:
    least = sorted(one.linked.declarations[party].max_rows for party in one.linked.owners)
    yield counted(one, least[-2])


def _footer(_columns: Sequence[str], rows: Sequence[Row], rules: Rules) -> list[str]:
    hidden, lines = sum(row[-1] is None for row in rows), footers.of_all(rules)
    if not hidden:
        return lines
    counts = "1 count is" if hidden == 1 else f"{hidden:,} counts are"
    exact = ", or in these and no others, or too few for larger sets" if len(rows) > 1 else ""
    few = f"fewer than {rules['min_count']} keys, or none, are in all of the registers{exact}"
    return [*lines, f"{footers.HIDDEN} {counts} suppressed: {few}; nobody saw how many."]


OVERLAP = Kind(
    name="overlap",
    title="overlap",
    local=frozenset({"rows"}),
    params=frozenset(),
    computed=Computed.OVERLAPS,
    counts=True,
    items=None,
    margins=False,
    faults=no_faults,
    span=_span,
    opened=_opened,
    rows=count.rows,
    intervals=None,
    footer=_footer,
)
