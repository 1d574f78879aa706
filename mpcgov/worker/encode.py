"""Bounded whole numbers, and texts, on their way from the child that reads data to the child that computes: an Arrow
stream.

Nothing but these crosses: int64 columns whose number and bounds both children know beforehand, and columns of bytes
where rows are linked. The writer checks them before the first byte, and so does the reader.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BufferedIOBase, BufferedReader

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mpcgov.errors import InternalError

_BATCH_BYTES = 1 << 20
_LISTED_BYTES = 8


@dataclass(frozen=True)
class Field:
    """One column of numbers: each from `low` to `high`, and if `max_sum` is given, together at most that."""

    name: str
    low: int
    high: int
    max_sum: int | None = None


@dataclass(frozen=True)
class Encoding:
    """What crosses the pipe: columns of numbers, one for each of `fields`, and before them columns of texts.

    Numbers alone are of cells: `rows` of them. With texts they are of rows: `rows` at most, as how many there are is
    the owner's alone to know; it crosses here and goes no further. Before them crosses how many rows the owner's list
    is said to have, whatever was chosen, or each of its `lists`.
    """

    fields: tuple[Field, ...]
    rows: int
    texts: tuple[str, ...] = ()
    lists: int = 1

    @property
    def least_rows(self) -> int:
        """Fewer don't cross."""
        return 0 if self.texts else self.rows

    @property
    def schema(self) -> pa.Schema:
        """Exactly this schema, without metadata; numbers by position, as the names of their columns may be any."""
        texts = [pa.field(name, pa.large_binary(), nullable=False) for name in self.texts]
        return pa.schema([*texts, *(pa.field(f"c{i}", pa.int64(), nullable=False) for i in range(len(self.fields)))])


def counts_encoding(cells: int, max_rows: int) -> Encoding:
    """The encoding of counts: one number per cell, and no more rows than the data set may have."""
    return Encoding((Field("count", 0, max_rows, max_rows),), cells)


def states_encoding(cells: int, max_rows: int) -> Encoding:
    """The encoding of columns' quality: every row is counted once for each column."""
    return Encoding((Field("count", 0, max_rows),), cells)


def write_counts(stream: BufferedIOBase, counts: NDArray[np.int64], max_rows: int) -> None:
    """`write` for counts."""
    write(stream, counts_encoding(len(counts), max_rows), {"count": counts})


def read_counts(stream: BufferedReader, cells: int, max_rows: int) -> NDArray[np.int64] | None:
    """`read` for counts."""
    numbers = read_numbers(stream, counts_encoding(cells, max_rows))
    return None if numbers is None else numbers["count"]


def read_numbers(stream: BufferedReader, encoding: Encoding) -> dict[str, NDArray[np.int64]] | None:
    """`read` for numbers alone."""
    found = read(stream, encoding)
    return None if found is None else found[0]


def write(
    stream: BufferedIOBase,
    encoding: Encoding,
    numbers: Mapping[str, NDArray[np.int64]],
    texts: Sequence[pa.LargeBinaryArray] = (),
    listed: Sequence[int] = (),
) -> None:
    """Writes the columns in batches of at most 1 MiB of numbers, and leaves the stream open.

    Args:
        listed: of rows, how many each of their lists is said to have.

    Raises:
        InternalError: they aren't what the encoding says, and nothing is written; or the other end is gone.
    """
    _check(encoding, numbers, texts, listed)
    columns = [*texts, *map(pa.array, numbers.values())]
    step = max(1, _BATCH_BYTES // (8 * len(columns)))
    with contextlib.suppress(pa.ArrowException, OSError):
        if texts:
            stream.write(b"".join(length.to_bytes(_LISTED_BYTES, "little") for length in listed))
        with pa.ipc.new_stream(stream, encoding.schema) as batches:
            for start in range(0, len(columns[0]), step):
                parts = [column.slice(start, step) for column in columns]
                batches.write_batch(pa.record_batch(parts, schema=encoding.schema))
        stream.flush()
        return
    raise InternalError("the computing process stopped before it had the data")


def read(
    stream: BufferedReader, encoding: Encoding
) -> tuple[dict[str, NDArray[np.int64]], list[pa.LargeBinaryArray], tuple[int, ...]] | None:
    """Reads numbers, texts, and how many rows are said to be listed, to the stream's end. None if it ended before it
    began: the reading process found a fault in the data, and has said so elsewhere.

    Raises:
        InternalError: what came isn't what the encoding says.
    """
    if not stream.peek(1):
        return None
    table, listed = None, tuple[int, ...]()
    if encoding.texts:
        listed = tuple(int.from_bytes(stream.read(_LISTED_BYTES), "little") for _ in range(encoding.lists))
    with contextlib.suppress(pa.ArrowException, OSError):
        table = _collect(pa.ipc.open_stream(stream), encoding)
    if table is None or stream.read(1):
        raise InternalError("the data from the reading process are damaged")
    numbers = {field.name: table[f"c{i}"].to_numpy() for i, field in enumerate(encoding.fields)}
    texts = [table[name].combine_chunks() for name in encoding.texts]
    _check(encoding, numbers, texts, listed)
    return numbers, texts, listed


def _collect(stream: pa.ipc.RecordBatchStreamReader, encoding: Encoding) -> pa.Table | None:
    if not stream.schema.equals(encoding.schema, check_metadata=True):
        return None
    batches, rows = [], 0
    for batch in stream:
        rows += batch.num_rows
        if rows > encoding.rows or any(column.null_count for column in batch.columns):
            return None
        batch.validate(full=True)
        batches.append(batch)
    return None if rows < encoding.least_rows else pa.Table.from_batches(batches, encoding.schema)


def _check(
    encoding: Encoding,
    numbers: Mapping[str, NDArray[np.int64]],
    texts: Sequence[pa.LargeBinaryArray],
    listed: Sequence[int],
) -> None:
    if list(numbers) != [field.name for field in encoding.fields] or len(texts) != len(encoding.texts):
        raise InternalError("the columns to be shared aren't those of the encoding")
    rows = len(texts[0]) if texts else encoding.rows
    if rows > encoding.rows or any(len(text) != rows for text in texts):
        raise InternalError("the rows to be shared aren't those of the encoding")
    if texts and (len(listed) != encoding.lists or not all(0 <= length <= encoding.rows for length in listed)):
        raise InternalError("the list is said to be longer than it may be")
    for field in encoding.fields:
        column = numbers[field.name]
        if column.dtype != np.int64 or column.shape != (rows,):
            raise InternalError(f"{field.name}: not {rows} whole numbers")
        if len(column) and (int(column.min()) < field.low or int(column.max()) > field.high):
            raise InternalError(f"{field.name}: a number is out of its declared bounds")
        if field.max_sum is not None and sum(column.tolist()) > field.max_sum:
            raise InternalError(f"{field.name}: the sum is over its declared bound")
