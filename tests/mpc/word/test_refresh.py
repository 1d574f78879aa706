"""Refreshed shares: the same values on polynomials that whoever sees fewer than t parties' secrets finds uniform."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, product
from math import prod

import numpy as np
import pytest
from scipy import stats

from mpcgov.mpc.word.field import P
from mpcgov.mpc.word.refresh import refresh, refreshing_keys
from tests.mpc.word.local import make_parties, opened, run, share

SIZES = [(3, 1), (4, 1), (5, 2), (7, 3)]


def refreshed(m, t, rows):
    parties = make_parties(m, t)

    async def program(q):
        keys = await refreshing_keys(q.channel(), q.prss)
        return refresh(q.channel(), q.prss, rows[q.me], keys)

    return run(parties, program), parties[0].network


@pytest.mark.parametrize(("m", "t"), SIZES)
def test_the_values_stay_and_the_polynomials_are_fresh(m, t):
    values = np.array([[0, 1, -1], [2**59, -(2**59), 5]])
    rows = share(values, m, t)
    new, _ = refreshed(m, t, rows)
    assert (opened(new, t) == values).all()
    assert all((a != b).all() for a, b in zip(rows, new, strict=True))


@pytest.mark.parametrize(("m", "t"), SIZES)
def test_constant_polynomials_come_out_uniform(m, t):
    """A receiver sees m shares; of a constant they would all be the value. Any t of them must be uniform instead."""
    new, _ = refreshed(m, t, [np.full(4000, 7, np.uint64)] * m)
    for points in list(combinations(range(m), t))[:5]:
        for row in points:
            assert stats.kstest(new[row] / P, "uniform").pvalue > 1e-6
        mixed = sum(new[row].astype(object) * (3 * k + 1) for k, row in enumerate(points)) % P
        assert stats.kstest(mixed.astype(float) / P, "uniform").pvalue > 1e-6


@pytest.mark.parametrize(("m", "t"), SIZES)
def test_nothing_but_keys_is_sent(m, t):
    _, small = refreshed(m, t, share(np.arange(2), m, t))
    _, large = refreshed(m, t, share(np.arange(5000), m, t))
    sizes = [sorted(len(message) for message in network.messages.values()) for network in (small, large)]
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize(("m", "t", "p"), [(3, 1, 5), (4, 1, 5), (5, 2, 7)])
def test_any_fewer_than_t_parties_with_all_their_streams_find_the_rest_uniform(m, t, p):
    """All outcomes of the streams: for each coalition, what it doesn't know gives every polynomial equally often."""
    absent = list(combinations(range(m), t - 1))
    weights = [[(x + 1) * prod(x - y for y in out) % p for x in range(m)] for out in absent]
    for size in range(t):
        for coalition in combinations(range(m), size):
            unknown = [w for w, out in zip(weights, absent, strict=True) if set(coalition) <= set(out)]
            seen = Counter(
                tuple(sum(r * w[x] for r, w in zip(outcome, unknown, strict=True)) % p for x in range(m))
                for outcome in product(range(p), repeat=len(unknown))
            )
            assert len(set(seen.values())) == 1
            assert len(seen) == p ** (t - size)
            assert all(points[x] == 0 for points in seen for x in coalition)
