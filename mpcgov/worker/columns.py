"""A raw column into a checked one: its value, and what is wrong with it, row by row, as expressions of the engine.

Values: whole numbers for integer columns; whole multiples of 10^-places for decimal ones (the integers that are later
shared); dates; text for the rest. A row with a fault has no value (null), so that no later step can use it unseen.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from math import ceil, floor
from typing import Any

import ibis

from mpcgov.spec.reading import Dialect, Reading
from mpcgov.spec.table import CategoryColumn, Column, DateColumn, DecimalColumn, IntegerColumn, KeyColumn
from mpcgov.worker import advice, macros
from mpcgov.worker.absent import without_codes, without_typed
from mpcgov.worker.advice import (
    ABSENT,
    FINE,
    MALFORMED,
    MISSING,
    OUTSIDE,
    POINT,
    SHOWN,
    TIMED,
    cases,
    far_date,
    is_error,
    is_pointed,
    shown_number,
)
from mpcgov.worker.identity import is_as_declared
from mpcgov.worker.numerals import ISO, plain_date, plain_number

IsOneOf = Callable[[Any, tuple[str, ...]], Any]
"""How the engine tests a text column against many values."""

_DIGITS = 18
"""So many characters of a whole number always fit 64 bits; a declared bound needs at most 16 digits and a sign."""

TAKES = {
    "integer": "whole numbers, decimals, floats that tell the whole range apart, booleans or text",
    "decimal": "whole numbers, decimals, floats that tell the whole range apart or text",
    "date": "dates, timestamps without time zone or text",
}
"""The types of sources that a kind of column is read from; the others take `TAKES_TEXT`."""

TAKES_TEXT = "text, whole numbers, booleans, dates or UUIDs"


@dataclass(frozen=True)
class Form:
    """How a column is written: the dialect of text, and what its owner says of this column.

    `recode`: other codes for declared values, those of the source's own labels too.
    """

    dialect: Dialect = field(default_factory=Dialect)
    reading: Reading = field(default_factory=Reading)
    recode: Mapping[str, str] = field(default_factory=dict)
    advises: bool = True
    """Whether the engine is the one of this process, which has what it takes to say how a value nearly fits."""
    header: str = ""
    """The column's name in the source."""
    written: bool = False
    """Whether all values of the source are text, numbers too."""
    of_workbook: bool = False
    """Whether a text may be an error of a workbook."""


PLAIN = Form()


_WHOLE = r"^-?[0-9]+\.?$"
_ISO_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


def from_text(raw: Any, column: Column, is_one_of: IsOneOf, form: Form = PLAIN) -> tuple[Any, Any]:
    """Value and fault of a column of text, as of a CSV file; an empty field is missing, quoted or not."""
    raw = raw.nullif("")
    if form.reading.missing:
        digits = plain_number(raw, form.dialect, Reading(sign=form.reading.sign))  # a code has no implied point
        raw = without_codes(raw, digits, column, form.reading.missing)
    raw = _recoded(raw, form)
    if isinstance(column, IntegerColumn | DecimalColumn):
        return _number_of_text(raw, column, form)
    if not isinstance(column, DateColumn):
        return _textual(raw, column, is_one_of, form)
    return _date_of_text(raw, raw, column, form)


def _date_of_text(raw: Any, text: Any, column: DateColumn, form: Form) -> tuple[Any, Any]:
    """`text`: what stands in the source; `raw`: what is null where a value is missing."""
    text = plain_date(text, form.dialect)
    value = text.try_cast("date")
    written = _ISO_PATTERN if form.dialect.date_format == ISO else r"^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}$"
    low, high = date.fromisoformat(column.min), date.fromisoformat(column.max)
    odd = advice.odd_date(raw, form.header, form.dialect) if raw.type().is_string() else MALFORMED
    return _ranged(raw, text.re_search(written) & value.notnull(), value, low, high, odd)


def _number_of_text(raw: Any, column: IntegerColumn | DecimalColumn, form: Form) -> tuple[Any, Any]:
    text, said = plain_number(raw, form.dialect, form.reading), macros if form.advises else advice
    odd = said.odd_number(raw, form.header, form.dialect, form.reading)
    if isinstance(column, IntegerColumn):
        # 12.0 is what is written of a column of whole numbers some of which are missing; 12.000 may be twelve thousand.
        value = text.re_replace(r"\.0*$", "").try_cast("int64")
        return _ranged(raw, text.re_search(r"^-?[0-9]+(\.(0{0,2}|0{4,}))?$"), value, column.min, column.max, odd)
    form_of = rf"^-?([0-9]+(\.[0-9]{{0,{column.places}}})?|\.[0-9]{{1,{column.places}}})$" if column.places else _WHOLE
    steps = _steps(text.try_cast(f"decimal(18, {column.places})"), column)
    return _ranged(raw, text.re_search(form_of), steps, column.low, column.high, odd)


def from_typed(raw: Any, column: Column, is_one_of: IsOneOf, form: Form = PLAIN) -> tuple[Any, Any] | None:
    """Value and fault of a column of Parquet or of a database; empty text and NaN are missing, like null.

    What is taken is in `TAKES`; text is read as in a CSV file. A float must be exactly the nearest to a number with the
    declared places, and its type must tell all numbers of the declared range apart; a timestamp must be at midnight.
    None if the column's type can't be taken.
    """
    dtype = raw.type()
    if dtype.is_string() or dtype.is_uuid():
        return from_text(raw.cast("string"), column, is_one_of, form)
    raw = without_typed(raw, form.reading.missing)
    if isinstance(column, IntegerColumn | DecimalColumn):
        return _from_number(raw, column)
    if isinstance(column, DateColumn):
        return _from_date(raw, column, form)
    text, sound = _written(raw)
    return None if text is None else _textual(_recoded(text, form), column, is_one_of, form, sound)


def _recoded(text: Any, form: Form) -> Any:
    if not form.recode:
        return text
    return ibis.cases(*((text == old, new) for old, new in form.recode.items()), else_=text)


def _from_number(raw: Any, column: IntegerColumn | DecimalColumn) -> tuple[Any, Any] | None:
    dtype = raw.type()
    if dtype.is_boolean() or dtype.is_null():
        raw = raw.cast("int64")
    dtype = raw.type()
    number = column if isinstance(column, DecimalColumn) else DecimalColumn(
        kind="decimal", min=str(column.min), max=str(column.max), places=0
    )  # fmt: skip
    if dtype.is_integer() or (dtype.is_decimal() and dtype.scale == 0):
        return _from_whole(raw, ceil(Decimal(number.min)), floor(Decimal(number.max)), number.places)
    if dtype.is_decimal():
        return _from_decimal(raw, number)
    kinds = {ibis.dtype("float64"): (10**15, 2**53), ibis.dtype("float32"): (10**6, 2**24)}
    # So many digits survive a round trip through a float; so large, all whole numbers do.
    limits = kinds.get(dtype.copy(nullable=True), (0, 0))
    limit = limits[number.places == 0]
    return _from_float(raw, number) if limit and max(abs(number.low), abs(number.high)) <= limit else None


def _from_date(raw: Any, column: DateColumn, form: Form) -> tuple[Any, Any] | None:
    if raw.type().is_numeric() and form.dialect.dates_are_digits:
        text, _ = _written(raw)
        return _date_of_text(raw, text.lpad(len(form.dialect.date_format), "0"), column, form)
    dtype, low, high = raw.type(), date.fromisoformat(column.min), date.fromisoformat(column.max)
    if dtype.is_timestamp() and dtype.timezone is None:
        day = raw.cast("date")
        return _ranged(raw, raw == day.cast(dtype), day, low, high, TIMED)
    if dtype.is_null():
        raw, dtype = raw.cast("date"), ibis.dtype("date")
    return _ranged(raw, raw.notnull(), raw, low, high) if dtype.is_date() else None


def _written(raw: Any) -> tuple[Any, Any]:
    """The text of a key, category or text of another type, and whether it has one; None if its type can't be taken."""
    dtype = raw.type()
    if dtype.is_integer() or dtype.is_boolean() or dtype.is_date() or dtype.is_null():
        return raw.cast("string"), None
    if dtype.is_timestamp() and dtype.timezone is None:
        day = raw.cast("date")
        return day.cast("string"), raw == day.cast(dtype)
    if dtype.is_decimal():
        text = raw.cast("string")
        return text.re_replace(r"\.0*$", ""), text.re_search(r"^-?[0-9]+(\.0*)?$")
    if dtype.is_floating():
        limit = 2.0**24 if dtype.is_float32() else 2.0**53
        number = raw.try_cast("int64")
        whole = number.notnull() & (raw.abs() < limit) & (number.cast(dtype) == raw)
        return ibis.ifelse(raw.isnull(), ibis.null("string"), number.cast("string").fill_null("?")), whole
    return None, None


def _textual(
    raw: Any, column: Column, is_one_of: IsOneOf, form: Form, sound: Any = None
) -> tuple[Any, Any]:  # fmt: skip
    """`sound`: whether what a value was written from is one; the text of what isn't is never used."""
    malformed: list[tuple[Any, int]] = [] if sound is None else [(~sound, MALFORMED)]
    if isinstance(column, KeyColumn) and ("digits" in column.normalise or not column.pattern):
        malformed.append((is_pointed(raw), POINT))
    if form.of_workbook:
        malformed.append((is_error(raw), ABSENT))
    if isinstance(column, KeyColumn) and form.written and not column.pattern:
        malformed.append((shown_number(raw), SHOWN))
    if isinstance(column, KeyColumn) and (column.length or column.pattern or column.check):
        malformed.append((~is_as_declared(raw, column), MALFORMED))
    if not isinstance(column, CategoryColumn):
        if not malformed:
            return raw, cases((raw.isnull(), MISSING))
        fault = cases((raw.isnull(), MISSING), *malformed)
        return ibis.ifelse(fault == FINE, raw, ibis.null("string")), fault
    outside = ibis.literal(OUTSIDE)
    if form.advises:
        near = is_one_of(macros.seen(raw), tuple({_near(value) for value in column.values}))
        outside = macros.odd_code(near, raw, column.values, form.header)
    fault = cases((raw.isnull(), MISSING), *malformed, (~is_one_of(raw, column.values), outside))
    return ibis.ifelse(fault == FINE, raw, ibis.null("string")), fault


def _near(value: str) -> str:
    return unicodedata.normalize("NFC", value.lower().strip())


def _ranged(
    raw: Any, well_formed: Any, value: Any, low: Any, high: Any, odd: Any = MALFORMED
) -> tuple[Any, Any]:  # fmt: skip
    outside = value.isnull() | (value < low) | (value > high)
    far = far_date(value) if value.type().is_date() else OUTSIDE
    fault = cases((raw.isnull(), MISSING), (~well_formed, odd), (outside, far))
    return ibis.ifelse(fault == FINE, value, ibis.null(value.type())), fault


def _from_whole(raw: Any, low: int, high: int, places: int) -> tuple[Any, Any]:
    if raw.type().is_unsigned_integer():
        raw = raw.cast("decimal(20, 0)")  # comparable with negative bounds
    # The range comes before the cast and the product, which could overflow.
    fault = cases((raw.isnull(), MISSING), ((raw < low) | (raw > high), OUTSIDE))
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
    fault = cases((raw.isnull(), MISSING), (outside, OUTSIDE), (~exact, MALFORMED))
    return ibis.ifelse(fault == FINE, steps, ibis.null("int64")), fault
