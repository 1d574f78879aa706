"""Whether a file is the CSV that mpcgov reads, counted row by row before any engine parses it.

UTF-8 (a byte order mark may stand first), one delimiter, double quotes as in RFC 4180, a header, one kind of line end.
Engines are lenient in ways that change counts: DuckDB's strict mode drops blanks around quotes, takes a row with one
comma too many, skips the encoding check in columns it doesn't need, and stops without a count at a mixed line end.
So the file is checked here byte by byte; what passes means the same to every parser. Reports numbers of rows only.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import mmap
import os
import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

LIMIT_ROW_BYTES = 1 << 20
_CHUNK_BYTES = 4 << 20
BARE_CR = "with another line end than the header's, or with a bare CR"
MISQUOTED = "with a quote out of place or not closed"
_BOM = codecs.BOM_UTF8
_QUOTE, _CR, _LF = b'"\r\n'
_QUOTED = re.compile(rb'"[^"]*+(?:""[^"]*+)*+"')


class _Bytes:
    """Which bytes mean something where fields are parted by `delimiter`."""

    def __init__(self, delimiter: str) -> None:
        self.delimiter = ord(delimiter)
        self.special = np.isin(np.arange(256), [self.delimiter, _QUOTE, _CR, _LF])
        self.before_quote = np.isin(np.arange(256), [self.delimiter, _LF, _QUOTE])
        self.after_quote = np.isin(np.arange(256), [self.delimiter, _LF, _CR, _QUOTE])
        part = re.escape(delimiter.encode())
        field = rb'(?:"[^"]*+(?:""[^"]*+)*+"|[^"\r\n' + part + rb"]*+)"
        self.record = re.compile(field + rb"(?:" + part + field + rb")*+(?:\r?\n|\Z)")


@dataclass
class Structure:
    """What a file is made of: how many rows of data, and how many of them break which rule."""

    rows: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    """What is wrong, as words that follow a number of rows; only what occurs."""
    first_ragged: int = 0
    """The number of the first row (the header is none) without the right number of fields, if it is known."""
    lines_within: bool = False
    """Whether a field between quotes has a line end in it."""

    def note(self, what: str, rows: int) -> None:
        """Adds a fault, if any row has it."""
        if rows:
            self.faults[what] = self.faults.get(what, 0) + rows


def header(fd: int, delimiter: str = ",") -> list[str] | None:
    """The names in the first row, as they stand; bytes that aren't UTF-8 come out replaced (`scan` reports them).

    None if a quote in it is out of place, or it is longer than 1 MiB.
    """
    text = os.pread(fd, LIMIT_ROW_BYTES, 0).removeprefix(_BOM).decode("utf-8", errors="replace")
    with contextlib.suppress(csv.Error):
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), [])
    return None


def scan(fd: int, columns: int, delimiter: str = ",") -> Structure:
    """Counts the rows of an open file, and those that don't have the structure of `columns` fields each.

    A blank line is no row, except in a file of one column, where it is a row with a missing value. One pass, about
    300 MB/s, in constant memory; a file with a fault in its encoding or its quotes is read once more to count exactly.
    """
    size = os.fstat(fd).st_size
    if not _is_text(fd, size):
        return _count_untextual(fd)
    start = len(_BOM) if os.pread(fd, len(_BOM), 0) == _BOM else 0
    bytes_ = _Bytes(delimiter)
    scanner = _Scanner(columns, start, bytes_)
    while scanner.offset < size:
        chunk = os.pread(fd, _CHUNK_BYTES, scanner.offset)
        if not chunk:
            break
        scanner.feed(chunk, os.pread(fd, 1, scanner.offset + len(chunk)))
    if not (scanner.misquoted or scanner.inside):
        return scanner.result()
    structure = _count_misquoted(fd, columns, start, bytes_)
    if not structure.faults:
        structure.note(MISQUOTED, 1)  # only in a row too long for the slower reading
    return structure


def _is_text(fd: int, size: int) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    at = 0
    try:
        while at < size and (chunk := os.pread(fd, _CHUNK_BYTES, at)):
            at += len(chunk)
            decoder.decode(chunk)
            if 0 in chunk:
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _count_untextual(fd: int) -> Structure:
    structure = Structure()
    with mmap.mmap(fd, 0, access=mmap.ACCESS_READ) as data:
        for line in iter(data.readline, b""):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                structure.note("not in UTF-8", 1)
            structure.note("with NUL bytes", int(0 in line))
    return structure


def _count_misquoted(fd: int, columns: int, start: int, bytes_: _Bytes) -> Structure:
    """Row by row: a row that isn't RFC 4180 is counted, and reading goes on at the next line."""
    structure = Structure(rows=-1)
    with mmap.mmap(fd, 0, access=mmap.ACCESS_READ) as data:
        at, size = start, len(data)
        while at < size:
            match = bytes_.record.match(data, at, min(at + LIMIT_ROW_BYTES, size))
            if match:
                at = match.end()
                commas = _QUOTED.sub(b"", match.group()).count(bytes_.delimiter)
                structure.note(_ragged(columns), int(commas != columns - 1 and match.group() not in (b"\n", b"\r\n")))
            else:
                at = data.find(b"\n", at) + 1 or size
                structure.note(MISQUOTED, 1)
            structure.rows += 1
    return structure


def _ragged(columns: int) -> str:
    return f"without exactly {columns} {'field' if columns == 1 else 'fields'}"


class _Scanner:
    """The state between two chunks: whether inside quotes, and what is known of the unfinished row."""

    def __init__(self, columns: int, start: int, bytes_: _Bytes) -> None:
        self.columns = columns
        self.bytes = bytes_
        self.offset = start  # of the next byte to read
        self.row_start = start
        self.commas = 0  # in the unfinished row
        self.inside = 0
        self.last = _LF
        self.rows = self.ragged = self.misquoted = self.too_long = self.stray_cr = self.lf = self.crlf = 0
        self.first_ragged = 0
        self.first_is_crlf: bool | None = None
        self.lines_within = False
        self.unended = False  # whether the last row has no line end

    def feed(self, chunk: bytes, following: bytes) -> None:
        """Takes the next bytes; `following` is the byte after them, empty at the end, where a line end is assumed."""
        if not following and chunk[-1] != _LF:
            self.stray_cr += chunk[-1] == _CR
            self.unended = True
            chunk += b"\n"
        window = np.frombuffer(bytes([self.last]) + chunk + (following or b"\n"), dtype=np.uint8)
        at = np.flatnonzero(self.bytes.special[window[1:-1]]) + 1
        kind, before, after = window[at], window[at - 1], window[at + 1]
        quote = kind == _QUOTE
        opened = self.inside + np.cumsum(quote)
        inside = ((opened - quote) & 1).astype(bool)
        wrong = np.where(inside, ~self.bytes.after_quote[after], ~self.bytes.before_quote[before])
        self.misquoted += int(np.count_nonzero(quote & wrong))
        self.stray_cr += int(np.count_nonzero((kind == _CR) & ~inside & (after != _LF)))
        self.lines_within = self.lines_within or bool((inside & ((kind == _LF) | (kind == _CR))).any())
        ends = (kind == _LF) & ~inside
        self._rows(
            at[ends] + (self.offset - 1), before[ends] == _CR, np.cumsum((kind == self.bytes.delimiter) & ~inside), ends
        )
        self.inside = int(opened[-1] & 1) if len(opened) else self.inside
        self.last = chunk[-1]
        self.offset += len(chunk)

    def _rows(
        self, ends: NDArray[np.int64], crlf: NDArray[np.bool_], commas: NDArray[np.int64], is_end: NDArray[np.bool_]
    ) -> None:
        """Takes the rows that end in this chunk: where, how, and the running number of commas at every special byte."""
        total = self.commas + (int(commas[-1]) if len(commas) else 0)
        if len(ends):
            at_end = self.commas + commas[is_end]
            length = np.diff(ends, prepend=self.row_start - 1) - 1 - crlf
            number = np.diff(at_end, prepend=0)
            real = (length > 0) | (self.columns == 1)
            ragged = real & (number != self.columns - 1)
            if not self.ragged and ragged.any():
                self.first_ragged = self.rows + int(np.count_nonzero(real[: int(ragged.argmax())]))
            self.rows += int(np.count_nonzero(real))
            self.ragged += int(np.count_nonzero(ragged))
            self.too_long += int(np.count_nonzero(length > LIMIT_ROW_BYTES))
            self.crlf += int(np.count_nonzero(crlf))
            self.lf += int(np.count_nonzero(~crlf))
            if self.first_is_crlf is None:
                self.first_is_crlf = bool(crlf[0])
            self.row_start = int(ends[-1]) + 1
            total -= int(at_end[-1])
        self.commas = total

    def result(self) -> Structure:
        structure = Structure(rows=self.rows - 1, first_ragged=self.first_ragged, lines_within=self.lines_within)
        other = self.lf - self.unended if self.first_is_crlf else self.crlf
        structure.note(BARE_CR, max(0, other) + self.stray_cr)
        if not self.stray_cr:  # with which no row ends where it seems to
            structure.note(_ragged(self.columns), self.ragged)
        structure.note(f"longer than {LIMIT_ROW_BYTES:,} bytes", self.too_long)
        return structure
