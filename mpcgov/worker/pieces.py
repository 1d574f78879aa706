"""Many rows into the engine's memory, a piece at a time, each of them compressed before the next ones.

The engine compresses what it keeps in memory only when it is told to, and all at once: a file of 2 GB takes twice as
much room otherwise.
"""

from __future__ import annotations

import warnings
from typing import Any

import pyarrow as pa

from mpcgov.worker.engine import Backend

MANY_CELLS = 1 << 23
"""Fewer values are taken in one go, which is faster."""

MANY_BYTES = 1 << 28
"""So are those of smaller text files, whatever their texts are."""

_PIECE_ROWS = 122_880
"""What the engine compresses by itself, a row group: more at once takes no less time, and more room."""


def are_many(cells: int, size_bytes: int) -> bool:
    """Whether values are taken a piece at a time; `size_bytes`: of the text that they stand in, if they do."""
    return cells >= MANY_CELLS or size_bytes >= MANY_BYTES


def stored(backend: Backend, name: str, rows: Any) -> Any:
    """A table `name` of the rows of an ibis expression, in their order."""
    table, writer = backend.create_table(name, schema=rows.schema()), backend.con.cursor()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # ibis asks DuckDB by an older name
        for batch in backend.to_pyarrow_batches(rows, chunk_size=_PIECE_ROWS):
            writer.from_arrow(pa.Table.from_batches([batch])).insert_into(name)
            writer.execute("CHECKPOINT")
    writer.close()
    return table
