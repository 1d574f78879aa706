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
from mpcgov.worker.readers import packed
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
_DELIMITERS = {";": "';'", "\t": "tab", "|": "'|'", ",": "','"}


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
    skip, size, left, fault, otherwise, odd = how.skip_lines, 0, b"", "", _Utf8(), False
    while not fault:
        try:
            piece = stream.read(_PIECE_BYTES)
            otherwise.feed(piece)
            text = "" if as_it_is else decoder.decode(piece, final=not piece)
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
        parted = [word for sign, word in _DELIMITERS.items() if len(csv_structure.header(fd, sign) or []) > 1]
        hint = f"set delimiter: {parted[0]}" if parted else ""
        raise DataError(f"{name}: the header can't be read: a quote is out of place, or it is over 1 MiB", hint=hint)
    if not names:
        raise DataError(f"{name}: the first line is blank", hint="the first line must name the columns; see skip_lines")
    structure = csv_structure.scan(fd, len(names), delimiter)
    advice = _advice(fd, names, how, structure)
    if structure.faults:
        faults = [f"{counted(rows)} {what}" for what, rows in structure.faults.items()]
        where = f" (the first is row {structure.first_ragged} under the header)" if structure.first_ragged else ""
        raise DataError(f"{name}: {'; '.join(faults)}{where}", hint=advice or _SAVE)
    check_names(names, wanted, advice or _NAMES)
    check_rows(structure.rows, wanted)
    table = quiet(lambda: _table(backend, Path(f"/dev/fd/{fd}"), len(names), delimiter), unreadable(name))
    columns = {column: f"c{names.index(source)}" for column, source in wanted.sources.items()}
    return Raw(table, columns, structure.rows, typed=False)


def _advice(fd: int, names: list[str], how: Dialect, structure: csv_structure.Structure) -> str:
    """What is most likely the matter with a file that isn't as declared; empty if nothing comes to mind."""
    if "with NUL bytes" in structure.faults and (encoding := wide_encoding(os.pread(fd, 1 << 12, 0))):
        return f"every second byte is NUL: set encoding: {encoding}, or save it as UTF-8"
    if "not in UTF-8" in structure.faults:
        return "set encoding, such as windows-1252 or latin-1, or save it as UTF-8"
    if csv_structure.BARE_CR in structure.faults:
        return "lines that end with CR alone, as old Macs wrote them, or with two kinds of ends: write each with LF"
    if names[0].lower().startswith("sep="):
        return "the first line is Excel's own note of the delimiter: set skip_lines: 1"
    if names[0].upper().startswith(("DATAFLOW", "STRUCTURE")) and any(":" in name for name in names):
        return "an SDMX-CSV file with labels: ask for it with codes only (labels=id)"
    one = _of_one_field(fd, names[0], how) if len(names) == 1 else ""
    return one or _of_rows(fd, structure, how.delimiter.encode())


def _of_one_field(fd: int, header: str, how: Dialect) -> str:
    for other, word in _DELIMITERS.items():
        if other in header and other != how.delimiter:
            return f"the header has 1 field and it holds {word}: set delimiter: {word}"
    line = _header_line(fd, how.delimiter)
    if not line and re.search(r"\S {2,}\S", header):
        return "fields seem to be filled up with blanks: a file of fixed width is declared by at: [first, last]"
    return f"the first line has 1 field, line {line} has more: set skip_lines: {line - 1}" if line else ""


def wide_encoding(beginning: bytes) -> str:
    """UTF-16 without a mark, if every second byte is NUL as in Latin text."""
    for odd, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(beginning) > 1 and beginning[odd::2].count(0) > len(beginning) // 3 > 3 * beginning[1 - odd :: 2].count(
            0
        ):
            return encoding
    return ""


def _of_rows(fd: int, structure: csv_structure.Structure, delimiter: bytes) -> str:
    beginning, first = os.pread(fd, 1 << 20, 0), structure.first_ragged
    if csv_structure.MISQUOTED in structure.faults:
        return _of_quotes(beginning)
    if first == 1 and beginning.partition(b"\n")[2].startswith(b"'"):
        return "fields stand between single quotes: write double ones"
    if first == 1:
        return _of_ends(beginning, delimiter) or "fields that hold the delimiter, such as 2,5, stand between quotes"
    if re.search(rb"^#", beginning, re.MULTILINE):
        return "lines that begin with # are rows like the others, not comments: take them out"
    few = first and structure.rows - first < 20
    return "the last lines may be notes or totals under the table: take them out" if few else ""


def _of_quotes(beginning: bytes) -> str:
    if b'="' in beginning:
        return 'fields such as ="0123" are formulas of a workbook: save it as .xlsx, or without them'
    if b'\\"' in beginning:
        return "quotes within fields have a backslash before them: write them twice instead"
    return "a quote within a field is written twice, and the field stands between quotes, with no blank before them"


def _of_ends(beginning: bytes, delimiter: bytes) -> str:
    """Whether just the header, or just the rows, end with a delimiter."""
    header, first = (line.rstrip(b"\r").endswith(delimiter) for line in (beginning + b"\n").split(b"\n")[:2])
    if header == first:
        return ""
    both = ("the rows end", "the header doesn't") if first else ("the header ends", "the rows don't")
    return f"{both[0]} with a delimiter and {both[1]}: write it in all lines, or in none"


def _header_line(fd: int, delimiter: str) -> int:
    """The number of the first line that has more than one field, among the first; 0 if there is none."""
    lines = os.pread(fd, 1 << 16, 0).split(b"\n")[:100]
    return next((number for number, line in enumerate(lines, 1) if delimiter.encode() in line), 0)


def _table(backend: Backend, path: Path, columns: int, delimiter: str) -> Any:
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
    )
