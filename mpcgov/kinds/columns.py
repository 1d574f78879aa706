"""How complete columns are, each of one owner's whole data set: what is missing, and what the others are like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mpcgov.kinds import footers
from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Computed, JobTable, Kind, Numbers, Span, counted
from mpcgov.spec.statement import Opened, ResultTable

PARTS = ("rows", "missing", "lowest", "highest", "different")
"""What is counted of a column: all rows, and those without a value; of the others, those in the lowest and in the
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
        rows, missing, lowest, highest, different = found[len(PARTS) * place : len(PARTS) * (place + 1)]
        rate = missing / rows if rows and missing is not None else None
        yield [str(column), rows, missing, rate, different, lowest, highest]


def _footer(_columns: Sequence[str], rows: Sequence[Row], rules: Rules) -> list[str]:
    least, hidden = rules["min_count"], footers.HIDDEN
    lines = [*footers.of_all(rules)]
    few = f"fewer than {least}, or none"
    if any(row[2] is None for row in rows):
        lines.append(f"{hidden} What is missing is suppressed where {few}, lack a value, or have one.")
    if any(None in row[4:] for row in rows):
        lines.append(
            f"{hidden} Different values are counted of keys and texts only; rows in the lowest and the highest "
            f"twentieth of the declared range, of numbers and dates only. Each is suppressed where it is {few}, or "
            f"where {few}, are left of the rows with a value."
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
