"""Records in blocks: against the plain reference on the same blocks; turn by turn; and with more than three parties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgov.errors import InternalError, SpecError
from mpcgov.linkage.similar import arranged as arranging
from mpcgov.linkage.similar import best, scores, turns
from mpcgov.linkage.similar.scores import Grid, Side
from mpcgov.linked import blocks
from mpcgov.records import fellegi_sunter
from tests.linkage.similar.compared import YEARS, Case, all_scores, dealt_filters
from tests.linkage.similar.test_linkedrecords import FIRST, PAIRS, SECOND, tables
from tests.mpc.word.local import make_parties, opened, run

BITS, P = 17, 2**17 - 1
NOBODY = np.array([0, 0, P - 50], np.uint32)


class Plain:
    """An owner's rows of small numbers, as its filters would be."""

    def __init__(self, numbers: np.ndarray) -> None:
        self.numbers = numbers

    def rows(self, some: np.ndarray) -> np.ndarray:
        return (self.numbers[some] % P).astype(np.uint32)


@st.composite
def grids(draw: st.DrawFn) -> tuple[tuple[int, int, int], np.ndarray, np.ndarray]:
    """Sizes of blocks, and both owners' numbers, small enough that many scores are equal."""
    count, rows, columns = draw(st.integers(1, 5)), draw(st.sampled_from([1, 3, 66])), draw(st.sampled_from([1, 2, 9]))
    random = np.random.Generator(np.random.PCG64(draw(st.integers(0, 2**32))))
    a, b = (random.integers(-1, 2, (count * side, 3)) for side in (rows, columns))
    b[:, 2] = 1  # with which a lane left over scores −50, less than any row
    return (count, rows, columns), a, b


@settings(max_examples=12)
@given(grids(), st.sampled_from([1, 130, 10_000]), st.sampled_from([(0, 1), (2, 1)]))
def test_mutual_bests_in_blocks_are_the_references(case, at_once, owners):
    (count, rows, columns), a, b = case
    grid = Grid(Side(owners[0], rows), Side(owners[1], columns), 3, BITS, NOBODY, count)
    labels = np.arange(1, count * columns + 1, dtype=np.uint64)[None]

    async def compare(party):
        own = {owners[0]: Plain(a), owners[1]: Plain(b)}.get(party.me)
        mine = labels if party.me == owners[1] else None
        return await turns.compared(lambda: (party.channel(), party.prss), grid, (0, 1, 2), own, [10], 1, mine)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "ROWS_AT_ONCE", at_once)
        patch.setattr(best, "CHUNK", 4)
        patch.setattr(scores, "CHUNK", 4)
        found = run(make_parties(3), compare)
    whole = a @ b.T
    keys = [np.repeat(np.arange(count), side).tolist() for side in (rows, columns)]
    expected = np.zeros(count * rows, int)
    for i, j in fellegi_sunter.best_in_blocks(whole, *keys):
        expected[i] = (j + 1) * (whole[i, j] >= 0)
    linked = opened([np.ascontiguousarray(one.linked) for one in found], 1)[0]
    assert (linked == expected).all()


YEARS_OF_FIRST = [1990, 1991, 1992, 1990, 1991, 1992, 1990, 1989]
YEARS_OF_SECOND = [1991, 1990, 1991, 1992, 1989, 1991, 1992]
"""Of PAIRS only peter, paul and lisa have one year; john has one that isn't declared, at both."""
IN_BLOCKS = [(1, 0), (4, 5), (5, 3)]


@pytest.mark.by_day(2)
@pytest.mark.parametrize(("longer", "at_once"), [("neither", 1), ("neither", 250), ("first", 10_000), ("second", 1)])
def test_links_are_those_of_records_in_one_block(longer, at_once, monkeypatch):
    monkeypatch.setattr(blocks, "ROWS_AT_ONCE", at_once)
    more = [f"{'qxzvkw'[i % 6] * 4}{'jfgh'[i % 4] * 5}" for i in range(120)]
    first, second = FIRST + more * (longer == "first"), SECOND + more * (longer == "second")
    years = [*YEARS_OF_FIRST, *[1990] * 120][: len(first)], [*YEARS_OF_SECOND, *[1990] * 120][: len(second)]
    found = tables(Case(first, second, blocks=years))
    assert found["links"] == [[f"tax{i}", f"wel{j}"] for i, j in IN_BLOCKS]
    assert found["count"] == [[len(IN_BLOCKS)]]


def test_one_block_of_all_links_whom_no_blocks_link():
    years = [1991] * len(FIRST), [1991] * len(SECOND)
    assert tables(Case(FIRST, SECOND, blocks=years)) == tables(Case(FIRST, SECOND))


def test_statistics_and_match_rates_run_over_links_in_blocks_and_all_records():
    statistics = {"output": "statistics", "identify": None, "measures": ["tax.income", "wel.income"]}
    firsts, lasts = ("anna", "bert", "carl", "dora"), ("smith", "jones", "brown", "green", "white", "young", "clark")
    many = [f"{a}{b}" for a in firsts for b in lasts]
    years = [1990 + i // 2 % 3 for i in range(28)]
    apart = years, [*years[:4], *[1989] * 4, *years[8:]]  # four have no year that is declared
    (row,) = tables(Case(many, many, statistics, blocks=apart))["statistics"]
    incomes = np.array([i - 50 for i in range(28) if not 4 <= i < 8], float)
    assert row[0] == 24
    assert row[1:] == pytest.approx([incomes.mean(), incomes.var(ddof=1)] * 2, rel=1e-3)
    rates = {"output": "count", "report": ["tax.sex"]}
    names = [f"{a}{b}" for a in firsts for b in lasts[:4]]
    known = [1990 + i // 2 % 3 for i in range(16)]
    found = tables(Case(names, names, rates, blocks=(known, [*known[:4], *[1989] * 6, *known[10:]])))
    assert [row[1:3] for row in found["match_rate"]] == [[8, 5], [8, 5]]
    assert found["count"] == [[10]]


@settings(max_examples=6)
@given(st.integers(0, 2**32))
def test_whole_jobs_link_whom_the_reference_links_by_the_filters_that_were_dealt(seed):
    random = np.random.Generator(np.random.PCG64(seed))
    syllables = np.array(["an", "na", "pe", "ter", "jo", "nes", "ma", "ria", "ul", "lis"])
    first, second = (["".join(random.choice(syllables, 3)) for _ in range(count)] for count in (40, 30))
    years = [random.choice([1989, *YEARS], count).tolist() for count in (40, 30)]
    with dealt_filters() as made:
        found = tables(Case(first, second, {"threshold": "0.6"}, blocks=years))
    whole = all_scores(made)
    rows, columns = (made[side].records for side in (True, False))
    real = [np.flatnonzero(side >= 0)[np.argsort(side[side >= 0])] for side in (rows, columns)]
    inside = [[i for i, year in enumerate(side) if year in YEARS] for side in years]
    keys = [[side[i] for i in chosen] for side, chosen in zip(years, inside, strict=True)]
    pairs = fellegi_sunter.best_in_blocks(whole[np.ix_(*real)], *keys)
    linked = [(inside[0][i], inside[1][j]) for i, j in pairs if whole[real[0][i], real[1][j]] >= 0]
    expected = sorted([f"tax{i}", f"wel{j}"] for i, j in linked)
    assert sorted(found["links"]) == (expected if len(expected) >= 3 else [])


def test_blocks_are_as_long_as_the_fullest_one_and_no_longer():
    of = np.array([2, 0, 2, -1, 2, 0])
    assert arranging.longest(of, 4) == 3
    assert arranging.longest(np.array([-1, -1]), 4) == 0
    order = arranging.arranged(of, 4, 3)
    assert order.records.tolist() == [1, 5, -1, -1, -1, -1, 0, 2, 4, -1, -1, -1]
    assert order.numbers(np.arange(6) * 10).tolist() == [10, 50, -1, -1, -1, -1, 0, 20, 40, -1, -1, -1]
    assert order.columns(np.arange(1, 7, dtype=np.uint64)[None])[0].tolist() == [2, 6, 0, 0, 0, 0, 1, 3, 5, 0, 0, 0]
    with pytest.raises(InternalError):
        arranging.arranged(of, 4, 2)


# -- more than three parties


@pytest.mark.by_day(1)
@pytest.mark.parametrize("names", [("tax", "wel", "stat", "more"), ("a", "tax", "b", "wel", "c")])
def test_three_of_more_parties_compare_and_all_hold_what_comes_out(names):
    found = tables(Case(FIRST, SECOND, parties=names))
    assert found["links"] == [[f"tax{i}", f"wel{j}"] for i, j in PAIRS]
    years = YEARS_OF_FIRST, YEARS_OF_SECOND
    params = {"output": "count", "identify": None, "report": ["tax.sex"]}
    assert tables(Case(FIRST, SECOND, params, parties=names, blocks=years))["count"] == [[3]]


def test_who_does_not_compare_gets_nothing_until_it_is_over():
    _, parties = Case(FIRST, SECOND, parties=("tax", "wel", "stat", "more")).run()
    among = [label for label in parties[0].network.messages if label[2] >= 1 << 62]
    assert len(among) > 300
    assert not any(3 in label[:2] for label in among)


def test_two_curious_parties_would_be_too_many(monkeypatch):
    case = Case(FIRST, SECOND, parties=("tax", "wel", "stat", "more", "most"))
    monkeypatch.setattr("tests.linkage.similar.compared.THRESHOLD", 2)
    with pytest.raises(SpecError, match="needs a consortium with threshold 1"):
        case.linked()
