"""How many pairs of records are so nearly at the threshold that another one would have decided otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mpcgov.kinds import count, footers
from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Computed, JobTable, Kind, Span, no_faults
from mpcgov.spec.statement import Opened


def _span(_: JobTable) -> Span:
    return ("dice", "pairs"), (("just below the threshold", "just above the threshold"),)


def _opened(one: JobTable) -> Iterator[Opened]:
    if one.linked.asked.report and one.linked.asked.threshold is not None:
        yield Opened(name="pairs", low=0, high=one.linked.most_rows(frozenset(one.linked.owners)))


def _footer(_columns: Sequence[str], rows: Sequence[Row], rules: Rules) -> list[str]:
    text = (
        f"A number of pairs is suppressed where it is less than {rules['min_count']}, or that of the other links is; "
        "nobody saw how many."
    )
    return footers.where_hidden(rows, text)


DOUBTFUL = Kind(
    name="doubtful",
    title="doubtful",
    local=frozenset({"records"}),
    params=frozenset({"report"}),
    computed=Computed.DOUBTFUL,
    counts=False,
    items=None,
    margins=False,
    faults=no_faults,
    span=_span,
    opened=_opened,
    rows=count.rows,
    intervals=None,
    footer=_footer,
)
