"""A data set that stays in its database: an ibis URL with the table after `#`.

duckdb://people.db#table        a file; relative paths as for CSV; opened for reading only
pyspark:///warehouse?spark.master=…#table     needs the `spark` extra; the query holds Spark's own options
trino://…#schema.table          needs the `trino` extra
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import ibis

from mpcgov.errors import DataError, LocalError
from mpcgov.worker import withheld
from mpcgov.worker.engine import Backend, kept_on_success, open_engine, quiet
from mpcgov.worker.file import open_regular, resolve
from mpcgov.worker.readers.raw import need, no_table, relation, unreachable

_EXTRAS = {"pyspark": "spark", "trino": "trino"}


def open_database(url: str, name: str, base: Path) -> tuple[Backend, Any]:
    """The connection and the table that a URL names. The URL, which may hold a password, is in no message.

    Raises:
        DataError: it can't be reached, or has no such table.
        LocalError: the scheme isn't supported, or its driver isn't installed.
    """
    address, _, table = url.partition("#")
    scheme, _, rest = address.partition("://")
    if not table:
        raise DataError(f"{name}: the source names no table", hint="end the URL with #table")
    if scheme == "duckdb":
        backend = _open_file(unquote(rest), name, base)
    elif scheme in _EXTRAS:
        backend = _connect(address, scheme, name)
    else:
        raise LocalError(
            f"{name}: sources of this kind aren't supported",
            hint="use a file, duckdb://, postgres://, mysql://, mssql://, oracle://, pyspark:// or trino://",
        )
    schema, one = relation(unquote(table))
    missing = no_table(name)
    # DuckDB's schema beside its database, since ibis takes a dot in one text for what parts these.
    place = (backend.current_catalog, schema) if schema and backend.name == "duckdb" else schema or None
    with kept_on_success(backend):
        return backend, quiet(lambda: backend.table(one, database=place), missing)


def _builtin(name: str, takes: str, gives: str) -> Any:
    return ibis.udf.scalar.builtin(lambda text: text, name=name, signature=((takes,), gives))


_ENCODE, _DECODE = _builtin("encode", "string", "binary"), _builtin("decode", "binary", "string")


def bytewise(table: Any, names: Collection[str], backend: Backend) -> Any:
    """A table whose texts are compared byte by byte: a collation of its own would make one key, or one code, of two.

    The engine takes a collation along through casts and joined texts, and says nowhere that there is one.
    """
    if backend.name != "duckdb":
        return table
    texts = [name for name in names if table[name].type().is_string()]
    return table.mutate(**{name: _DECODE(_ENCODE(table[name].cast("string"))) for name in texts}) if texts else table


def _open_file(source: str, name: str, base: Path) -> Backend:
    path = resolve(source, name, base)
    os.close(open_regular(path, name))
    fault = DataError(f"{name}: not a DuckDB database, damaged, or in use", code="data-unreadable")
    return quiet(lambda: open_engine(database=path), fault)


def _connect(address: str, scheme: str, name: str) -> Backend:
    need(scheme, _EXTRAS[scheme], name)
    withheld.give_back()
    return quiet(lambda: _spark(address) if scheme == "pyspark" else ibis.connect(address), unreachable(name))


def _spark(address: str) -> Backend:
    """A session with the URL's options; its path is the warehouse.

    ibis would set each option once more on the running session, which Spark refuses for most of them.
    """
    from pyspark.sql import SparkSession  # noqa: PLC0415  an extra

    url = urlsplit(address)
    options = dict(parse_qsl(url.query))
    if url.path.strip("/"):
        options["spark.sql.warehouse.dir"] = unquote(url.path)
    builder = SparkSession.builder
    for name, value in options.items():
        builder = builder.config(name, value)
    return ibis.pyspark.connect(builder.getOrCreate())
