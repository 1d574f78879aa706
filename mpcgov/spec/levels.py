"""Code lists with a hierarchy: a column for each coarser level, `region@nuts2`, that jobs may use like any other.

Others see a level's codes, and which of the finer ones each stands for, so that two owners' editions of a list can be
compared code by code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Levels = tuple[dict[str, Any], dict[str, Any]]
"""Columns as written, those of levels among them; and what each of these is derived from."""


def base(column: str) -> str:
    """The column whose codes a level's column stands for; a column that isn't a level's is its own."""
    return column.partition("@")[0]


def is_column(text: str) -> bool:
    """Whether a text is a column's name, or that of a level of its codes."""
    name, at, level = text.partition("@")
    return name.isidentifier() and (not at or f"_{level}".isidentifier())


def with_levels(columns: Mapping[str, Any]) -> Levels:
    """Columns with one more for each level that one of them declares.

    Raises:
        ValueError: a level leaves out a code, or its column is declared beside it.
    """
    found: dict[str, Any] = {}
    derived: dict[str, Any] = {}
    for name, column in columns.items():
        levels = column.get("levels") if isinstance(column, Mapping) else None
        if levels is None:
            found[name] = column
            continue
        found[name] = {key: value for key, value in column.items() if key != "levels"}
        if not isinstance(levels, Mapping):
            raise ValueError(  # noqa: TRY004  a validator's
                f"{name}: levels: expected a name and codes for each, or values from a file with columns of these names"
            )
        for level, said in levels.items():
            coarser = f"{name}@{level}"
            if coarser in columns:
                raise ValueError(f"{coarser}: declared twice, by itself and by levels of {name}")
            groups = _groups(f"{name}: levels: {level}", column.get("values"), said)
            found[coarser] = {"kind": "category", "values": list(dict.fromkeys(groups.values())), "groups": groups}
            derived[coarser] = {"level of": name}
    return found, derived


def _groups(place: str, values: Any, said: Any) -> dict[str, str]:
    codes = [str(getattr(one, "source", one)) for one in values] if isinstance(values, list | tuple) else []
    if isinstance(said, int) and not isinstance(said, bool) and said > 0:
        return {code: code[:said] for code in codes}
    if not isinstance(said, Mapping):
        raise ValueError(  # noqa: TRY004  a validator's
            f"{place}: expected a code for each value, or how many of its first characters to take"
        )
    groups = {str(getattr(fine, "source", fine)): str(getattr(one, "source", one)) for fine, one in said.items()}
    left_out = [code for code in codes if code not in groups]
    if left_out or not codes:
        raise ValueError(f"{place}: no code for {', '.join(left_out[:5]) or 'any value'}")
    return {code: groups[code] for code in codes}
