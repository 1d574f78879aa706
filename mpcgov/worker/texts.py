"""Values of compared fields in the form in which they are compared, whole columns at a time.

What is left out is what registers write differently: case, accents, punctuation, blanks, leading zeros. Accents are the
marks of Latin, Greek, Arabic and Hebrew letters; in other scripts a mark makes another letter, or is a vowel (й, राम).
A value of which nothing is left is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from mpcgov.linked.encoding import FieldType
from mpcgov.linked.preparing import Step
from mpcgov.records.preparation import reworded, transliterated
from mpcgov.worker.keys import casefold

LONGEST = 256
"""Characters of a value that are looked at."""

OTHER_LETTERS = r"[^\P{L}\p{Latin}]"
"""A letter of another script than Latin."""

_ACCENTS = r"([\p{Latin}\p{Greek}\p{Arabic}\p{Hebrew}])\p{M}+"
_LETTERS = {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ı": "i", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th"}
"""Latin letters that Unicode doesn't take apart, and how they are written where there are no keys for them."""


def normalised(values: pa.Array, type_: FieldType, prepare: Sequence[Step] = ()) -> pa.Array:
    """The values as large strings, empty where one is missing.

    Args:
        prepare: the steps that come first.
    """
    text = pc.utf8_slice_codeunits(pc.fill_null(values.cast(pa.large_string()), ""), 0, LONGEST)
    if "transliterate" in prepare:
        text = _each(text, transliterated)
    if [step for step in prepare if step != "transliterate"]:
        text = _each(_plain(text), lambda value: reworded(value, prepare))
    return _STEPS[type_](pc.utf8_slice_codeunits(text, 0, LONGEST))


def _each(text: pa.Array, changed: Callable[[str], str]) -> pa.Array:
    """A function of single values, called once for each different one."""
    coded = text.dictionary_encode()
    values = pa.array([changed(value) for value in coded.dictionary.to_pylist()], pa.large_string())
    return values.take(coded.indices)


def _plain(text: pa.Array) -> pa.Array:
    """Without case and accents. What is ASCII has none; the rest goes through the same steps, however little it is."""
    others = pc.invert(pc.string_is_ascii(text))
    plain = casefold(pc.replace_substring_regex(pc.utf8_normalize(text.filter(others), "NFKD"), _ACCENTS, r"\1"))
    for letter, written in _LETTERS.items():
        plain = pc.replace_substring(plain, letter, written)
    return pc.replace_with_mask(pc.ascii_lower(text), others, plain)


def _name(text: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(_plain(text), r"[^\p{L}\p{M}]+", "")


def _text(text: pa.Array) -> pa.Array:
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(_plain(text), r"[^\p{L}\p{M}\p{N}]+", " "))


def _date(text: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(text, r"[^0-9]+", "")


def _number(text: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(_date(text), r"^0+([0-9])", r"\1")


def _code(text: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(_plain(text), r"[^\p{L}\p{M}\p{N}]+", "")


_STEPS: Mapping[FieldType, Callable[[pa.Array], pa.Array]] = {
    "name": _name,
    "text": _text,
    "date": _date,
    "number": _number,
    "code": _code,
}
