"""How complete columns are, each of one owner's whole data set: what is missing, and what the others are like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from mpcgov.kinds import footers
from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Computed, JobTable, Kind, Numbers, Span, counted
from mpcgov.linked.facts import Linked
from mpcgov.spec.statement import Opened, ResultTable
from mpcgov.spec.table import CategoryColumn, Column, DateColumn, DecimalColumn, KeyColumn, TextColumn

PARTS = ("rows", "missing", "lowest", "highest", "different")
"""What is counted of a column: all rows, and those without a value; of the others, those in the lowest and in the
highest twentieth of the declared range; and, of keys and texts, the different values."""

ENDS = 20
"""A range is cut into so many parts; of one with fewer steps no rows are counted at its ends."""

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


def not_applicable(linked: Linked) -> dict[str, list[str]]:
    """By column of a job, which of `PARTS` aren't counted of it, as its declaration says: nothing of it is hidden."""
    kinds = {str(one): linked.declarations[one.party].columns[one.column] for one in linked.asked.quality}
    return {name: [part for part in PARTS if part in _uncounted(kind)] for name, kind in kinds.items()}


def _uncounted(kind: Column) -> tuple[str, ...]:
    if isinstance(kind, KeyColumn | TextColumn):
        return ("lowest", "highest")
    return ("different",) if _steps(kind) >= ENDS else ("lowest", "highest", "different")


def _steps(kind: Column) -> int:
    """How many values a column's range has; 0 of a column without one."""
    if isinstance(kind, DateColumn):
        return (date.fromisoformat(kind.max) - date.fromisoformat(kind.min)).days + 1
    if isinstance(kind, DecimalColumn):
        return kind.high - kind.low + 1
    return 0 if isinstance(kind, CategoryColumn | KeyColumn | TextColumn) else kind.max - kind.min + 1


def _footer(_columns: Sequence[str], rows: Sequence[Row], rules: Rules) -> list[str]:
    least, hidden = rules["min_count"], footers.HIDDEN
    lines = [*footers.of_all(rules)]
    few = f"fewer than {least}, or none"
    if any(row[1] is None for row in rows):
        lines.append(f"{hidden} The rows of a data set are suppressed where there are {few}.")
    if any(row[2] is None for row in rows):
        lines.append(f"{hidden} What is missing is suppressed where {few}, lack a value, or have one.")
    others = [(_COLUMNS[place], row[0]) for row in rows for place in (4, 5, 6) if row[place] is None]
    never = [one for one in others if one[0] in rules["not_applicable"].get(one[1], ())]
    if never:
        numbers = "1 number is" if len(never) == 1 else f"{len(never)} numbers are"
        lines.append(
            f"{hidden} {numbers} not counted, and nothing is hidden there: different values are counted of keys and "
            f"texts, rows at the ends of a range of numbers and dates, if it has at least {ENDS} steps."
        )
    if len(others) > len(never):
        lines.append(
            f"{hidden} Different values, and rows in the lowest and the highest twentieth of the declared range, are "
            f"suppressed where they are {few}, or where {few}, are left of the rows with a value, or too few for "
            f"what else is hidden to be any number below {least}."
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
