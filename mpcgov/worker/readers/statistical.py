"""SPSS, Stata and SAS files, by pyreadstat: some rows at a time, values with their types.

Numbers are floats in these files; whole ones are whole numbers here. A date is a number, too, which its format makes a
day; we look at the format ourselves, since the library knows some of SAS's and changes the column's type with them.
User-missing values are missing. Where a column has labels of values and the declaration lists the labels, these are
read, and else the codes.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
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
_DAY, _SECOND, _MILLISECOND = 86_400_000_000, 1_000_000, 1_000
"""In microseconds."""
_SPSS, _UNIX = dt.date(1582, 10, 14), dt.date(1970, 1, 1)
_SAS = _STATA = dt.date(1960, 1, 1)
_SAS_DAY = (
    "DATE|DAY|DOWNAME|JUL(DAY|IAN)|MON(NAME|TH|YY)|QTRR?|WEEKDA(Y|T[EX])|WORDDAT[EX]|YEAR|YYMON|(DDMMYY|MMDDYY|YYMMDD)[BCDNPS]?"
    "|(MMYY|YYMM)[CDNPS]?|YYQR?[CDNPSZ]?|[EB]8601DA|IS8601DA|NLDATE[A-Z]*|EURDF(DD|DE|DN|DWN|MN|MY|WDX|WKX)|MINGUO|NENGO"
)
_SAS_MOMENT = "DATETIME|DATEAMPM|DT(DATE|MONYY|WKDATX|YEAR|YYQC)|[EB]8601D[TNZX]|IS8601DT|NLDATM[A-Z]*|MDYAMPM|EURDFDT"
_CLOCKS = {
    "spss": [(re.compile("[AEJS]?DATE|QYR|MOYR|WKYR|DATETIME|YMDHMS"), _SECOND, _SPSS)],
    "stata": [
        (re.compile("%-?t?d.*"), _DAY, _STATA),
        (re.compile("%-?t[cC].*"), _MILLISECOND, _STATA),
    ],
    "sas": [(re.compile(_SAS_DAY), _DAY, _SAS), (re.compile(_SAS_MOMENT), _SECOND, _SAS)],
}
"""The formats of days and moments, what a number counts, and from when."""
_PERIOD = re.compile("%-?t[mqwhy].*")
_FURTHEST = 4_000_000 * _DAY


def read(file: OpenFile, wanted: Wanted, backend: Backend) -> Raw:
    """The rows of a file.

    Raises:
        DataError: it isn't what its name says, or lacks a column.
        LocalError: pyreadstat isn't installed.
    """
    meta = metadata_of(file)
    check_names(list(meta.column_names), wanted, "each declared column must stand there once")
    forms = {source: _form(meta, source, EXTRAS[file.suffix]) for source in wanted.sources.values()}
    schema = pa.schema([(f"c{n}", forms[source].kind) for n, source in enumerate(wanted.sources.values())])
    table, rows = taken(backend, wanted, schema, _batches(file, wanted, forms, schema))
    known = getattr(meta, "number_rows", None)
    if known is not None and known >= 0 and known != rows:
        raise DataError(f"{wanted.name}: {rows} rows where the file says {known}", code="data-unreadable")
    labels = {column: _labels(meta, wanted, column) for column in wanted.sources}
    styles = {column: str(meta.original_variable_types.get(source) or "") for column, source in wanted.sources.items()}
    shown = {column: f"number of periods ({style})" for column, style in styles.items() if _PERIOD.fullmatch(style)}
    names = {column: f"c{n}" for n, column in enumerate(wanted.sources)}
    return Raw(table, names, rows, typed=True, types=shown, labels=labels)


@dataclass(frozen=True)
class _Form:
    """A column's type; if it is one of moments, what a number counts, and when zero is, in microseconds since 1970."""

    kind: pa.DataType
    unit: int = 0
    zero: int = 0


def _form(meta: Any, source: str, extra: str) -> _Form:
    stored, style = meta.readstat_variable_types[source], str(meta.original_variable_types.get(source) or "")
    if stored == "string":
        return _Form(pa.string())
    stem = style if extra == "stata" else style.upper().rstrip("0123456789.")
    for form, unit, zero in _CLOCKS[extra]:
        if form.fullmatch(stem):
            return _Form(pa.timestamp("us"), unit, (zero - _UNIX).days * _DAY)
    return _Form(pa.float32() if stored == "float" else pa.float64())


def _batches(
    file: OpenFile, wanted: Wanted, forms: Mapping[str, _Form], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:  # fmt: skip
    import pyreadstat  # noqa: PLC0415  an extra

    reader, start = getattr(pyreadstat, SUFFIXES[file.suffix]), 0
    while True:
        read_some = partial(
            reader,
            str(file.path),
            usecols=list(forms),
            row_offset=start,
            row_limit=_BATCH_ROWS,
            output_format="dict",
            disable_datetime_conversion=True,
        )
        data, _ = quiet(read_some, unreadable(wanted.name))
        arrays = [_array(data[source], forms[source]) for source in wanted.sources.values()]
        yield pa.record_batch(arrays, schema=schema)
        if not arrays or len(arrays[0]) < _BATCH_ROWS:
            return
        start += _BATCH_ROWS


def _array(values: Any, form: _Form) -> pa.Array:
    if pa.types.is_string(form.kind):
        return pa.array([value if isinstance(value, str) else None for value in values], form.kind)
    numbers = np.asarray([np.nan if value is None else value for value in values], np.float64)
    if not form.unit:
        return pa.array(numbers.astype(np.float32) if form.kind == pa.float32() else numbers, form.kind)
    missing = np.isnan(numbers)
    # What no calendar reaches comes out as far as they go: out of any range that is declared.
    moments = np.clip(np.where(missing, 0, numbers) * form.unit, -_FURTHEST, _FURTHEST).round().astype(np.int64)
    return pa.array(moments + form.zero, pa.int64(), mask=missing).cast(form.kind)


def metadata_of(file: OpenFile) -> Any:
    """What a file says of its columns, as pyreadstat has it.

    Raises:
        DataError: it isn't what its name says. LocalError: pyreadstat isn't installed.
    """
    need("pyreadstat", EXTRAS[file.suffix], file.name)
    import pyreadstat  # noqa: PLC0415  an extra

    reader = getattr(pyreadstat, SUFFIXES[file.suffix])
    fault = DataError(f"{file.name}: not a {file.suffix} file, or damaged", code="data-unreadable")
    own = {"user_missing": True} if EXTRAS[file.suffix] != "sas" else {}
    return quiet(lambda: reader(str(file.path), metadataonly=True, output_format="dict", **own)[1], fault)


def labels_of(file: OpenFile) -> dict[str, dict[str, str]]:
    """By name in the file, what a column's codes are called, those aside that its author says mean no value."""
    meta = metadata_of(file)
    gone = {name: [(one["lo"], one["hi"]) for one in ranges] for name, ranges in (meta.missing_ranges or {}).items()}
    return {
        name: {_code(code): str(label) for code, label in labels.items() if not _is_missing(code, gone.get(name, []))}
        for name, labels in meta.variable_value_labels.items()
    }


def _is_missing(code: Any, ranges: Sequence[tuple[Any, Any]]) -> bool:
    of_number = isinstance(code, int | float)
    return any(low <= code <= high for low, high in ranges if of_number == isinstance(low, int | float)) or (
        isinstance(code, str) and len(code) == 1 and code.islower() and not ranges
    )


def _labels(meta: Any, wanted: Wanted, column: str) -> Mapping[str, str]:
    labels = meta.variable_value_labels.get(wanted.sources[column]) or {}
    found = {_code(code): str(label) for code, label in labels.items()}
    return declared_labels(wanted.declaration.columns[column], found)


def _code(code: Any) -> str:
    return str(int(code)) if isinstance(code, float) and code.is_integer() else str(code)
