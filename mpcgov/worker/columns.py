"""A raw column into a checked one: its value, and what is wrong with it, row by row, as expressions of the engine.

Values: whole numbers for integer columns; whole multiples of 10^-places for decimal ones (the integers that are later
shared); dates; text for the rest. A row with a fault has no value (null), so that no later step can use it unseen.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from math import ceil, floor
from typing import Any

import ibis

from mpcgov.spec.table import CategoryColumn, Column, DateColumn, DecimalColumn, IntegerColumn

FINE, MISSING, MALFORMED, OUTSIDE = range(4)
"""What is wrong in a row of a column. OUTSIDE: of the range, or not among the declared values."""

IsOneOf = Callable[[Any, tuple[str, ...]], Any]
"""How the engine tests a text column against many values."""

_DIGITS = 18
"""So many characters of a whole number always fit 64 bits; a declared bound needs at most 16 digits and a sign."""


def from_text(raw: Any, column: Column, is_one_of: IsOneOf) -> tuple[Any, Any]:
    """Value and fault of a column of a CSV file; an empty field is missing, quoted or not."""
    raw = raw.nullif("")
    if isinstance(column, IntegerColumn):
        value = raw.try_cast("int64")
        return _ranged(raw, raw.re_search(r"^-?[0-9]+$"), value, column.min, column.max)
    if isinstance(column, DecimalColumn):
        part = rf"(\.[0-9]{{1,{column.places}}})?" if column.places else ""
        steps = _steps(raw.try_cast(f"decimal(18, {column.places})"), column)
        return _ranged(raw, raw.re_search(rf"^-?[0-9]+{part}$"), steps, column.low, column.high)
    if isinstance(column, DateColumn):
        value = raw.try_cast("date")
        real = raw.re_search(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$") & value.notnull()
        return _ranged(raw, real, value, date.fromisoformat(column.min), date.fromisoformat(column.max))
    return _textual(raw, column, is_one_of)


def from_typed(raw: Any, column: Column, is_one_of: IsOneOf) -> tuple[Any, Any] | None:
    """Value and fault of a column of Parquet or of a database; empty text is missing, like null.

    Integer takes whole-number types; decimal takes whole, decimal and floating types; date takes dates; the others
    take text or whole numbers. A float must be exactly the nearest to a number with the declared places, and its type
    must tell all numbers of the declared range apart. None if the column's type can't be taken.
    """
    dtype = raw.type()
    whole = dtype.is_integer() or (dtype.is_decimal() and dtype.scale == 0)
    if isinstance(column, IntegerColumn):
        return _from_whole(raw, column.min, column.max, 0) if whole else None
    if isinstance(column, DecimalColumn):
        return _from_number(raw, column, whole)
    if isinstance(column, DateColumn):
        low, high = date.fromisoformat(column.min), date.fromisoformat(column.max)
        return _ranged(raw, raw.notnull(), raw, low, high) if dtype.is_date() else None
    if dtype.is_string() or dtype.is_integer():
        return _textual(raw.cast("string").nullif(""), column, is_one_of)
    return None


def _from_number(raw: Any, column: DecimalColumn, whole: bool) -> tuple[Any, Any] | None:
    if whole:
        return _from_whole(raw, ceil(Decimal(column.min)), floor(Decimal(column.max)), column.places)
    if raw.type().is_decimal():
        return _from_decimal(raw, column)
    digits = {ibis.dtype("float64"): 15, ibis.dtype("float32"): 6}.get(raw.type().copy(nullable=True), 0)
    exact = max(abs(column.low), abs(column.high)) <= 10**digits  # so many digits survive a round trip through a float
    return _from_float(raw, column) if digits and exact else None


def _textual(raw: Any, column: Column, is_one_of: IsOneOf) -> tuple[Any, Any]:
    if not isinstance(column, CategoryColumn):
        return raw, _cases((raw.isnull(), MISSING))
    fault = _cases((raw.isnull(), MISSING), (~is_one_of(raw, column.values), OUTSIDE))
    return ibis.ifelse(fault == FINE, raw, ibis.null("string")), fault


def _ranged(raw: Any, well_formed: Any, value: Any, low: Any, high: Any) -> tuple[Any, Any]:
    outside = value.isnull() | (value < low) | (value > high)
    fault = _cases((raw.isnull(), MISSING), (~well_formed, MALFORMED), (outside, OUTSIDE))
    return ibis.ifelse(fault == FINE, value, ibis.null(value.type())), fault


def _from_whole(raw: Any, low: int, high: int, places: int) -> tuple[Any, Any]:
    if raw.type().is_unsigned_integer():
        raw = raw.cast("decimal(20, 0)")  # comparable with negative bounds
    # The range comes before the cast and the product, which could overflow.
    fault = _cases((raw.isnull(), MISSING), ((raw < low) | (raw > high), OUTSIDE))
    return ibis.ifelse(fault == FINE, raw.cast("int64") * 10**places, ibis.null("int64")), fault


def _from_decimal(raw: Any, column: DecimalColumn) -> tuple[Any, Any]:
    scale = raw.type().scale
    if scale is not None and scale <= column.places:
        return _ranged(raw, raw.notnull(), _steps(raw, column), column.low, column.high)
    # More places than declared: from the engine's own text, since its arithmetic overflows where scales differ.
    text = raw.cast("string")
    well_formed = text.re_search(rf"^-?[0-9]+(\.[0-9]{{0,{column.places}}}0*)?$")
    part = ibis.coalesce(text.re_extract(r"\.([0-9]*)", 1), "") + "0" * column.places
    digits = text.re_extract(r"^(-?[0-9]+)", 1) + (part.left(column.places) if column.places else "")
    steps = ibis.ifelse(well_formed & (digits.length() <= _DIGITS), digits, ibis.null("string")).cast("int64")
    return _ranged(text, well_formed, steps, column.low, column.high)


def _steps(number: Any, column: DecimalColumn) -> Any:
    """A decimal in steps of 10^-places; null far outside the range, where the product would overflow."""
    largest, dtype = max(abs(column.low), abs(column.high)), number.type()
    # 18 digits are 64 bits in DuckDB, and thirty times as fast as 38.
    narrow = (dtype.precision or 38) <= 18 and (largest + 10**column.places) * 10**dtype.scale < 10**18
    number = number.cast(f"decimal({18 if narrow else 38}, {dtype.scale})")
    limit = largest // 10**column.places + 1
    near = (number >= -limit) & (number <= limit)
    return ibis.ifelse(near, (number * 10**column.places).cast("int64"), ibis.null("int64"))


def _from_float(raw: Any, column: DecimalColumn) -> tuple[Any, Any]:
    number = raw.cast("float64")
    scaled = number * 10.0**column.places
    small = ~number.isnan() & (scaled.abs() < 2.0**62)
    steps = ibis.ifelse(small, scaled, 0.0).round().cast("int64")
    exact = (steps.cast("float64") / 10.0**column.places).cast(raw.type()) == raw
    outside = ~small | (steps < column.low) | (steps > column.high)
    fault = _cases((raw.isnull(), MISSING), (number.isnan(), MALFORMED), (outside, OUTSIDE), (~exact, MALFORMED))
    return ibis.ifelse(fault == FINE, steps, ibis.null("int64")), fault


def _cases(*branches: tuple[Any, int]) -> Any:
    return ibis.cases(*branches, else_=FINE).cast("int8")
