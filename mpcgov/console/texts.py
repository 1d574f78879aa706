"""The words of the pages in each language, from one catalogue: `texts/*.json`, the same keys in all of them.

What the node says of a job comes as English sentences. A language's `sentences` say what becomes of them; one that none
fits is shown as it is, and marked as English.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from typing import Any

from markupsafe import Markup, escape

LANGUAGES = {"en": "English", "de": "Deutsch"}
USUAL = "en"
OWN = ("mpcgov.console",)
_GAP = re.compile(r"\{(\w+)\}")
_NO_LANGUAGE = re.compile(r"[a-z]+\.yaml|sha256:[0-9a-f]{64}")
_NUMBER = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?|\d+\.\d+")


class Sentence:
    """A sentence of the node's in English, with gaps, and what it is `here`."""

    def __init__(self, en: str, here: str) -> None:
        self._en = en
        self._begin = en.partition("{")[0]
        self.here = here

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What a text must be; of the hundreds, only those are made that a text begins like."""
        return _pattern(self._en)

    def parts(self, text: str) -> dict[str, str] | None:
        """What stands in the gaps; None if it is another sentence."""
        match = self.pattern.fullmatch(text) if text.startswith(self._begin) else None
        return None if match is None else match.groupdict()


@dataclass(frozen=True)
class Catalogue:
    """One language's words, and what the node's sentences are in it."""

    language: str
    words: dict[str, str]
    sentences: tuple[Sentence, ...] = field(default=())

    def say(self, key: str, **what: Any) -> Markup:
        """The words of a key, with gaps filled in; what is filled in is escaped, the words may have emphasis."""
        filled = {name: escape(value) for name, value in what.items()}
        return Markup(_filled(self.words[key], filled))  # noqa: S704 - our own words

    def word(self, key: str, otherwise: str) -> str:
        """The words of a key that may not be there."""
        return self.words.get(key, otherwise)

    def sentence(self, text: str) -> Markup:
        """What the node says, in this language if it can be said."""
        found = self._said(text)
        if found is None and self.language != USUAL and not _NO_LANGUAGE.fullmatch(text):
            return Markup('<span lang="en">{}</span>').format(text)
        return escape(text if found is None else found)

    def _said(self, text: str) -> str | None:
        for sentence in self.sentences:
            if (found := sentence.parts(text)) is not None:
                parts = {name: self._part(name, part) for name, part in found.items()}
                if None not in parts.values():
                    return _filled(sentence.here, parts)
        return None

    def _part(self, name: str, text: str) -> str | None:
        """What stands in a gap: a phrase that is known is said here, a name stays. What is `said`, or `also`, must be
        known; a `name`, `column` or `condition` stays whatever it is; of several who are named, each is said."""
        if name in ("said", "also"):
            return self._said(text)
        if name in ("name", "column", "condition"):
            return text
        if name == "who":
            return ", ".join(self.words.get(f"phrase.{one}", one) for one in text.split(", "))
        return self._written(text) if _NUMBER.fullmatch(text) else self.words.get(f"phrase.{text}", text)

    def figure(self, number: float | None) -> str:
        """A number as it is written here; a dot in the middle stands for one that was hidden."""
        if number is None:
            return "·"
        if isinstance(number, int):
            text = f"{number:,}"
        else:
            text = f"{number:,.6g}" if abs(number) < 1e6 else f"{number:,.0f}"
        return self._written(text)

    def _written(self, number: str) -> str:
        """A number in English digits as it is written here."""
        return number.translate(str.maketrans(",.", ".,")) if self.language == "de" else number

    def moment(self, seconds: float) -> Markup:
        """A point in time, in this machine's own time."""
        at = dt.datetime.fromtimestamp(seconds, dt.UTC).astimezone()
        text = at.strftime("%d.%m.%Y, %H:%M" if self.language == "de" else "%d %b %Y, %H:%M")
        return Markup('<time datetime="{}">{} {}</time>').format(at.isoformat(), text, at.tzname())


@cache
def catalogue(language: str, packages: tuple[str, ...] = OWN) -> Catalogue:
    """The words of a language, of several packages together; the first one that has a key says it."""
    words: dict[str, str] = {}
    sentences: list[Sentence] = []
    for package in packages:
        read = json.loads((resources.files(package) / "texts" / f"{language}.json").read_text(encoding="utf-8"))
        words = read["words"] | words
        sentences += [Sentence(one["en"], one["here"]) for one in read.get("sentences", ())]
    return Catalogue(language, words, tuple(sentences))


def chosen(cookie: str, header: str) -> str:
    """The language for a reader: as chosen before, else the first that the browser asks for and we have."""
    if cookie in LANGUAGES:
        return cookie
    for part in header[:200].lower().split(","):
        name = part.split(";")[0].strip().split("-")[0]
        if name in LANGUAGES:
            return name
    return USUAL


def _filled(text: str, parts: Mapping[str, Any]) -> str:
    return _GAP.sub(lambda gap: str(parts[gap.group(1)]), text)


def _pattern(text: str) -> re.Pattern[str]:
    parts = _GAP.split(text)
    # A count has digits only, so that it doesn't take a part of what stands before it; and so on.
    kinds = {"count": r"[\d,]+", "address": r"\S+:\d+", "agency": r"[a-z0-9-]+"}
    return re.compile(
        "".join(f"(?P<{part}>{kinds.get(part, '.+?')})" if i % 2 else re.escape(part) for i, part in enumerate(parts)),
        re.S,
    )
