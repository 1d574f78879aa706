"""Rows with keys on their way from the child that reads data to the child that computes: an Arrow stream.

The counterpart of `encode.py` for linked jobs. How many rows there are is the owner's alone to know; it crosses here
and goes no further.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BufferedIOBase, BufferedReader

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mpcgov.errors import InternalError
from mpcgov.linked.facts import Linked
from mpcgov.worker.encode import Field

LONGEST_KEY_BYTES = 1 << 16
_BATCH_ROWS = 1 << 16


@dataclass(frozen=True)
class KeyedRows:
    """Rows with distinct keys: the keys' bytes, and for each column one whole number per row.

    Numbers are in the column's steps, categories are positions in its values.
    """

    keys: pa.LargeBinaryArray
    columns: Mapping[str, NDArray[np.int64]]

    def __len__(self) -> int:
        return len(self.keys)

    def key_bytes(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """All keys one after the other, and where each begins and ends: key i is bytes[offsets[i]:offsets[i + 1]]."""
        return bytes_of(self.keys)


def bytes_of(texts: pa.LargeBinaryArray) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All texts one after the other, and where each begins and ends: text i is bytes[offsets[i]:offsets[i + 1]]."""
    _, offsets, data = texts.buffers()
    bounds = np.zeros(1, np.int64) if offsets is None else np.frombuffer(offsets, np.int64)
    bytes_ = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return bytes_, bounds[texts.offset : texts.offset + len(texts) + 1]


@dataclass(frozen=True)
class KeyedEncoding:
    """What crosses the pipe: at most `max_rows` rows, each with a key and the numbers of `fields`."""

    fields: Sequence[Field]
    max_rows: int

    @property
    def schema(self) -> pa.Schema:
        """Exactly this schema, without metadata; columns by position, as their names may be any."""
        numbers = [pa.field(f"c{i}", pa.int64(), nullable=False) for i in range(len(self.fields))]
        return pa.schema([pa.field("key", pa.large_binary(), nullable=False), *numbers])


def encoding(linked: Linked, party: str) -> KeyedEncoding:
    """The encoding of an owner's rows: the columns that the job computes with, with their bounds."""
    fields = []
    for column in linked.asked.columns:
        if column.party == party and linked.is_category(column):
            fields.append(Field(column.column, 0, len(linked.levels(column)) - 1))
        elif column.party == party:
            number = linked.declared_number(column)
            fields.append(Field(column.column, number.low, number.high))
    return KeyedEncoding(fields, linked.declarations[party].max_rows)


def write_rows(stream: BufferedIOBase, encoding: KeyedEncoding, rows: KeyedRows) -> None:
    """Writes the rows in batches, and leaves the stream open.

    Raises:
        InternalError: they aren't what the encoding says, and nothing is written; or the other end is gone.
    """
    _check(encoding, rows)
    numbers = [pa.array(rows.columns[field.name]) for field in encoding.fields]
    with contextlib.suppress(pa.ArrowException, OSError):
        with pa.ipc.new_stream(stream, encoding.schema) as batches:
            for start in range(0, len(rows), _BATCH_ROWS):
                part = [array.slice(start, _BATCH_ROWS) for array in (rows.keys, *numbers)]
                batches.write_batch(pa.record_batch(part, schema=encoding.schema))
        stream.flush()
        return
    raise InternalError("the computing process stopped before it had the data")


def read_rows(stream: BufferedReader, encoding: KeyedEncoding) -> KeyedRows | None:
    """Reads the rows to the stream's end. None if it ended before it began: the reading process found a fault in the
    data, and has said so elsewhere.

    Raises:
        InternalError: what came isn't what the encoding says.
    """
    if not stream.peek(1):
        return None
    table = None
    with contextlib.suppress(pa.ArrowException, OSError):
        table = collect(pa.ipc.open_stream(stream), encoding.schema, encoding.max_rows)
    if table is None or stream.read(1):
        raise InternalError("the rows from the reading process are damaged")
    numbers = {field.name: table[f"c{i}"].to_numpy() for i, field in enumerate(encoding.fields)}
    rows = KeyedRows(table["key"].combine_chunks(), numbers)
    _check(encoding, rows)
    return rows


def collect(stream: pa.ipc.RecordBatchStreamReader, schema: pa.Schema, max_rows: int) -> pa.Table | None:
    """All rows of a stream; None if they have another schema, or are too many, or a value is missing."""
    if not stream.schema.equals(schema, check_metadata=True):
        return None
    batches, rows = [], 0
    for batch in stream:
        rows += batch.num_rows
        if rows > max_rows or any(column.null_count for column in batch.columns):
            return None
        batch.validate(full=True)
        batches.append(batch)
    return pa.Table.from_batches(batches, schema)


def _check(encoding: KeyedEncoding, rows: KeyedRows) -> None:
    if list(rows.columns) != [field.name for field in encoding.fields] or len(rows) > encoding.max_rows:
        raise InternalError("the rows to be linked aren't those of the encoding")
    if len(rows) and int(pc.max(pc.binary_length(rows.keys)).as_py()) > LONGEST_KEY_BYTES:
        raise InternalError("a key is longer than it may be")
    check_numbers(encoding.fields, rows.columns, len(rows))


def check_numbers(fields: Sequence[Field], columns: Mapping[str, NDArray[np.int64]], rows: int) -> None:
    """Raise InternalError unless the columns are those of the fields, within their bounds."""
    for field in fields:
        column = columns[field.name]
        if column.dtype != np.int64 or column.shape != (rows,):
            raise InternalError(f"{field.name}: not {rows} whole numbers")
        if len(column) and (int(column.min()) < field.low or int(column.max()) > field.high):
            raise InternalError(f"{field.name}: a number is out of its declared bounds")
