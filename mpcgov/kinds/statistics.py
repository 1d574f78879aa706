"""Each cell's count, and each measure's mean and variance over the cell's rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mpcgov.kinds import footers
from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Kind, Span, counted, groups
from mpcgov.kinds.moments import of_item
from mpcgov.linked import sums
from mpcgov.linked.facts import Linked
from mpcgov.spec.manifest import Table
from mpcgov.spec.statement import Opened

_NAME = "statistics"


def _span(linked: Linked, table: Table) -> Span:
    by, domain = groups(linked, table)
    shown = [f"{column}.{what}" for column in linked.asked.measures for what in ("mean", "variance")]
    return (*by, table.value, *shown), domain


def _opened(linked: Linked, table: Table) -> Iterator[Opened]:
    yield counted(linked, table.value, sums.count(linked).high)
    for item in sums.measures(linked):
        yield from of_item(linked, item, _NAME)


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
    name=_NAME,
    of_cells=True,
    of_sets=False,
    tells_owners=True,
    of_links=False,
    span=_span,
    footer=_footer,
    opened=_opened,
)
