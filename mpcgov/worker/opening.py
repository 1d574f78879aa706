"""How a text file is written, told from its beginning: delimiter, encoding, lines above the header."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from statistics import median
from typing import Any

_DELIMITERS = (",", ";", "\t", "|")
_LINES = 60
_QUOTED = re.compile(r'"[^"\n]*"')
_MOST_SKIPPED = 20


def dialect(start: bytes, suffix: str) -> dict[str, Any]:
    """What has to be declared, where it isn't the usual.

    Args:
        start: the first bytes of the file, unpacked.
    """
    encoding = _encoding(start)
    text = start.decode(encoding or "utf-8", "replace")
    usual = "\t" if suffix in (".tsv", ".tab") else ","
    lines = _QUOTED.sub("", text).splitlines()[:-1][:_LINES] or [text]
    delimiter, above = max(
        ((mark, _above(lines, mark)) for mark in _DELIMITERS),
        key=lambda found: (*_regular(lines, *found), found[0] == usual),
    )
    said: dict[str, Any] = {} if delimiter == usual or not lines[above].count(delimiter) else {"delimiter": delimiter}
    if 0 < above <= _MOST_SKIPPED:
        said["skip_lines"] = above
    return said | ({"encoding": encoding} if encoding else {})


def _above(lines: Sequence[str], mark: str) -> int:
    """How many lines stand above the first that looks like a header; none if lines don't have fields."""
    fields = median(line.count(mark) for line in lines)
    return next((n for n, line in enumerate(lines) if line.count(mark) >= max(1, fields / 2)), 0) if fields else 0


def _regular(lines: Sequence[str], mark: str, above: int) -> tuple[float, int]:
    """How much the lines from the header on look like rows of equally many fields."""
    fields = lines[above].count(mark)
    return (sum(line.count(mark) == fields for line in lines[above:]) / len(lines[above:]) if fields else 0.0), -above


def _encoding(start: bytes) -> str:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return "windows-1252"
    return ""
