"""For each set of two owners or more, how many keys all of them have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mpcgov.kinds import footers
from mpcgov.kinds.footers import Row, Rules
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


def _footer(_columns: Sequence[str], rows: Sequence[Row], rules: Rules) -> list[str]:
    hidden, lines = sum(row[-1] is None for row in rows), footers.of_all(rules)
    if not hidden:
        return lines
    counts = "1 count is" if hidden == 1 else f"{hidden:,} counts are"
    exact = ", or in these and no others" if len(rows) > 1 else ""
    few = f"fewer than {rules['min_count']} keys, or none, are in all of the registers{exact}"
    return [*lines, f"{footers.HIDDEN} {counts} suppressed: {few}; nobody saw how many."]


OVERLAP = Kind(
    name="overlap",
    of_cells=True,
    of_sets=True,
    tells_owners=False,
    of_links=False,
    span=_span,
    footer=_footer,
    opened=_opened,
)
