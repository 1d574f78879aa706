"""Records linked by how probable it is that they are one person's, from all parties' shares: as the reference does."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mpcgov.linkage.similar import weighed
from mpcgov.records import agreement, fellegi_sunter
from mpcgov.records.fellegi_sunter import Links
from tests.linkage.similar.compared import Case, all_scores, dealt_filters
from tests.linkage.similar.test_linkedrecords import tables

HEADS = ["berg", "stein", "wald", "feld", "haus", "bach", "sand", "licht", "gold", "eich"]
TAILS = ["mann", "er", "hofer", "meier", "thal", "ner"]


def names(count: int, seed: int) -> list[str]:
    """Made-up names of two parts, some of them the same."""
    rng = np.random.default_rng(seed)
    every = [f"{head}{tail} {other}" for head in HEADS for tail in TAILS for other in HEADS]
    return [every[i] for i in rng.integers(0, len(every), count)]


def dates(count: int, seed: int) -> list[str]:
    """Made-up ones."""
    rng = np.random.default_rng(seed)
    return [f"{rng.integers(1950, 2000)}{rng.integers(1, 13):02}{rng.integers(1, 29):02}" for _ in range(count)]


def slips(values: list[str], seed: int) -> list[str]:
    """The same with a character changed in every fourth."""
    rng = np.random.default_rng(seed)
    found = list(values)
    for i in range(0, len(found), 4):
        at = int(rng.integers(0, len(found[i])))
        found[i] = found[i][:at] + "x" + found[i][at + 1 :]
    return found


def expected(case: Case, found: dict[bool, Any], least: str | None) -> tuple[Links, bool]:
    """The reference's links of the lists as they were padded and dealt; and whether the first owner has the rows."""
    p = 2**13 - 1
    scores = all_scores(found) % p >> 1
    sides = [found[first].records for first in (True, False)]
    turned = len(case.first) > len(case.second)
    lists = [(case.first, case.born[0]), (case.second, case.born[1])][:: -1 if turned else 1]
    fields = [
        [agreement.encoded(kind, values) for kind, values in zip(("name", "date"), own, strict=True)] for own in lists
    ]
    rows = np.flatnonzero(sides[0] >= 0)
    chosen = sides[1][fellegi_sunter.candidates(scores)[rows]]
    links = fellegi_sunter.linked(*fields, chosen[np.argsort(sides[0][rows])], Fraction(least) if least else None)
    return links, not turned


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    ("sizes", "both", "chunk", "least"),
    [
        ((90, 130), 60, 1, "0.3"),
        ((140, 90), 60, 1 << 16, None),
        ((100, 100), 5, 1 << 16, "0.3"),
        ((100, 100), 5, 1 << 16, None),
    ],
)
def test_links_and_what_is_said_of_them_are_those_of_the_reference(sizes, both, chunk, least, monkeypatch):
    """Whether the first of all runs' candidates meet together or each run's by itself; 130 are four runs and two."""
    monkeypatch.setattr(weighed, "CHUNK", chunk)
    first, second = names(sizes[0], 1), names(sizes[1], 2)
    second[:both] = slips(first[:both], 3)
    born, other = dates(sizes[0], 4), dates(sizes[1], 5)
    other[:both] = born[:both]
    other[1:both:5] = [date[:4] + date[6:] + date[4:6] for date in other[1:both:5]]
    probability = {"min_probability": least} if least else {}
    params = {"threshold": None, **probability, "report": ["tax.sex", "wel.sex"]}
    case = Case(first, second, params, born=(born, other))
    with dealt_filters() as filters:
        found = tables(case)
    links, straight = expected(case, filters, least)
    pairs = sorted(zip(links.first.tolist(), links.second.tolist(), strict=True))
    ours, theirs = ("tax", "wel") if straight else ("wel", "tax")
    named = [[f"{ours}{i}", f"{theirs}{j}"] for i, j in pairs]
    assert found["links"] == sorted(pair if straight else pair[::-1] for pair in named)
    assert found["count"] == [[len(pairs)]]
    said = fellegi_sunter.quality({"": links}, len(links.chance), probability, 3)
    assert {name: found[name] for name in ("quality", "probability")} == said
    assert len(pairs) >= 3
    # Everybody's sex goes by the place in the list: of few links, the groups' are hidden.
    groups = [(side, np.arange(size) % 2 == sex) for side, size in enumerate(sizes) for sex in (0, 1)]
    rates = found["match_rate"]
    assert found["group_quality"] == fellegi_sunter.of_groups(replace(links, turned=not straight), rates, groups)
    assert [row[1] is None for row in rates] == [row[2] is None for row in found["group_quality"]]
    assert any(None not in row for row in rates) == (both == 60)
