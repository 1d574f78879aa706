"""Public list lengths, table sizes, and how many dummies hide the number of matches from a matcher.

See docs/security/linkage.md; the lengths are those of the tag lists, whatever is in them.
"""

from __future__ import annotations

import math
from functools import cache

from mpcgov.spec.link import Link

LEAST_LENGTH = 100


def padded_length(keys: int) -> int:
    """P(N): the next number of two significant digits, at least 100; all that others learn of N."""
    if keys <= LEAST_LENGTH:
        return LEAST_LENGTH
    step: int = 10 ** (len(str(keys)) - 2)
    return -(-keys // step) * step


def certain_length(records: int) -> int:
    """The last number of two significant digits, at least 100, that so many reach; 0 below.

    By so much lists are shorter without exact pairs: less than all of these, so that no few show.
    """
    if records < LEAST_LENGTH:
        return 0
    step: int = 10 ** (len(str(records)) - 2)
    return records // step * step


def pair_name(one: str, other: str) -> str:
    """The name of two owners whose lists are compared, whoever of them is left owner."""
    return " ".join(sorted((one, other)))


def table_third(length: int) -> int:
    """How many places each third of a table for `length` keys has, each of which goes into one of three given ones, one
    in each third: 1.7 for each key, and 300 more, together.

    With places drawn at random there is no room for all keys with probability below 2^-41.
    """
    return (17 * length // 10 + 300) // 3 + 1


def pool(link: Link) -> int:
    """L: how many dummy rows each list of a spoke has for this job's size noise; 0 without any."""
    if link.method == "oblivious" or link.size_noise == "off":
        return 0
    return least_pool(float(link.size_noise.epsilon), float(link.size_noise.delta))


@cache
def least_pool(epsilon: float, delta: float) -> int:
    """The least L for which Bin(L, 1/4) and itself shifted by one are within (epsilon, delta) in both directions.

    Convolving with one more coin can't make two laws easier to tell apart, so the divergence falls with L, and halving
    finds the least.
    """
    high = 1
    while _divergence(high, epsilon) > delta:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _divergence(middle, epsilon) <= delta else (middle, high)
    return high


def _divergence(dummies: int, epsilon: float) -> float:
    """The larger hockey-stick divergence Σ max(0, P − e^ε·Q) of X ~ Bin(L, 1/4) against X + 1, and the reverse.

    The terms are positive in one tail each; the outermost place of a tail has P > 0 = Q.
    """
    scale = math.exp(epsilon)
    here = [*(_binomial(dummies, k) for k in range(dummies + 1)), 0.0]  # P(X = k) for k = 0 … L + 1
    shifted = [0.0, *here[:-1]]  # P(X + 1 = k)
    return max(
        math.fsum(max(0.0, p - scale * q) for p, q in zip(here, shifted, strict=True)),
        math.fsum(max(0.0, q - scale * p) for p, q in zip(here, shifted, strict=True)),
    )


def _binomial(n: int, k: int) -> float:
    log = (
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(0.25) + (n - k) * math.log(0.75)
    )
    return math.exp(log)
