"""A column in the few words that most standards have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from mpcgov.spec.table import CategoryColumn, Column, DateColumn, DecimalColumn, IntegerColumn, KeyColumn

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


def field_of(said: Field) -> tuple[dict[str, Any] | None, str]:
    """A column as `datasets.yaml` has it; or None, and why it can't be declared from this."""
    unit = {"unit": str(said.extra["unit"])} if said.extra.get("unit") else {}
    if said.values:
        groups = {"groups": said.extra["groups"]} if said.extra.get("groups") else {}
        return {"kind": "category", "values": [_text(one) for one in said.values], **groups}, ""
    if said.type in ("integer", "number", "date") and (said.low is None or said.high is None):
        return None, f"a column of type {said.type} needs a minimum and a maximum"
    if said.type == "number":
        return _decimal(said, unit)
    if said.type in ("integer", "date"):
        low, high = ((int if said.type == "integer" else str)(_text(one)) for one in (said.low, said.high))
        return {"kind": said.type, "min": low, "max": high, **unit}, ""
    return (
        (_of_text(said), "") if said.type == "string" else (None, "columns are text, whole numbers, decimals and dates")
    )


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
