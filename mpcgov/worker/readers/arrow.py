"""Arrow and Feather files: batches as they stand, of the columns that are asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa

from mpcgov.errors import DataError
from mpcgov.worker.engine import Backend, quiet
from mpcgov.worker.file import OpenFile
from mpcgov.worker.readers.raw import Raw, Wanted, check_names, taken
from mpcgov.worker.readers.types import refuse_unread


def read(file: OpenFile, wanted: Wanted, backend: Backend) -> Raw:
    """The rows of an Arrow file or stream.

    Raises:
        DataError: it is none, lacks a column, or has one of a type that isn't read.
    """
    fault = DataError(f"{wanted.name}: not an Arrow file, or damaged", code="data-unreadable")
    if os.pread(file.fd, 4, 0) == b"FEA1":
        raise DataError(f"{wanted.name}: Feather of version 1 isn't read", hint="write it again as version 2")
    with os.fdopen(os.dup(file.fd), "rb") as stream:
        reader = quiet(lambda: opened(stream), fault)
        check_names(reader.schema.names, wanted, "each declared column must stand there once")
        refuse_unread(reader.schema, wanted)
        places = [reader.schema.get_field_index(source) for source in wanted.sources.values()]
        plain = [_plain(reader.schema.field(i).type) for i in places]
        schema = pa.schema([(f"c{n}", kind) for n, kind in enumerate(plain)])

        def batches() -> Iterator[pa.RecordBatch]:
            is_file = isinstance(reader, pa.ipc.RecordBatchFileReader)
            for batch in map(reader.get_batch, range(reader.num_record_batches)) if is_file else reader:
                arrays = [_as(batch.column(i), kind) for i, kind in zip(places, plain, strict=True)]
                yield pa.record_batch(arrays, schema=schema)

        table, rows = taken(backend, wanted, schema, batches())
    return Raw(table, {column: f"c{n}" for n, column in enumerate(wanted.sources)}, rows, typed=True)


def opened(stream: BinaryIO) -> Any:
    """A reader of batches: of a file, which has them by number, or of a stream."""
    stream.seek(0)
    is_file = stream.read(6) == b"ARROW1"
    stream.seek(0)
    return pa.ipc.open_file(stream) if is_file else pa.ipc.open_stream(stream)


def _as(values: pa.Array, kind: pa.DataType) -> pa.Array:
    if not pa.types.is_dictionary(values.type):
        return values.cast(kind)
    return values.dictionary.cast(kind).take(values.indices)  # Arrow itself decodes no dictionary of string views


def _plain(kind: pa.DataType) -> pa.DataType:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    kind = pa.string() if pa.types.is_string_view(kind) else kind
    return pa.decimal128(kind.precision, kind.scale) if pa.types.is_decimal256(kind) else kind
