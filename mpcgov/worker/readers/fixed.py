"""Files of fixed width: lines without a header, each column at its declared characters, `at: [1, 8]`.

Blanks around a value aren't part of it. A line may end early, where blanks at its end were cut off: what isn't there is
missing. Lines without any character are none.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from mpcgov.errors import DataError
from mpcgov.worker.engine import Backend
from mpcgov.worker.readers.raw import Raw, Wanted, taken, text_schema

LIMIT_LINE_BYTES = 1 << 20
_PIECE_BYTES = 4 << 20
_LINES = "write each record on a line of its own, as mainframes don't: fold -w 80 does it for records of 80 bytes"

Places = Mapping[str, tuple[int, int]]
"""By declared column, its first and its last character, counted from 1."""


def read(fd: int, wanted: Wanted, backend: Backend) -> Raw:
    """The rows of a plain file.

    Raises:
        DataError: no column is said to stand anywhere, it isn't UTF-8, or no line is long enough, or one too long.
    """
    at = {column: wanted.reading(column).at for column in wanted.declaration.columns}
    places = {column: place for column, place in at.items() if place}
    if len(places) < len(at):
        hint = "say of each column where it stands, at: [1, 8]; or name the file .csv, if something parts its columns"
        raise DataError(f"{wanted.name}: a file of fixed width, and its columns have no at", hint=hint)
    longest = [0]
    table, rows = taken(backend, wanted, text_schema(len(places)), _batches(fd, places, wanted, longest))
    # Of all declared columns, not of those that a job asks for: no job may choose what is refused.
    first = min(reading.at[0] for reading in wanted.dataset.readings.values() if reading.at)
    if rows and longest[0] < first:
        raise DataError(
            f"{wanted.name}: no line is long enough for a declared column",
            hint="check the characters that at names, and skip_lines for lines above the rows",
        )
    last = max(reading.at[1] for reading in wanted.dataset.readings.values() if reading.at)
    if rows == 1 and longest[0] >= 2 * last:
        raise DataError(f"{wanted.name}: one line, long enough for {longest[0] // last} records", hint=_LINES)
    return Raw(table, {column: f"c{n}" for n, column in enumerate(places)}, rows, typed=False)


def _batches(fd: int, places: Places, wanted: Wanted, longest: list[int]) -> Iterator[pa.RecordBatch]:
    schema = text_schema(len(places))
    for lines in _lines(fd, wanted):
        text = pa.array(lines, pa.string())
        longest[0] = max(longest[0], pc.max(pc.utf8_length(text)).as_py() or 0)
        yield pa.record_batch([_value(text, *place) for place in places.values()], schema=schema)


def _value(lines: pa.Array, first: int, last: int) -> pa.Array:
    return pc.utf8_trim_whitespace(pc.utf8_slice_codeunits(lines, first - 1, last))


def _lines(fd: int, wanted: Wanted) -> Iterator[list[bytes]]:
    """Lines some at a time, without their ends."""
    with os.fdopen(os.dup(fd), "rb") as stream:
        stream.seek(0)
        start = stream.read(3)
        stream.seek(0 if start != b"\xef\xbb\xbf" else 3)
        left = b""
        while piece := stream.read(_PIECE_BYTES):
            whole, _, left = (left + piece).rpartition(b"\n")
            if len(left) > LIMIT_LINE_BYTES:
                raise DataError(f"{wanted.name}: a line over {LIMIT_LINE_BYTES >> 20} MiB", hint=_LINES)
            yield _checked(whole, wanted)
        yield _checked(left, wanted)


def _checked(text: bytes, wanted: Wanted) -> list[bytes]:
    with contextlib.suppress(UnicodeDecodeError):
        text.decode()
        return [line for whole in text.split(b"\n") if (line := whole.rstrip(b"\r\x1a"))]
    raise DataError(f"{wanted.name}: not in UTF-8", hint="set encoding, such as windows-1252")
