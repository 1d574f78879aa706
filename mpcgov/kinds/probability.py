"""How many links are how probable; not beside cells, whose hidden ones these numbers could tell, and of two registers
only: of three, such numbers differ from those of the groups by few records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mpcgov.kinds import count, footers
from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Computed, JobTable, Kind, Span, no_faults
from mpcgov.spec.statement import Opened


def _span(one: JobTable) -> Span:
    return ("probability", "links"), (tuple(f"{float(least)} or more" for least in one.linked.probabilities),)


def _opened(one: JobTable) -> Iterator[Opened]:
    linked = one.linked
    if linked.asked.probability is not None and not linked.asked.groups and len(linked.owners) == 2:
        yield Opened(name="links", low=0, high=linked.most_rows(frozenset(linked.owners)))


def _footer(_columns: Sequence[str], rows: Sequence[Row], rules: Rules) -> list[str]:
    least = rules["min_count"]
    text = (
        f"A number of links is suppressed where it, or what the last one has more, is less than {least}, zero included."
    )
    return footers.where_hidden(rows, text)


PROBABILITY = Kind(
    name="probability",
    title="links",
    local=frozenset({"records"}),
    params=frozenset({"probability"}),
    computed=Computed.PROBABILITY,
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
