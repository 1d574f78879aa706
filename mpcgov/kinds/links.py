"""The pairs of records that are taken for the same, by what identifies each in its register."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Kind, Span
from mpcgov.linked import blocks
from mpcgov.linked.comparing import MOST_EXACT
from mpcgov.linked.encoding import IDENTIFIER_BITS, IDENTIFIER_WORDS
from mpcgov.linked.facts import Linked
from mpcgov.linked.naming import table_name
from mpcgov.spec.manifest import Table
from mpcgov.spec.statement import Opened


def _span(linked: Linked, _: Table) -> Span:
    records = linked.most_rows(frozenset(linked.owners))
    most = blocks.most_matches(blocks.count(linked.blocks), records)
    most = min(records, MOST_EXACT) if linked.asked.exact else most
    return tuple(map(str, linked.asked.identify)), (tuple(map(str, range(1, most + 1))),)


def _opened(linked: Linked, _: Table) -> Iterator[Opened]:
    counts = table_name(linked, "count")
    gate = f"{counts}.{linked.tables[counts].value}"
    high = (1 << (IDENTIFIER_WORDS * IDENTIFIER_BITS)) - 1
    for column in linked.asked.identify:
        yield Opened(name=str(column), low=0, high=high, gate=gate, places=IDENTIFIER_WORDS, radix_bits=IDENTIFIER_BITS)


def _footer(_columns: Sequence[str], rows: Sequence[Row], rules: Rules) -> list[str]:
    if rows:
        return ["1 pair is released." if len(rows) == 1 else f"{len(rows):,} pairs are released."]
    return [f"No pair is released: fewer than {rules['min_count']} records are linked, or none; nobody saw how many."]


LINKS = Kind(
    name="links",
    of_cells=False,
    of_sets=False,
    tells_owners=False,
    of_links=False,
    span=_span,
    footer=_footer,
    opened=_opened,
)
