"""Files of fixed width: lines without a header, each column at its declared characters, `at: [1, 8]`.

Blanks around a value aren't part of it. A line may end early, where blanks at its end were cut off: what isn't there is
missing. Lines without any character are none.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from mpcgov.errors import DataError
from mpcgov.spec.table import DecimalColumn, IntegerColumn
from mpcgov.worker.engine import Backend
from mpcgov.worker.readers.raw import Raw, Wanted, counted, taken, text_schema

LIMIT_LINE_BYTES = 1 << 20
_PIECE_BYTES = 4 << 20
_LINES = "write each record on a line of its own, as mainframes don't: fold -w 80 does it for records of 80 bytes"

_BYTES = (
    "at counts characters, and columns behind a letter of two bytes would be others: write the file in an encoding of "
    "one byte a letter, and declare that: encoding: windows-1252"
)

_BEFORE, _BEHIND = r"(^|[^0-9])[-+]$", r"^[-+]([^0-9]|$)"
"""A sign that is beside a number, and not between two as in 2024-12."""

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
    seen = _Seen()
    table, rows = taken(backend, wanted, text_schema(len(places)), _batches(fd, places, wanted, seen))
    # Of all declared columns, not of those that a job asks for: no job may choose what is refused.
    first = min(reading.at[0] for reading in wanted.dataset.readings.values() if reading.at)
    if rows and seen.longest < first:
        raise DataError(
            f"{wanted.name}: no line is long enough for a declared column",
            hint="check the characters that at names, and skip_lines for lines above the rows",
        )
    last = max(reading.at[1] for reading in wanted.dataset.readings.values() if reading.at)
    if rows == 1 and seen.longest >= 2 * last:
        raise DataError(f"{wanted.name}: one line, long enough for {seen.longest // last} records", hint=_LINES)
    if seen.counted_in_bytes:
        raise DataError(f"{wanted.name}: its lines are equally long in bytes, but not in characters", hint=_BYTES)
    columns = {column: f"c{n}" for n, column in enumerate(places)}
    return Raw(table, columns, rows, typed=False, remarks=tuple(_remarks(seen)))


@dataclass
class _Seen:
    """What was seen of the lines: how long they are in characters, and by `sizes` in bytes, how many hold tabs, and by
    column how many a sign beside it."""

    longest: int = 0
    shortest: int = LIMIT_LINE_BYTES
    sizes: set[int] = field(default_factory=set)
    tabs: int = 0
    signs: Counter[str] = field(default_factory=Counter)

    @property
    def counted_in_bytes(self) -> bool:
        """Whether whoever wrote the lines counted bytes where we count characters."""
        return len(self.sizes) == 1 and self.shortest < self.longest

    def look(self, lines: pa.Array, places: Places, wanted: Wanted) -> None:
        """Takes some lines."""
        lengths = pc.utf8_length(lines)
        self.longest = max(self.longest, pc.max(lengths).as_py() or 0)
        self.shortest = min(self.shortest, pc.min(lengths).as_py() or self.shortest)
        self.sizes |= {size for size in pc.min_max(pc.binary_length(lines)).as_py().values() if size is not None}
        self.tabs += pc.sum(pc.match_substring(lines, "\t")).as_py() or 0
        numbers = (
            name for name in places if isinstance(wanted.declaration.columns[name], IntegerColumn | DecimalColumn)
        )
        for column in numbers:
            first, last = places[column]
            before, behind = (max(0, first - 3), first - 1, _BEFORE), (last, last + 2, _BEHIND)
            for place, (start, stop, form) in ((first - 1, before), (last + 1, behind)):
                if not _is_declared(place, wanted):
                    signs = pc.match_substring_regex(pc.utf8_slice_codeunits(lines, start, stop), form)
                    self.signs[column] += pc.sum(signs).as_py() or 0


def _is_declared(place: int, wanted: Wanted) -> bool:
    places = (reading.at for reading in wanted.dataset.readings.values() if reading.at)
    return any(first <= place <= last for first, last in places)


def _remarks(seen: _Seen) -> Iterator[str]:
    if seen.tabs:
        yield f"{counted(seen.tabs)} with a tab, which counts as one character here however many blanks it stood for"
    for column, rows in seen.signs.items():
        if rows:
            yield f"column {column}: {counted(rows)} with a sign just outside of what at names: is it the number's?"


def _batches(fd: int, places: Places, wanted: Wanted, seen: _Seen) -> Iterator[pa.RecordBatch]:
    schema = text_schema(len(places))
    for lines in _lines(fd, wanted):
        text = pa.array(lines, pa.string())
        seen.look(text, places, wanted)
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
