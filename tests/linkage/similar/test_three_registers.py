"""Three registers: the first is linked with each of the others, and its records that are in both links are counted."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mpcgov.linkage import ownrecords
from mpcgov.linkage.similar.clk import Filters
from mpcgov.records import agreement, fellegi_sunter
from mpcgov.records.fellegi_sunter import Links
from tests.linkage.similar.compared import Case, all_scores
from tests.linkage.similar.test_linkedrecords import tables
from tests.linkage.similar.test_probable import dates, names, slips

PARTIES = ("tax", "wel", "stat", "more")
PARAMS = {"threshold": None, "min_probability": "0.3"}
BOTH = 60


Texts = tuple[list[str], list[str]]
"""Names, and dates of birth."""


def registers(sizes: tuple[int, int, int]) -> tuple[list[str], list[str], list[str]]:
    """Names of which some are in all, some in the first two, some in the first and the last."""
    first, second, third = (names(size, seed) for size, seed in zip(sizes, (1, 2, 3), strict=True))
    second[:BOTH], third[:BOTH] = slips(first[:BOTH], 4), slips(first[20 : 20 + BOTH], 5)
    return first, second, third


def linked(first: Texts, other: Texts, filters: dict[bool, Filters]) -> Links:
    """The reference's links of two lists as they were padded and dealt; the first has the rows."""
    candidates = fellegi_sunter.candidates(all_scores(filters) % (2**13 - 1) >> 1)
    rows, columns = (filters[side].records for side in (True, False))
    real = np.flatnonzero(rows >= 0)
    fields = [
        [agreement.encoded(kind, values) for kind, values in zip(("name", "date"), one, strict=True)]
        for one in (first, other)
    ]
    return fellegi_sunter.linked(*fields, columns[candidates[real]][np.argsort(rows[real])], Fraction("0.3"))


@pytest.mark.by_day(1)
@pytest.mark.parametrize(("sizes", "parties"), [((90, 140, 110), 3), ((140, 90, 70), 4)])
def test_groups_are_those_of_the_reference_whichever_register_is_the_longest(sizes, parties, monkeypatch):
    first, second, third = registers(sizes)
    spokes: dict[bytes, dict[bool, Filters]] = {}

    def remember(*arguments: Any) -> Filters:
        found = Filters(*arguments)
        spokes.setdefault(arguments[1].order, {})[arguments[-1]] = found
        return found

    monkeypatch.setattr(ownrecords, "Filters", remember)
    born = dates(sizes[0], 6)
    others = [born[:BOTH] + dates(sizes[1] - BOTH, 7), born[20 : 20 + BOTH] + dates(sizes[2] - BOTH, 8)]
    found = tables(Case(first, second, PARAMS, parties=PARTIES[:parties], third=third, born=(born, *others)))
    assert len(spokes) == 2  # each two owners have keys of their own
    lists = [(second, others[0]), (third, others[1])]
    links = [linked((first, born), other, filters) for other, filters in zip(lists, spokes.values(), strict=True)]
    pairs = [list(zip(one.first.tolist(), one.second.tolist(), strict=True)) for one in links]
    groups = fellegi_sunter.grouped(pairs)
    assert found["links"] == sorted([f"tax{i}", f"wel{j}", f"stat{k}"] for i, j, k in groups)
    assert found["count"] == [[len(groups)]]
    assert 10 < len(groups) < min(map(len, pairs))
    both = dict(zip(("tax with wel", "tax with stat"), links, strict=True))
    assert found["quality"] == fellegi_sunter.quality(both, len(groups), PARAMS, 3)["quality"]
    assert "probability" not in found
