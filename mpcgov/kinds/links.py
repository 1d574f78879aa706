"""The pairs of records that are taken for the same, by what identifies each in its register."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Computed, JobTable, Kind, Numbers, Span, no_faults
from mpcgov.linked import blocks
from mpcgov.linked.comparing import MOST_EXACT
from mpcgov.linked.encoding import IDENTIFIER_BITS, IDENTIFIER_WORDS
from mpcgov.spec.statement import Opened, ResultTable


def _span(one: JobTable) -> Span:
    linked = one.linked
    records = linked.most_rows(frozenset(linked.owners))
    most = blocks.most_matches(linked.block_counts, records, linked.asked.one_to_one)
    most = min(records, MOST_EXACT) if linked.asked.exact else most
    return tuple(map(str, linked.asked.identify)), (tuple(map(str, range(1, most + 1))),)


def _opened(one: JobTable) -> Iterator[Opened]:
    high = (1 << (IDENTIFIER_WORDS * IDENTIFIER_BITS)) - 1
    for column in one.linked.asked.identify:
        yield Opened(
            name=str(column), low=0, high=high, gate=one.counts, places=IDENTIFIER_WORDS, radix_bits=IDENTIFIER_BITS
        )


def _rows(one: JobTable, table: ResultTable, numbers: Numbers) -> Iterator[Row]:
    """The pairs, sorted; where there is none, both numbers are 0, or weren't opened."""
    linked = one.linked
    pairs = [[numbers[number.name][row] for number in table.opened] for row in range(table.rows)]
    found = [[_identifier(value) for value in pair] for pair in pairs if all(pair)]
    kinds = [linked.declarations[column.party].columns[column.column].kind for column in linked.asked.identify]
    for pair in sorted(found):
        yield [int(text) if kind == "integer" and text else text for kind, text in zip(kinds, pair, strict=True)]


def _identifier(value: int | None) -> str:
    length = IDENTIFIER_WORDS * IDENTIFIER_BITS // 8
    return (value or 0).to_bytes(length, "little").rstrip(b"\0").decode(errors="replace")


def _footer(_columns: Sequence[str], rows: Sequence[Row], rules: Rules) -> list[str]:
    if rows:
        return ["1 pair is released." if len(rows) == 1 else f"{len(rows):,} pairs are released."]
    return [f"No pair is released: fewer than {rules['min_count']} records are linked, or none; nobody saw how many."]


LINKS = Kind(
    name="links",
    title="links",
    local=frozenset({"records"}),
    params=frozenset({"identify"}),
    computed=Computed.LINKS,
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
