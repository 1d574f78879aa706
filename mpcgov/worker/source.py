"""Where an owner's rows are: a declared data set as a table of checked columns.

Files, and tables of databases that hold what one machine does, are read once, into memory, only the columns asked for;
a larger engine keeps its rows and is asked, and a Parquet file of very many rows is read for each question. What a
source is and how it is read is the owner's alone to know: no message goes further than this agency, and none holds a
value, an engine's words, or a name that isn't declared (a file without a header has data in its first row).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ibis.expr.operations as ops
import pyarrow as pa

from mpcgov.errors import DataError, InternalError
from mpcgov.spec.derive import Derivation
from mpcgov.spec.reading import Dialect
from mpcgov.spec.table import Dataset, Declaration
from mpcgov.worker import identity, pieces
from mpcgov.worker.checking import checked, is_one_of, is_one_of_literals, remarks
from mpcgov.worker.database import bytewise, open_database
from mpcgov.worker.derived import derived
from mpcgov.worker.engine import Backend, batches, kept_on_success, open_engine, quiet
from mpcgov.worker.file import ARROW, CSV, EXCEL, FIXED, PARQUET, PX, STATISTICAL, TEXT, OpenFile, open_files
from mpcgov.worker.readers import arrow, csv, excel, fixed, parquet, postgres, px, readback, statistical
from mpcgov.worker.readers.raw import Raw, Wanted, check_names, check_rows, unreadable
from mpcgov.worker.readers.servers import SERVERS

LEFT_ROWS = 1 << 25
"""A Parquet file of more rows is read again for each question, in place of taking them into memory."""

HELD_CELLS = 1 << 25
"""So many values at most are held beside the engine, which counts its own memory only and stops where that ends.

They take 200 to 550 MB (6 bytes a category, 9 a number, 16 a key of 11 digits); stored and compressed a third of it."""


@dataclass(frozen=True)
class Source:
    """Rows of one data set, with the columns that were asked for: `table` has v0, f0, v1, f1, …: value and fault."""

    name: str
    declaration: Declaration  # of the columns asked for only
    rows: int
    table: Any
    backend: Backend
    remarks: tuple[str, ...] = ()
    """What the owner should know of how columns were read; of no row."""
    of_lines: bool = False
    """Whether rows are lines of a text, below which there may be notes."""
    date_format: str = "YYYY-MM-DD"
    """How texts write a date."""
    file: OpenFile | None = None
    """Where the rows still are, if they are left in a file."""
    stored: pa.Table | None = None
    """The rows as they are in memory beside the engine, if they are: columns of `table`, row by row."""
    held: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    """What is let go with the rows."""

    def value(self, column: str) -> str:
        """The name in `table` of a column's value; null where it is missing or has a fault."""
        return f"v{self._position(column)}"

    def fault(self, column: str) -> str:
        """The name in `table` of what is wrong with a column: FINE, MISSING, MALFORMED or another of `columns`."""
        return f"f{self._position(column)}"

    def as_read(self, column: str) -> str:
        """The name in `table` of what stands in the source, as text, if it was opened with that."""
        return f"r{self._position(column)}"

    def _position(self, column: str) -> int:
        # Engines fold the case of names; two declared columns may differ in nothing else.
        return list(self.declaration.columns).index(column)

    def query(self, expr: Any) -> pa.Table:
        """The result of an ibis expression over `table`.

        Raises:
            DataError: the engine can't compute it, or the file that holds the rows has changed.
        """
        if self.stored is not None and (names := _as_they_are(expr, self.table)):
            return self.stored.select([*names.values()]).rename_columns([*names])
        found: pa.Table = quiet(lambda: self.backend.to_pyarrow(expr), unreadable(self.name))
        if self.file is not None:
            self.file.check_unchanged(touched=True)
        return found

    def batches(self, expr: Any, rows: int) -> Iterator[pa.RecordBatch]:
        """The result of an expression, at most so many rows at a time.

        Raises:
            DataError: as `query`.
        """
        yield from batches(self.backend, expr, rows, unreadable(self.name))
        if self.file is not None:
            self.file.check_unchanged(touched=True)

    def close(self) -> None:
        """Lets the rows go."""
        with contextlib.suppress(Exception):
            self.backend.disconnect()
        self.held.close()

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _as_they_are(expr: Any, table: Any) -> dict[str, str]:
    """The columns of all rows that are asked for, by new name; none if anything is to be computed."""
    asked = expr.op()
    if not isinstance(asked, ops.Project) or asked.parent != table.op():
        return {}
    names = {name: value.name for name, value in asked.values.items() if isinstance(value, ops.Field)}
    return names if len(names) == len(asked.values) else {}


def open_table(
    dataset: Dataset, name: str, base: Path, columns: Collection[str] | None = None, *, as_read: bool = False
) -> Source:
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
    identity.require(declaration.columns, name)
    derivations = {one: how for one, how in dataset.derived.items() if one in declaration.columns}
    operands = {operand for how in derivations.values() for operand in how.operands}
    stored = dataset.declaration.only({*declaration.columns, *operands} - set(derivations))
    source = _open_source(dataset.source, Wanted(name, dataset, stored, as_read), base)
    return _with_derived(source, declaration, derivations) if derivations else source


def _open_source(source: str, wanted: Wanted, base: Path) -> Source:
    if "://" in source:
        return _open_database(source, wanted, base)
    with contextlib.ExitStack() as stack:
        files = stack.enter_context(open_files(source, wanted.name, base))
        found = _open_files(files, wanted)
        return found if found.file is None else replace(found, held=stack.pop_all())


def _with_derived(source: Source, declaration: Declaration, derivations: Mapping[str, Derivation]) -> Source:
    kinds, table = source.declaration.columns, source.table
    judged = {name: (table[source.value(name)], table[source.fault(name)]) for name in kinds}
    selected = {}
    for position, (name, column) in enumerate(declaration.columns.items()):
        how = derivations.get(name)
        both = judged[name] if how is None else derived(how, column, kinds, judged)
        selected[f"v{position}"], selected[f"f{position}"] = both
    return replace(source, declaration=declaration, table=table.select(**selected), stored=None)


def _open_files(files: list[OpenFile], wanted: Wanted) -> Source:
    how, suffix = csv.dialect(wanted, wanted.dataset.source), files[0].suffix
    with csv.plain(files[0], how) if suffix in TEXT else contextlib.nullcontext(files[0].fd) as fd:
        left = suffix in PARQUET and len(files) == 1 and parquet.is_left(files[0], LEFT_ROWS)
        backend = open_engine(reads=[*(file.path for file in files), Path(f"/dev/fd/{fd}")], whole_rows=left)
        with kept_on_success(backend):
            raw = raw_of(files, fd, how, wanted, backend)
            judged = checked(raw, wanted, is_one_of, how)
            if left:
                return _left(files[0], raw, wanted, backend, judged)
            try:
                held = _held(raw, wanted, backend, judged)
                size = os.fstat(fd).st_size if suffix in TEXT else 0
                rows = _stored(raw, wanted, backend, judged, size) if held is None else held.num_rows
                source = replace(_in_memory(raw, wanted, backend, rows), stored=held)
            except InternalError:
                for file in files:  # rows that came while it was read are no fault of ours
                    file.check_unchanged()
                raise
            if suffix in PARQUET:
                readback.check(files, raw, wanted, judged, backend, held)
            for file in files:
                file.check_unchanged()
            return source


def raw_of(files: list[OpenFile], fd: int, how: Dialect, wanted: Wanted, backend: Backend) -> Raw:
    """The rows of files before they are judged.

    Args:
        fd: of a CSV file as plain text.

    Raises:
        DataError: the structure isn't what it must be. LocalError: what reads such files isn't installed.
    """
    suffix = files[0].suffix
    if wanted.dataset.fixed_width or suffix in FIXED:
        return fixed.read(fd, wanted, backend)
    if suffix in CSV:
        return csv.read(fd, how, wanted, backend)
    if suffix in EXCEL:
        return excel.read(files[0], how, wanted, backend)
    if suffix in PARQUET:
        return parquet.read(files, wanted, backend)
    readers = {ARROW: arrow.read, PX: px.read, STATISTICAL: statistical.read}
    return next(read for kinds, read in readers.items() if suffix in kinds)(files[0], wanted, backend)


def _held(raw: Raw, wanted: Wanted, backend: Backend, judged: Any) -> pa.Table | None:
    """The judged rows of Parquet files, if there aren't too many, as Arrow has them: to store them takes longer."""
    if not raw.in_files or raw.rows * len(wanted.sources) > HELD_CELLS:
        return None
    held: pa.Table = quiet(lambda: backend.to_pyarrow(judged), unreadable(wanted.name))
    quiet(lambda: backend.con.register(readback.STORED, held), unreadable(wanted.name))
    return held


def _stored(raw: Raw, wanted: Wanted, backend: Backend, judged: Any, size_bytes: int = 0) -> int:
    """Puts the judged rows into the engine's memory; how many they are. `size_bytes`: of a text file."""
    many = pieces.are_many(raw.rows * len(wanted.sources), size_bytes)
    if many:
        pieces.stored(backend, unreadable(wanted.name), readback.STORED, judged)
    else:
        quiet(lambda: backend.create_table(readback.STORED, judged), unreadable(wanted.name))
    return int(quiet(lambda: len(backend.con.table(readback.STORED)), unreadable(wanted.name)))


def _in_memory(raw: Raw, wanted: Wanted, backend: Backend, rows: int) -> Source:
    if rows != raw.rows:
        raise InternalError(f"{wanted.name}: the engine reads {rows} rows where the file has {raw.rows}")
    table = quiet(lambda: backend.table(readback.STORED), unreadable(wanted.name))
    return _source(raw, wanted, backend, table)


def _left(file: OpenFile, raw: Raw, wanted: Wanted, backend: Backend, judged: Any) -> Source:
    """The judged rows where they are; how many there are isn't taken on the word of the file's footer."""
    if _rows(raw.table, backend, wanted.name) != raw.rows:
        raise DataError(f"{wanted.name}: the file holds another number of rows than it says", hint="write it again")
    readback.check([file], raw, wanted, judged, backend, stored=False)
    file.check_unchanged(touched=True)
    return _source(raw, wanted, backend, judged, file)


def _source(raw: Raw, wanted: Wanted, backend: Backend, table: Any, file: OpenFile | None = None) -> Source:
    said, form = remarks(raw, wanted), wanted.dataset.date_format
    return Source(wanted.name, wanted.declaration, raw.rows, table, backend, said, not raw.typed, form, file)


def _open_database(url: str, wanted: Wanted, base: Path) -> Source:
    name = wanted.name
    read = _server_reader(url.partition("://")[0])
    if read is not None:
        backend = open_engine()
        with kept_on_success(backend):
            raw = read(url, wanted, backend)
            judged = checked(raw, wanted, is_one_of, csv.dialect(wanted, ""))
            return _in_memory(raw, wanted, backend, _stored(raw, wanted, backend, judged))
    backend, table = open_database(url, name, base)
    with kept_on_success(backend):
        check_names(list(table.columns), wanted, "each declared column must stand there once")
        rows = _rows(table, backend, name)
        check_rows(rows, wanted)
        raw = Raw(bytewise(table, wanted.sources.values(), backend), wanted.sources, rows, typed=True)
        return _source(raw, wanted, backend, checked(raw, wanted, is_one_of_literals, csv.dialect(wanted, "")))


def _server_reader(scheme: str) -> Callable[[str, Wanted, Backend], Raw] | None:
    if scheme in postgres.SCHEMES:
        return postgres.read
    if scheme in SERVERS:
        from mpcgov.worker.readers import sql  # noqa: PLC0415  SQLAlchemy, which few sources need

        return sql.read
    return None


def _rows(table: Any, backend: Backend, name: str) -> int:
    return int(quiet(lambda: backend.to_pyarrow(table.count()).as_py(), unreadable(name)))
