"""Excel and OpenDocument sheets, by python-calamine: each cell as the text that stands for its value.

A whole number is written without a point, whatever the cell shows; a date as YYYY-MM-DD; an empty cell is missing. A
sheet has no types of columns, so every cell is judged as text is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from mpcgov.errors import DataError
from mpcgov.worker.engine import Backend, quiet
from mpcgov.worker.file import OpenFile
from mpcgov.worker.readers.raw import Raw, Wanted, check_names, moment_text, need, taken, text_schema

_BATCH_ROWS = 10_000


def read(file: OpenFile, wanted: Wanted, backend: Backend) -> Raw:
    """The rows of a sheet: the one named after `#` in the source, or else the first; blank rows are none.

    Raises:
        DataError: it is no workbook, has no such sheet, or the header lacks a column.
        LocalError: python-calamine isn't installed.
    """
    need("python_calamine", "excel", wanted.name)
    import python_calamine  # noqa: PLC0415  an extra

    fault = DataError(f"{wanted.name}: not a workbook, or damaged", code="data-unreadable")
    book = quiet(lambda: python_calamine.CalamineWorkbook.from_path(str(file.path)), fault)
    sheets = book.sheet_names
    if file.part and file.part not in sheets:
        raise DataError(f"{wanted.name}: the workbook has no such sheet", hint="check the name after # in the source")
    if not file.part and len(sheets) > 1:
        raise DataError(f"{wanted.name}: the workbook has {len(sheets)} sheets", hint="name one after # in the source")
    sheet = quiet(lambda: book.get_sheet_by_name(file.part or sheets[0]), fault)
    rows = iter(quiet(lambda: sheet.to_python(skip_empty_area=False), fault))
    for _ in range(wanted.dataset.skip_lines):
        next(rows, None)
    names = [_text(cell) or "" for cell in next(rows, [])]
    check_names(names, wanted, "the first row must name the columns; see skip_lines and from")
    places = [names.index(source) for source in wanted.sources.values()]
    numeric: set[int] = set()
    table, count = taken(backend, wanted, text_schema(len(places)), _batches(rows, places, numeric))
    columns = {column: f"c{n}" for n, column in enumerate(wanted.sources)}
    numbers = {column for place, column in zip(places, wanted.sources, strict=True) if place in numeric}
    return Raw(table, columns, count, typed=True, numbers=numbers)


def _batches(rows: Iterator[list[Any]], places: list[int], numeric: set[int]) -> Iterator[pa.RecordBatch]:
    """`numeric`: is told the places in which there are numbers."""
    schema = text_schema(len(places))
    kept: list[list[str | None]] = []

    def batch() -> pa.RecordBatch:
        columns = zip(*kept, strict=True) if kept else [[] for _ in places]
        return pa.record_batch([pa.array(column, pa.string()) for column in columns], schema=schema)

    for row in rows:
        if any(cell != "" for cell in row):
            kept.append([_text(row[place]) for place in places])
            numeric.update(place for place in places if type(row[place]) is float)
        if len(kept) == _BATCH_ROWS:
            yield batch()
            kept.clear()
    yield batch()


def _text(cell: Any) -> str | None:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, dt.datetime):
        return moment_text(cell)
    if isinstance(cell, dt.date | dt.time):
        return cell.isoformat()
    return str(cell) or None
