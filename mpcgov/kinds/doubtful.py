"""How many pairs of records are so nearly at the threshold that another one would have decided otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mpcgov.kinds import footers
from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Kind, Span
from mpcgov.linked.facts import Linked
from mpcgov.spec.manifest import Table
from mpcgov.spec.statement import Opened


def _span(_: Linked, __: Table) -> Span:
    return ("dice", "pairs"), (("just below the threshold", "just above the threshold"),)


def _opened(linked: Linked, _: Table) -> Iterator[Opened]:
    yield Opened(name="pairs", low=0, high=linked.most_rows(frozenset(linked.owners)))


def _footer(_columns: Sequence[str], rows: Sequence[Row], rules: Rules) -> list[str]:
    text = (
        f"A number of pairs is suppressed where it is less than {rules['min_count']}, or that of the other links is, "
        "if there are any; nobody saw how many."
    )
    return footers.where_hidden(rows, text)


DOUBTFUL = Kind(
    name="doubtful",
    of_cells=False,
    of_sets=False,
    tells_owners=False,
    of_links=True,
    span=_span,
    footer=_footer,
    opened=_opened,
)
