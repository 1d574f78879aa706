"""Combinations of categories that nobody can have, as jobs and declarations name them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mpcgov.spec.load import as_text


def _listed(value: Any) -> Any:
    return [as_text(one) for one in (value if isinstance(value, list | tuple) else [value])]


Combination = Annotated[
    dict[str, Annotated[tuple[str, ...], BeforeValidator(_listed), Field(strict=False, min_length=1)]],
    Field(min_length=1),
]
"""By column a value, or several: `{sex: M, status: [pregnant, nursing]}` are two. Columns not named have any value."""

Combinations = Annotated[tuple[Combination, ...], Field(strict=False, max_length=100)]


def faults(combinations: Iterable[Combination], values: Mapping[str, Sequence[str]], where: str) -> list[str]:
    """What is wrong with combinations of columns that have such values."""
    found = []
    for one in combinations:
        for column, named in one.items():
            if column not in values:
                found.append(f"{where}: {column} isn't one of the columns {', '.join(values)}")
            elif unknown := [value for value in named if value not in values[column]]:
                found.append(f"{where}: {column} has no value {', '.join(unknown)}")
    return list(dict.fromkeys(found))


def holds(one: Combination, cell: Mapping[str, str]) -> bool:
    """Whether a cell, by column its value, is in a combination: all its columns are named by the cell, too."""
    return all(column in cell and cell[column] in named for column, named in one.items())


def described(combinations: Iterable[Combination]) -> str:
    """Combinations in few words."""
    return "; ".join(
        " and ".join(f"{column} {' or '.join(named)}" for column, named in one.items()) for one in combinations
    )
