"""A column in the few words that most standards have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from mpcgov.spec.table import CategoryColumn, Column, DateColumn, DecimalColumn, IntegerColumn, KeyColumn

TYPES = ("string", "integer", "number", "date")
"""By the names that both standards give them."""

OURS = "mpcgov:"
"""With this begins the name of what a standard has no word for."""

_KEY_WORDS = ("normalise", "zeros", "check")
_MOST_PLACES = 9


@dataclass(frozen=True)
class Field:
    """A type, bounds, a list of values; `extra`: what is ours, by name."""

    type: str
    low: Any = None
    high: Any = None
    values: tuple[Any, ...] = ()
    pattern: Any = None
    length: Any = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, column: Column) -> Field:
        """A declared column in these words."""
        if isinstance(column, IntegerColumn):
            return cls("integer", column.min, column.max, extra=_unit(column.unit))
        if isinstance(column, DecimalColumn):
            extra = {"places": column.places, **_unit(column.unit)}
            return cls("number", _number(column.min), _number(column.max), extra=extra)
        if isinstance(column, DateColumn):
            return cls("date", column.min, column.max)
        if isinstance(column, CategoryColumn):
            return cls("string", values=column.values, extra={"groups": dict(column.groups)} if column.groups else {})
        if isinstance(column, KeyColumn):
            said = column.model_dump(mode="json", exclude_defaults=True, include=set(_KEY_WORDS))
            return cls("string", pattern=column.pattern, length=column.length, extra={"kind": "key", **said})
        return cls("string")


def ours(named: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """What is ours of what has names, by its name here."""
    return {name.removeprefix(OURS): value for name, value in named if name.startswith(OURS)}


def listed(value: Any) -> list[Any]:
    """A list as a file has it; anything else is none."""
    return list(value) if isinstance(value, list | tuple) else []


def unique(keys: Sequence[Any], columns: Mapping[str, Any]) -> list[list[str]]:
    """The sets of columns that are declared, each once."""
    sets = [[one] if isinstance(one, str) else [str(part) for part in listed(one)] for one in keys]
    found = [one for one in sets if one and set(one) <= set(columns)]
    return [one for n, one in enumerate(found) if one not in found[:n]]


def field_of(said: Field) -> tuple[dict[str, Any] | None, str]:
    """A column as `datasets.yaml` has it; or None, and why it can't be declared from this."""
    unit = {"unit": str(said.extra["unit"])} if said.extra.get("unit") else {}
    if said.values:
        groups = {"groups": said.extra["groups"]} if said.extra.get("groups") else {}
        return {"kind": "category", "values": [_text(one) for one in said.values], **groups}, ""
    if said.type not in TYPES:
        return None, "columns are text, whole numbers, decimals and dates"
    if said.type == "string":
        return _of_text(said), ""
    if said.low is None or said.high is None:
        return None, f"a column of type {said.type} needs a minimum and a maximum"
    if said.type == "number":
        return _decimal(said, unit)
    low, high = ((int if said.type == "integer" else str)(_text(one)) for one in (said.low, said.high))
    return {"kind": said.type, "min": low, "max": high, **unit}, ""


def _of_text(said: Field) -> dict[str, Any]:
    if said.extra.get("kind") != "key":
        return {"kind": "text"}
    whole = {"pattern": said.pattern, "length": said.length, **{one: said.extra.get(one) for one in _KEY_WORDS}}
    return {"kind": "key", **{name: value for name, value in whole.items() if value is not None}}


def _decimal(said: Field, unit: Mapping[str, str]) -> tuple[dict[str, Any] | None, str]:
    try:
        bounds = [Decimal(_text(one)) for one in (said.low, said.high)]
    except InvalidOperation:
        return None, "its minimum and maximum aren't numbers"
    needed = max(max(-int(one.as_tuple().exponent), 0) for one in bounds if one.is_finite())
    places = min(int(said.extra.get("places", max(needed, 2))), _MOST_PLACES)
    return {"kind": "decimal", "min": _text(said.low), "max": _text(said.high), "places": places, **unit}, ""


def _text(value: Any) -> str:
    return str(getattr(value, "source", value))


def _number(text: str) -> Any:
    """As a number of JSON, if it can be told apart there."""
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else float(number)


def _unit(unit: str) -> dict[str, str]:
    return {"unit": unit} if unit else {}
