"""Estimated precision and recall come with intervals: wide of few links, never narrower than the model is exact."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mpcgov import kinds
from mpcgov.results import estimates

RULES = {"min_count": 10, "total": 500}


def around(what: str, percent: int, links: int) -> tuple[int, int]:
    low, high = estimates.around(what, percent, links) or (0, 0)
    return low, high


@pytest.mark.parametrize("percent", [0, 3, 80, 99, 100])
@pytest.mark.parametrize("what", ["precision", "recall"])
def test_an_interval_holds_its_estimate_and_narrows_with_the_number_of_links(what: str, percent: int) -> None:
    found = [around(what, percent, links) for links in (3, 10, 30, 100, 1000, 10**6)]
    assert all(0 <= low <= percent <= high <= 100 for low, high in found)
    assert all(before[0] <= after[0] and after[1] <= before[1] for before, after in pairwise(found))


def test_intervals_are_wilsons_of_few_links_and_the_models_of_many() -> None:
    assert around("precision", 100, 20) == (83, 100)  # Newcombe, Statistics in Medicine 17, 1998: 0 of 20, 0 to 0.1611
    assert around("recall", 90, 10**9) == (83, 97)
    assert around("precision", 97, 10**9) == (96, 98)


def test_what_is_hidden_has_no_interval() -> None:
    assert estimates.around("recall", None, 0) is None


def test_a_reader_is_told_why_intervals_are_wide() -> None:
    quality, rows = kinds.named("quality"), [["precision", 99], ["recall", 90]]
    (few,), (many,) = (quality.footer((), rows, RULES | {"total": total}) for total in (99, 100))
    assert few.endswith("so few tell little, and the intervals are wide.")
    assert few.startswith(many)
    (hidden,) = quality.footer((), [["precision", None], ["recall", None]], RULES | {"total": 0})
    assert "fewer than 10 records are linked" in hidden
