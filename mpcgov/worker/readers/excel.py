"""Excel and OpenDocument sheets, by python-calamine: each cell as the text that stands for its value.

A whole number is written without a point, whatever the cell shows; another one with the 15 digits that a workbook has;
an empty cell is missing. A sheet has no types of columns, so every cell is judged as text is, and numbers, dates and
booleans are written as the declaration says that texts of the same column are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

import pyarrow as pa

from mpcgov.errors import DataError
from mpcgov.spec.reading import Dialect
from mpcgov.spec.table import DecimalColumn, IntegerColumn
from mpcgov.worker.engine import Backend, quiet
from mpcgov.worker.file import OpenFile
from mpcgov.worker.readers.raw import Raw, Wanted, check_names, moment_text, need, taken, text_schema

_EXACT = 10**15
"""Of larger numbers a workbook keeps no more than 15 digits."""

_BATCH_ROWS = 10_000
PLAIN = Dialect()


def read(file: OpenFile, how: Dialect, wanted: Wanted, backend: Backend) -> Raw:
    """The rows of a sheet: the one named after `#` in the source, or else the first; blank rows are none.

    Raises:
        DataError: it is no workbook, has no such sheet, or the header lacks a column.
        LocalError: python-calamine isn't installed.
    """
    rows = cells_of(file)
    for _ in range(wanted.dataset.skip_lines):
        next(rows, None)
    names = [text_of(cell) or "" for cell in next(rows, [])]
    check_names(names, wanted, "the first row must name the columns; see skip_lines and from")
    places = [names.index(source) for source in wanted.sources.values()]
    kinds = wanted.declaration.columns.values()
    booleans = [("0", "1") if isinstance(kind, IntegerColumn | DecimalColumn) else ("false", "true") for kind in kinds]
    numeric: set[int] = set()
    batches = _batches(rows, list(zip(places, booleans, strict=True)), how, numeric)
    table, count = taken(backend, wanted, text_schema(len(places)), batches)
    columns = {column: f"c{n}" for n, column in enumerate(wanted.sources)}
    numbers = {column for place, column in zip(places, wanted.sources, strict=True) if place in numeric}
    return Raw(table, columns, count, typed=True, numbers=numbers)


def cells_of(file: OpenFile) -> Iterator[list[Any]]:
    """The rows of a sheet as they stand there.

    Raises:
        DataError: it is no workbook, or has no such sheet, or several and none is named.
        LocalError: python-calamine isn't installed.
    """
    need("python_calamine", "excel", file.name)
    import python_calamine  # noqa: PLC0415  an extra

    fault = DataError(f"{file.name}: not a workbook, or damaged", code="data-unreadable")
    book = quiet(lambda: python_calamine.CalamineWorkbook.from_path(str(file.path)), fault)
    sheets = book.sheet_names
    if file.part and file.part not in sheets:
        raise DataError(f"{file.name}: the workbook has no such sheet", hint="check the name after # in the source")
    if not file.part and len(sheets) > 1:
        raise DataError(f"{file.name}: the workbook has {len(sheets)} sheets", hint="name one after # in the source")
    sheet = quiet(lambda: book.get_sheet_by_name(file.part or sheets[0]), fault)
    return iter(quiet(lambda: sheet.to_python(skip_empty_area=False), fault))


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
