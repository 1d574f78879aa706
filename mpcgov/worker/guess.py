"""What a column could be declared as, from what its rows hold: a suggestion to its owner, who knows what is meant.

No value of a rare category comes out, and bounds are rounded outwards, so that none is a person's own number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mpcgov.spec.reading import Dialect
from mpcgov.spec.table import MAX_ABSOLUTE
from mpcgov.worker import bounds, writing
from mpcgov.worker.advice import CODES
from mpcgov.worker.keyform import advice
from mpcgov.worker.values import RARE_ROWS, Values

MOST_VALUES = 100
"""A column with more values isn't taken for a category."""

FEW_NUMBERS = 12
"""Whole numbers with no more different values may be codes."""

_CODES = tuple(code for code in CODES if code != "None")  # which is a person's name, too

_STRONG_NAME = re.compile(r"(^|_)(id|pid|uid|ssn|pin|pnr|nin|nino|tin|uuid|key)$|[a-z]Id$|ID$", re.IGNORECASE)
_WEAK_NAME = re.compile(r"(^|_)(nr|no|num|number|code)$", re.IGNORECASE)
_SAME = "|".join(rf"{sign}+" for sign in "0123456789Xx")
_FILLED = r"^(999+|-9+|-1|9999-12-31|31[./-]12[./-]9999|99991231|(9+|0+)[-./](9+|0+)[-./](9+|0+))$|^(0000+)$"
_PARTS = re.compile("([0-9]+)")
_EITHER_WAY = "days and months could be the other way round: say which by date_format"
_THOUSANDS = "each has three digits behind the sign: if that stands between thousands, say so by thousands and decimal"
_MOST_DIGITS = 17
_MOST_PLACES = 9
_LIMITS = {"float": (MAX_ABSOLUTE, 10**15), "float32": (2**24, 10**6)}
"""So large may whole numbers and steps of decimals be, for the type to tell them apart."""


@dataclass(frozen=True)
class Guess:
    """What a column could be declared as, and why; `declared` is None if it can't be read at all."""

    declared: dict[str, Any] | None
    reasons: tuple[str, ...] = ()
    missing: int = 0
    codes: tuple[str, ...] = ()

    def as_text(self, reason: str) -> Guess:
        """The same column with nothing said of its values."""
        return replace(self, declared={"kind": "text"}, reasons=(reason,))


NOT_READ = Guess(None, ("nothing of its type, or not all of its numbers, can be read",))

Told = tuple[dict[str, Any], tuple[str, ...]]
"""A declaration, and reasons."""


def plainest(values: Values) -> Values:
    """The values without all that may stand for a missing one."""
    some = values.without(_CODES)
    return some.without(some.frequent(_FILLED))


def guess(values: Values | None, name: str, how: Dialect, labels: Mapping[str, str] = MappingProxyType({})) -> Guess:
    """What a column could be declared as, given how the text of its file is written.

    Args:
        values: None if its type isn't read.
        name: its name, which may tell that it is a key.
        labels: what its codes are called in the file.
    """
    if values is None:
        return NOT_READ
    codes, some = values.among(_CODES), values.without(_CODES)
    if not len(some):
        return Guess({"kind": "text"}, ("no row has a value",), some.missing, tuple(codes))
    if values.kind == "boolean":
        return Guess({"kind": "category", "values": ["false", "true"]}, (), some.missing)
    if _names_all(labels, some):
        said = (f"by their labels, as the file has them; the codes are {', '.join(labels)}",)
        return Guess({"kind": "category", "values": list(labels.values())}, said, some.missing, tuple(codes))
    filled = _stand_ins(some, how)
    rest = some.without(filled)
    told = _number_or_date(rest, how)
    if told and told[0]["kind"] == "integer" and rest.any_match(r"\.0$") and _is_key(name, rest):
        told = (told[0], ("ids written as numbers with .0: written as whole numbers they could be a key",))
    elif told is None or (told[0]["kind"] == "integer" and _is_key(name, rest)):
        filled = _crowded(some)
        rest = some.without(filled)
        told = _textual(rest, name)
    if told is None:
        return replace(NOT_READ, reasons=("its numbers have more digits than can be declared",))
    reasons = told[1] + ((f"{', '.join(filled)} taken for no value: many rows, far from all others",) if filled else ())
    return Guess(told[0], reasons, rest.missing, (*codes, *filled))


def _names_all(labels: Mapping[str, str], values: Values) -> bool:
    """Whether labels make a category of a column: each of its codes has one of its own."""
    few = 0 < len(labels) <= MOST_VALUES and len({*labels.values()}) == len(labels)
    return few and all(labels.values()) and len(values.without(list(labels))) == 0


def _stand_ins(some: Values, how: Dialect) -> list[str]:
    """Frequent numbers or dates that stand for no value: the others are such too, and far from them."""
    filled = some.frequent(_FILLED)
    rest = some.without(filled)
    plain = writing.numbers(rest, how) if filled else None
    if plain is None:
        return filled if filled and writing.dates(rest, how) is not None else []
    low, high = _extent(plain)
    return [code for code in filled if _far(code, low, high)]


def _far(code: str, low: float, high: float) -> bool:
    number = float(code) if re.fullmatch("-?[0-9]+", code) else 0
    return (number < 0 <= low) or (number > 0 and len(code) > len(str(int(max(high, -low)))))


def _extent(plain: pa.Array) -> tuple[float, float]:
    found = pc.min_max(plain.cast(pa.float64())).as_py()
    return found["min"], found["max"]


def _number_or_date(values: Values, how: Dialect) -> Told | None:
    days = writing.dates(values, how) if values.kind in ("text", "date") else None
    if days:
        low, high = bounds.days(min(days), max(days))
        said = (_EITHER_WAY,) if values.kind == "text" and writing.is_ambiguous(values, how) else ()
        return {"kind": "date", "min": low, "max": high}, said
    plain = writing.numbers(values, how) if values.kind != "date" else None
    if plain is None or (values.kind == "text" and values.any_match("^-?0[0-9]")):
        return None
    plain = _whole(plain)
    places = int(pc.max(pc.utf8_length(pc.replace_substring_regex(plain, r"^[^.]*\.?", ""))).as_py())
    digits = int(pc.max(pc.utf8_length(pc.replace_substring_regex(plain, r"\..*$|-", ""))).as_py())
    if places > _MOST_PLACES or digits + places > _MOST_DIGITS:
        return None
    return _number(_steps(plain, places), values, places)


def _whole(plain: pa.Array) -> pa.Array:
    """Numbers without a point, if each is whole: 12.0 is what is written where some of a column are missing."""
    whole = pc.replace_substring_regex(plain, r"\.0$", "")
    return plain if pc.any(pc.match_substring(whole, ".")).as_py() else whole


def _steps(plain: pa.Array, places: int) -> Any:
    """As whole multiples of 10^-places."""
    fraction = pc.replace_substring_regex(plain, r"^[^.]*\.?", "")
    padded = pc.utf8_rpad(fraction, places, "0")
    whole = pc.replace_substring_regex(plain, r"\..*$", "")
    return np.asarray(pc.binary_join_element_wise(whole, padded, pa.scalar("", pa.large_string())).cast(pa.int64()))


def _number(steps: Any, values: Values, places: int) -> Told | None:
    whole, parts = _LIMITS.get(values.kind, (MAX_ABSOLUTE, MAX_ABSOLUTE))
    limit = parts if places else whole
    first, last = int(np.argmin(steps)), int(np.argmax(steps))
    low, high = int(steps[first]), int(steps[last])
    if max(abs(low), abs(high)) > limit:
        return None
    rare = (bool(values.rows[first] < RARE_ROWS), bool(values.rows[last] < RARE_ROWS))
    least, most = bounds.whole(low, high, rare, limit)
    if places:
        texts = (bounds.decimal_text(least, places), bounds.decimal_text(most, places))
        said = (_THOUSANDS,) if values.kind == "text" and values.all_match(r"^-?[0-9]{1,3}[.,][0-9]{3}$") else ()
        return {"kind": "decimal", "min": texts[0], "max": texts[1], "places": places}, said
    few = 1 < len(values) <= FEW_NUMBERS
    said = (f"only {len(values)} different values: if they are codes, make it a category",) if few else ()
    return {"kind": "integer", "min": least, "max": most}, said


def _is_key(name: str, values: Values) -> bool:
    """Whether a column that could be numbers or text names persons or things."""
    distinct, total = len(values), values.total
    alone = distinct == total >= RARE_ROWS
    if _STRONG_NAME.search(name):
        return alone or (distinct > MOST_VALUES // 2 and 4 * distinct >= total)
    return alone and (bool(_WEAK_NAME.search(name)) or (values.kind == "text" and not _is_prose(values)))


def _is_prose(values: Values) -> bool:
    """Words, or numbers without leading zeros, whose being different says little."""
    return values.any_match(r"\s") or values.all_match(r"^(0|-?[1-9][0-9]*)$") or values.lengths()[1] > 40


def _crowded(values: Values) -> list[str]:
    """The one value that far more rows have than any other, if it is one sign over and over, as ids are filled up."""
    order = np.argsort(values.rows)[::-1][:2]
    if len(order) < 2 or values.rows[order[0]] < max(RARE_ROWS, 10 * values.rows[order[1]]):
        return []
    most = str(values.text[int(order[0])].as_py())
    return [most] if re.fullmatch(_SAME, most) and len(most) > 1 else []


def _textual(values: Values, name: str) -> Told | None:
    if values.kind in ("decimal", "float", "float32") and not values.all_match("^-?[0-9]+$"):
        return None
    if values.any_match("[^0-9.,'’ -]") and values.all_match(writing.LIKE_AMOUNT):
        return {"kind": "text"}, ("numbers with other signs, such as % or a currency: only plain ones are read",)
    if _is_key(name, values):
        return {"kind": "key"}, ("its name or its values tell rows apart", *advice(values))
    if len(values) > MOST_VALUES:
        return {"kind": "text"}, (f"more than {MOST_VALUES} values",)
    rare = int((values.rows < RARE_ROWS).sum())
    if rare:
        said = f"{rare} of {len(values)} values stand in fewer than {RARE_ROWS} rows each and aren't shown"
        return {"kind": "text"}, (said, "for a category, write down its code list")
    return {"kind": "category", "values": _in_order(values.text.to_pylist())}, ()


def _in_order(values: Sequence[str]) -> list[str]:
    """As people write them: 5-14 before 45-54."""
    return sorted(values, key=lambda one: [part.zfill(20) if part.isdecimal() else part for part in _PARTS.split(one)])
