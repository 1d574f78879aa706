"""Numbers and dates of texts, in the form that their owner declares, as mpcgov writes them; what isn't one as `?`."""

from __future__ import annotations

import re
from functools import reduce
from typing import Any

import ibis

from mpcgov.spec.reading import Dialect, Reading

NONE = "?"
"""What stands for a text that isn't a number, or a date, in the declared form: it is none in any."""

BLANKS = " \u00a0\u2007\u2009\u202f"
"""Any of these stands between thousands where one is declared: which one it is nobody sees. So do apostrophes."""

_APOSTROPHES = "'\u2019"

MIDNIGHT = r"([T ]0?0:00(:00([.,]0+)?)?| 12:00(:00)? [Aa][Mm])$"
ISO = "YYYY-MM-DD"

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
"""As `MON` of a date format has them: in English, in any case."""

_PUNCHES = "{ABCDEFGHI}JKLMNOPQRpqrstuvwxy"
OVERPUNCHED = "^[0-9]*[{}A-Rp-y0-9]$"
"""A number whose last digit also says the sign: `{` is +0, `A` to `I` are +1 to +9, `}` is -0, `J` to `R` are -1 to -9;
some compilers write `p` to `y` for -0 to -9."""


def plain_number(raw: Any, dialect: Dialect, reading: Reading) -> Any:
    """A number as others write it, with a point and a minus in front, as it is here."""
    if reading.sign:
        raw = _signed(raw, reading.sign)
    if reading.implied:
        return _pointed(raw, reading.implied)
    if dialect.decimal == "." and dialect.thousands is None:
        return raw
    point, mark = re.escape(dialect.decimal), _thousands(dialect)
    whole = rf"([0-9]{{1,3}}({mark}[0-9]{{3}})+|[0-9]+)" if mark else "[0-9]+"
    plain = raw.re_replace(mark, "") if mark else raw
    plain = plain.replace(dialect.decimal, ".")
    return ibis.ifelse(raw.re_search(rf"^-?({whole}({point}[0-9]*)?|{point}[0-9]+)$"), plain, NONE)


def _thousands(dialect: Dialect) -> str:
    if dialect.thousands is None:
        return ""
    alike = next((signs for signs in (BLANKS, _APOSTROPHES) if dialect.thousands in signs), "")
    return f"[{alike}]" if alike else re.escape(dialect.thousands)


# What follows are chains that name a text once: an expression that names it often, within others that do, is one that
# the engine takes minutes to look at.


def _signed(raw: Any, sign: str) -> Any:
    """With a minus in front, or nothing."""
    if sign == "overpunch":
        minus = ibis.ifelse(raw.re_search("[}J-Rp-y]$"), "-", "")
        return ibis.ifelse(raw.re_search(OVERPUNCHED), minus + raw.translate(_PUNCHES, "0123456789" * 3), NONE)
    if sign == "leading":
        return raw.re_replace(r"^\+ *([0-9])", r"\1").re_replace("^- +([0-9])", r"-\1")
    return raw.re_replace("^-", NONE).re_replace("^(.*[^ -]) *-$", r"-\1").re_replace(r" *\+$", "")


def _pointed(text: Any, places: int) -> Any:
    """With a point before the last digits."""
    padded = text.re_replace("^.*[^0-9-].*$", NONE).re_replace("^(-?)([0-9]+)$", rf"\1{'0' * places}\2")
    return padded.re_replace(f"^(-?[0-9]+)([0-9]{{{places}}})$", r"\1.\2")


def plain_date(raw: Any, dialect: Dialect) -> Any:
    """A date as others write it, as YYYY-MM-DD; without a time of day if that is midnight."""
    # Only of what is longer than a date: to look for it in each takes longer than to read them.
    text = ibis.ifelse(raw.length() > len(dialect.date_format), raw.re_replace(MIDNIGHT, ""), raw)
    if dialect.date_format == ISO:
        return text
    if dialect.dates_are_digits:
        text = text.re_replace(r"\.0$", "")  # as a column of numbers is written some of which are missing
    pattern, groups = dialect.date_pattern, dialect.date_parts
    parts = {part: text.re_extract(pattern, group) for part, group in groups.items()}
    if "DDD" in parts:
        plain = _of_year(parts["YYYY"], parts["DDD"])
    else:
        month = parts.get("MM")
        month = _month(parts["MON"]) if month is None else month
        plain = parts["YYYY"] + "-" + month + "-" + parts["DD"]
    return ibis.ifelse(text.re_search(pattern), plain, NONE)


def _month(name: Any) -> Any:
    return reduce(lambda text, month: text.replace(month[1], f"{month[0]:02d}"), enumerate(MONTHS, 1), name.upper())


def _of_year(year: Any, number: Any) -> Any:
    """The day of a year, counted from 1; what the year doesn't have is none of it."""
    days = (number.try_cast("int64") - 1).as_interval("D")
    text = ((year + "-01-01").try_cast("date") + days).cast("string").left(10)  # an engine may have made a moment of it
    return ibis.ifelse(text.left(4) == year, text, NONE)
