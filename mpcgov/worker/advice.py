"""What can be wrong in a row of a column, and what nearly fits: told to the owner, by how many rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis

from mpcgov.spec.reading import Dialect, Reading
from mpcgov.worker.numerals import ISO, MONTHS

FINE, MISSING, MALFORMED, OUTSIDE, NEAR, PADDED, COMMA, DATED, POINT, ABSENT, UNLISTED, TIMED, ZEROS = range(13)
SIGNED, CENTURY, NAMED, COUNTED, PARTLY, FRACTION, HEADER, NAME, SHOWN, PUNCHED, POINTED = range(13, 24)
SCRIPT, WORD = range(24, 26)
"""What is wrong in a row of a column. OUTSIDE: of the range, or not among the declared values.

The others say more of it, as `SAYS_MORE` has it."""

ERRORS = ("#N/A", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#GETTING_DATA", "#SPILL!", "#CALC!")
"""What cells of workbooks hold whose formulas have no result."""

CODES = (
    "NA", "N/A", "n/a", "N.A.", "n.a.", "NULL", "null", "(null)", "NaN", "nan", "NaT", "<NA>", "None",
    ".", "..", ":", "-", "?", "UNKNOWN", "unknown", "unbekannt", "k.A.", "k. A.", "0000-00-00",
    "infinity", "-infinity", "\\N", *ERRORS,
)  # fmt: skip
"""Texts that stand for no value almost everywhere."""

LAST_DAY = "9999-12-31"
"""The date that stands for no date, or for no end yet, almost everywhere."""

BLANK = r"[\s\x{a0}\x{2007}\x{200b}\x{202f}\x{3000}\x{feff}]"
"""Characters that nobody sees, as a regular expression of the engine."""

_NO_VALUE = "that look like a code for no value, such as NA or .: declare it by missing"
_AGAIN = "that are the header once more, as where files were joined: take them out"

SAYS_MORE = {
    NEAR: (OUTSIDE, "but for blanks, case, Unicode form or .0 at the end"),
    ZEROS: (OUTSIDE, "but for zeros before them, as in a number column: say by recode what is meant"),
    UNLISTED: (OUTSIDE, _NO_VALUE),
    PADDED: (MALFORMED, "with blanks before or after the value"),
    COMMA: (MALFORMED, "with another decimal sign or signs between thousands: set decimal and thousands"),
    POINT: (MALFORMED, "with .0 at the end, or the like, which makes another key of it: write them as whole numbers"),
    DATED: (
        MALFORMED,
        "with day, month and year in another form or order: set date_format, such as DD.MM.YYYY or YYYYDDD",
    ),
    TIMED: (MALFORMED, "with a time of day or a time zone"),
    SIGNED: (
        MALFORMED,
        "with other signs, such as +, %, a currency, an exponent or a minus behind: write plain numbers or set sign",
    ),
    PUNCHED: (MALFORMED, "that end with a letter or brace, as COBOL writes signs: set sign: overpunch"),
    POINTED: (MALFORMED, "with a decimal sign, where implied says that none is written"),
    CENTURY: (MALFORMED, "with a year of two digits: write all four, as nothing says the century"),
    NAMED: (
        MALFORMED,
        "with the month by its name: write it as a number; or, of three English letters, set date_format: DD-MON-YYYY",
    ),
    COUNTED: (MALFORMED, "that are days counted by a number, as a workbook has them: format them as dates there"),
    PARTLY: (MALFORMED, "without a day or a month, such as a year, a quarter or a week"),
    ABSENT: (MALFORMED, _NO_VALUE),
    FRACTION: (MALFORMED, "with more digits after the point: declare kind: decimal and as many places"),
    HEADER: (MALFORMED, _AGAIN),
    SHOWN: (MALFORMED, "as a workbook shows long numbers, such as 3.1E+11: digits are lost; write ids as text there"),
    NAME: (OUTSIDE, _AGAIN),
    SCRIPT: (MALFORMED, "in digits of another script or width: write them as 0 to 9"),
    WORD: (MALFORMED, "that are words, such as yes or no: declare a category, or say by recode what is meant"),
}

OTHER_DIGIT = r"[^\P{Nd}0-9]"
_WORD = r"(?i)^(yes|no|true|false|ja|nein|wahr|falsch|oui|non)$"
_MARKS = r",' \x{a0}\x{2019}\x{202f}"
_COMMA = rf"^-?[0-9][0-9.{_MARKS}]*[{_MARKS}][0-9][0-9.,]*$|^-?[0-9]{{1,3}}(\.[0-9]{{3}}){{2,}}$|^-?[0-9]+\.000$"
_FRACTION = r"^-?[0-9]+\.[0-9]+$"
_SIGNED = (
    rf"^[-+(\p{{Sc}}\x{{2212}}\x{{2013}}]*{BLANK}?[0-9]([0-9.,']|[\s\x{{a0}}\x{{2009}}\x{{202f}}][0-9]{{3}})*"
    rf"([eE][-+]?[0-9]+|{BLANK}?[\p{{Sc}}%‰)+-]|{BLANK}?[A-Z]{{3}})?$"
)
_POINTED = r"^[-+]?[0-9]*[.,][0-9]+[-+]?$"
_PUNCHED = r"^[0-9]{2,}[{}A-Rp-y]$"
_SHOWN = r"^[0-9]([.,][0-9]+)?[eE]\+[0-9]+$|^[0-9][.,][0-9]+[eE][0-9]+$"
_WITH_POINT = r"^[0-9]+[.,](0{1,2}|0{4,})$"
_CENTURY = r"^[0-9]{1,2}[./ -]([0-9]{1,2}|\pL{3,9}\.?)[./ -][0-9]{2}$"
_NAMED = r"^[0-9]{1,2}[-. ]*\pL{3,9}\.?[-. ]*[0-9]{2,4}$"
_PARTLY = r"^[0-9]{4}([-./ ]?[QWMSHTqw]?[0-9]{1,2})?$|^[QTW][0-9]{1,2}[-./ ][0-9]{4}$"
_NO_DATE = r"^0+[./ -]?0*[./ -]?0*$"
_ZERO_PART = (
    r"^00[./-][0-9]{2}[./-][0-9]{4}$|^[0-9]{2}[./-]00[./-][0-9]{4}$|^[0-9]{4}[./-](00[./-][0-9]{2}|[0-9]{2}[./-]00)$"
)
_OTHER_DATE = (
    r"^([0-9]{1,2}[./ -][0-9]{1,2}[./ -][0-9]{4}|[0-9]{7,8}(\.0)?|[0-9]{4}[./][0-9]{1,2}[./][0-9]{1,2}"
    r"|[0-9]{4}-([0-9]-[0-9]{1,2}|[0-9]{2}-[0-9]))$"
)
_TIMED = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]"


def _nfc(value: str) -> Any:
    return value


normal_form: Any = ibis.udf.scalar.builtin(_nfc, name="nfc_normalize", signature=(("string",), "string"))
"""A text in Unicode's form NFC, by a function of DuckDB's own."""


def is_code(raw: Any) -> Any:
    """Whether a text stands for no value almost everywhere.

    Not `isin`: the engine joins what is tested against more than five literals, and a plan of a join for each of many
    columns takes it half a minute.
    """
    return ibis.array(list(CODES)).contains(raw)


def is_error(raw: Any) -> Any:
    """Whether a text is an error of a workbook."""
    return ibis.ifelse(raw.startswith("#"), ibis.array(list(ERRORS)).contains(raw), False)


def cases(*branches: tuple[Any, Any], otherwise: Any = FINE) -> Any:
    """The first branch that is true, as what is wrong in a row."""
    return ibis.cases(*branches, else_=otherwise).cast("int8")


def odd_number(raw: Any, header: str, how: Dialect, reading: Reading) -> Any:
    """What a text is that is no number.

    Args:
        raw: the text.
        header: the column's name in the source.
        how: the dialect of all texts.
        reading: what is said of this column.
    """
    known = (_again(raw, header), (_padded(raw), PADDED), (is_code(raw), ABSENT), (raw.re_search(_COMMA), COMMA))
    fraction = (raw.re_search(_FRACTION), FRACTION if how.decimal == "." else COMMA)
    pointed = [(raw.re_search(_POINTED), POINTED)] if reading.implied else []
    punched = (raw.re_search(_PUNCHED), PUNCHED)
    forms = (*pointed, fraction, (raw.re_search(_SIGNED), SIGNED), punched)
    rest = ((raw.re_search(OTHER_DIGIT), SCRIPT), (raw.re_search(_WORD), WORD))
    return cases(*known, *forms, *rest, otherwise=MALFORMED)


def shown_number(key: Any) -> Any:
    """Whether a key is a long number as workbooks show it, which several keys may have become."""
    return ibis.ifelse(key.contains("+") | key.contains("E"), key.re_search(_SHOWN), False)


def is_pointed(key: Any) -> Any:
    """Whether a key is a whole number with a point, and zeros behind it: 1000.0, 1000,00. `1.000` may be a thousand."""
    # The pattern only of what ends so: to look for it in every key takes longer than to read the keys.
    pointed = ibis.ifelse(key.contains(".") | key.contains(","), key.re_search(_WITH_POINT), False)
    return ibis.ifelse(key.endswith("0"), pointed, False)


def odd_date(raw: Any, header: str, how: Dialect) -> Any:
    """What a text is that is no date.

    Args:
        raw: the text.
        header: the column's name in the source.
        how: the dialect of all texts.
    """
    other, timed = raw.re_search(_OTHER_DATE) & ~raw.re_search(how.date_pattern), raw.re_search(_TIMED)
    if how.date_format != ISO and "MM" in how.date_parts:
        other |= _of_another_order(raw, how)
    none, part = (raw.re_search(_NO_DATE), ABSENT), (raw.re_search(_ZERO_PART), PARTLY)
    known = [_again(raw, header), (_padded(raw), PADDED), (is_code(raw), ABSENT), none, part, (timed, TIMED)]
    forms = ((_CENTURY, CENTURY), (_NAMED, NAMED), (r"^[0-9]{5}$", COUNTED), (_PARTLY, PARTLY), (OTHER_DIGIT, SCRIPT))
    found = ((raw.re_search(form), fault) for form, fault in forms)
    return cases(*known, (other, DATED), *found, otherwise=MALFORMED)


def _of_another_order(raw: Any, how: Dialect) -> Any:
    """Whether what should be the month is over 12."""
    return raw.re_extract(how.date_pattern, how.date_parts["MM"]).try_cast("int64") > len(MONTHS)


def odd_code(near: Any, raw: Any, values: Sequence[str], header: str) -> Any:
    """What a text is that isn't among the declared values.

    Args:
        near: whether it is among them but for blanks, case or form.
        raw: the text.
        values: those that are declared.
        header: the column's name in the source.
    """
    stripped = sorted({value.lstrip("0") for value in values if value.isdigit() and value.startswith("0")})
    zeros = [(ibis.array(stripped).contains(raw.re_replace(r"(\.0)?$", "")), ZEROS)] if stripped else []
    again, _ = _again(raw, header)
    return cases((near, NEAR), *zeros, (is_code(raw), UNLISTED), (again, NAME), otherwise=OUTSIDE)


def seen(raw: Any) -> Any:
    """What people take a text for: without blanks around it, `.0` at its end, case, or another Unicode form."""
    return normal_form(raw.lower()).re_replace(rf"^{BLANK}+|\.0$|{BLANK}+$", "")


def far_date(value: Any) -> Any:
    """What a date is that is out of range."""
    return cases((value.cast("string") == LAST_DAY, UNLISTED), otherwise=OUTSIDE)


def _again(raw: Any, header: Any) -> tuple[Any, int]:
    """The column's own name, with the mark that a file of its own began with where files were joined."""
    return (raw == header) | (raw == ibis.literal("\ufeff") + header), HEADER


def _padded(raw: Any) -> Any:
    return raw.re_search(f"^{BLANK}|{BLANK}$")
