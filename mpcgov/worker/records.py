"""Records to be compared, from their owner's data to the child that computes: an Arrow stream of their fields.

The counterpart of `keyed.py` for jobs without a key. A field may be missing in some records. How many
records there are is the owner's alone to know; it crosses here and goes no further.
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
from mpcgov.linked.blocks import BLOCK, count
from mpcgov.linked.facts import Linked
from mpcgov.worker import keyed
from mpcgov.worker.encode import Field

_BATCH_ROWS = 1 << 16


@dataclass(frozen=True)
class Records:
    """An owner's records: its fields' normalised texts, what identifies each record, and columns of whole numbers.

    `identifiers`: None if no receiver is told them. The column BLOCK is the number of each record's block, if any.
    """

    fields: tuple[pa.LargeBinaryArray, ...]
    identifiers: pa.LargeBinaryArray | None
    columns: Mapping[str, NDArray[np.int64]]

    def __len__(self) -> int:
        return len(self.fields[0])


@dataclass(frozen=True)
class RecordsEncoding:
    """What crosses the pipe: at most `max_rows` records."""

    fields: int
    identified: bool
    numbers: tuple[Field, ...]
    max_rows: int

    @property
    def schema(self) -> pa.Schema:
        """Exactly this schema, without metadata; columns by position."""
        names = [f"f{i}" for i in range(self.fields)] + ["identifier"] * self.identified
        texts_ = [pa.field(name, pa.large_binary(), nullable=False) for name in names]
        return pa.schema([*texts_, *(pa.field(f"c{i}", pa.int64(), nullable=False) for i in range(len(self.numbers)))])


def encoding(linked: Linked, party: str) -> RecordsEncoding:
    """The encoding of an owner's records: as the job's fields, output and columns need."""
    numbers = keyed.encoding(linked, party)
    block = [Field(BLOCK, -1, count(linked.blocks) - 1)] if linked.blocks else []
    return RecordsEncoding(
        len(linked.asked.fields), linked.asked.output == "links", (*numbers.fields, *block), numbers.max_rows
    )


def write_records(stream: BufferedIOBase, encoding: RecordsEncoding, records: Records) -> None:
    """Writes the records in batches, and leaves the stream open.

    Raises:
        InternalError: they aren't what the encoding says, and nothing is written; or the other end is gone.
    """
    _check(encoding, records)
    naming = [] if records.identifiers is None else [records.identifiers]
    columns = [*records.fields, *naming, *(pa.array(records.columns[field.name]) for field in encoding.numbers)]
    with contextlib.suppress(pa.ArrowException, OSError):
        with pa.ipc.new_stream(stream, encoding.schema) as batches:
            for start in range(0, len(records), _BATCH_ROWS):
                part = [array.slice(start, _BATCH_ROWS) for array in columns]
                batches.write_batch(pa.record_batch(part, schema=encoding.schema))
        stream.flush()
        return
    raise InternalError("the computing process stopped before it had the data")


def read_records(stream: BufferedReader, encoding: RecordsEncoding) -> Records | None:
    """Reads the records to the stream's end. None if it ended before it began: the reading process found a fault.

    Raises:
        InternalError: what came isn't what the encoding says.
    """
    if not stream.peek(1):
        return None
    table = None
    with contextlib.suppress(pa.ArrowException, OSError):
        table = keyed.collect(pa.ipc.open_stream(stream), encoding.schema, encoding.max_rows)
    if table is None or stream.read(1):
        raise InternalError("the records from the reading process are damaged")
    records = Records(
        tuple(table[f"f{i}"].combine_chunks() for i in range(encoding.fields)),
        table["identifier"].combine_chunks() if encoding.identified else None,
        {field.name: table[f"c{i}"].to_numpy() for i, field in enumerate(encoding.numbers)},
    )
    _check(encoding, records)
    return records


def _check(encoding: RecordsEncoding, records: Records) -> None:
    shapes = {len(field) for field in records.fields} | {len(column) for column in records.columns.values()}
    if len(records.fields) != encoding.fields or len(shapes) != 1 or len(records) > encoding.max_rows:
        raise InternalError("the records to be compared aren't those of the encoding")
    if (records.identifiers is not None) != encoding.identified:
        raise InternalError("records that are identified though they needn't be, or the reverse")
    keyed.check_numbers(encoding.numbers, records.columns, len(records))
