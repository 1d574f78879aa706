"""The catalogue: every language says everything, with the same gaps, and nothing that no page asks for."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest

from mpcgov.console.texts import LANGUAGES, USUAL, catalogue, chosen
from mpcgov.lifecycle import State
from mpcgov.node.desk.config import ROLES

TEMPLATES = Path(str(resources.files("mpcgov.console"))) / "templates"
GAPS = re.compile(r"\{(\w+)\}")


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {USUAL}))
def test_every_language_says_everything_with_the_same_gaps(language: str) -> None:
    usual, here = catalogue(USUAL).words, catalogue(language).words
    assert list(usual) == list(here)
    for key, text in usual.items():
        assert set(GAPS.findall(text)) == set(GAPS.findall(here[key])), key
        assert re.findall(r"<\w+", text) == re.findall(r"<\w+", here[key]), key
        assert here[key].strip()


def test_every_word_that_a_page_asks_for_is_there_and_none_besides() -> None:
    pages = "".join(path.read_text() for path in TEMPLATES.glob("*.html"))
    asked = set(re.findall(r"""\bt\(\s*["']([\w.-]+)["']\s*[,)]""", pages))
    words = catalogue(USUAL).words
    assert asked - set(words) == set()
    by_part = (
        "tab.",
        "unit.",
        "measure.",
        "role.",
        "use.",
        "kind.",
        "event.",
        "fact.",
        "state.",
        "setting.",
        "phrase.",
        "policy.more",
        "policy.less",
        "policy.other",
    )
    assert {key for key in words if not key.startswith(by_part)} - asked == set()
    assert {f"state.{state.value}" for state in State} | {f"role.{role}" for role in ROLES} <= set(words)


def test_sentences_of_the_node_are_said_in_the_readers_language_or_marked_as_english() -> None:
    german = catalogue("de")
    assert str(german.sentence("<b>something new</b>")) == ('<span lang="en">&lt;b&gt;something new&lt;/b&gt;</span>')
    table = "the coordinator: table count: the count of all parties' rows together by region, sex, 1,204 cells"
    assert str(german.sentence(table)) == (
        "die koordinierende Stelle: Tabelle count: Anzahl der Zeilen aller Behörden zusammen, nach region, sex; "
        "1.204 Zellen"
    )
    for one in german.sentences:
        assert set(GAPS.findall(one.here)) == set(one.pattern.groupindex), one.here


def test_numbers_and_people_in_sentences_are_written_as_in_the_readers_language() -> None:
    german = catalogue("de")
    told = "exactly how many records of the two owners are equal in all fields of exact"
    said = str(german.sentence(f"labour, the coordinator: {told}"))
    assert said.startswith("labour, die koordinierende Stelle: genau, wie viele")
    charge = "takes epsilon 0.5 from the budget of a person in people; 2.5 of 1,000.5 are left before it"
    assert "nimmt epsilon 0,5" in str(german.sentence(charge))
    assert "2,5 von 1.000,5" in str(german.sentence(charge))
    assert str(catalogue("en").sentence(charge)) == charge


def test_a_files_name_and_a_digest_are_in_no_language() -> None:
    for text in ("policy.yaml", f"sha256:{'0a' * 32}"):
        assert str(catalogue("de").sentence(text)) == text


def test_a_reader_gets_the_language_that_was_chosen_or_the_browser_asks_for_first() -> None:
    assert chosen("de", "en") == "de"
    assert chosen("", "fr-CH, de-AT;q=0.8, en;q=0.5") == "de"
    assert chosen("xx", "") == "en"
