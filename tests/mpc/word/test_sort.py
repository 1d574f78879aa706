"""Sorting: right, stable, and showing nothing but comparisons of a uniformly random order."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mpcgov.errors import SpecError
from mpcgov.mpc.word import compare, sort
from mpcgov.mpc.word.order import FEW, order_of
from tests.mpc.word.local import make_parties, opened, run, share

WIDE = 2**59 - 1


def sorted_by(values, m=3, t=1, bounds=None, ranks=None, parties=None):
    low, high = bounds or (min(values), max(values))
    shares = share(values, m, t)
    results = run(
        parties or make_parties(m, t), lambda q: sort.sort(q.channel(), q.prss, shares[q.me], low, high, ranks)
    )
    return opened(results, t).tolist()


@pytest.mark.by_day(2)
@pytest.mark.parametrize(("m", "t"), [(3, 1), (4, 1), (5, 2)])
def test_values_with_ties_and_of_both_signs(m, t):
    values = [3, -1, 3, 0, 0, 2**40, -(2**40), 7, -1, 3]
    assert sorted_by(values, m, t) == sorted(values)


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=60))
@settings(max_examples=25)
def test_any_list(values):
    assert sorted_by(values) == sorted(values)


@pytest.mark.parametrize("m", [3, 4])
def test_values_too_wide_for_one_word_with_their_number(m):
    values = [WIDE, -WIDE, 0, 0, -WIDE, WIDE, 1, -1]
    assert len(sort.rank_columns(np.zeros(8, np.uint64), -WIDE, WIDE)[0]) == 2
    assert sorted_by(values, m) == sorted(values)


def test_bounds_decide_between_one_word_and_two():
    keys = np.zeros(8, np.uint64)
    assert len(sort.rank_columns(keys, 0, 2**57 - 1)[0]) == 1
    assert len(sort.rank_columns(keys, 0, 2**57)[0]) == 2
    with pytest.raises(SpecError, match="2\\^60"):
        sort.rank_columns(keys, -(2**59), 2**59)


def test_the_widest_composites_are_still_compared_rightly():
    low, high = -(2**56), 2**56 - 1
    values = [high, low, high, low, 0, -1, 1, high]
    assert len(sort.rank_columns(np.zeros(8, np.uint64), low, high)[0]) == 1
    assert sorted_by(values) == sorted(values)


@pytest.mark.parametrize("bounds", [(0, 9), (-WIDE, WIDE)])
def test_rows_stay_together_and_ties_keep_their_order(bounds):
    key = [5, 1, 5, 1, 5, 1, 1]
    rows = np.column_stack([np.arange(7), np.array(key)])
    key_shares, row_shares = share(key, 3, 1), share(rows, 3, 1)
    results = run(
        make_parties(3),
        lambda q: sort.sort_rows(q.channel(), q.prss, key_shares[q.me], row_shares[q.me], *bounds),
    )
    assert opened(results, 1)[:, 0].tolist() == [1, 3, 5, 6, 0, 2, 4]


@pytest.mark.parametrize("ranks", [[0], [50], [99], [0, 1, 2], [24, 25, 74, 75]])
def test_single_ranks_for_quantiles_and_the_least_rows(ranks):
    values = [(37 * k) % 50 for k in range(100)]
    assert sorted_by(values, ranks=np.array(ranks)) == [sorted(values)[r] for r in ranks]


@pytest.mark.parametrize("bounds", [(0, 1), (0, 9), (-WIDE, WIDE)])
@pytest.mark.parametrize("m", [3, 4])
def test_no_rows_are_in_order(m, bounds):
    assert sorted_by([], m, bounds=bounds) == []


@pytest.mark.by_day(3)
@pytest.mark.parametrize("count", [1, 2, 3, 7, 48, 600])
def test_any_number_of_rows(count):
    values = list(range(count))[::-1]
    assert sorted_by(values, bounds=(0, 1000)) == values[::-1]


# -- the order of comparisons


def ordered(values, ranks=None):
    asked = [0, 0]

    async def less(a, b):
        asked[0] += a.size
        asked[1] += 1
        return (values[a] < values[b]).astype(np.uint64)

    return asyncio.run(order_of(len(values), less, ranks)), asked


@pytest.mark.by_day(4)
@pytest.mark.parametrize("count", [2, 6, 7, 47, 48, 511, 512, 5000])
def test_every_size_is_put_in_order(count):
    values = np.random.default_rng(count).permutation(count)
    order, _ = ordered(values)
    assert (values[order] == np.arange(count)).all()


def test_few_comparisons_in_few_batches():
    count = 20_000
    _, (comparisons, batches) = ordered(np.random.default_rng(1).permutation(count))
    assert comparisons < 1.25 * count * np.log2(count)
    assert batches < 1.5 * np.log2(count)
    _, (comparisons, _) = ordered(np.random.default_rng(2).permutation(count), np.array([count // 2]))
    assert comparisons < 7 * count


@pytest.mark.parametrize(("count", "most"), [(100, 1), (1000, 4), (3000, 6)])
def test_of_few_rows_many_are_compared_at_once(count, most):
    for seed in range(5):
        _, (comparisons, batches) = ordered(np.random.default_rng(seed).permutation(count))
        assert batches <= most
        assert comparisons <= batches * 5 * FEW


# -- what a sort opens


def outcomes_of_sorts(monkeypatch, values, times, m=3, bounds=(0, 9)):
    """How often each sequence of opened bits occurs."""
    seen = []
    original = compare.open_less

    async def record(channel, prss, count, widths, differences):
        result = await original(channel, prss, count, widths, differences)
        if channel.line.me == 0:
            seen.append(result.tolist())
        return result

    monkeypatch.setattr(compare, "open_less", record)
    parties = make_parties(m)
    counts: Counter = Counter()
    for _ in range(times):
        seen.clear()
        sorted_by(values, m, bounds=bounds, parties=parties)
        counts[str(seen)] += 1
    return counts


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    ("values", "times", "m", "bounds"),
    [
        ([4, 4, 4], 120, 3, (0, 9)),
        ([1, 2, 3], 120, 3, (0, 9)),
        pytest.param([9, 0, 0], 120, 3, (0, 9), marks=pytest.mark.slow),
        ([4, 4, 4], 100, 3, (-WIDE, WIDE)),  # value and row number in two words
        pytest.param([WIDE, -WIDE, 0], 100, 3, (-WIDE, WIDE), marks=pytest.mark.slow),
        ([4, 4, 4], 100, 4, (0, 9)),
        pytest.param([1, 2, 3], 100, 4, (0, 9), marks=pytest.mark.slow),
    ],
)
def test_the_opened_bits_are_those_of_a_uniform_order_whatever_the_values(monkeypatch, values, times, m, bounds):
    expected = Counter()
    for order in itertools.permutations(range(3)):
        bits: list = []
        ranks = np.array(order)

        async def less(a, b, ranks=ranks, bits=bits):
            bits.append((ranks[a] < ranks[b]).astype(int).tolist())
            return (ranks[a] < ranks[b]).astype(np.uint64)

        asyncio.run(order_of(3, less))
        expected[str(bits)] += 1
    counts = outcomes_of_sorts(monkeypatch, values, times, m, bounds)
    assert set(counts) == set(expected)
    assert stats.chisquare([counts[key] for key in expected]).pvalue > 1e-6


def test_without_the_rows_number_equal_values_would_show(monkeypatch):
    monkeypatch.setattr(sort, "rank_columns", lambda key, low, high: ([key], [4]))
    assert len(outcomes_of_sorts(monkeypatch, [4, 4, 4], 30)) == 1
    assert len(outcomes_of_sorts(monkeypatch, [1, 2, 3], 30)) > 1
