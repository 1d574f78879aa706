"""How good the probable links of each group are: estimated precision, and how much of what is probable is linked."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from mpcgov.kinds import footers, match_rate
from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Computed, JobTable, Kind, Numbers, Span, no_faults
from mpcgov.kinds.quality import PERCENTS
from mpcgov.spec.statement import Opened, ResultTable


def _span(one: JobTable) -> Span:
    return ("group", "precision", "found"), match_rate.groups(one)


def _opened(one: JobTable) -> Iterator[Opened]:
    if one.linked.asked.report and one.linked.estimated:
        yield Opened(name="precision", low=0, high=PERCENTS)
        yield Opened(name="found", low=0, high=PERCENTS, gate=f"{one.name}.precision")


def _rows(_: JobTable, table: ResultTable, numbers: Numbers) -> Iterator[Row]:
    for cell, (group,) in enumerate(itertools.product(*table.domain)):
        yield [group, numbers["precision"][cell], numbers["found"][cell]]


def _footer(_columns: Sequence[str], rows: Sequence[Row], _rules: Rules) -> list[str]:
    text = "Estimates, in percent, are suppressed where match rates are."
    meaning = "Percents. Found of those who have a probable partner: of all who are in both, fewer; compare groups."
    return footers.where_hidden(rows, text) or [meaning]


GROUP_QUALITY = Kind(
    name="group_quality",
    title="estimated precision, or how much of what is probable is linked",
    local=frozenset({"records"}),
    params=frozenset({"report", "probability"}),
    computed=Computed.GROUP_QUALITY,
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
