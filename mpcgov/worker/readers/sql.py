"""MySQL and MariaDB, SQL Server, Oracle: one SELECT of the columns that are asked for, by SQLAlchemy and a driver.

Values are written as text as the database holds them and compared here, byte by byte, as those of files are: no
collation decides what is equal, and the session's time zone, which nothing sets, moves no value that has none of its
own. Rows come some at a time, so that only those asked for are held, and once.
"""

from __future__ import annotations

import datetime as dt
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy import types

from mpcgov.worker.engine import Backend, quiet
from mpcgov.worker.readers.raw import (
    Raw,
    Wanted,
    check_names,
    moment_text,
    need,
    no_table,
    relation,
    taken,
    text_schema,
    unreachable,
    unreadable,
)
from mpcgov.worker.readers.servers import SERVERS, Server
from mpcgov.worker.readers.types import refuse_types

_BATCH_ROWS = 10_000


def read(url: str, wanted: Wanted, backend: Backend) -> Raw:
    """The rows of a table or view, `mysql://…#table`. The URL, which may hold a password, is in no message.

    Raises:
        DataError: it can't be reached, has no such table or column, or a column is of a type that isn't read.
        LocalError: the driver isn't installed.
    """
    address, _, table = url.partition("#")
    server = SERVERS[address.partition("://")[0]]
    need(server.module, server.extra, wanted.name)
    fault = unreachable(wanted.name)
    engine = quiet(lambda: _engine(address, server), fault)
    try:
        with quiet(engine.connect, fault) as connection:
            return _read(connection, unquote(table), wanted, backend)
    finally:
        engine.dispose()


def _engine(address: str, server: Server) -> sa.Engine:
    url = sa.make_url(address).set(drivername=server.driver)
    more = {"isolation_level": server.isolation} if server.isolation else {}
    return sa.create_engine(url, poolclass=sa.NullPool, hide_parameters=True, **more)


def _read(connection: sa.Connection, table: str, wanted: Wanted, backend: Backend) -> Raw:
    schema, name = relation(table)
    found = quiet(lambda: _columns(connection, name, schema or None), no_table(wanted.name))
    check_names(list(found), wanted, "each declared column must stand there once")
    kinds = {column: found[source] for column, source in wanted.sources.items()}
    mysql = connection.dialect.name in ("mysql", "mariadb")
    forms = {column: _form(kind, mysql) for column, kind in kinds.items()}
    shown = {column: _shown(kind) for column, kind in kinds.items()}
    refuse_types({column: shown[column] for column, form in forms.items() if form is None}, wanted)
    selected = [_selected(source, found[source], mysql) for source in wanted.sources.values()]
    query = sa.select(*selected).select_from(sa.table(name, schema=schema or None))
    written = [form for form in forms.values() if form]
    read_rows, rows = taken(backend, wanted, text_schema(len(written)), _batches(connection, query, written, wanted))
    floats = {column: "float32" if _is_single(kinds[column], mysql) else "float64" for column in forms}
    places = {column: f"c{n}" for n, column in enumerate(forms) if forms[column] is _float}
    casts = {place: read_rows[place].cast(floats[column]) for column, place in places.items()}
    numbers = {column for column, form in forms.items() if form in (_whole, _decimal, _bits)}
    names = {column: f"c{n}" for n, column in enumerate(wanted.sources)}
    table_read = read_rows.mutate(**casts) if casts else read_rows
    plain = {column for column, form in forms.items() if form not in (_text, _unpadded)}
    return Raw(table_read, names, rows, typed=True, types=shown, numbers=numbers, plain=plain)


_OF_MYSQL = sa.text(
    "SELECT table_name, column_name, data_type, column_type FROM information_schema.columns "
    "WHERE table_schema = coalesce(:schema, database()) AND table_name = :table ORDER BY ordinal_position"
)


def _columns(connection: sa.Connection, table: str, schema: str | None) -> dict[str, Any]:
    if connection.dialect.name in ("mysql", "mariadb"):
        return _columns_of_mysql(connection, table, schema)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of types of columns that nobody asked for, by their names
        found = sa.inspect(connection).get_columns(table, schema)
    return {column["name"]: column["type"] for column in found}


def _columns_of_mysql(connection: sa.Connection, table: str, schema: str | None) -> dict[str, Any]:
    """What the server says to whoever may read a table or view; SQLAlchemy asks for what needs more rights of views.

    Raises:
        NoSuchTableError: there is none, or none that may be read.
    """
    found = connection.execute(_OF_MYSQL, {"schema": schema, "table": table}).all()
    found = [row for row in found if row[0] == table] or found  # a server may fold the case of names
    if not found:
        raise sa.exc.NoSuchTableError
    known: Mapping[str, Any] = getattr(connection.dialect, "ischema_names", {})
    return {column: _of_mysql(known.get(kind.lower(), types.NullType), whole) for _, column, kind, whole in found}


def _of_mysql(kind: Any, whole: str) -> Any:
    """A type, with the width that the server fills up with zeros: whoever sees such a number sees these, too."""
    filled = re.fullmatch(r"\w+\(([0-9]+)\)( unsigned)? zerofill", whole.lower())
    return kind(display_width=int(filled[1]), zerofill=True) if filled and issubclass(kind, types.Integer) else kind()


def _selected(source: str, kind: Any, mysql: bool) -> Any:
    column: Any = sa.column(source, kind)
    if mysql and isinstance(kind, types.Float):
        # MySQL writes a single-precision number with six digits, which are too few; as a double it is itself.
        return (sa.type_coerce(column, types.NullType()) * sa.literal_column("1e0")).label(None)
    return sa.type_coerce(column, _untouched(kind))


def _untouched(kind: Any) -> Any:
    """What keeps SQLAlchemy from making another value of what the driver gives, and a float of a decimal."""
    return types.Numeric(asdecimal=True) if _form(kind, False) is _decimal else types.NullType()


Form = Callable[[Any], str | None]
"""How a value of a type is written as text; None for none."""


def _form(kind: Any, mysql: bool) -> Form | None:
    """How the values of a type are written; None for a type that isn't read."""
    name = type(kind).__name__
    zoned = any(getattr(kind, one, False) for one in ("timezone", "local_timezone")) or name == "DATETIMEOFFSET"
    if zoned or (mysql and name in ("TIMESTAMP", "SET")):
        return None  # MySQL moves a TIMESTAMP by the session's zone
    if mysql and getattr(kind, "zerofill", False):
        return partial(_filled, width=kind.display_width)
    if mysql and name in ("YEAR", "BIT"):
        return _whole if name == "YEAR" else _bits
    return next((form for base, form in _FORMS.items() if isinstance(kind, base)), None)


def _is_single(kind: Any, mysql: bool) -> bool:
    return type(kind).__name__ in (("FLOAT",) if mysql else ("REAL", "BINARY_FLOAT"))


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _unpadded(value: Any) -> str | None:
    return None if value is None else str(value).rstrip(" ")


def _whole(value: Any) -> str | None:
    return None if value is None else str(int(value))


def _filled(value: Any, width: int) -> str | None:
    return None if value is None else f"{int(value):0{width}d}"


def _bits(value: Any) -> str | None:
    return None if value is None else str(int.from_bytes(value, "big"))


def _decimal(value: Any) -> str | None:
    if value is None:
        return None
    text = f"{Decimal(value):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _float(value: Any) -> str | None:
    return None if value is None else repr(float(value))


def _bool(value: Any) -> str | None:
    return None if value is None else ("true" if value else "false")


def _moment(value: Any) -> str | None:
    if isinstance(value, dt.datetime):
        return moment_text(value)
    text = _text(value)  # what is no date stays as it is written there, such as 0000-00-00
    return text and text.removesuffix(" 00:00:00")


_FORMS: Mapping[Any, Form] = {
    types.Boolean: _bool,
    types.Float: _float,
    types.Numeric: _decimal,
    types.Integer: _whole,
    types.Date: _moment,
    types.DateTime: _moment,
    types.Uuid: _text,
    types.CHAR: _unpadded,
    types.NCHAR: _unpadded,
    types.String: _text,
}
"""The first that a type is one of; enums are strings."""


def _shown(kind: Any) -> str:
    return type(kind).__name__.lower().replace("nulltype", "unknown")


def _batches(
    connection: sa.Connection, query: Any, forms: list[Form], wanted: Wanted
) -> Iterator[pa.RecordBatch]:  # fmt: skip
    schema = text_schema(len(forms))
    options = {"stream_results": True, "max_row_buffer": _BATCH_ROWS, "yield_per": _BATCH_ROWS}
    fault = unreadable(wanted.name)
    result = quiet(lambda: connection.execution_options(**options).execute(query), fault)
    parts = result.partitions()
    while rows := quiet(lambda: next(parts, None), fault):
        columns = zip(*rows, strict=True)
        arrays = [pa.array(map(form, column), pa.string()) for form, column in zip(forms, columns, strict=True)]
        yield pa.record_batch(arrays, schema=schema)
