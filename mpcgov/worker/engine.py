"""The database engine in this process, sandboxed, with its error texts suppressed: they can quote data.

Exception texts of DuckDB, ibis and database drivers quote rows. None is shown, chained or logged: `quiet` puts one of
our own errors in its place, raised after the engine's is gone.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import ibis
import pyarrow as pa

from mpcgov.errors import DataError, MpcgovError
from mpcgov.worker import macros

T = TypeVar("T")

Backend = Any
"""An ibis backend with its connection."""

_warmed: list[Backend] = []
"""What `warm` has connected, until it is asked for."""


def quiet(call: Callable[[], T], fault: MpcgovError) -> T:
    """The result of `call`; whatever fails inside becomes `fault`, without a trace of the engine's own words."""
    try:
        return call()
    except (MemoryError, duckdb.OutOfMemoryException):
        fault = DataError(f"{fault.message}: it takes more memory than the engine may use", code="engine-memory")
    except Exception as error:
        del error
    raise fault  # outside the handler, so that the engine's exception isn't even its context


def open_engine(reads: Sequence[Path] = (), database: Path | None = None, *, whole_rows: bool = False) -> Backend:
    """DuckDB in this process, with one thread, half of the machine's memory, and no way out.

    It may read the files `reads`, and opens `database` for reading only if given. No network, no extensions, no
    temporary files, no secrets folder: a query that needs more memory fails instead of spilling rows to a disk.

    `whole_rows`: whatever a query filters, it reads the same of the files; else what no row of a piece passes isn't
    read, and the time shows whether one does.
    """
    backend = _warmed.pop() if _warmed and database is None else _connected(database)
    if reads:
        backend.settings["allowed_paths"] = [str(path) for path in reads]
    if whole_rows:
        backend.settings["disabled_optimizers"] = "filter_pushdown,join_filter_pushdown,statistics_propagation"
    backend.settings["enable_progress_bar"] = False
    backend.settings["enable_external_access"] = False
    backend.settings["lock_configuration"] = True
    return backend


def _connected(database: Path | None = None) -> Backend:
    """DuckDB with all that can't be set later; the rest isn't yet."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    backend = ibis.duckdb.connect(
        database or ":memory:",
        read_only=database is not None,
        threads=1,
        memory_limit=f"{memory_bytes >> 20}MiB",
        temp_directory="",
        autoinstall_known_extensions=False,
        autoload_known_extensions=False,
        allow_persistent_secrets=False,
    )
    for text in macros.texts(backend):
        backend.con.execute(text)
    return backend


def batches(backend: Backend, expr: Any, rows: int, fault: MpcgovError) -> Iterator[pa.RecordBatch]:
    """The result of an ibis expression, at most so many rows at a time; whatever fails inside becomes `fault`."""
    found = None

    def after() -> pa.RecordBatch | None:
        nonlocal found
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # ibis asks DuckDB by an older name
            found = found or backend.to_pyarrow_batches(expr, chunk_size=rows)
            return next(found, None)

    while (batch := quiet(after, fault)) is not None:
        yield batch


@contextlib.contextmanager
def kept_on_success(backend: Backend) -> Iterator[None]:
    """Disconnects the backend if the block fails, and else leaves it to its new owner."""
    with contextlib.ExitStack() as stack:
        stack.callback(backend.disconnect)
        yield
        stack.pop_all()


def load() -> None:
    """Loads the engine and everything it imports on its first query, and leaves none open: it may be forked after."""
    backend = _connected()
    table = ibis.memtable(pa.table({"v": [1]})).filter(lambda t: t.v == 1)
    backend.to_pyarrow(table.aggregate(n=table.count()))
    backend.disconnect()


def warm() -> None:
    """Opens the engine that is asked for next: to connect takes a third of the time of reading a small file."""
    _warmed.append(_connected())
