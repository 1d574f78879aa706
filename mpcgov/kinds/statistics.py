"""Each cell's count, and each measure's mean and variance over the cell's rows."""

from __future__ import annotations

from collections.abc import Iterator

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


STATISTICS = Kind(
    name=_NAME, of_cells=True, of_sets=False, tells_owners=True, of_links=False, span=_span, opened=_opened
)
