"""The names of a file's columns, before anything of it is declared."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from mpcgov.errors import DataError
from mpcgov.spec.reading import Dialect
from mpcgov.worker import csv_structure, opening
from mpcgov.worker.engine import quiet
from mpcgov.worker.file import ARROW, CSV, EXCEL, FIXED, PARQUET, PX, STATISTICAL, OpenFile
from mpcgov.worker.readers import arrow, excel, parquet, px, statistical

_ROWS = 60


def names_of(file: OpenFile, fd: int, how: Dialect) -> list[str]:
    """The names, in the order of the file.

    Args:
        fd: of a CSV file as plain text.

    Raises:
        DataError: it isn't what its name says. LocalError: what reads it isn't installed.
    """
    if file.suffix in FIXED:
        raise DataError(f"{file.name}: a file of fixed width has no names", hint="declare its columns by at: [1, 8]")
    if file.suffix in PX:
        return [*px.cube_of(file).codes, px.VALUE]
    if file.suffix in CSV:
        return csv_structure.header(fd, how.delimiter) or []
    if file.suffix in EXCEL:
        return _of_row(next(_rows_under(file, how.skip_lines), []))
    fault = DataError(f"{file.name}: not a {file.suffix} file, or damaged", code="data-unreadable")
    if file.suffix in PARQUET:
        return [*parquet.schema_of(file).names, *file.partition]
    if file.suffix in ARROW:
        return quiet(lambda: _of_arrow(file), fault)
    return list(statistical.metadata_of(file).column_names)


def rows_above(file: OpenFile) -> int:
    """How many rows of a sheet stand above its header.

    Raises:
        DataError: it is no workbook. LocalError: what reads it isn't installed.
    """
    return opening.rows_above([[cell != "" for cell in row] for row in islice(excel.sheet_of(file).rows, _ROWS)])


def labels_of(file: OpenFile) -> Mapping[str, Mapping[str, str]]:
    """By name in the file, what a column's codes are called, those aside that its author says mean no value.

    Raises:
        DataError: it isn't what its name says. LocalError: what reads it isn't installed.
    """
    return statistical.labels_of(file) if file.suffix in STATISTICAL else {}


def _rows_under(file: OpenFile, lines: int) -> Iterator[list[Any]]:
    return islice(excel.sheet_of(file).rows, lines, None)


def _of_row(row: Sequence[Any]) -> list[str]:
    return [excel.text_of(cell) or "" for cell in row]


def _of_arrow(file: OpenFile) -> list[str]:
    with os.fdopen(os.dup(file.fd), "rb") as stream:
        return list(arrow.opened(stream).schema.names)
