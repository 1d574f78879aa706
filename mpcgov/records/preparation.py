"""Values of compared fields, prepared by public steps, so that two registers' ways of writing one name meet.

Each step is a function of the text alone. Words come from the lists in `words/`, which are part of the release: a line
is a word or several, or `written out: short, other`. Letters come from anyascii, in the one version that is named here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from mpcgov.errors import LocalError
from mpcgov.linked.preparing import STEPS, Step

ANYASCII = "0.3.3"
"""Another version has other tables, and two owners who write alike must have the same."""

_DIGRAPHS = {"ae": "a", "oe": "o", "ue": "u", "aa": "a", "dj": "d", "sh": "s", "ch": "c", "zh": "z", "kh": "h"}
_LISTS = Path(__file__).parent / "words"
_LONGEST_PHRASE = 5

Words = tuple[str, ...]


def transliterated(text: str) -> str:
    """The text in Latin letters, case as it was. Arabic and Hebrew vowel signs, which few write, are left out first.

    Raises:
        LocalError: the library isn't there in the version that all parties have.
    """
    return text if text.isascii() else _anyascii()(unicodedata.normalize("NFKC", _unpointed(text)))


def _unpointed(text: str) -> str:
    signs = ("ARABIC", "HEBREW")
    return "".join(
        c
        for c in unicodedata.normalize("NFKD", text)
        if unicodedata.category(c) != "Mn" or not unicodedata.name(c, "").startswith(signs)
    )


def prepared(text: str, steps: Sequence[Step]) -> str:
    """A text after some steps, in lower case: what a reader of records makes of one that has no accents."""
    chosen = [step for step in STEPS if step in steps]
    folded = (transliterated(text) if "transliterate" in chosen else text).casefold()
    return reworded(folded, chosen) if chosen else folded


def reworded(text: str, steps: Sequence[Step]) -> str:
    """A text without case and accents after all steps but `transliterate`: its words, parted by blanks."""
    words = tuple("".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in text).split())
    for step in steps:
        if step in _REWORDED:
            words = _REWORDED[step](words)
    return " ".join(words)


@cache
def _anyascii() -> Callable[[str], str]:
    try:
        import anyascii  # noqa: PLC0415 -- only jobs that name the step need it
    except ModuleNotFoundError:
        found = "none"
    else:
        if anyascii.__version__ == ANYASCII:
            written: Callable[[str], str] = anyascii.anyascii
            return written
        found = anyascii.__version__
    raise LocalError(
        f"transliterate: anyascii {ANYASCII} is needed, found {found}",
        hint=f"pip install anyascii=={ANYASCII}",
        code="preparation",
    )


# -- lists


@cache
def phrases(name: str) -> Mapping[Words, Words]:
    """What each word or phrase of a list becomes; nothing, if the line has no colon."""
    found: dict[Words, Words] = {}
    for line in (_LISTS / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        written, colon, short = line.partition("#")[0].partition(":")
        for one in short.split(",") if colon else [written]:
            if one.strip():
                found[tuple(one.split())] = tuple(written.split()) if colon else ()
    return found


def _replaced(name: str) -> Callable[[Words], Words]:
    """A step that puts other words in the place of a list's, wherever they stand, unless nothing were left."""

    def replaced(words: Words) -> Words:
        known, result, at = phrases(name), list[str](), 0
        while at < len(words):
            sizes = range(min(_LONGEST_PHRASE, len(words) - at), 0, -1)
            size = next((size for size in sizes if words[at : at + size] in known), 0)
            result += known[words[at : at + size]] if size else words[at : at + 1]
            at += size or 1
        return tuple(result) or words

    return replaced


# -- steps


def _digraphs(words: Words) -> Words:
    found = " ".join(words)
    for two, one in _DIGRAPHS.items():
        found = found.replace(two, one)
    return tuple(found.split())


def _legal_forms(words: Words) -> Words:
    """Without a list's words at either end; letters that stand alone, as in G.m.b.H., are one word."""
    known = phrases("legal-forms")
    words = _joined(words)
    while size := next((k for k in range(_LONGEST_PHRASE, 0, -1) if words[:-k] and words[-k:] in known), 0):
        words = words[:-size]
    while size := next((k for k in range(_LONGEST_PHRASE, 0, -1) if words[k:] and words[:k] in known), 0):
        words = words[size:]
    return words


def _joined(words: Words) -> Words:
    result: list[str] = []
    before = False
    for word in words:
        alone = len(word) == 1 and word.isalpha()
        if alone and before:
            result[-1] += word
        else:
            result.append(word)
        before = alone
    return tuple(result)


def _address_de(words: Words) -> Words:
    """Written out, also at the end of a word: Hauptstr."""
    ends = {"str": "strasse", "pl": "platz"}
    longer = (
        next(
            (word[: -len(short)] + long for short, long in ends.items() if len(word) > 4 and word.endswith(short)), word
        )
        for word in words
    )
    return _replaced("address-de")(tuple(longer))


_REWORDED: Mapping[Step, Callable[[Words], Words]] = {
    "titles": _replaced("titles"),
    "particles": _replaced("particles"),
    "nicknames": _replaced("nicknames"),
    "legal-forms": _legal_forms,
    "address-de": _address_de,
    "address-us": _replaced("address-us"),
    "digraphs": _digraphs,
}
