"""What an owner computes in the clear on its own rows: judge them, choose them, count them. Only counts come back.

The group-by runs in the engine that holds the rows. Order: every row of a used column is judged, chosen or not; then
`missing: drop` leaves out rows with a missing value in a used column; then `where`; then the rows are counted. Columns
that nothing but `where` needs, and that it tests by `is null`, may be missing, and so may keys: rows without one are
left out. So what is refused is a fact of the whole data set and of the columns used, never of the rows chosen.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeVar

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mpcgov.errors import DataError, InternalError
from mpcgov.spec.condition import Expr, columns, nullable
from mpcgov.spec.table import Column, DateColumn, DecimalColumn, IntegerColumn, KeyColumn
from mpcgov.worker.advice import MALFORMED, MISSING, OUTSIDE, SAYS_MORE
from mpcgov.worker.predicate import predicate
from mpcgov.worker.readers.raw import counted
from mpcgov.worker.source import Source

T = TypeVar("T")

_PLACE = "mpcgov_place"
_ANY = -1
"""Any fault that is more than a missing value."""

_FEW_NOTES = 10
"""So many lines under a table may be no rows of it."""

By = Sequence[tuple[str, Sequence[str]]]
"""The columns to count by, slowest first, each with its values in the order of the cells."""


@dataclass(frozen=True)
class ColumnReport:
    """How many rows of one column are missing a value, malformed, or outside of what is declared."""

    column: str
    missing: int
    malformed: int
    outside: int
    more: tuple[tuple[int, int, str], ...] = ()
    """Of the malformed and the outside ones, which of the two, how many are so, and for which reason."""
    first: int = 0
    """The number of the first malformed or outside row, in the order of the source; 0 if it isn't known."""


def check_columns(source: Source, used: Collection[str], may_be_missing: Collection[str] = ()) -> None:
    """That no row of a used column is malformed, out of range, undeclared, or missing where that is refused.

    Raises:
        DataError: every fault of every column, with how many rows.
    """
    refuse = source.declaration.missing == "refuse"
    faults = []
    for report in judged(source, used):
        faults += faults_of(report, source, refuse and report.column not in may_be_missing)
    if faults:
        hint = "correct the data or datasets.yaml; `mpcgov node dataset check` looks at every column"
        raise DataError(f"{source.name}: {'; '.join(faults)}", hint=hint)


@dataclass(frozen=True)
class AtMost:
    """Of rows with equal values in the columns `key`, at most `rows` are counted."""

    key: Sequence[str]
    rows: int


def counts(source: Source, by: By, where: Expr | None = None, limit: AtMost | None = None) -> NDArray[np.int64]:
    """How many chosen rows are in each cell: one int64 per combination of values of `by`, the first column slowest.

    Raises:
        DataError: a used column has a fault (`check_columns`).
    """
    names = [name for name, _ in by]
    rows = chosen(source, needed(names, limit), where)
    keys = [source.value(name) for name in names]
    if limit is not None:
        rows = limited(rows, source, limit, names)
    groups = source.query(rows.group_by(keys).aggregate(rows=rows.count()))
    return _in_cells(groups, keys, by, source.name)


def needed(names: Sequence[str], limit: AtMost | None) -> list[str]:
    """The columns that rows must have a value in, to be added up by columns `names`."""
    return [*names, *(limit.key if limit else ())]


def limited(rows: Any, source: Source, limit: AtMost, order: Sequence[str]) -> Any:
    """Of the rows of each key no more than the limit: the first ones in order of some columns' values."""
    key, by = ([rows[source.value(name)] for name in names] for names in (limit.key, order))
    ranked = rows.mutate(**{_PLACE: ibis.row_number().over(ibis.window(group_by=key, order_by=by))})
    return ranked.filter(ranked[_PLACE] < limit.rows)


def chosen(
    source: Source,
    names: Collection[str],
    where: Expr | None,
    optional: Collection[str] = (),
    key: Collection[str] = (),
) -> Any:
    """The rows that a job uses, all columns judged that it uses: the columns `names` and those that `where` tests.

    No row lacks a value of a column of `names`. A column of `key` that isn't one of these may be missing, and so may
    one of `optional` that `where` doesn't need either: they are only judged.

    Raises:
        DataError: a used column has a fault (`check_columns`).
    """
    tested = columns(where) if where else frozenset()
    may_be_missing = {*(nullable(where) if where else ()), *(set(optional) - tested), *key} - set(names)
    check_columns(source, {*names, *tested, *optional, *key}, may_be_missing)
    return filtered(source, names, where)


def filtered(source: Source, names: Collection[str], where: Expr | None) -> Any:
    """The rows that a job uses, of columns that have been judged."""
    tested = nullable(where) if where else frozenset()
    used = [name for name in source.declaration.columns if name in names or (where and name in columns(where))]
    rows = source.table
    if source.declaration.missing == "drop":
        rows = _without_missing(rows, source, [name for name in used if name not in tested])
    if where:
        rows = rows.filter(predicate(where, source.declaration, lambda name: rows[source.value(name)]))
    unsure = [name for name in names if name in tested]
    if unsure and source.declaration.missing == "drop":
        rows = _without_missing(rows, source, unsure)
    return rows


def judged(source: Source, used: Collection[str]) -> list[ColumnReport]:
    """What is wrong in some columns, by how many rows.

    Raises:
        DataError: the engine can't count them.
    """
    names = [name for name in source.declaration.columns if name in used]
    fault = {name: source.table[source.fault(name)] for name in names}
    kinds, wrong = (MALFORMED, OUTSIDE, *SAYS_MORE), names
    asked = {(name, MISSING): fault[name] == MISSING for name in names}
    rows: dict[tuple[str, int], int] = {}
    if source.backend.name == "duckdb":  # where nobody changes them meanwhile
        # Which of the many faults there are is asked only where there is one, as then the job ends.
        rows = _totals(source, asked | {(name, _ANY): fault[name] > MISSING for name in names})
        wrong, asked = [name for name in names if rows[name, _ANY]], {}
    if wrong:
        asked |= {(name, kind): fault[name] == kind for name in wrong for kind in kinds}
        rows |= _totals(source, asked)
    return [_report(name, {kind: rows.get((name, kind), 0) for kind in (MISSING, *kinds)}) for name in names]


def _totals(source: Source, conditions: Mapping[T, Any]) -> dict[T, int]:
    """In how many rows each of some conditions holds."""
    sums = {f"n{i}": holds.sum() for i, holds in enumerate(conditions.values())}
    found = source.query(source.table.aggregate(**sums)).to_pylist()[0]
    return {one: int(found[f"n{i}"] or 0) for i, one in enumerate(conditions)}


def _report(name: str, rows: dict[int, int]) -> ColumnReport:
    more = tuple((kind, rows[fault], what) for fault, (kind, what) in SAYS_MORE.items() if rows[fault])
    for fault, (kind, _) in SAYS_MORE.items():
        rows[kind] += rows[fault]
    return ColumnReport(name, rows[MISSING], rows[MALFORMED], rows[OUTSIDE], more)


def faults_of(report: ColumnReport, source: Source, missing_is_one: bool) -> list[str]:
    """A line for each kind of fault of a column."""
    column = source.declaration.columns[report.column]
    found = [
        (MISSING, report.missing if missing_is_one else 0, "without a value"),
        (MALFORMED, report.malformed, _malformed(column, source.date_format)),
        (OUTSIDE, report.outside, _outside(column)),
    ]
    reasons = {kind: [f"{rows} {what}" for of, rows, what in report.more if of == kind] for kind, _, _ in found}
    lines = [
        f"column {report.column}: {counted(rows)} {what}" + (f" ({', '.join(reasons[kind])})" if reasons[kind] else "")
        for kind, rows, what in found
        if rows
    ]
    if report.first:
        below = source.rows - report.first
        tail = source.of_lines and _is_tail(report, column, below)
        last = "; so are all below it: notes or totals under the table?" if tail else ""
        if source.of_lines and _is_under_header(report, column, source.rows):
            last = ", and no other: is it a second line of the header, such as units?"
        lines[-1] += f" (the first is row {report.first}{last})"
    return lines


def _is_under_header(report: ColumnReport, column: Column, rows: int) -> bool:
    """Whether just the first row isn't even written as the column's values are."""
    measured = isinstance(column, IntegerColumn | DecimalColumn | DateColumn)
    return measured and report.first == 1 == report.malformed and not report.outside and rows >= _FEW_NOTES


def _is_tail(report: ColumnReport, column: Column, below: int) -> bool:
    """Whether just the last few rows aren't even written as the column's values are."""
    if report.more or report.outside or not isinstance(column, IntegerColumn | DecimalColumn | DateColumn):
        return False
    return report.malformed == below + 1 < min(_FEW_NOTES, report.first)


def _malformed(column: Column, date_format: str) -> str:
    if isinstance(column, DecimalColumn):
        return f"not a number with at most {column.places} decimal digits"
    if isinstance(column, KeyColumn):
        return "not a key as declared"
    if isinstance(column, IntegerColumn):
        return "not a whole number"
    return f"not a date as {date_format}" if isinstance(column, DateColumn) else "not text or a whole number"


def _outside(column: Column) -> str:
    if isinstance(column, IntegerColumn | DecimalColumn | DateColumn):
        return f"out of range {column.min}..{column.max}"
    return "not among the declared values"


def _without_missing(rows: Any, source: Source, names: Sequence[str]) -> Any:
    present = [rows[source.fault(name)] != MISSING for name in names]
    return rows.filter(*present) if present else rows


def _in_cells(groups: pa.Table, keys: Sequence[str], by: By, name: str) -> NDArray[np.int64]:
    shape = [len(values) for _, values in by]
    cells = np.zeros(prod(shape), dtype=np.int64)
    position = np.zeros(groups.num_rows, dtype=np.int64)
    rows = groups["rows"].to_numpy().astype(np.int64)
    for key, (column, values) in zip(keys, by, strict=True):
        found = pc.index_in(groups[key].combine_chunks(), value_set=pa.array(values, groups[key].type))
        if found.null_count:
            raise InternalError(f"{name}: column {column}: the job's values aren't those of the declaration")
        position = position * len(values) + found.to_numpy().astype(np.int64)
    cells[position] = rows
    return cells
