"""How many records of each group are linked: how good the links are, and for whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mpcgov.kinds import footers
from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Kind, Span
from mpcgov.linked.facts import Linked
from mpcgov.linked.naming import table_name
from mpcgov.spec.manifest import Table
from mpcgov.spec.statement import Opened


def _span(linked: Linked, _: Table) -> Span:
    groups = tuple(f"{column}={value}" for column in linked.asked.report for value in linked.levels(column))
    return ("group", "records", "linked", "rate"), (groups,)


def _opened(linked: Linked, table: Table) -> Iterator[Opened]:
    most = max(linked.declarations[party].max_rows for party in linked.owners)
    yield Opened(name="records", low=0, high=most)
    yield Opened(name="linked", low=0, high=most, gate=f"{table_name(linked, table.measure)}.records")


def _footer(_columns: Sequence[str], rows: Sequence[Row], rules: Rules) -> list[str]:
    least = rules["min_count"]
    text = (
        f"A column's match rates are suppressed where, in one of its groups, fewer than {least} records are linked, or "
        f"fewer than {least} but some aren't; and of groups without records."
    )
    return footers.where_hidden(rows, text)


MATCH_RATE = Kind(
    name="match_rate",
    of_cells=False,
    of_sets=False,
    tells_owners=False,
    of_links=True,
    span=_span,
    footer=_footer,
    opened=_opened,
)
