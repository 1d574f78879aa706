"""How a text file is written, told from its beginning: delimiter, encoding, lines above the header."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from statistics import median
from typing import Any

from mpcgov.worker.readers.csv_advice import wide_encoding

_DELIMITERS = (",", ";", "\t", "|")
_LINES = 60
_QUOTED = re.compile(r'"[^"\n]*"')
_MOST_SKIPPED = 20
_OTHER_BYTE = re.compile(rb"[\x80-\xff]")
_OTHER_WORD = re.compile(rb"(?<![A-Za-z\x80-\xff])[\x80-\xff]{3,}(?![A-Za-z\x80-\xff])")
_OTHER_SCRIPTS = ("windows-1251", "windows-1253", "koi8-r", "cp866", "iso-8859-7")
GUESSED = ("windows-1252", "cp850", *_OTHER_SCRIPTS)
"""Encodings that bytes alone don't tell from others of one byte a letter."""


def dialect(start: bytes, suffix: str) -> dict[str, Any]:
    """What has to be declared, where it isn't the usual.

    Args:
        start: the first bytes of the file, unpacked.
    """
    encoding = _encoding(start)
    text = start.decode(encoding or "utf-8", "replace")
    usual = "\t" if suffix in (".tsv", ".tab") else ","
    lines = _QUOTED.sub("q", text).splitlines()[:-1][:_LINES] or [text]
    delimiter, above = max(
        ((mark, _above(lines, mark)) for mark in _DELIMITERS),
        key=lambda found: (*_regular(lines, *found), found[0] == usual),
    )
    said: dict[str, Any] = {} if delimiter == usual or not lines[above].count(delimiter) else {"delimiter": delimiter}
    if above:
        said["skip_lines"] = above
    return said | ({"encoding": encoding} if encoding else {})


def _above(lines: Sequence[str], mark: str) -> int:
    return rows_above([[bool(part.strip()) for part in line.split(mark)] for line in lines])


def rows_above(rows: Sequence[Sequence[bool]]) -> int:
    """How many rows stand above the header, told from which of their cells hold something.

    They are blank, or hold something in the first of their cells and in few others.
    """
    usual = median(sum(row) for row in rows) if rows else 0
    is_above = (not any(row) or (row[0] and 2 * sum(row) <= usual) for row in rows)
    above = next((n for n, one in enumerate(is_above) if not one), 0)
    return above if above <= _MOST_SKIPPED else 0


def _regular(lines: Sequence[str], mark: str, above: int) -> tuple[float, int]:
    """How much the lines from the header on look like rows of equally many fields."""
    fields = lines[above].count(mark)
    return (sum(line.count(mark) == fields for line in lines[above:]) / len(lines[above:]) if fields else 0.0), -above


def _encoding(start: bytes) -> str:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if wide := wide_encoding(start[: 1 << 12]):
        return wide
    # cp1252 has no letters in five places where DOS had some that are frequent.
    known = next(name for name in ("utf-8", "windows-1252", "cp850") if _decodes(start, name))
    return "" if known == "utf-8" else _of_script(start) or known


def _of_script(start: bytes) -> str:
    """The encoding of a text in another script than Latin, whose words are all of bytes that ASCII hasn't: the one in
    which most of them are written as words are, with a capital in front at most. Empty for one in Latin script."""
    words = _OTHER_WORD.findall(start)
    if 2 * sum(map(len, words)) < len(_OTHER_BYTE.findall(start)):
        return ""
    return max(_OTHER_SCRIPTS, key=lambda name: sum(len(word) for word in words if _is_word(word, name)))


def _is_word(word: bytes, encoding: str) -> bool:
    text = word.decode(encoding, "replace")
    return text.isalpha() and (text.istitle() or text.islower() or text.isupper())


def _decodes(start: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(start)
    except UnicodeDecodeError:
        return False
    return True
