"""What an .xlsx file says of its cells that python-calamine doesn't: errors, formulas that nobody computed, and what is
hidden.

calamine gives such cells as empty, so that an error would be a missing value and nobody would know. They are looked for
in the sheet's own XML, by regular expressions over a piece at a time: no parser of XML is let loose on a file.
"""

from __future__ import annotations

import html
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

SUFFIXES = (".xlsx", ".xlsm")
_PIECE_BYTES = 1 << 20

_ATTRIBUTE = re.compile(rb"""([\w:]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_SHEET = re.compile(rb"<(?:\w+:)?sheet\s[^>]*>")
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\s[^>]*>")
_COMPUTED_LATER = re.compile(rb"""<(?:\w+:)?calcPr\s[^>]*\bfullCalcOnLoad\s*=\s*["'](?:1|true)["']""")
_FORMULA = rb"<(?:\w+:)?f\b[^>]*(?:/>|>[^<]*</(?:\w+:)?f>)"
_ERROR = re.compile(
    rb"<(?:\w+:)?c\s([^>]*\bt\s*=\s*[\"']e[\"'][^>]*)>\s*(?:" + _FORMULA + rb")?\s*<(?:\w+:)?v>([^<]*)</"
)
_FORMULA_CELL = re.compile(rb"<(?:\w+:)?c\s([^>]*)>\s*" + _FORMULA + rb"\s*(<(?:\w+:)?v>[^<])?")
_HIDDEN_ROW = re.compile(rb"""<(?:\w+:)?row\s(?=[^>]*\bhidden\s*=\s*["'](?:1|true)["'])([^>]*)>""")
_TEXT = re.compile(rb"""\bt\s*=\s*["']str["']""")
_PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


@dataclass
class Unseen:
    """By row and column, both from 0, the errors of a sheet; where formulas have no value yet; and what is hidden."""

    errors: dict[int, dict[int, str]] = field(default_factory=dict)
    uncomputed: list[tuple[int, int]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    """Those that are hidden, by hand or by a filter."""
    sheet: bool = False
    """Whether the whole sheet is."""


def unseen(stream: IO[bytes], sheet: str) -> Unseen:
    """What a sheet of a workbook holds that its reader doesn't show.

    Raises:
        ValueError: the file isn't as such files are, so that nobody can say. Others: it is no archive.
    """
    found = Unseen()
    with zipfile.ZipFile(stream) as archive:
        book = archive.read("xl/workbook.xml")
        later = bool(_COMPUTED_LATER.search(book))
        with archive.open(_part(archive, book, sheet)) as xml:
            found.sheet = _entry(book, sheet).get("state", "visible") != "visible"
            for piece in _pieces(xml):
                _look(piece, later, found)
    return found


def _look(piece: bytes, later: bool, found: Unseen) -> None:
    if b"hidden" in piece:
        numbers = (_attributes(tag).get("r", "") for tag in _HIDDEN_ROW.findall(piece))
        found.rows += [int(number) - 1 for number in numbers if number.isdecimal()]
    for attributes, value in _ERROR.findall(piece):
        row, column = _place(attributes)
        found.errors.setdefault(row, {})[column] = html.unescape(value.decode("utf-8", "replace"))
    if b"<f" in piece or b":f" in piece:
        for attributes, value in _FORMULA_CELL.findall(piece):
            # A text may be empty; a number that was computed never is.
            if later or not (value or _TEXT.search(attributes)):
                found.uncomputed.append(_place(attributes))


def _pieces(xml: IO[bytes]) -> Iterator[bytes]:
    """The XML of a sheet, cut between cells."""
    left = b""
    while more := xml.read(_PIECE_BYTES):
        left += more
        end = max(left.rfind(b"</c>"), left.rfind(b":c>")) + len(b"</c>")
        if end >= len(b"</c>"):
            yield left[:end]
            left = left[end:]
    yield left


def _place(attributes: bytes) -> tuple[int, int]:
    found = _PLACE.fullmatch(_attributes(attributes).get("r", ""))
    if found is None:
        raise ValueError("a cell without its place")
    column = 0
    for letter in found[1]:
        column = 26 * column + ord(letter) - ord("A") + 1
    return int(found[2]) - 1, column - 1


def _part(archive: zipfile.ZipFile, book: bytes, sheet: str) -> str:
    """The file inside of the workbook that holds a sheet."""
    relations = [_attributes(tag) for tag in _RELATION.findall(archive.read("xl/_rels/workbook.xml.rels"))]
    targets = {one.get("Id"): one.get("Target", "") for one in relations}
    chosen = _entry(book, sheet)
    target = targets.get(next((value for key, value in chosen.items() if key.endswith(":id")), None), "")
    part = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    if part not in archive.namelist():
        raise ValueError("a sheet without its file")
    return part


def _entry(book: bytes, sheet: str) -> dict[str, str]:
    """What a workbook says of a sheet."""
    sheets = (_attributes(tag) for tag in _SHEET.findall(book))
    return next((one for one in sheets if one.get("name") == sheet), {})


def _attributes(tag: bytes) -> dict[str, str]:
    found = ((key.decode(), (one or other).decode("utf-8", "replace")) for key, one, other in _ATTRIBUTE.findall(tag))
    return {key: html.unescape(value) for key, value in found}
