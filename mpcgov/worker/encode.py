"""Bounded whole numbers on their way from the child that reads data to the child that computes: an Arrow stream.

Nothing but these numbers crosses: a fixed number of rows of int64 columns, whose names, count and bounds both children
know beforehand. The writer checks the bounds before the first byte, and so does the reader.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedIOBase, BufferedReader

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mpcgov.errors import InternalError

_BATCH_BYTES = 1 << 20


@dataclass(frozen=True)
class Field:
    """One column of numbers: each from `low` to `high`, and if `max_sum` is given, together at most that."""

    name: str
    low: int
    high: int
    max_sum: int | None = None


@dataclass(frozen=True)
class Encoding:
    """What crosses the pipe: columns of `rows` numbers each."""

    fields: tuple[Field, ...]
    rows: int

    @property
    def schema(self) -> pa.Schema:
        """Exactly this schema, without metadata."""
        return pa.schema([pa.field(field.name, pa.int64(), nullable=False) for field in self.fields])


def counts_encoding(cells: int, max_rows: int) -> Encoding:
    """The encoding of counts: one number per cell, and no more rows than the data set may have."""
    return Encoding((Field("count", 0, max_rows, max_rows),), cells)


def write_counts(stream: BufferedIOBase, counts: NDArray[np.int64], max_rows: int) -> None:
    """`write_numbers` for counts."""
    write_numbers(stream, counts_encoding(len(counts), max_rows), {"count": counts})


def read_counts(stream: BufferedReader, cells: int, max_rows: int) -> NDArray[np.int64] | None:
    """`read_numbers` for counts."""
    numbers = read_numbers(stream, counts_encoding(cells, max_rows))
    return None if numbers is None else numbers["count"]


def write_numbers(stream: BufferedIOBase, encoding: Encoding, columns: Mapping[str, NDArray[np.int64]]) -> None:
    """Writes the numbers in batches of at most 1 MiB, and leaves the stream open.

    Raises:
        InternalError: they aren't what the encoding says, and nothing is written; or the other end is gone.
    """
    _check(encoding, columns)
    step = max(1, _BATCH_BYTES // (8 * len(encoding.fields)))
    with contextlib.suppress(pa.ArrowException, OSError):
        with pa.ipc.new_stream(stream, encoding.schema) as batches:
            for start in range(0, encoding.rows, step):
                parts = [pa.array(columns[field.name][start : start + step]) for field in encoding.fields]
                batches.write_batch(pa.record_batch(parts, schema=encoding.schema))
        stream.flush()
        return
    raise InternalError("the computing process stopped before it had the data")


def read_numbers(stream: BufferedReader, encoding: Encoding) -> dict[str, NDArray[np.int64]] | None:
    """Reads the numbers to the stream's end. None if it ended before it began: the reading process found a fault in
    the data, and has said so elsewhere.

    Raises:
        InternalError: what came isn't what the encoding says.
    """
    if not stream.peek(1):
        return None
    columns = None
    with contextlib.suppress(pa.ArrowException, OSError):
        columns = _collect(pa.ipc.open_stream(stream), encoding)
    if columns is None or stream.read(1):
        raise InternalError("the numbers from the reading process are damaged")
    _check(encoding, columns)
    return columns


def _collect(stream: pa.ipc.RecordBatchStreamReader, encoding: Encoding) -> dict[str, NDArray[np.int64]] | None:
    if not stream.schema.equals(encoding.schema, check_metadata=True):
        return None
    columns = {field.name: np.empty(encoding.rows, dtype=np.int64) for field in encoding.fields}
    at = 0
    for batch in stream:
        end = at + batch.num_rows
        if end > encoding.rows:
            return None
        for name, column in zip(columns, batch.columns, strict=True):
            columns[name][at:end] = column.to_numpy()  # refuses nulls, which an int64 array can't hold
        at = end
    return columns if at == encoding.rows else None


def _check(encoding: Encoding, columns: Mapping[str, NDArray[np.int64]]) -> None:
    if list(columns) != [field.name for field in encoding.fields]:
        raise InternalError("the columns to be shared aren't those of the encoding")
    for field in encoding.fields:
        column = columns[field.name]
        if column.dtype != np.int64 or column.shape != (encoding.rows,):
            raise InternalError(f"{field.name}: not {encoding.rows} whole numbers")
        if len(column) and (int(column.min()) < field.low or int(column.max()) > field.high):
            raise InternalError(f"{field.name}: a number is out of its declared bounds")
        if field.max_sum is not None and sum(column.tolist()) > field.max_sum:
            raise InternalError(f"{field.name}: the sum is over its declared bound")
