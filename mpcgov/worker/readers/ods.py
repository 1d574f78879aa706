"""What of an OpenDocument sheet its reader doesn't show: which rows are hidden."""

from __future__ import annotations

import html
import re
import zipfile
from collections.abc import Iterator
from typing import IO

from mpcgov.worker.readers.xlsx import Unseen

SUFFIXES = (".ods",)
_PIECE_BYTES = 1 << 20
_MOST_ROWS = 1 << 20
_TAG = re.compile(rb"<table:table(-row)?((?:\s[^>]*?)?)/?>")
_NAME = re.compile(rb"""\stable:name\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_HIDDEN = re.compile(rb"""\stable:visibility\s*=\s*["'](?:collapse|filter)["']""")
_REPEATED = re.compile(rb"""\stable:number-rows-repeated\s*=\s*["']([0-9]{1,7})["']""")


def unseen(stream: IO[bytes], sheet: str) -> Unseen:
    """The hidden rows of a sheet, by number from 0.

    Raises:
        KeyError, or what `zipfile` raises: it is no such workbook.
    """
    found, row, inside = Unseen(), 0, False
    with zipfile.ZipFile(stream) as archive, archive.open("content.xml") as xml:
        for is_row, attributes in _tags(xml):
            if not is_row:
                name = _NAME.search(attributes)
                inside = name is not None and html.unescape((name[1] or name[2]).decode()) == sheet
                row = 0
            elif inside:
                repeated = _REPEATED.search(attributes)
                after = min(_MOST_ROWS, row + (int(repeated[1]) if repeated else 1))
                found.rows += range(row, after) if _HIDDEN.search(attributes) else ()
                row = after
    return found


def _tags(xml: IO[bytes]) -> Iterator[tuple[bool, bytes]]:
    """Whether it is a row's, and its attributes, of each tag of a table or of a row."""
    left = b""
    while more := xml.read(_PIECE_BYTES):
        whole, closed, left = (left + more).rpartition(b">")
        yield from ((bool(tag[1]), tag[2]) for tag in _TAG.finditer(whole + closed))
