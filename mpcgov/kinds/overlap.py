"""For each set of two owners or more, how many keys all of them have."""

from __future__ import annotations

from collections.abc import Iterator

from mpcgov.kinds.kind import Kind, Span, counted
from mpcgov.linked.facts import Linked
from mpcgov.linked.sets import owner_sets
from mpcgov.spec.manifest import Table
from mpcgov.spec.statement import Opened


def _span(linked: Linked, table: Table) -> Span:
    return ("parties", table.value), (tuple("+".join(owners) for owners in owner_sets(linked.owners)),)


def _opened(linked: Linked, table: Table) -> Iterator[Opened]:
    least = sorted(linked.declarations[party].max_rows for party in linked.owners)
    yield counted(linked, table.value, least[-2])


OVERLAP = Kind(
    name="overlap", of_cells=True, of_sets=True, tells_owners=False, of_links=False, span=_span, opened=_opened
)
