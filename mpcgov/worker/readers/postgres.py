"""PostgreSQL: one COPY of the columns that are asked for, in a read-only transaction, as the server itself writes them.

Text says what the agency sees: no driver turns a number into another, no collation decides what is equal, no session's
zone moves a day. Values are compared here, byte by byte, as those of files are. A role from which row-level security
hides rows is refused by the server (`row_security = off`), so that half a register never looks like a whole one.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.csv

from mpcgov.errors import DataError
from mpcgov.worker.engine import Backend, quiet
from mpcgov.worker.readers.raw import (
    Raw,
    Wanted,
    check_names,
    need,
    no_table,
    relation,
    taken,
    text_schema,
    unreachable,
)
from mpcgov.worker.readers.types import refuse_types

SCHEMES = ("postgres", "postgresql")
_SESSION = "SET row_security = off; SET datestyle = 'ISO, YMD'; SET extra_float_digits = 3; SET bytea_output = 'hex'"
_HIDDEN = "row-level security hides rows of this table from the role"
_UNFILLED = "the materialised view has never been filled"
_STALE = "a materialised view has the rows of its last REFRESH: nothing says when that was, or what has changed since"
_RELATION = "SELECT oid, relkind::text, relispopulated FROM pg_class WHERE oid = %s::regclass"
_COLUMNS = """
    WITH RECURSIVE base AS (
        SELECT oid, typname, typtype, typbasetype FROM pg_type
        UNION ALL
        SELECT base.oid, t.typname, t.typtype, t.typbasetype
        FROM base JOIN pg_type t ON base.typtype = 'd' AND t.oid = base.typbasetype)
    SELECT a.attname, base.typname, format_type(a.atttypid, a.atttypmod), base.typtype
    FROM pg_attribute a JOIN base ON base.oid = a.atttypid AND base.typtype <> 'd'
    WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""
_FLOATS = {"float4": "float32", "float8": "float64"}
_WHOLE = {"int2": "int64", "int4": "int64", "int8": "int64"}
_TEXT = {"text", "varchar", "bpchar", "char", "name", "citext", "uuid", "bool", "date", "numeric", "timestamp", "oid"}
_WRITTEN = {"text", "varchar", "bpchar", "char", "name", "citext", "enum"}
"""Whose texts are somebody's; those of the others are the server's."""
_READ = {*_FLOATS, *_WHOLE, *_TEXT, "enum"}


def read(url: str, wanted: Wanted, backend: Backend) -> Raw:
    """The rows of a table or view, `postgres://…#schema.table`. The URL, which may hold a password, is in no message.

    Raises:
        DataError: it can't be reached, has no such table or column, or hides rows from the role.
        LocalError: the driver isn't installed.
    """
    need("psycopg", "postgres", wanted.name)
    import psycopg  # noqa: PLC0415  an extra

    address, _, table = url.partition("#")
    fault = unreachable(wanted.name)
    connection = quiet(lambda: psycopg.connect(address), fault)
    try:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        quiet(lambda: connection.execute(_SESSION), fault)
        return _read(connection, unquote(table), wanted, backend)
    finally:
        connection.close()


def _read(connection: Any, table: str, wanted: Wanted, backend: Backend) -> Raw:
    from psycopg import sql  # noqa: PLC0415

    name = sql.Identifier(*filter(None, relation(table)))
    missing = no_table(wanted.name)
    written = name.as_string(connection)
    oid, kind, filled = quiet(lambda: connection.execute(_RELATION, [written]).fetchone(), missing)
    if not filled:
        raise DataError(f"{wanted.name}: {_UNFILLED}", hint="REFRESH MATERIALIZED VIEW there, or read the tables")
    columns = quiet(lambda: connection.execute(_COLUMNS, [oid]).fetchall(), missing)
    check_names([column[0] for column in columns], wanted, "each declared column must stand there once")
    base = {attribute: "enum" if kind == "e" else typname for attribute, typname, _, kind in columns}
    shown_there = {column[0]: column[2] for column in columns}
    types = {column: base[source] for column, source in wanted.sources.items()}
    shown = {column: shown_there[source] for column, source in wanted.sources.items()}
    refuse_types({column: shown[column] for column, kind in types.items() if kind not in _READ}, wanted)
    fields = [sql.SQL("{}::text").format(sql.Identifier(source)) for source in wanted.sources.values()]
    query = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT csv, FORCE_QUOTE *, ENCODING 'UTF8')").format(
        sql.SQL(", ").join(fields), name
    )
    found, rows = taken(backend, wanted, text_schema(len(fields)), _batches(connection, query, len(fields), wanted))
    typed = found.mutate(**{f"c{n}": _typed(found[f"c{n}"], kind) for n, kind in enumerate(types.values())})
    names = {column: f"c{n}" for n, column in enumerate(wanted.sources)}
    numbers = {column for column, kind in types.items() if kind == "numeric"}
    plain = {column for column, kind in types.items() if kind not in _WRITTEN}
    remarks = (_STALE,) if kind == "m" else ()
    return Raw(typed, names, rows, typed=True, types=shown, numbers=numbers, plain=plain, remarks=remarks)


def _typed(text: Any, kind: str) -> Any:
    if kind in _FLOATS:
        return text.cast(_FLOATS[kind])
    if kind in _WHOLE:
        return text.cast("int64")
    if kind == "bool":
        return text.cast("boolean")
    if kind == "timestamp":
        return text.re_replace(r"^([0-9]{4}-[0-9]{2}-[0-9]{2}) 00:00:00$", r"\1")
    if kind == "numeric":
        return text.re_replace(r"(\.[0-9]*[1-9])0+$", r"\1").re_replace(r"\.0*$", "").nullif("NaN")
    return text


class _Copied(io.RawIOBase):
    """What the server sends, as a file that is read once."""

    def __init__(self, blocks: Iterator[Any]) -> None:
        self._blocks, self._left = blocks, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._left = memoryview(bytes(block))
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


def _batches(connection: Any, query: Any, columns: int, wanted: Wanted) -> Iterator[pa.RecordBatch]:
    import psycopg  # noqa: PLC0415

    names, fault = [f"c{n}" for n in range(columns)], None
    try:
        with connection.cursor() as cursor, cursor.copy(query) as copy:
            blocks = iter(copy)
            first = next(blocks, None)
            if first is None:
                return
            stream = io.BufferedReader(_Copied(_chained(first, blocks)), 1 << 20)
            yield from pyarrow.csv.open_csv(
                stream,
                pyarrow.csv.ReadOptions(column_names=names, use_threads=False, block_size=4 << 20),
                pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
                pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                    null_values=[""],
                ),
            )
    except psycopg.Error as error:
        hidden = error.sqlstate == "42501" and "row-level security" in str(error)
        hint = "read by a role that sees all rows (BYPASSRLS), or a view of them"
        stopped = DataError(
            f"{wanted.name}: the server stops while it reads (SQLSTATE {error.sqlstate or 'unknown'})",
            hint="look at the view or the foreign table there",
            code="data-unreadable",
        )
        fault = DataError(f"{wanted.name}: {_HIDDEN}", hint=hint) if hidden else stopped
    if fault is not None:
        raise fault  # outside the handler, so that the server's words, which can quote a row, aren't its context


def _chained(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest
