"""A raw column into a checked one: its value, and what is wrong with it, row by row, as expressions of the engine.

Values: whole numbers for integer columns; whole multiples of 10^-places for decimal ones (the integers that are later
shared); dates; text for the rest. A row with a fault has no value (null), so that no later step can use it unseen.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import ibis

from mpcgov.spec.table import CategoryColumn, Column, DateColumn, DecimalColumn, IntegerColumn

FINE, MISSING, MALFORMED, OUTSIDE = range(4)
"""What is wrong in a row of a column. OUTSIDE: of the range, or not among the declared values."""

IsOneOf = Callable[[Any, tuple[str, ...]], Any]
"""How the engine tests a text column against many values."""


class WrongTypeError(Exception):
    """A typed source holds this column in a type that the declared kind can't be read from."""


def from_text(raw: Any, column: Column, is_one_of: IsOneOf) -> tuple[Any, Any]:
    """Value and fault of a column of a CSV file; an empty field is missing, quoted or not."""
    raw = raw.nullif("")
    if isinstance(column, IntegerColumn):
        value = raw.try_cast("int64")
        return _ranged(raw, raw.re_search(r"^-?[0-9]+$"), value, column.min, column.max)
    if isinstance(column, DecimalColumn):
        digits = rf"(\.[0-9]{{1,{column.places}}})?" if column.places else ""
        value = (raw.try_cast(f"decimal(18, {column.places})") * 10**column.places).cast("int64")
        return _ranged(raw, raw.re_search(rf"^-?[0-9]+{digits}$"), value, column.low, column.high)
    if isinstance(column, DateColumn):
        value = raw.try_cast("date")
        real = raw.re_search(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$") & value.notnull()
        return _ranged(raw, real, value, date.fromisoformat(column.min), date.fromisoformat(column.max))
    return _textual(raw, column, is_one_of)


def from_typed(raw: Any, column: Column, is_one_of: IsOneOf) -> tuple[Any, Any]:
    """Value and fault of a column of Parquet or of a database; empty text is missing, like null.

    Integer takes whole-number types; decimal takes whole, decimal and floating types, floats only if they are exactly
    the nearest to a number with the declared places; date takes dates; the others take text or whole numbers.

    Raises:
        WrongTypeError: the column's type is none of these.
    """
    dtype = raw.type()
    whole = dtype.is_integer() or (dtype.is_decimal() and dtype.scale == 0)
    if isinstance(column, IntegerColumn) and whole:
        return _scaled(raw, column.min, column.max, 0)
    if isinstance(column, DecimalColumn):
        if whole or dtype.is_decimal():
            return _scaled(raw, Decimal(column.min), Decimal(column.max), column.places)
        if dtype.is_floating():
            return _from_float(raw, column)
    if isinstance(column, DateColumn) and dtype.is_date():
        low, high = date.fromisoformat(column.min), date.fromisoformat(column.max)
        return _ranged(raw, raw.notnull(), raw, low, high)
    if isinstance(column, IntegerColumn | DecimalColumn | DateColumn) or not (dtype.is_string() or dtype.is_integer()):
        raise WrongTypeError
    return _textual(raw.cast("string").nullif(""), column, is_one_of)


def _textual(raw: Any, column: Column, is_one_of: IsOneOf) -> tuple[Any, Any]:
    if not isinstance(column, CategoryColumn):
        return raw, _cases((raw.isnull(), MISSING))
    fault = _cases((raw.isnull(), MISSING), (~is_one_of(raw, column.values), OUTSIDE))
    return ibis.ifelse(fault == FINE, raw, ibis.null("string")), fault


def _ranged(raw: Any, well_formed: Any, value: Any, low: Any, high: Any) -> tuple[Any, Any]:
    outside = value.isnull() | (value < low) | (value > high)
    fault = _cases((raw.isnull(), MISSING), (~well_formed, MALFORMED), (outside, OUTSIDE))
    return ibis.ifelse(fault == FINE, value, ibis.null(value.type())), fault


def _scaled(raw: Any, low: Any, high: Any, places: int) -> tuple[Any, Any]:
    # The range comes before the product and the cast, which could overflow.
    exact = raw.round(places) == raw if raw.type().is_decimal() and raw.type().scale != 0 else raw.notnull()
    inside = (raw >= low) & (raw <= high)
    steps = raw.cast("int64") * 10**places if raw.type().is_integer() else (raw * 10**places).cast("int64")
    fault = _cases((raw.isnull(), MISSING), (~exact, MALFORMED), (~inside, OUTSIDE))
    return ibis.ifelse(fault == FINE, steps, ibis.null("int64")), fault


def _from_float(raw: Any, column: DecimalColumn) -> tuple[Any, Any]:
    x = raw.cast("float64")
    inside = (x >= float(column.min)) & (x <= float(column.max)) & ~x.isnan()
    steps = ibis.ifelse(inside, (x * 10.0**column.places).round().cast("int64"), ibis.null("int64"))
    back = (steps.cast("float64") / 10.0**column.places).cast(raw.type())
    fault = _cases((raw.isnull(), MISSING), (x.isnan(), MALFORMED), (~inside, OUTSIDE), (back != raw, MALFORMED))
    return ibis.ifelse(fault == FINE, steps, ibis.null("int64")), fault


def _cases(*branches: tuple[Any, int]) -> Any:
    return ibis.cases(*branches, else_=FINE).cast("int8")
