"""Many rows into the engine's memory, a piece at a time, each of them compressed before the next ones.

The engine compresses what it keeps in memory only when it is told to, and all at once: a file of 2 GB takes twice as
much room otherwise.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import duckdb
import pyarrow as pa

from mpcgov.errors import MpcgovError
from mpcgov.worker.engine import Backend, batches, quiet

MANY_CELLS = 1 << 23
"""Fewer values are taken in one go, which is faster."""

MANY_BYTES = 1 << 28
"""So are those of smaller text files, whatever their texts are."""

_PIECE_ROWS = 122_880
"""What the engine compresses by itself, a row group: more at once takes no less time, and more room."""


def are_many(cells: int, size_bytes: int) -> bool:
    """Whether values are taken a piece at a time; `size_bytes`: of the text that they stand in, if they do."""
    return cells >= MANY_CELLS or size_bytes >= MANY_BYTES


def stored(backend: Backend, fault: MpcgovError, name: str, rows: Any) -> Any:
    """A table `name` of the rows of an ibis expression, in their order; if it can't be made, that is `fault`."""
    table = quiet(lambda: backend.create_table(name, schema=rows.schema()), fault)
    writer = backend.con.cursor()
    for batch in batches(backend, rows, _PIECE_ROWS, fault):
        quiet(partial(_add, writer, name, batch), fault)
    writer.close()
    return table


def _add(writer: Any, name: str, batch: pa.RecordBatch) -> None:
    writer.from_arrow(pa.Table.from_batches([batch])).insert_into(name)
    try:
        writer.execute("CHECKPOINT")
    except duckdb.FatalException:  # in memory nothing else can fail there
        raise MemoryError from None
