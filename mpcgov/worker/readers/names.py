"""The names of a file's columns, before anything of it is declared."""

from __future__ import annotations

import os

from mpcgov.errors import DataError
from mpcgov.spec.reading import Dialect
from mpcgov.worker import csv_structure
from mpcgov.worker.engine import quiet
from mpcgov.worker.file import ARROW, CSV, EXCEL, FIXED, PARQUET, PX, OpenFile
from mpcgov.worker.readers import arrow, parquet, px
from mpcgov.worker.readers.raw import need
from mpcgov.worker.readers.statistical import EXTRAS, SUFFIXES


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
    fault = DataError(f"{file.name}: not a {file.suffix} file, or damaged", code="data-unreadable")
    if file.suffix in EXCEL:
        return quiet(lambda: _of_sheet(file), fault)
    if file.suffix in PARQUET:
        return [*parquet.schema_of(file).names, *file.partition]
    return quiet(lambda: _of_arrow(file) if file.suffix in ARROW else _of_statistics(file), fault)


def _of_arrow(file: OpenFile) -> list[str]:
    with os.fdopen(os.dup(file.fd), "rb") as stream:
        return list(arrow.opened(stream).schema.names)


def _of_sheet(file: OpenFile) -> list[str]:
    need("python_calamine", "excel", file.name)
    import python_calamine  # noqa: PLC0415  an extra

    book = python_calamine.CalamineWorkbook.from_path(str(file.path))
    rows = book.get_sheet_by_name(file.part or book.sheet_names[0]).to_python(skip_empty_area=False, nrows=1)
    return [str(cell) for cell in rows[0]] if rows else []


def _of_statistics(file: OpenFile) -> list[str]:
    need("pyreadstat", EXTRAS[file.suffix], file.name)
    import pyreadstat  # noqa: PLC0415  an extra

    _, meta = getattr(pyreadstat, SUFFIXES[file.suffix])(str(file.path), metadataonly=True, output_format="dict")
    return list(meta.column_names)
