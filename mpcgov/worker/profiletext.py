"""A first declaration as the text of a `datasets.yaml`, with reasons as comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mpcgov.worker.guess import Guess
from mpcgov.worker.opening import GUESSED
from mpcgov.worker.report import DatasetReport

_GUESSED = "  # a guess, as others could be read, too, such as windows-1250 or -1257: do the letters look right?"
_NO_WORDS = ("true", "false", "null", "yes", "no", "on", "off")


def lines(name: str, whole: Mapping[str, Any], guesses: Mapping[str, Guess], report: DatasetReport) -> Iterator[str]:
    """The text, line by line."""
    yield f"# A first declaration of {report.rows} rows, from what they hold: correct it by what the columns mean."
    yield "# Bounds are rounded outwards; values in few rows aren't shown."
    yield f"{name}:"
    for key, value in whole.items():
        if key != "columns":
            yield f"  {key}: {_flow(value)}" + (_GUESSED if key == "encoding" and value in GUESSED else "")
    for one in report.would_be_unique[:1]:
        is_key = len(one) == 1 and whole["columns"][one[0]]["kind"] == "key"
        said = (
            "no two rows have the same; take it out if that is chance"
            if is_key
            else "the data are so; only if it is meant so"
        )
        yield f"  {'' if is_key else '# '}unique: [[{', '.join(one)}]]  # {said}"
    yield "  columns:"
    for column, guess in guesses.items():
        missing = (f"{guess.missing} rows without a value",) if guess.missing else ()
        note = "; ".join((*guess.reasons, *missing))
        declared = whole["columns"].get(column)
        line = f"    {column}: {_flow(declared)}" if declared else f"    # {column}:"
        yield line + (f"  # {note}" if note else "")
    for line in (*report.faults, *report.warnings):
        yield f"# {line}"


def _flow(value: Any) -> str:
    """YAML in one line: quoted text, so that no value reads as anything else."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    words = isinstance(value, str) and re.fullmatch(r"[A-Za-z]{2,}", value) and value.lower() not in _NO_WORDS
    plain = not isinstance(value, str) or value.isprintable()
    return str(value) if words else json.dumps(value, ensure_ascii=not plain)
