"""Pearson's r of each pair of measures over each cell's rows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from mpcgov import figures
from mpcgov.kinds import footers, moments
from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Computed, JobTable, Kind, Numbers, Span, groups, no_faults
from mpcgov.kinds.moments import Together
from mpcgov.linked import sums
from mpcgov.spec.statement import ResultTable


def _span(one: JobTable) -> Span:
    by, domain = groups(one)
    return (*by, "a", "b", "r"), domain


def _rows(one: JobTable, table: ResultTable, numbers: Numbers) -> Iterator[Row]:
    for cell, names in enumerate(itertools.product(*table.domain)):
        for pair in one.linked.asked.pairs:
            r = _r(moments.together(pair, numbers, cell))
            shown = None if r is None else figures.shown(r, one.linked.job.disclosure.digits)
            yield [*names, str(pair[0]), str(pair[1]), shown]


def _r(found: Together) -> float | None:
    """Pearson's r; None if it isn't known, or a measure has the same value in all rows."""
    if not found.xx or not found.yy or found.xy is None:
        return None
    return max(-1.0, min(1.0, (found.xy << 64) / math.isqrt(found.xx * found.yy << 128)))


def _footer(_columns: Sequence[str], rows: Sequence[Row], rules: Rules) -> list[str]:
    return footers.where_hidden(rows, footers.of_numbers("correlation", rules))


CORRELATION = Kind(
    name="correlation",
    title="correlation",
    local=frozenset({"sums", "rows", "records"}),
    params=frozenset({"pairs"}),
    computed=Computed.CELLS,
    counts=False,
    items=sums.pairs,
    margins=False,
    faults=no_faults,
    span=_span,
    opened=moments.of_items,
    rows=_rows,
    intervals=None,
    footer=_footer,
)
