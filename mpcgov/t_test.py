"""Welch's t-test of two groups, as the references of protocols compute it: p by an integral.

What readers are shown is worked out by `mpcgov.kinds.welch`, in another way, so that the two can be compared. Source:
B. L. Welch, Biometrika 34, 1947.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from mpcgov import figures

PIECES = 200
"""Into so many pieces an area is divided to be measured."""


class Group(NamedTuple):
    """What follows of a measure in one group from the numbers that are opened: how many rows, mean and variance."""

    n: int
    mean: Fraction
    variance: Fraction


def t_test(first: Group | None, second: Group | None, digits: int) -> list[float | None]:
    """t, its degrees of freedom (Welch and Satterthwaite) and p, as they are shown; null if neither group varies."""
    if first is None or second is None or not first.variance + second.variance:
        return [None, None, None]
    a, b = (float(group.variance) / group.n for group in (first, second))
    t = float(first.mean - second.mean) / math.sqrt(a + b)
    df = (a + b) ** 2 / (a**2 / (first.n - 1) + b**2 / (second.n - 1))
    return [figures.shown(number, digits) for number in (t, df, _p(abs(t), df))]


def _p(t: float, df: float) -> float:
    """The probability of |T| ≥ t. With T = √df · tan θ, θ has a density as cos(θ)^(df − 1): the area from θ to π/2."""
    start = math.atan2(t, math.sqrt(df))
    width = min(math.pi / 2 - start, 60 / math.sqrt(df))  # beyond, nothing is left
    nodes, weights = np.polynomial.legendre.leggauss(24)
    ends = start + width * np.arange(PIECES + 1) / PIECES
    angles = (ends[:-1, None] + ends[1:, None] + np.diff(ends)[:, None] * nodes) / 2
    area = float((np.cos(angles) ** (df - 1) * weights).sum()) * width / PIECES / 2
    return min(1.0, 2 * area * math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(math.pi))
