"""SPSS, Stata and SAS files, by pyreadstat: some rows at a time, values with their types.

Numbers are floats in these files; whole ones are whole numbers here. User-missing values are missing. Where a column
has labels of values and the declaration lists the labels, these are read, and else the codes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from mpcgov.errors import DataError
from mpcgov.worker.engine import Backend, quiet
from mpcgov.worker.file import OpenFile
from mpcgov.worker.readers.raw import Raw, Wanted, check_names, declared_labels, need, taken, unreadable

SUFFIXES = {
    ".sav": "read_sav",
    ".zsav": "read_sav",
    ".dta": "read_dta",
    ".sas7bdat": "read_sas7bdat",
    ".xpt": "read_xport",
}
EXTRAS = {".sav": "spss", ".zsav": "spss", ".dta": "stata", ".sas7bdat": "sas", ".xpt": "sas"}
_BATCH_ROWS = 100_000
_DATES = ("DATE", "ADATE", "EDATE", "SDATE", "JDATE", "%td", "%d", "YYMMDD", "MMDDYY", "DDMMYY", "E8601DA", "IS8601DA")


def read(file: OpenFile, wanted: Wanted, backend: Backend) -> Raw:
    """The rows of a file.

    Raises:
        DataError: it isn't what its name says, or lacks a column.
        LocalError: pyreadstat isn't installed.
    """
    need("pyreadstat", EXTRAS[file.suffix], wanted.name)
    import pyreadstat  # noqa: PLC0415  an extra

    reader = getattr(pyreadstat, SUFFIXES[file.suffix])
    fault = DataError(f"{wanted.name}: not a {file.suffix} file, or damaged", code="data-unreadable")
    _, meta = quiet(lambda: reader(str(file.path), metadataonly=True, output_format="dict"), fault)
    check_names(list(meta.column_names), wanted, "each declared column must stand there once")
    types = {column: _type(meta, source) for column, source in wanted.sources.items()}
    schema = pa.schema([(f"c{n}", kind) for n, kind in enumerate(types.values())])

    def batches() -> Iterator[pa.RecordBatch]:
        start, names = 0, list(dict.fromkeys(wanted.sources.values()))
        while True:
            data, _ = quiet(
                lambda: reader(
                    str(file.path),
                    usecols=names,
                    row_offset=start,  # noqa: B023  called at once
                    row_limit=_BATCH_ROWS,
                    output_format="dict",
                ),
                unreadable(wanted.name),
            )
            arrays = [_array(data[source], types[column]) for column, source in wanted.sources.items()]
            yield pa.record_batch(arrays, schema=schema)
            if not arrays or len(arrays[0]) < _BATCH_ROWS:
                return
            start += _BATCH_ROWS

    table, rows = taken(backend, wanted, schema, batches())
    known = getattr(meta, "number_rows", None)
    if known is not None and known >= 0 and known != rows:
        raise DataError(f"{wanted.name}: {rows} rows where the file says {known}", code="data-unreadable")
    labels = {column: _labels(meta, wanted, column) for column in wanted.sources}
    return Raw(table, {column: f"c{n}" for n, column in enumerate(wanted.sources)}, rows, typed=True, labels=labels)


def _type(meta: Any, source: str) -> pa.DataType:
    if meta.readstat_variable_types[source] == "string":
        return pa.string()
    style = str(meta.original_variable_types.get(source) or "")
    stem = style.rstrip("0123456789.")
    if stem in _DATES or style in _DATES or stem in ("DATETIME", "%tc", "%tC"):
        return pa.timestamp("us")
    return pa.float64()


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    if pa.types.is_floating(kind):
        return pa.array(np.asarray([np.nan if value is None else value for value in values], np.float64), kind)
    if pa.types.is_timestamp(kind):
        return pa.array([_moment(value) for value in values], kind)
    return pa.array([value if isinstance(value, str) else None for value in values], kind)


def _moment(value: Any) -> dt.datetime | None:
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else value.astype("datetime64[us]").item()
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001  the file has no zone
    return None


def _labels(meta: Any, wanted: Wanted, column: str) -> Mapping[str, str]:
    labels = meta.variable_value_labels.get(wanted.sources[column]) or {}
    found = {_code(code): str(label) for code, label in labels.items()}
    return declared_labels(wanted.declaration.columns[column], found)


def _code(code: Any) -> str:
    return str(int(code)) if isinstance(code, float) and code.is_integer() else str(code)
