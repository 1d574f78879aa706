"""How many rows are in each cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mpcgov.kinds import footers
from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Kind, Span, counted, groups
from mpcgov.linked import sums
from mpcgov.linked.facts import Linked
from mpcgov.spec.manifest import Table
from mpcgov.spec.statement import Opened


def _span(linked: Linked, table: Table) -> Span:
    by, domain = groups(linked, table)
    return (*by, table.value), domain


def _opened(linked: Linked, table: Table) -> Iterator[Opened]:
    yield counted(linked, table.value, sums.count(linked).high)


def _footer(columns: Sequence[str], rows: Sequence[Row], rules: Rules) -> list[str]:
    return footers.of_counts(rows, len(columns) - 1, rules)


COUNT = Kind(
    name="count",
    of_cells=True,
    of_sets=False,
    tells_owners=False,
    of_links=False,
    span=_span,
    footer=_footer,
    opened=_opened,
)
