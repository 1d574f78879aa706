"""How complete columns are, each of one owner's whole data set: what is missing, and what the others are like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mpcgov.kinds import footers
from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Computed, JobTable, Kind, Numbers, Span, counted
from mpcgov.spec.statement import Opened, ResultTable

PARTS = ("missing", "present", "lowest", "highest", "different")
"""What is counted of a column: the rows without a value, and those with one; of these, those in the lowest and in the
highest twentieth of the declared range; and, of keys and texts, the different values."""

_COLUMNS = ("column", "rows", "missing", "missing_rate", "different", "lowest", "highest")


def _faults(one: JobTable) -> Iterator[str]:
    linked = one.linked
    for party in linked.owners:
        part = linked.job.parties[party]
        said = [name for name in ("where", "key", "duplicates") if getattr(part, name) is not None]
        if said:
            yield f"parties.{party}: {' and '.join(said)}: quality is of a whole data set, each row counted once"
        if all(column.party != party for column in linked.asked.quality):
            yield f"parties.{party}: none of its columns is named; it brings no data, then"
    for column in linked.asked.quality:
        if column.column not in linked.declarations[column.party].columns:
            yield f"params: {column}: data set {linked.job.parties[column.party].dataset} has no such column"


def _span(one: JobTable) -> Span:
    return _COLUMNS, (tuple(map(str, one.linked.asked.quality)), PARTS)


def _opened(one: JobTable) -> Iterator[Opened]:
    yield counted(one, max(one.linked.declarations[party].max_rows for party in one.linked.owners))


def _rows(one: JobTable, _: ResultTable, numbers: Numbers) -> Iterator[Row]:
    found = numbers[one.number]
    for place, column in enumerate(one.linked.asked.quality):
        missing, present, *others = found[len(PARTS) * place : len(PARTS) * (place + 1)]
        if missing is None or present is None:
            yield [str(column), *[None] * (len(_COLUMNS) - 1)]
            continue
        lowest, highest, different = others
        rows = missing + present
        yield [str(column), rows, missing, missing / rows, different, lowest, highest]


def _footer(_columns: Sequence[str], rows: Sequence[Row], rules: Rules) -> list[str]:
    least, hidden = rules["min_count"], footers.HIDDEN
    lines = [*footers.of_all(rules)]
    if any(row[1] is None for row in rows):
        lines.append(
            f"{hidden} A column is suppressed where fewer than {least} rows have a value, none included, or some rows, "
            "but fewer than that, have none."
        )
    lines.append(
        f"{hidden} Different values are counted of keys and texts; rows in the lowest and the highest twentieth of the "
        f"declared range, of numbers and dates. Each is suppressed where it is less than {least}, or what it leaves is."
    )
    return lines


COLUMNS = Kind(
    name="columns",
    title="one {value}",
    local=frozenset({"quality"}),
    params=frozenset({"quality"}),
    computed=Computed.COLUMNS,
    counts=True,
    items=None,
    margins=False,
    faults=_faults,
    span=_span,
    opened=_opened,
    rows=_rows,
    intervals=None,
    footer=_footer,
)
