"""What is most likely the matter with a CSV file that isn't as its owner declares it: told to the owner, no value."""

from __future__ import annotations

import os
import re

from mpcgov.spec.reading import Dialect
from mpcgov.worker import csv_structure

DELIMITERS = {";": "';'", "\t": "tab", "|": "'|'", ",": "','"}
"""How a message names them."""

NO_HEADER = "the first line looks like a row: is there no header? One line must name the columns"
_VALUE = re.compile(r"-?[0-9][0-9.,:/-]*")
_YEAR = re.compile(r"(18|19|20|21)[0-9]{2}")


def advice(fd: int, names: list[str], how: Dialect, structure: csv_structure.Structure) -> str:
    """In words; empty if nothing comes to mind."""
    if "with NUL bytes" in structure.faults and (encoding := wide_encoding(os.pread(fd, 1 << 12, 0))):
        return f"every second byte is NUL: set encoding: {encoding}, or save it as UTF-8"
    if "not in UTF-8" in structure.faults:
        return "set encoding, such as windows-1252 or latin-1, or save it as UTF-8"
    if csv_structure.BARE_CR in structure.faults:
        return "lines that end with CR alone, as old Macs wrote them, or with two kinds of ends: write each with LF"
    if os.pread(fd, 1, os.fstat(fd).st_size - 1) == b"\x1a":
        return "the last character is Ctrl-Z, by which DOS ended files: take it out"
    one = _of_one_field(fd, names[0], how) if len(names) == 1 else ""
    return _of_names(names) or one or of_no_header(names) or _of_rows(fd, structure, how.delimiter.encode())


def _of_names(names: list[str]) -> str:
    if names[0].lower().startswith("sep="):
        return "the first line is Excel's own note of the delimiter: set skip_lines: 1"
    if names[0].upper().startswith(("DATAFLOW", "STRUCTURE")) and any(":" in name for name in names):
        return "an SDMX-CSV file with labels: ask for it with codes only (labels=id)"
    if names[0].endswith("\\TIME_PERIOD"):
        return "Eurostat's own TSV, with several codes in a field and flags beside numbers: ask for SDMX-CSV"
    return ""


def of_no_header(names: list[str]) -> str:
    """Whether half of the names are numbers or days, as a row's values are; years may be names."""
    values = [name for name in names if _VALUE.fullmatch(name) and not _YEAR.fullmatch(name)]
    return NO_HEADER if 2 * len(values) >= len(names) else ""


def _of_one_field(fd: int, header: str, how: Dialect) -> str:
    for other, word in DELIMITERS.items():
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
