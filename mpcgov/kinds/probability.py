"""How many links are how probable; not beside cells, whose hidden ones these numbers could tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from mpcgov.kinds import count, footers
from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Computed, JobTable, Kind, Span, no_faults
from mpcgov.spec.statement import Opened


def _span(one: JobTable) -> Span:
    ends = [*map(str, map(float, one.linked.bands)), "1"]
    return ("probability", "links"), (tuple(f"{low} to {high}" for low, high in pairwise(ends)),)


def _opened(one: JobTable) -> Iterator[Opened]:
    if one.linked.asked.probability is not None and not one.linked.asked.groups:
        yield Opened(name="links", low=0, high=one.linked.most_rows(frozenset(one.linked.owners)))


def _footer(_columns: Sequence[str], rows: Sequence[Row], rules: Rules) -> list[str]:
    text = f"Numbers of links are suppressed where one of them is less than {rules['min_count']}, but not 0."
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
