"""Records to be compared, as they go from the child that reads data to the child that computes: rows without a key.

A field may be missing in some records: it is empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedIOBase, BufferedReader

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mpcgov.errors import InternalError
from mpcgov.linked.blocks import block_column
from mpcgov.linked.facts import Linked
from mpcgov.worker import encode, keyed
from mpcgov.worker.encode import Encoding, Field

IDENTIFIER = "identifier"
"""The name in encodings of the texts that identify records; it is the last one."""


@dataclass(frozen=True)
class Records:
    """An owner's records: its fields' normalised texts, what identifies each record, and columns of whole numbers.

    `identifiers`: None if no receiver is told them. `blocks`: of each pass the number of each record's block, −1 if it
    is in none; none if the job has no blocks. `listed`: how many records the whole data set has, or its fullest block
    of each pass, whichever were chosen; at the end, if exact pairs are asked for, how many it has. `notes`: what the
    owner's own people should know of them.
    """

    fields: tuple[pa.LargeBinaryArray, ...]
    identifiers: pa.LargeBinaryArray | None
    columns: Mapping[str, NDArray[np.int64]]
    listed: tuple[int, ...]
    blocks: tuple[NDArray[np.int64], ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.fields[0])


def encoding(linked: Linked, party: str) -> Encoding:
    """The encoding of an owner's records: as the job's fields, output and columns need."""
    texts = [f"f{i}" for i in range(len(linked.asked.fields))] + [IDENTIFIER] * (linked.asked.output == "links")
    fields, most = (*keyed.fields(linked, party), *_block_fields(linked)), linked.declarations[party].max_rows
    return Encoding(fields, most, tuple(texts), len(linked.passes) + bool(linked.asked.exact_fields))


def _block_fields(linked: Linked) -> list[Field]:
    counts = linked.block_counts if linked.asked.blocks else ()
    return [Field(block_column(number), -1, count - 1) for number, count in enumerate(counts)]


def write_records(stream: BufferedIOBase, encoding: Encoding, records: Records) -> None:
    """`encode.write` for records."""
    if (records.identifiers is not None) != (IDENTIFIER in encoding.texts):
        raise InternalError("records that are identified though they needn't be, or the reverse")
    naming = [] if records.identifiers is None else [records.identifiers]
    numbers = {**records.columns, **{block_column(number): one for number, one in enumerate(records.blocks)}}
    encode.write(stream, encoding, numbers, [*records.fields, *naming], records.listed)


def read_records(stream: BufferedReader, encoding: Encoding) -> Records | None:
    """`encode.read` for records."""
    found = encode.read(stream, encoding)
    if found is None:
        return None
    numbers, texts, listed = found
    identifiers = texts.pop() if IDENTIFIER in encoding.texts else None
    named = [name for name in map(block_column, range(encoding.lists)) if name in numbers]
    blocks = tuple([numbers.pop(name) for name in named])
    return Records(tuple(texts), identifiers, numbers, listed, blocks)
