"""How the numbers and dates of a text file are written, told from all its columns: one way for the whole file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mpcgov.spec.reading import Dialect
from mpcgov.worker.numerals import ISO, MIDNIGHT, MONTHS
from mpcgov.worker.values import Values

_DATES = (
    "YYYY-MM-DD",
    "DD.MM.YYYY",
    "DD/MM/YYYY",
    "MM/DD/YYYY",
    "DD-MM-YYYY",
    "YYYY/MM/DD",
    "YYYY.MM.DD",
    "YYYYMMDD",
    "DD-MON-YYYY",
    "DDMONYYYY",
)
_MARKS = (
    (".", None), (",", None), (",", "."), (".", ","), (",", " "), (",", "\u00a0"), (",", "\u202f"), (".", "'"),
    (".", "’"),
)  # fmt: skip
_LIKE_NUMBER = r"^-?[0-9][0-9.,'’ \x{a0}\x{202f}]*$"
LIKE_AMOUNT = r"^[-+(\p{Sc}]*\s?[0-9][0-9.,'’ ]*\s?([\p{Sc}%‰)+-]|[A-Z]{3})?$"
"""A number with other signs, such as a currency, which isn't read."""
_LIKE_DATE = (
    rf"^([0-9]{{1,4}}[-./]?[0-9]{{1,2}}[-./]?[0-9]{{1,4}}|[0-9]{{1,2}}-?[A-Za-z]{{3}}-?[0-9]{{4}})({MIDNIGHT})?$"
)
_ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_MOST_DAYS = 100_000
_YEARS = range(1850, 2150)


def best(columns: Iterable[Values], how: Dialect) -> dict[str, Any]:
    """What a data set has to declare so that most of its columns are numbers and dates; the usual ways go unsaid.

    Args:
        columns: without codes for missing values.
        how: what is known already.
    """
    some = list(columns)
    said: dict[str, Any] = {}
    like_dates = [one for one in some if len(one) <= _MOST_DAYS and one.all_match(_LIKE_DATE)]
    form = _most([[dates(one, _with(how, date_format=form)) is not None for one in like_dates] for form in _DATES])
    if form:
        said["date_format"] = _DATES[form]
    like_numbers = [one for one in some if one.all_match(_LIKE_NUMBER)]
    marks = _MARKS if how.delimiter != "," else (_MARKS[0], _MARKS[3], *_MARKS[1:3], *_MARKS[4:])
    ways: list[dict[str, Any]] = [
        {**({} if point == "." else {"decimal": point}), **({"thousands": mark} if mark else {})}
        for point, mark in marks
    ]
    way = _most([[numbers(one, _with(how, **way)) is not None for one in like_numbers] for way in ways])
    return said | ways[way]


def is_ambiguous(values: Values, how: Dialect) -> bool:
    """Whether dates could as well be read with days and months the other way round."""
    swapped = how.date_format.translate(str.maketrans("DM", "MD"))
    named = how.date_format == ISO or "MON" in how.date_format
    return not named and len(values) > 1 and dates(values, _with(how, date_format=swapped)) is not None


def _with(how: Dialect, **changes: Any) -> Dialect:
    return Dialect(**{**how.model_dump(), **changes})


def _most(fits: Sequence[Sequence[bool]]) -> int:
    """The first of those ways that fit most columns."""
    return max(range(len(fits)), key=lambda way: (sum(fits[way]), -way))


def numbers(values: Values, how: Dialect) -> pa.Array | None:
    """The values as plain numbers, with a point; None if one isn't a number in this dialect."""
    point, mark = re.escape(how.decimal), re.escape(how.thousands or "")
    whole = rf"([0-9]{{1,3}}({mark}[0-9]{{3}})+|[0-9]+)" if mark else "[0-9]+"
    if not values.all_match(rf"^-?{whole}({point}[0-9]+)?$"):
        return None
    plain = pc.replace_substring(values.text, how.thousands, "") if how.thousands else values.text
    return pc.replace_substring(plain, how.decimal, ".")


def dates(values: Values, how: Dialect) -> list[date] | None:
    """The values as dates, in their order; None if one isn't a date in this dialect."""
    iso = how.date_format == ISO
    if values.any_match(MIDNIGHT):
        values = replace(values, text=pc.replace_substring_regex(values.text, MIDNIGHT, ""))
    if len(values) > _MOST_DAYS or not values.all_match(_ISO if iso else how.date_pattern):
        return None
    pattern, parts = re.compile(how.date_pattern), how.date_parts
    found = []
    for text in values.text.to_pylist():
        match = pattern.fullmatch(text)
        try:
            found.append(_day({part: match[group] for part, group in parts.items()}) if match else None)
        except ValueError:
            return None
    unparted = how.date_format.isalpha()  # any number of eight digits could look like that
    real = [day for day in found if day is not None and not (unparted and day.year not in _YEARS)]
    return real if len(real) == len(found) else None


def _day(parts: Mapping[str, str]) -> date:
    month = MONTHS.index(parts["MON"].upper()) + 1 if "MON" in parts else int(parts["MM"])
    return date(int(parts["YYYY"]), month, int(parts["DD"]))
