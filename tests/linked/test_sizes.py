"""List lengths and dummy pools, against their definitions in exact arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from mpcgov.linked.sizes import least_pool, padded_length, pool
from mpcgov.spec.link import Link, SizeNoise


def divergence(dummies: int, epsilon: float) -> float:
    """Both hockey-stick divergences by definition, in whole numbers but for e^epsilon."""
    scale = Fraction(math.exp(epsilon))
    law = {k: math.comb(dummies, k) * 3 ** (dummies - k) for k in range(dummies + 1)}
    pairs = [(law.get(k, 0), law.get(k - 1, 0)) for k in range(dummies + 2)]
    there = sum(max(Fraction(0), p - scale * q) for p, q in pairs)
    back = sum(max(Fraction(0), q - scale * p) for p, q in pairs)
    return float(max(there, back) / 4**dummies)


@pytest.mark.parametrize(("epsilon", "delta", "expected"), [(1.0, 1e-6, 143), (0.5, 1e-6, 418)])
def test_the_pool_is_the_least_that_keeps_the_guarantee(epsilon: float, delta: float, expected: int) -> None:
    assert least_pool(epsilon, delta) == expected
    assert divergence(expected, epsilon) <= delta < divergence(expected - 1, epsilon)


def test_no_smaller_pool_keeps_it_either() -> None:
    assert all(divergence(dummies, 1.0) > 1e-6 for dummies in range(1, 143))


def test_one_direction_alone_would_be_satisfied_too_early() -> None:
    law = [math.comb(130, k) * 3 ** (130 - k) / 4**130 for k in range(131)] + [0.0]
    there = sum(max(0.0, p - math.e * q) for p, q in zip(law, [0.0, *law], strict=False))
    back = sum(max(0.0, q - math.e * p) for p, q in zip(law, [0.0, *law], strict=False))
    assert (there <= 1e-6) != (back <= 1e-6)


def test_a_job_says_how_much_noise() -> None:
    assert pool(Link()) == 143
    assert pool(Link(size_noise=SizeNoise(epsilon="0.5"))) == 418
    assert pool(Link(size_noise="off")) == 0


@pytest.mark.parametrize(
    ("keys", "length"),
    [(0, 100), (1, 100), (100, 100), (101, 110), (110, 110), (995, 1000), (1000, 1000), (1001, 1100), (999_999, 10**6)],
)  # fmt: skip
def test_padded_lengths(keys: int, length: int) -> None:
    assert padded_length(keys) == length


def test_padded_lengths_grow_and_have_two_significant_digits() -> None:
    lengths = [padded_length(keys) for keys in range(20_000)]
    assert lengths == sorted(lengths)
    assert all(length >= keys for keys, length in enumerate(lengths))
    assert all(len(str(length).rstrip("0")) <= 2 for length in lengths)
    assert max(length / keys for keys, length in enumerate(lengths) if keys > 100) < 1.1
