"""Shamir's sharing on small primes, by enumeration."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from mpcgov.errors import InternalError
from mpcgov.mpc.shamir import inverse_roots, recombine, split


@pytest.mark.parametrize(("parties", "threshold"), [(3, 1), (4, 1), (5, 2), (7, 1), (7, 3)])
def test_any_t_plus_1_shares_give_the_values_back(parties: int, threshold: int) -> None:
    p = 2**87 - 67
    values = np.array([0, 1, p - 1, 2**70], dtype=object)
    rows = split(values, p, threshold, parties)
    for first in range(parties - threshold):
        points = list(range(first, first + threshold + 1))
        assert recombine([x + 1 for x in points], [rows[x] for x in points], p).tolist() == values.tolist()


def test_t_shares_are_uniform_whatever_the_value() -> None:
    """m = 3, t = 1, p = 7: each party's share takes each value equally often, within 6 standard deviations."""
    count = 70_000
    for secret in (0, 3):
        rows = split(np.full(count, secret, dtype=object), 7, 1, 3)
        for row in rows:
            frequencies = Counter(row.tolist())
            assert all(abs(frequencies[value] - count / 7) < 6 * (count / 7) ** 0.5 for value in range(7))


@pytest.mark.parametrize("p", [7, 11, 127])
def test_inverse_roots_of_all_squares(p: int) -> None:
    numbers = np.arange(1, p).astype(object)
    roots = inverse_roots(numbers * numbers % p, p)
    assert set((roots * roots % p * numbers % p * numbers % p).tolist()) == {1}


def test_a_prime_without_easy_roots_is_refused() -> None:
    with pytest.raises(InternalError):
        inverse_roots(np.array([4], dtype=object), 13)
