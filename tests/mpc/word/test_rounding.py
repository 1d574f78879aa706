"""Rounding: as in plain Python at every edge, and by an identity that holds for all summands of small primes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgov.errors import SpecError
from mpcgov.mpc.word import rounding
from mpcgov.mpc.word.field import BITS
from tests.mpc.word.local import make_parties, opened, run, share

WIDE = 2**59 - 2**40


def rounded(values, base, m=3, t=1, bounds=None):
    low, high = bounds or (min(values), max(values))
    shares = share(values, m, t)
    parties = make_parties(m, t)
    results = run(parties, lambda q: rounding.round_to(q.channel(), q.prss, shares[q.me], low, high, base))
    return opened(results, t).tolist()


def plainly(values, base):
    return [(v + base // 2) // base * base for v in values]


@pytest.mark.by_day(7)
@pytest.mark.parametrize(("m", "t"), [(3, 1), (4, 1), (5, 2)])
@pytest.mark.parametrize("base", [1, 2, 3, 5, 7, 1000, 2**40 - 1])
def test_edges_and_both_signs(m, t, base):
    values = [0, 1, 2, 3, 4, 5, 7, 8, -1, -2, -3, 499, 500, -500, -501, WIDE, -WIDE, WIDE - 1]
    assert rounded(values, base, m, t, (-WIDE, WIDE)) == plainly(values, base)


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=50), st.integers(1, 10**4))
@settings(max_examples=15)
def test_any_values_and_base(values, base):
    assert rounded(values, base) == plainly(values, base)


@pytest.mark.parametrize("bounds", [(0, 100), (-WIDE, WIDE)])
@pytest.mark.parametrize("m", [3, 4])
def test_nothing_is_rounded_to_nothing(m, bounds):
    assert rounded([], 5, m, bounds=bounds) == []


def test_chunks(monkeypatch):
    monkeypatch.setattr(rounding.compare, "LANES_CHUNK", 4)
    assert rounded(range(-7, 8), 5) == plainly(range(-7, 8), 5)


@pytest.mark.parametrize(("bounds", "base"), [((0, 5), 0), ((0, 5), -3), ((0, 5), 2**55), ((-(2**59), 2**59), 5)])
def test_what_does_not_fit_is_refused(bounds, base):
    with pytest.raises(SpecError, match="60 bits"):
        rounded([1], base, bounds=bounds)


@pytest.mark.parametrize("p", [7, 31])
def test_enumerated_the_parts_add_up_to_the_remainder(p):
    for u, v, base in itertools.product(range(p), range(p), range(1, p)):
        z, w = (u + v) % p, int(u + v >= p)
        s = u % base + v % base - w * (p % base)
        assert -base < s < 2 * base
        assert s + base * (s < 0) - base * (s >= base) == z % base


@pytest.mark.parametrize("p", [7, 31])
def test_enumerated_the_mask_leaves_the_remainder(p):
    bits = p.bit_length()
    for z, r, base in itertools.product(range(p), range(p + 1), range(1, p)):
        c = (z + r) % p
        s = c % base + sum((r >> i & 1) * (-(1 << i) % base) for i in range(bits)) + (c < r) * (p % base)
        assert 0 <= s <= (bits + 2) * (base - 1)
        assert s % base == z % base
    assert (BITS + 2) * 1 <= 63
