"""Pearson's r of each pair of measures over each cell's rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mpcgov.kinds import footers
from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Kind, Span, groups
from mpcgov.kinds.moments import of_item
from mpcgov.linked import sums
from mpcgov.linked.facts import Linked
from mpcgov.spec.manifest import Table
from mpcgov.spec.statement import Opened

_NAME = "correlation"


def _span(linked: Linked, table: Table) -> Span:
    by, domain = groups(linked, table)
    return (*by, "a", "b", "r"), domain


def _opened(linked: Linked, _: Table) -> Iterator[Opened]:
    for item in sums.pairs(linked):
        yield from of_item(linked, item, _NAME)


def _footer(_columns: Sequence[str], rows: Sequence[Row], rules: Rules) -> list[str]:
    why = footers.of_numbers("correlation", rules)
    return footers.where_hidden(rows, f"{why} There is none where a column has one value in all rows.")


CORRELATION = Kind(
    name=_NAME,
    of_cells=True,
    of_sets=False,
    tells_owners=True,
    of_links=False,
    span=_span,
    footer=_footer,
    opened=_opened,
)
