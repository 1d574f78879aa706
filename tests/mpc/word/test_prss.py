"""Pseudorandom sharings: of the right degree, uniform, and different for every use."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mpcgov.errors import InternalError
from mpcgov.mpc.word import prss, sharing
from mpcgov.mpc.word.field import P
from tests.mpc.word.local import make_parties, opened, run

SIZES = [(3, 1), (4, 1), (5, 2), (7, 3)]


@pytest.mark.parametrize(("m", "t"), SIZES)
def test_random_elements_are_of_degree_t_and_spread_evenly(m, t):
    parties = make_parties(m, t)
    rows = [party.prss.random(party.channel(), 5000) for party in parties]
    values = opened(rows, t).astype(float)
    assert stats.kstest((values / P) + 0.5, "uniform").pvalue > 1e-6
    assert stats.kstest(rows[0] / P, "uniform").pvalue > 1e-6


@pytest.mark.parametrize(("m", "t"), SIZES)
def test_zero_sharings_are_zero_of_degree_2t_and_no_less(m, t):
    rows = [party.prss.zero(party.channel(), 100) for party in make_parties(m, t)]
    assert set(opened(rows, 2 * t)) == {0}
    lower = sharing.weights(tuple(range(1, 2 * t + 1)))
    without_the_top = sum(w * row.astype(object) for w, row in zip(lower, rows, strict=False)) % P
    assert (without_the_top != 0).all()


def test_any_t_points_of_a_zero_sharing_are_uniform():
    rows = [party.prss.zero(party.channel(), 5000) for party in make_parties(3)]
    assert all(stats.kstest(row / P, "uniform").pvalue > 1e-6 for row in rows)


def test_every_draw_and_use_gives_other_numbers():
    party = make_parties(3)[0]
    first, second = party.channel(), party.channel()
    drawn = [party.prss.random(first, 2), party.prss.random(first, 2), party.prss.random(second, 2)]
    drawn += [party.prss.stream((0, 1), use, 1).elements(2) for use in ("random", "zero", "bits")]
    assert len({int(x) for row in drawn for x in row}) == 12


def test_the_keys_of_exactly_the_own_subsets_are_needed():
    with pytest.raises(InternalError):
        prss.Prss(0, 3, 1, {(0, 1): bytes(32)})
    with pytest.raises(InternalError):
        prss.Prss(0, 3, 1, {(0, 1): bytes(32), (0, 2): bytes(32), (1, 2): bytes(32)})


@pytest.mark.parametrize(("m", "t"), SIZES)
def test_random_bits_are_bits_each_as_likely(m, t):
    results = run(make_parties(m, t), lambda q: prss.random_bits(q.channel(), q.prss, 2000))
    bits = opened(results, t)
    assert set(bits) == {0, 1}
    assert stats.binomtest(int(bits.sum()), 2000).pvalue > 1e-6


def test_a_zero_is_drawn_again(monkeypatch):
    parties = make_parties(3)
    drawn = {party.me: 0 for party in parties}
    original = prss.Prss.random

    def rigged(self, channel, count):
        row = original(self, channel, count)
        drawn[self.me] += 1
        if drawn[self.me] == 1:
            row[1] = 0
        return row

    monkeypatch.setattr(prss.Prss, "random", rigged)
    bits = opened(run(parties, lambda q: prss.random_bits(q.channel(), q.prss, 3)), 1)
    assert set(bits) <= {0, 1}
    assert drawn == {0: 2, 1: 2, 2: 2}


def test_inverse_roots():
    values = np.array([1, 2, 3, P - 1, 12345678901234567], np.uint64)
    squares = np.array([int(v) ** 2 % P for v in values], np.uint64)
    for square, inverse in zip(squares, prss.inverse_root(squares), strict=True):
        root = pow(int(square), 2**59, P)
        assert root * root % P == square
        assert root * int(inverse) % P == 1
    assert prss.inverse_root(np.zeros(1, np.uint64)).tolist() == [0]
