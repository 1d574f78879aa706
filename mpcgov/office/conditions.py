"""Rows chosen by a column, a comparison and a value: each becomes a condition as jobs write it."""

from __future__ import annotations

import re
from collections.abc import Sequence

OPERATORS = ("=", "!=", ">=", "<=", "in", "between", "is null", "is not null")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
Row = tuple[str, str, str]


def together(text: str, rows: Sequence[Row], texts: frozenset[str] = frozenset()) -> str:
    """All conditions, joined by `and`: what stands written out, and the rows of the form; '' if there are none.

    Args:
        texts: the columns whose values are texts, whatever they look like.
    """
    built = [_condition(row, texts) for row in rows if row[0]]
    if not built:
        return text
    return " and ".join([f"({text})"] * bool(text) + built)


def _condition(row: Row, texts: frozenset[str]) -> str:
    column, operator, value = row
    if operator in ("is null", "is not null"):
        return f"{column} {operator}"
    quoted = column in texts
    if operator in ("in", "between"):
        parts = [_literal(part.strip(), quoted) for part in value.split(",")]
        return f"{column} in ({', '.join(parts)})" if operator == "in" else f"{column} between {' and '.join(parts)}"
    return f"{column} {operator if operator in OPERATORS else '='} {_literal(value, quoted)}"


def _literal(value: str, quoted: bool) -> str:
    if not quoted and _NUMBER.fullmatch(value):
        return value
    return "'" + value.replace("'", "''") + "'"
