"""Rows with keys, as they go from the child that reads data to the child that computes in linked jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedIOBase, BufferedReader

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mpcgov.errors import InternalError
from mpcgov.linked.facts import Linked
from mpcgov.worker import encode
from mpcgov.worker.encode import Encoding, Field

LONGEST_KEY_BYTES = 1 << 16


@dataclass(frozen=True)
class KeyedRows:
    """Rows with distinct keys: the keys' bytes, and for each column one whole number per row.

    Numbers are in the column's steps, categories are positions in its values. `listed`: how many keys the whole data
    set has, whichever rows were chosen: what others hear of, rounded up. `notes`: what the owner's own people should
    know of the rows that these were made from; they go nowhere else.
    """

    keys: pa.LargeBinaryArray
    columns: Mapping[str, NDArray[np.int64]]
    listed: int
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.keys)


def bytes_of(texts: pa.LargeBinaryArray) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All texts one after the other, and where each begins and ends: text i is bytes[offsets[i]:offsets[i + 1]]."""
    _, offsets, data = texts.buffers()
    bounds = np.zeros(1, np.int64) if offsets is None else np.frombuffer(offsets, np.int64)
    bytes_ = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return bytes_, bounds[texts.offset : texts.offset + len(texts) + 1]


def as_one(column: pa.ChunkedArray) -> pa.Array:
    """A column as a single array; large types, as all its text together may be over 2 GiB.

    It is copied even if it is a single one already: how many there are may follow from the rows that a job chooses.
    """
    large = column.cast(pa.large_string()) if pa.types.is_string(column.type) else column
    return large.combine_chunks() if isinstance(large, pa.ChunkedArray) else large


def fields(linked: Linked, party: str) -> tuple[Field, ...]:
    """The columns of an owner that the job computes with, with their bounds."""
    found = []
    for column in linked.asked.columns:
        if column.party == party and linked.is_category(column):
            found.append(Field(column.column, 0, len(linked.levels(column)) - 1))
        elif column.party == party:
            number = linked.declared_number(column)
            found.append(Field(column.column, number.low, number.high))
    return tuple(found)


def encoding(linked: Linked, party: str) -> Encoding:
    """The encoding of an owner's rows: a key and the numbers of each."""
    return Encoding(fields(linked, party), linked.declarations[party].max_rows, ("key",))


def write_rows(stream: BufferedIOBase, encoding: Encoding, rows: KeyedRows) -> None:
    """`encode.write` for rows with keys."""
    _check(rows)
    encode.write(stream, encoding, rows.columns, [rows.keys], [rows.listed])


def read_rows(stream: BufferedReader, encoding: Encoding) -> KeyedRows | None:
    """`encode.read` for rows with keys."""
    found = encode.read(stream, encoding)
    if found is None:
        return None
    numbers, (texts,), (listed,) = found
    rows = KeyedRows(texts, numbers, listed)
    _check(rows)
    return rows


def _check(rows: KeyedRows) -> None:
    if len(rows) and int(pc.max(pc.binary_length(rows.keys)).as_py()) > LONGEST_KEY_BYTES:
        raise InternalError("a key is longer than it may be")
    if rows.listed < len(rows):
        raise InternalError("more keys than the data set is said to have")
