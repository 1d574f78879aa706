"""Excel and OpenDocument sheets, by python-calamine: each cell as the text that stands for its value.

A whole number is written without a point, whatever the cell shows; another one with the 15 digits that a workbook has;
an empty cell is missing; one with an error, such as #N/A, is that text. A sheet has no types of columns, so every cell
is judged as text is, and numbers, dates and booleans are written as the declaration says that texts of the same column
are.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from typing import Any

import pyarrow as pa

from mpcgov.errors import DataError
from mpcgov.spec.reading import Dialect
from mpcgov.spec.table import DecimalColumn, IntegerColumn
from mpcgov.worker.engine import Backend, quiet
from mpcgov.worker.file import OpenFile
from mpcgov.worker.readers import nobook, ods, xlsx
from mpcgov.worker.readers.raw import Raw, Wanted, check_names, counted, moment_text, need, taken, text_schema

_EXACT = 10**15
"""Of larger numbers a workbook keeps no more than 15 digits."""

_MERGED = "only the first cell of each has its value, and the others are missing: fill them in"
_NO_ERRORS = "errors such as #N/A look like empty cells in such a workbook"
_NO_HIDDEN = ", and hidden rows like others"
_SAVE = ": if there are any, save it as .xlsx"
_HIDDEN = "hidden, such as by a filter, and read like the others: if they aren't meant, take them out"
_HIDDEN_SHEET = "the sheet is hidden in the workbook: is it the one that is meant?"
_SEVERAL = "in the header are merged: each column must have a name of its own, in one row"

_LOOKED_INTO = (*xlsx.SUFFIXES, *ods.SUFFIXES)
_BATCH_ROWS = 10_000
PLAIN = Dialect()


def read(file: OpenFile, how: Dialect, wanted: Wanted, backend: Backend) -> Raw:
    """The rows of a sheet: the one named after `#` in the source, or else the first; blank rows are none.

    Raises:
        DataError: it is no workbook, has no such sheet, or the header lacks a column.
        LocalError: python-calamine isn't installed.
    """
    sheet, top = sheet_of(file), wanted.dataset.skip_lines
    names = [text_of(cell) or "" for cell in (sheet.rows[top] if top < len(sheet.rows) else [])]
    check_names(names, wanted, "the first row must name the columns; see skip_lines and from")
    declared = {wanted.reading(column).source or column for column in wanted.dataset.columns}
    all_places = {place for place, name in enumerate(names) if name in declared}
    _check_header(sheet, top, all_places, wanted.name)
    _check_computed(sheet, top, all_places, wanted.name)
    places = [names.index(source) for source in wanted.sources.values()]
    kinds = wanted.declaration.columns.values()
    booleans = [("0", "1") if isinstance(kind, IntegerColumn | DecimalColumn) else ("false", "true") for kind in kinds]
    numeric: set[int] = set()
    batches = _batches(islice(sheet.rows, top + 1, None), list(zip(places, booleans, strict=True)), how, numeric)
    table, count = taken(backend, wanted, text_schema(len(places)), batches)
    columns = {column: f"c{n}" for n, column in enumerate(wanted.sources)}
    numbers = {column for place, column in zip(places, wanted.sources, strict=True) if place in numeric}
    remarks = _remarks(sheet, file.suffix, top, all_places)
    return Raw(table, columns, count, typed=True, numbers=numbers, of_workbook=True, remarks=remarks)


@dataclass(frozen=True)
class Sheet:
    """The rows of a sheet as they stand there; where formulas have no value; from and to, its merged cells; and what of
    it is hidden."""

    rows: list[list[Any]]
    uncomputed: Sequence[tuple[int, int]]
    merged: Sequence[tuple[tuple[int, int], tuple[int, int]]]
    hidden: Collection[int] = ()
    is_hidden: bool = False


def sheet_of(file: OpenFile) -> Sheet:
    """The sheet that a source names.

    Raises:
        DataError: it is no workbook, or has no such sheet, or several and none is named.
        LocalError: python-calamine isn't installed.
    """
    need("python_calamine", "excel", file.name)
    import python_calamine  # noqa: PLC0415  an extra

    fault = DataError(f"{file.name}: not a workbook, or damaged", code="data-unreadable")
    book = quiet(lambda: python_calamine.CalamineWorkbook.from_path(str(file.path)), nobook.fault(file))
    names = book.sheet_names
    if file.part and file.part not in names:
        raise DataError(f"{file.name}: the workbook has no such sheet", hint="check the name after # in the source")
    if not file.part and len(names) > 1:
        raise DataError(f"{file.name}: the workbook has {len(names)} sheets", hint="name one after # in the source")
    name = file.part or names[0]
    sheet = quiet(lambda: book.get_sheet_by_name(name), fault)
    rows = quiet(lambda: sheet.to_python(skip_empty_area=False), fault)
    found = quiet(lambda: _unseen(file, name), fault) if file.suffix in _LOOKED_INTO else xlsx.Unseen()
    _put(found.errors, rows)
    return Sheet(rows, found.uncomputed, sheet.merged_cell_ranges or (), found.rows, found.sheet)


def _unseen(file: OpenFile, sheet: str) -> xlsx.Unseen:
    with os.fdopen(os.dup(file.fd), "rb") as stream:
        return ods.unseen(stream, sheet) if file.suffix in ods.SUFFIXES else xlsx.unseen(stream, sheet)


def _put(errors: Mapping[int, Mapping[int, str]], rows: list[list[Any]]) -> None:
    """Errors where the reader has empty cells, or nothing at all at the ends of a sheet."""
    width = max([len(row) for row in rows[:1]] + [column + 1 for row in errors.values() for column in row])
    if errors:
        rows += [[] for _ in range(max(errors) + 1 - len(rows))]
        rows[:] = [[*row, *[""] * (width - len(row))] for row in rows]
    for place, row in errors.items():
        for column, text in row.items():
            rows[place][column] = text


def _check_header(sheet: Sheet, top: int, declared: Collection[int], name: str) -> None:
    """That no cell of the header stands for several: the second row of such a header would be a row of data."""
    at_top = ((start, end) for start, end in sheet.merged if start[0] <= top <= end[0])
    if any({*range(start[1], end[1] + 1)} & {*declared} for start, end in at_top):
        hint = "write one row of names; rows above it are skipped by skip_lines"
        raise DataError(f"{name}: cells {_SEVERAL}", hint=hint)


def _check_computed(sheet: Sheet, top: int, declared: Collection[int], name: str) -> None:
    """That formulas have values: in all declared columns, as no job may choose what is refused."""
    wrong = sum(row > top and column in declared for row, column in sheet.uncomputed)
    if wrong:
        cells = "1 formula has" if wrong == 1 else f"{wrong} formulas have"
        hint = "open the workbook in a spreadsheet program and save it, or put values in their place"
        raise DataError(f"{name}: {cells} never been computed", hint=hint)


def _remarks(sheet: Sheet, suffix: str, top: int, declared: Collection[int]) -> tuple[str, ...]:
    areas = [range(start[1], end[1] + 1) for start, end in sheet.merged if end[0] > top]
    merged = sum(any(column in declared for column in area) for area in areas)
    found = [f"{merged} merged {'area' if merged == 1 else 'areas'}: {_MERGED}"] if merged else []
    below = (sheet.rows[row] for row in sheet.hidden if top < row < len(sheet.rows))
    hidden = sum(any(cell != "" for cell in row) for row in below)
    found += [f"{counted(hidden)} {'is' if hidden == 1 else 'are'} {_HIDDEN}"] if hidden else []
    found += [_HIDDEN_SHEET] if sheet.is_hidden else []
    if suffix not in xlsx.SUFFIXES:
        found.append(f"{suffix}: {_NO_ERRORS}{'' if suffix in _LOOKED_INTO else _NO_HIDDEN}{_SAVE}")
    return tuple(found)


def _batches(
    rows: Iterator[list[Any]], places: Sequence[tuple[int, tuple[str, str]]], how: Dialect, numeric: set[int]
) -> Iterator[pa.RecordBatch]:
    """`places`: with what is written for false and true. `numeric`: is told the places in which there are numbers."""
    schema = text_schema(len(places))
    kept: list[list[str | None]] = []

    def batch() -> pa.RecordBatch:
        columns = zip(*kept, strict=True) if kept else [[] for _ in places]
        return pa.record_batch([pa.array(column, pa.string()) for column in columns], schema=schema)

    for row in rows:
        if any(cell != "" for cell in row):
            kept.append([text_of(row[place], how, booleans) for place, booleans in places])
            numeric.update(place for place, _ in places if type(row[place]) is float)
        if len(kept) == _BATCH_ROWS:
            yield batch()
            kept.clear()
    yield batch()


def text_of(cell: Any, how: Dialect = PLAIN, booleans: tuple[str, str] = ("false", "true")) -> str | None:
    """What stands for a cell's value, as a dialect writes it."""
    if isinstance(cell, str):
        return cell or None
    if isinstance(cell, bool):
        return booleans[cell]
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < _EXACT else _number(cell, how)
    if isinstance(cell, dt.datetime | dt.date):
        return _day(cell, how)
    return cell.isoformat() if isinstance(cell, dt.time) else str(cell) or None


def _number(cell: float, how: Dialect) -> str:
    if abs(cell) >= _EXACT:
        return f"{cell:.14E}"  # as a workbook shows it: digits may be lost already
    text = f"{cell:.15g}"
    return (text if "e" not in text else f"{cell:.17f}".rstrip("0")).replace(".", how.decimal)


def _day(cell: dt.datetime | dt.date, how: Dialect) -> str:
    text = moment_text(cell) if isinstance(cell, dt.datetime) else cell.isoformat()
    if how.date_format == PLAIN.date_format or len(text) > len("YYYY-MM-DD"):
        return text
    parts = zip(("YYYY", "MM", "DD"), text.split("-"), strict=True)
    return reduce(lambda form, part: form.replace(*part), parts, how.date_format)
