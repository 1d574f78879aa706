"""Many rows of a text file into the engine's memory, a piece at a time, each of them compressed before the next ones.

The engine compresses what it keeps in memory only when it is told to, and all at once: a file of 2 GB takes twice as
much room otherwise.
"""

from __future__ import annotations

import warnings
from typing import Any

import pyarrow as pa

from mpcgov.worker.engine import Backend

MANY_ROWS = 4_000_000
"""Fewer are taken in one go, which is faster."""

_BATCH_ROWS = 100_000
_COMPRESSED_ROWS = 2_000_000


def stored(backend: Backend, name: str, rows: Any) -> Any:
    """A table `name` of the rows of an ibis expression, in their order."""
    table = backend.create_table(name, schema=rows.schema())
    writer, waiting = backend.con.cursor(), 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # ibis asks DuckDB by an older name
        for batch in backend.to_pyarrow_batches(rows, chunk_size=_BATCH_ROWS):
            writer.from_arrow(pa.Table.from_batches([batch])).insert_into(name)
            waiting += len(batch)
            if waiting >= _COMPRESSED_ROWS:
                writer.execute("CHECKPOINT")
                waiting = 0
    writer.close()
    return table
