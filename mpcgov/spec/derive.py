"""Columns that an owner derives from others of the same data set: a small typed language, never pasted SQL.

What a column is derived from is its owner's own to know, as where its rows are; others see a column like any other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AliasChoices, Field, model_validator

from mpcgov.spec import arithmetic
from mpcgov.spec.ids import ColumnName
from mpcgov.spec.load import Frozen
from mpcgov.spec.numbers import DecimalText


class Derivation(Frozen):
    """What a column is derived from, by one of these.

    `band` and `edges`: the band that a number falls into: from each edge to just before the next, and from the last one
    on; a number below the first is outside of what is declared. `year of`: the year of a date. `coalesce`: of columns
    that are declared alike, the first value that isn't missing. `level of`: of a category the code of a coarser level.
    `compute`: arithmetic of integer and decimal columns, see `mpcgov.spec.arithmetic`.
    """

    band: ColumnName | None = None
    edges: Annotated[tuple[DecimalText, ...], Field(strict=False, max_length=1000)] = ()
    year_of: Annotated[ColumnName | None, Field(validation_alias=AliasChoices("year of", "year_of"))] = None
    level_of: Annotated[ColumnName | None, Field(validation_alias=AliasChoices("level of", "level_of"))] = None
    compute: str | None = None
    coalesce: Annotated[tuple[ColumnName, ...], Field(strict=False, max_length=16)] = ()

    @model_validator(mode="after")
    def _one(self) -> Derivation:
        if sum(map(bool, (self.band, self.year_of, self.level_of, self.compute, self.coalesce))) != 1:
            raise ValueError("expected one of band, year of, level of, compute and coalesce")
        if bool(self.band) != bool(self.edges):
            raise ValueError("edges: band needs them, and nothing else has them")
        if self.compute and not arithmetic.columns(arithmetic.parse(self.compute)):
            raise ValueError("compute: names no column")
        numbers = [Decimal(edge) for edge in self.edges]
        if any(low >= high for low, high in pairwise(numbers)):
            raise ValueError("edges: each must be greater than the one before")
        return self

    @property
    def operands(self) -> tuple[str, ...]:
        """The columns that it is derived from."""
        if self.compute:
            return arithmetic.columns(arithmetic.parse(self.compute))
        return self.coalesce or tuple(name for name in (self.band, self.year_of, self.level_of) if name)


def with_bands(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns as written; bands of whole numbers whose values aren't named are `0-14`, `15-24`, …, `65+`."""
    return {name: _with_bands(column, columns) for name, column in columns.items()}


def _with_bands(column: Any, columns: Mapping[str, Any]) -> Any:
    derive = column.get("derive") if isinstance(column, Mapping) and "values" not in column else None
    if not isinstance(derive, Mapping):
        return column
    edges, operand = derive.get("edges"), columns.get(str(derive.get("band")))
    whole = isinstance(edges, list | tuple) and all(isinstance(edge, int) for edge in edges)
    if not (edges and whole and isinstance(operand, Mapping) and operand.get("kind") == "integer"):
        return column
    closed = [f"{low}-{high - 1}" if low < high - 1 else f"{low}" for low, high in pairwise(edges)]
    return {**column, "values": [*closed, f"{edges[-1]}+"]}


def faults(derived: Mapping[str, Derivation], columns: Mapping[str, Any], written: Collection[str]) -> list[str]:
    """What is wrong with derived columns.

    Args:
        columns: as declared, by name.
        written: those of which the owner says how they stand in the source.
    """
    found = []
    for name, how in derived.items():
        odd = [one for one in how.operands if one not in columns or one in derived]
        if name in written:
            found.append(f"{name}: derived, so it isn't in the source: from, missing and recode don't apply")
        elif odd:
            found.append(f"{name}: derived from {', '.join(odd)}, which must be columns that aren't derived themselves")
        elif wrong := _wrong_kinds(how, columns[name], [columns[one] for one in how.operands]):
            found.append(f"{name}: {wrong}")
    return found


def steps(column: Any) -> tuple[int, int, int]:
    """The least and the greatest value of a numeric column in steps of 10^-places, and the places."""
    return (column.min, column.max, 0) if column.kind == "integer" else (column.low, column.high, column.places)


def _intervals(how: Derivation, operands: Sequence[Any]) -> dict[str, arithmetic.Over]:
    found = {}
    for name, column in zip(how.operands, operands, strict=True):
        low, high, places = steps(column)
        found[name] = arithmetic.Over(arithmetic.Interval(low, high), 10**places)
    return found


def _wrong_kinds(how: Derivation, column: Any, operands: Sequence[Any]) -> str | None:
    kind, of = column.kind, operands[0].kind
    if how.band:
        if kind != "category" or of not in ("integer", "decimal"):
            return "band makes a category of an integer or decimal column"
        if len(column.values) != len(how.edges):
            return f"{len(how.edges)} edges make as many bands, and values has {len(column.values)}"
        places = operands[0].places if of == "decimal" else 0
        fine = all(Decimal(edge).scaleb(places) % 1 == 0 for edge in how.edges)
        return None if fine else f"edges: {how.band} has {places} decimal digits"
    if how.level_of or how.compute:
        return _wrong_sum(how, column, operands) if how.compute else _wrong_level(column, operands[0])
    if how.year_of:
        return None if (kind, of) == ("integer", "date") else "year of makes an integer of a date column"
    return None if all(one == column for one in operands) else "coalesce needs columns that are declared as this one is"


def _wrong_level(column: Any, of: Any) -> str | None:
    fine = column.kind == of.kind == "category" and set(of.values) <= set(column.groups)
    return None if fine else "level of makes a category of one, and groups names a code for each of its values"


def _wrong_sum(how: Derivation, column: Any, operands: Sequence[Any]) -> str | None:
    if {column.kind, *(one.kind for one in operands)} - {"integer", "decimal"}:
        return "compute makes an integer or decimal of integer and decimal columns"
    return arithmetic.fault(arithmetic.parse(how.compute or ""), _intervals(how, operands), steps(column)[2])
