"""How good probabilistic links are: estimated precision and recall."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mpcgov.kinds import count, footers
from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Computed, JobTable, Kind, Span, no_faults
from mpcgov.spec.statement import Opened

PERCENTS = 100
FEW = 100
"""Of fewer links estimates are told to be rough."""


def _span(one: JobTable) -> Span:
    """Of three registers or more, for the first of them with each of the others."""
    hub, *others = one.linked.owners
    estimated = ("precision", "recall")
    if len(others) == 1:
        return ("estimated", "percent"), (estimated,)
    return ("link", "estimated", "percent"), (tuple(f"{hub} with {other}" for other in others), estimated)


def _opened(one: JobTable) -> Iterator[Opened]:
    if one.linked.estimated:
        yield Opened(name="percent", low=0, high=PERCENTS)


def _footer(_columns: Sequence[str], rows: Sequence[Row], rules: Rules) -> list[str]:
    text = f"Estimates are suppressed where fewer than {rules['min_count']} records are linked."
    if hidden := footers.where_hidden(rows, text):
        return hidden
    few = f" Fewer than {FEW} links are shown: so few tell little, and the intervals are wide."
    lines = "Intervals follow from how many links are shown, and from how far estimates were off on test data."
    return [lines + (few if rules["total"] < FEW else "")]


QUALITY = Kind(
    name="quality",
    title="estimated precision or recall",
    local=frozenset({"records"}),
    params=frozenset({"probability"}),
    computed=Computed.QUALITY,
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
