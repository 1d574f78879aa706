"""Several passes of blocks: the partner is the likeliest of all passes, as in the reference, and counts once."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgov.errors import InternalError, SpecError
from mpcgov.linkage.similar import arranged as arranging
from mpcgov.linkage.similar import passes
from mpcgov.linkage.similar.arranged import Arranged
from mpcgov.linkage.similar.clk import Filters
from mpcgov.linkage.similar.weighed import Partners
from mpcgov.linked import blocks
from mpcgov.mpc.word import field
from mpcgov.records import agreement, fellegi_sunter
from mpcgov.records.fellegi_sunter import Links
from tests.linkage.similar.compared import YEARS, Case, all_scores, dealt_filters
from tests.linkage.similar.test_linkedrecords import tables
from tests.linkage.similar.test_probable import dates, names, slips
from tests.mpc.word.local import make_parties, opened, run, share

LEAST = -(1 << 12)


@settings(max_examples=12)
@given(st.data())
def test_the_partner_that_weighs_most_in_any_pass_is_the_partner(data):
    records, owner = data.draw(st.integers(1, 9)), data.draw(st.integers(0, 2))
    seed = data.draw(st.integers(0, 2**32))
    random = np.random.Generator(np.random.PCG64(seed))
    orders, found = [], []
    for _ in range(data.draw(st.integers(2, 4))):
        rows = int(random.integers(1, 14))
        numbers = np.full(rows, -1)
        inside = random.permutation(records)[: random.integers(0, min(rows, records) + 1)]
        numbers[random.permutation(rows)[: len(inside)]] = inside
        orders.append(Arranged(numbers))
        found.append(np.stack([random.integers(-40, 40, rows), *random.integers(0, 50, (2, rows))]))
        found[-1][0, numbers < 0] = -100
    best = np.full((3, records), LEAST)
    for numbers, columns in zip(orders, found, strict=True):
        for number, row in zip(numbers.records, columns.T, strict=True):
            if number >= 0 and row[0] > best[0, number]:
                best[:, number] = row
    inputs = [share(field.from_signed(one), 3, 1) for one in found]

    async def unite(party):
        each = [Partners.of(one[party.me]) for one in inputs]
        mine = orders if party.me == owner else None
        return (await passes.united(lambda: (party.channel(), party.prss), each, owner, mine, records)).stacked()

    there = opened(run(make_parties(3), unite), 1).astype(np.int64)
    some = best[0] > LEAST
    assert (there[:, some] == best[:, some]).all()
    assert (there[0, ~some] <= -100).all()


def passes_of(seed: int, sizes: tuple[int, int], both: int) -> list[tuple[list[int], list[int]]]:
    """By which years both owners' records are divided in two passes; of every third of both's persons they differ.

    Most records are in one block, so that the shorter list has shorter blocks, too.
    """
    random = np.random.default_rng(seed)
    found = []
    for place in (0, 1):
        first, second = (random.choice([1989, *YEARS], size, p=[0.05, 0.8, 0.1, 0.05]).tolist() for size in sizes)
        second[:both] = first[:both]
        second[place:both:3] = [YEARS[0] + (year - YEARS[0] + 1) % 3 for year in first[place:both:3]]
        found.append((first, second))
    return found


def reference(case: Case, filters: dict[bool, Filters], turned: bool) -> tuple[list[tuple[int, int]], Links]:
    """The reference's links, by the filters as they were dealt."""
    sizes = (len(case.second), len(case.first)) if turned else (len(case.first), len(case.second))
    whole = {first: filters[first].ordered(np.arange(size)) for first, size in zip((True, False), sizes, strict=True)}
    scores = all_scores(whole) % (2**13 - 1) >> 1
    fields = [
        [agreement.encoded("name", own), agreement.encoded("date", born)]
        for own, born in zip((case.first, case.second), case.born or ([], []), strict=True)
    ]
    years = [one for one in (case.blocks, *case.further) if one]
    first, second = ([[year if year in YEARS else None for year in one[side]] for one in years] for side in (0, 1))
    keys = list(zip(first, second, strict=True))
    return fellegi_sunter.compared((fields[0], fields[1]), scores.T if turned else scores, keys, Fraction("0.3"))


@pytest.mark.by_day(1)
@pytest.mark.parametrize(("sizes", "parties", "turned"), [((70, 80), 3, False), ((160, 90), 4, True)])
def test_links_of_two_passes_are_the_references_and_no_pair_counts_twice(sizes, parties, turned):
    both = 48
    first, second = names(sizes[0], 1), names(sizes[1], 2)
    second[:both] = slips(first[:both], 3)
    born, other = dates(sizes[0], 4), dates(sizes[1], 5)
    other[:both] = born[:both]
    years, further = passes_of(6, sizes, both)
    params = {"threshold": None, "min_probability": "0.3"}
    everyone = ("tax", "wel", "stat", "audit")[:parties]
    case = Case(first, second, params, blocks=years, parties=everyone, born=(born, other), further=(further,))
    with dealt_filters() as filters:
        found = tables(case)
    expected, links = reference(case, filters, turned)
    assert found["links"] == sorted([f"tax{i}", f"wel{j}"] for i, j in expected)
    assert found["count"] == [[len(expected)]]
    said = fellegi_sunter.quality({"": links}, len(links.chance), {"min_probability": "0.3"}, 3)
    assert {name: found[name] for name in ("quality", "probability")} == said
    alone = [len(tables(Case(first, second, params, blocks=one, born=case.born))["links"]) for one in (years, further)]
    assert max(alone) < len(expected) < sum(alone)


def test_records_in_no_block_of_any_pass_are_not_listed():
    first, second = np.array([0, -1, -1, 2]), np.array([-1, -1, 0, 1])
    assert arranging.listing([first, second], 5).records.tolist() == [0, 2, 3, -1, -1]
    with pytest.raises(InternalError, match="more records in blocks than there may be"):
        arranging.listing([first, second], 2)


def test_passes_together_have_no_more_pairs_than_may_be():
    blocks.check_passes([(100, (2000, 2000)), (100, (2000, 2000))], divided=True)
    with pytest.raises(SpecError, match="3 passes have 1,200,000,000 pairs together; at most 1,000,000,000"):
        blocks.check_passes([(100, (2000, 2000))] * 3, divided=True)
