"""CSV files: checked byte by byte, then read by the engine, every column as text.

What isn't plain UTF-8 – another encoding, a compressed file, lines before the header – is made so in memory first, a
piece at a time; nothing is copied to a disk.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from mpcgov.errors import DataError
from mpcgov.spec.reading import Dialect
from mpcgov.worker import csv_structure
from mpcgov.worker.engine import Backend, quiet
from mpcgov.worker.file import OpenFile, suffix_of
from mpcgov.worker.readers import csv_advice, packed
from mpcgov.worker.readers.raw import Raw, Wanted, check_names, check_rows, counted, unreadable

LIMIT_UNPACKED_BYTES = 8 << 30
_PIECE_BYTES = 1 << 22
_OTHERS = {
    b"PAR1": "a Parquet file: name it .parquet",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: name it .xls",
    b"$FL2": "an SPSS file: name it .sav",
    b"ARROW1": "an Arrow file: name it .arrow",
}
_MARKUP = re.compile(rb"\s*(<(!DOCTYPE|html|table|\?xml)|[\[{]\s*[{\"\[])", re.IGNORECASE)
_NAMES = "each declared column must be named once, by the first line; another name there is given by from"
_SAVE = "save it as UTF-8 CSV, or declare delimiter, encoding and skip_lines"
_UTF8 = ("utf-8", "utf-8-sig")
_MARKS = {
    codecs.BOM_UTF32_LE: ("utf-32", "utf-32-le"),
    codecs.BOM_UTF32_BE: ("utf-32", "utf-32-be"),
    codecs.BOM_UTF16_LE: ("utf-16", "utf-16-le"),
    codecs.BOM_UTF16_BE: ("utf-16", "utf-16-be"),
    codecs.BOM_UTF8: _UTF8,
}
_DAMAGED = "damaged, or packed in a way that isn't read: it can't be unpacked"
_CONTROL = re.compile("[\x80-\x84\x86-\x9f]")
"""What no text holds: windows-1250 and others have letters where ISO 8859 has these."""
_NEXT_LINE = "\x85"
"""How EBCDIC ends a line: its tables put byte 0x15 there, and LF elsewhere."""


def dialect(wanted: Wanted, source: str) -> Dialect:
    """As declared; tabs where a file is named .tsv and nothing else is said."""
    declared = {name: getattr(wanted.dataset, name) for name in Dialect.model_fields}
    if suffix_of(source) in (".tsv", ".tab") and "delimiter" not in wanted.dataset.model_fields_set:
        declared["delimiter"] = "\t"
    return Dialect(**declared)


def start(file: OpenFile, size: int = 1 << 16) -> bytes:
    """The first bytes of a file, unpacked.

    Raises:
        DataError: it can't be unpacked.
    """
    if not packed.is_packed(os.pread(file.fd, 8, 0)):
        return os.pread(file.fd, size, 0)
    with os.fdopen(os.dup(file.fd), "rb") as stream:
        stream.seek(0)
        whole = _unpacked(stream, file.name)
        return bytes(quiet(lambda: whole.read(size), unreadable(file.name)))


def _unpacked(stream: BinaryIO, name: str) -> Any:
    try:
        return packed.unpacked(stream, name)
    except packed.FAULTS:
        pass
    raise DataError(f"{name}: {_DAMAGED}", hint="pack it again, or unpack it", code="data-unreadable")


@contextmanager
def plain(file: OpenFile, how: Dialect) -> Iterator[int]:
    """A descriptor of the file as plain UTF-8 that begins with the header: the file's own if it is that.

    Raises:
        DataError: it is something else than text, or can't be unpacked or decoded.
    """
    magic = os.pread(file.fd, 8, 0)
    for known, what in _OTHERS.items():
        if magic.startswith(known):
            raise DataError(f"{file.name}: not CSV but {what}")
    _check_mark(magic, how.encoding, file.name)
    beginning = os.pread(file.fd, 1 << 12, 0)
    if _MARKUP.match(beginning):
        raise DataError(f"{file.name}: not CSV but HTML, XML or JSON", hint="write it out as CSV or Parquet")
    if not packed.is_packed(magic) and how.encoding in _UTF8 and not how.skip_lines:
        yield file.fd
        return
    made = os.memfd_create("mpcgov", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(file.fd), "rb") as stream, os.fdopen(made, "wb", closefd=False) as out:
            stream.seek(0)
            _write_plain(_unpacked(stream, file.name) if packed.is_packed(magic) else stream, out, how, file.name)
        if not os.fstat(made).st_size:
            hint = "a data set without rows still has a header" + "; skip_lines may be too many" * bool(how.skip_lines)
            raise DataError(f"{file.name}: the file is empty", hint=hint)
        yield made
    finally:
        os.close(made)


def _check_mark(magic: bytes, declared: str, name: str) -> None:
    """That the mark at the beginning of a file, if it has one, is of the encoding that is declared."""
    marked = next((which for mark, which in _MARKS.items() if magic.startswith(mark)), ())
    if marked and declared not in marked:
        hint = f"set encoding: {marked[0]}, or save it as UTF-8" if marked is not _UTF8 else "leave out encoding"
        shown = declared.upper() if declared.startswith("utf") else declared
        raise DataError(f"{name}: not {shown} but {marked[0].upper()}", hint=hint)


def _write_plain(stream: Any, out: BinaryIO, how: Dialect, name: str) -> None:
    decoder = codecs.getincrementaldecoder(how.encoding)("strict")
    as_it_is = how.encoding in _UTF8  # faults of which are counted later, row by row
    of_mainframe = b"\x15".decode(how.encoding, "replace") == _NEXT_LINE
    skip, size, left, fault, otherwise, odd = how.skip_lines, 0, b"", "", _Utf8(), False
    while not fault:
        try:
            piece = stream.read(_PIECE_BYTES)
            otherwise.feed(piece)
            text = "" if as_it_is else decoder.decode(piece, final=not piece)
            text = text.replace(_NEXT_LINE, "\n") if of_mainframe else text
            odd = odd or bool(not text.isascii() and _CONTROL.search(text))
            data = piece if as_it_is else text.encode()
        except UnicodeDecodeError:
            fault = f"not in {how.encoding}: the encoding is another one"
            break
        except packed.FAULTS:
            fault = _DAMAGED
            break
        data, left = left + data, b""
        while skip and b"\n" in data:
            data, skip = data[data.index(b"\n") + 1 :], skip - 1
        if skip:
            left, data = data[-csv_structure.LIMIT_ROW_BYTES :], b""
        size += out.write(data)
        if size > LIMIT_UNPACKED_BYTES:
            fault = f"over {LIMIT_UNPACKED_BYTES >> 30} GiB when unpacked"
        if not piece and not as_it_is and otherwise.is_it:
            fault = f"not in {how.encoding} but in UTF-8: every letter would be two others"
        elif not piece and odd:
            fault = f"not in {how.encoding}: control characters stand where windows-1252 or -1250 has letters"
        elif not piece:
            return
    raise DataError(f"{name}: {fault}", hint="check encoding in datasets.yaml and the file", code="data-unreadable")


class _Utf8:
    """Whether bytes are UTF-8 with other letters than ASCII's, which by chance no text in another encoding is."""

    def __init__(self) -> None:
        self._decoder, self._sound, self._more = codecs.getincrementaldecoder("utf-8")(), True, False

    def feed(self, piece: bytes) -> None:
        """The next bytes; none at the end."""
        self._more = self._more or not piece.isascii()
        try:
            if self._sound:
                self._decoder.decode(piece, final=not piece)
        except UnicodeDecodeError:
            self._sound = False

    @property
    def is_it(self) -> bool:
        """So far."""
        return self._sound and self._more


def read(fd: int, how: Dialect, wanted: Wanted, backend: Backend) -> Raw:
    """The rows of a plain file.

    Raises:
        DataError: its structure isn't what it must be; says how many rows.
    """
    name, delimiter = wanted.name, how.delimiter
    names = csv_structure.header(fd, delimiter)
    if names is None:
        parted = [word for sign, word in csv_advice.DELIMITERS.items() if len(csv_structure.header(fd, sign) or []) > 1]
        hint = f"set delimiter: {parted[0]}" if parted else ""
        raise DataError(f"{name}: the header can't be read: a quote is out of place, or it is over 1 MiB", hint=hint)
    if not names:
        raise DataError(f"{name}: the first line is blank", hint="the first line must name the columns; see skip_lines")
    structure = csv_structure.scan(fd, len(names), delimiter)
    advice = csv_advice.advice(fd, names, how, structure)
    if structure.faults:
        faults = [f"{counted(rows)} {what}" for what, rows in structure.faults.items()]
        where = f" (the first is row {structure.first_ragged} under the header)" if structure.first_ragged else ""
        raise DataError(f"{name}: {'; '.join(faults)}{where}", hint=advice or _SAVE)
    check_names(names, wanted, advice or _NAMES)
    check_rows(structure.rows, wanted)
    path, guesses = Path(f"/dev/fd/{fd}"), not structure.lines_within
    table = quiet(lambda: _table(backend, path, len(names), delimiter, guesses=guesses), unreadable(name))
    columns = {column: f"c{names.index(source)}" for column, source in wanted.sources.items()}
    return Raw(table, columns, structure.rows, typed=False)


def _table(backend: Backend, path: Path, columns: int, delimiter: str, *, guesses: bool) -> Any:
    """`guesses`: whether the engine may look for the first row from a place in the middle of the file on, every 8 MB.
    It takes lines within quotes for rows; but if it reads on, it keeps the whole file in memory.
    """
    # By position, not by name: a header's names could be anything, and engines fold their case.
    return backend.read_csv(
        str(path),
        columns={f"c{i}": "VARCHAR" for i in range(columns)},
        auto_detect=False,
        header=True,
        delim=delimiter,
        quote='"',
        escape='"',
        nullstr="",
        strict_mode=True,
        null_padding=False,
        store_rejects=True,
        rejects_limit=0,
        compression="none",
        max_line_size=2 * csv_structure.LIMIT_ROW_BYTES,
        parallel=guesses,
        buffer_size=4 * csv_structure.LIMIT_ROW_BYTES,  # of several that the engine has, 32 MB each otherwise
    )
