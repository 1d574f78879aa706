"""Where an owner's rows are: a declared data set as a table of checked columns.

CSV and Parquet files are read once, into memory, only the columns asked for; a database keeps its rows and is asked.
What a source is and how it is read is the owner's alone to know: no message goes further than this agency, and none
holds a value, an engine's words, or a name that isn't declared (a file without a header has data in its first row).
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa

from mpcgov.errors import DataError, InternalError
from mpcgov.spec.table import Column, Dataset, Declaration
from mpcgov.worker import csv_structure
from mpcgov.worker.columns import IsOneOf, from_text, from_typed
from mpcgov.worker.database import open_database
from mpcgov.worker.engine import Backend, kept_on_success, open_engine, quiet
from mpcgov.worker.file import OpenFile, open_file

_NAMES = "each declared column must be named once; in CSV, by the first line"
_FEW = 1000
"""Up to so many values stand in the query itself; writing more there takes the engine longer than joining them."""


@dataclass(frozen=True)
class Source:
    """Rows of one data set, with the columns that were asked for: `table` has v0, f0, v1, f1, …: value and fault."""

    name: str
    declaration: Declaration  # of the columns asked for only
    rows: int
    table: Any
    backend: Backend

    def value(self, column: str) -> str:
        """The name in `table` of a column's value; null where it is missing or has a fault."""
        return f"v{self._position(column)}"

    def fault(self, column: str) -> str:
        """The name in `table` of what is wrong with a column: FINE, MISSING, MALFORMED or OUTSIDE."""
        return f"f{self._position(column)}"

    def _position(self, column: str) -> int:
        # Engines fold the case of names; two declared columns may differ in nothing else.
        return list(self.declaration.columns).index(column)

    def query(self, expr: Any) -> pa.Table:
        """The result of an ibis expression over `table`.

        Raises:
            DataError: the engine can't compute it.
        """
        return quiet(lambda: self.backend.to_pyarrow(expr), unreadable(self.name))

    def close(self) -> None:
        """Lets the rows go."""
        with contextlib.suppress(Exception):
            self.backend.disconnect()

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_table(dataset: Dataset, name: str, base: Path, columns: Collection[str] | None = None) -> Source:
    """Opens data set `name`, whose `datasets.yaml` is in the folder `base`; `columns`: those needed, default all.

    The structure is checked here: that there is such a file, its encoding, its rows, that the columns are there, and
    no more than `max_rows` rows. The values are judged, row by row, but not yet refused: see `local.check_columns`.

    Raises:
        DataError: the structure isn't what it must be; says how many rows.
        LocalError: the source is of a kind that this installation can't read.
    """
    unknown = set(columns or ()) - set(dataset.columns)
    if unknown:
        raise InternalError(f"{name}: asked for columns that aren't declared: {', '.join(sorted(unknown))}")
    declaration = dataset.declaration.only(set(dataset.columns if columns is None else columns))
    if "://" in dataset.source:
        return _open_database(dataset.source, declaration, name, base)
    with open_file(dataset.source, name, base) as file:
        return _open_file(file, declaration)


def unreadable(name: str) -> DataError:
    """What stands in for an engine's exception."""
    hint = "check the source in datasets.yaml"
    return DataError(f"{name}: the data can't be read", hint=hint, code="data-unreadable")


@dataclass(frozen=True)
class _Raw:
    """A source before its columns are judged."""

    table: Any
    columns: Mapping[str, str]  # by declared name, the name in `table`
    rows: int
    typed: bool


def _open_file(file: OpenFile, declaration: Declaration) -> Source:
    backend = open_engine(reads=file.path)
    with kept_on_success(backend):
        raw = _parquet(file, declaration, backend) if file.is_parquet else _csv(file, declaration, backend)
        judged = _judged(raw, declaration, file.name, _is_one_of)
        table = quiet(lambda: backend.create_table("data", judged), unreadable(file.name))
        rows = _rows(table, backend, file.name)
        file.check_unchanged()
        if rows != raw.rows:
            raise InternalError(f"{file.name}: the engine reads {rows} rows where the file has {raw.rows}")
        return Source(file.name, declaration, rows, table, backend)


def _open_database(url: str, declaration: Declaration, name: str, base: Path) -> Source:
    backend, table = open_database(url, name, base)
    with kept_on_success(backend):
        _check_names(list(table.columns), declaration, name)
        rows = _rows(table, backend, name)
        _check_rows(rows, declaration, name)
        raw = _Raw(table, {column: column for column in declaration.columns}, rows, typed=True)
        return Source(name, declaration, rows, _judged(raw, declaration, name, _is_one_of_literals), backend)


def _csv(file: OpenFile, declaration: Declaration, backend: Backend) -> _Raw:
    names = csv_structure.header(file.fd)
    if names is None:
        raise DataError(f"{file.name}: the header can't be read: a quote is out of place, or it is over 1 MiB")
    if not names:
        raise DataError(f"{file.name}: the first line is blank", hint="the first line must name the columns")
    structure = csv_structure.scan(file.fd, len(names))
    if structure.faults:
        faults = [f"{counted(rows)} {what}" for what, rows in structure.faults.items()]
        raise DataError(f"{file.name}: {'; '.join(faults)}", hint="save it as UTF-8 CSV with commas and double quotes")
    _check_names(names, declaration, file.name)
    _check_rows(structure.rows, declaration, file.name)
    table = quiet(lambda: _csv_table(backend, file.path, len(names)), unreadable(file.name))
    return _Raw(table, {name: f"c{names.index(name)}" for name in declaration.columns}, structure.rows, typed=False)


def _csv_table(backend: Backend, path: Path, columns: int) -> Any:
    # By position, not by name: a header's names could be anything, and engines fold their case.
    return backend.read_csv(
        str(path),
        columns={f"c{i}": "VARCHAR" for i in range(columns)},
        auto_detect=False,
        header=True,
        delim=",",
        quote='"',
        escape='"',
        nullstr="",
        strict_mode=True,
        null_padding=False,
        store_rejects=True,
        rejects_limit=0,
        compression="none",
        max_line_size=2 * csv_structure.LIMIT_ROW_BYTES,
    )


def _parquet(file: OpenFile, declaration: Declaration, backend: Backend) -> _Raw:
    names = file.parquet_names()
    _check_names(names, declaration, file.name)
    folded = [name.lower() for name in names]
    twins = [f"column {column}" for column in declaration.columns if folded.count(column.lower()) > 1]
    if twins:
        raise DataError(f"{file.name}: {', '.join(twins)}: another column's name differs only in case")
    table = quiet(lambda: backend.read_parquet(str(file.path)), unreadable(file.name))
    rows = _rows(table, backend, file.name)
    _check_rows(rows, declaration, file.name)
    return _Raw(table, {column: column for column in declaration.columns}, rows, typed=True)


def _judged(raw: _Raw, declaration: Declaration, name: str, is_one_of: IsOneOf) -> Any:
    selected = {}
    wrong = []
    read = from_typed if raw.typed else from_text
    for position, (column, kind) in enumerate(declaration.columns.items()):
        judged = quiet(partial(read, raw.table[raw.columns[column]], kind, is_one_of), unreadable(name))
        if judged is None:
            wrong.append(f"column {column}: the source's type can't be read as {_article(kind)} column")
        else:
            selected[f"v{position}"], selected[f"f{position}"] = judged
    if wrong:
        raise DataError(f"{name}: {'; '.join(wrong)}", hint="change the type there, or the kind in datasets.yaml")
    return raw.table.select(**selected)


def _rows(table: Any, backend: Backend, name: str) -> int:
    return int(quiet(lambda: backend.to_pyarrow(table.count()).as_py(), unreadable(name)))


def _is_one_of(raw: Any, values: tuple[str, ...]) -> Any:
    if len(values) <= _FEW:
        return raw.isin(values)
    return raw.isin(ibis.memtable(pa.table({"value": values})).value)


def _is_one_of_literals(raw: Any, values: tuple[str, ...]) -> Any:
    return raw.isin(values)  # a database that may only be read takes no table of values


def _check_names(names: list[str], declaration: Declaration, name: str) -> None:
    faults = [f"no column {column}" for column in declaration.columns if column not in names]
    named = [text for text in names if text]
    repeated = {text for text in named if named.count(text) > 1}
    faults += [f"column {column} stands twice" for column in declaration.columns if column in repeated]
    others = len(repeated - set(declaration.columns))
    if others:
        faults.append(f"{others} undeclared column {'name stands' if others == 1 else 'names stand'} twice")
    if faults:
        raise DataError(f"{name}: {'; '.join(faults)}", hint=_NAMES)


def _check_rows(rows: int, declaration: Declaration, name: str) -> None:
    if rows > declaration.max_rows:
        raise DataError(f"{name}: {counted(rows)}, more than max_rows {declaration.max_rows}")


def _article(column: Column) -> str:
    return f"an {column.kind}" if column.kind == "integer" else f"a {column.kind}"


def counted(rows: int) -> str:
    """`1 row`, `2 rows`."""
    return f"{rows} row" if rows == 1 else f"{rows} rows"
