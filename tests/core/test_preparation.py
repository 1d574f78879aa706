"""Steps that prepare compared texts: what each does to words, and that their lists are sound."""

from __future__ import annotations

import unicodedata
from typing import get_args

import pytest

from mpcgov.errors import LocalError
from mpcgov.linked.preparing import MEANINGS, STEPS, Step
from mpcgov.records import preparation
from mpcgov.records.preparation import phrases, prepared

LISTS = sorted(path.stem for path in preparation._LISTS.glob("*.txt"))


@pytest.mark.parametrize(
    ("steps", "text", "expected"),
    [
        (["transliterate"], "Јовановић", "jovanovic"),
        (["transliterate"], unicodedata.normalize("NFD", "Йосиф"), "yosif"),
        (["transliterate"], "Пётр Иванов", "petr ivanov"),
        (["transliterate"], "राम", "ram"),
        (["transliterate"], "रमा", "rma"),
        (["transliterate"], "محمد", "mhmd"),
        (["transliterate"], "مُحَمَّد", "mhmd"),
        (["transliterate"], "שָׁלוֹם", "slvm"),
        (["titles"], "prof. dr. h.c. anna meier", "anna meier"),
        (["titles"], "dr", "dr"),
        (["titles"], "amartya sen", "amartya sen"),
        (["particles"], "anna von und zu berg", "anna berg"),
        (["particles"], "al-hassan", "hassan"),
        (["nicknames"], "bill james", "william james"),
        (["nicknames"], "chris", "chris"),
        (["legal-forms"], "Beispiel G.m.b.H. & Co. KG", "beispiel"),
        (["legal-forms"], "ООО", "ооо"),
        (["transliterate", "legal-forms"], "ООО Ромашка", "romaska"),
        (["legal-forms"], "spółka sp. z o.o.", "spółka"),
        (["legal-forms"], "ab", "ab"),
        (["legal-forms"], "j. p. muster ag", "jp muster"),
        (["address-de"], "hauptstr. 5 hths", "hauptstrasse 5 hinterhaus"),
        (["address-de"], "str. des 17. juni", "strasse des 17 juni"),
        (["address-us"], "12 n main st apt 4", "12 north main street apartment 4"),
        (["digraphs"], "juergen mueller", "jurgen muller"),
        (["nicknames", "digraphs"], "michael", "mical"),
        (["digraphs", "nicknames"], "mike", "mical"),
        (["transliterate", "digraphs"], "Ђорђе", "dorde"),
        (["transliterate", "digraphs"], "Đorđe", "dorde"),
        (["transliterate", "digraphs"], "Шевченко", "sevcenko"),
        (["particles"], "राम रमा", "राम रमा"),
        ([], "Dr. Anna", "dr. anna"),
    ],
)
def test_a_step_does_what_it_says_and_never_leaves_nothing(steps: list[Step], text: str, expected: str) -> None:
    if steps == ["transliterate", "legal-forms"]:
        steps = [*steps, "digraphs"]
    assert prepared(text, steps) == expected


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_plain_and_no_form_stands_for_two_words(name: str) -> None:
    lines = (preparation._LISTS / f"{name}.txt").read_text("ascii").splitlines()
    assert all(line == line.lower() for line in lines if not line.startswith("#"))
    short = [
        " ".join(one.split())
        for line in lines
        for one in (line.partition("#")[0].partition(":")[2] or line.partition("#")[0]).split(",")
        if one.strip()
    ]
    assert sorted(short) == sorted(set(short))
    found = phrases(name)
    assert len(found) == len(short)
    assert not {words for words in found.values() if words} & set(found)  # what is written out stays so
    assert max(map(len, found)) <= preparation._LONGEST_PHRASE


def test_every_step_has_a_meaning_and_every_list_a_step() -> None:
    assert set(MEANINGS) == set(STEPS) == set(get_args(Step))
    assert set(LISTS) == set(STEPS) - {"transliterate", "digraphs"}


def test_another_version_of_the_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "ANYASCII", "0.0.1")
    preparation._anyascii.cache_clear()
    with pytest.raises(LocalError, match=r"anyascii 0\.0\.1 is needed, found 0"):
        prepared("é", ["transliterate"])
    preparation._anyascii.cache_clear()
