"""mpcgov's own program for each workload, written as a protocol's author would. Only `party` imports it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mpcgov.bench.workloads import MIN_COUNT, PARTIES, PLACES, PREDICTORS, ROUND_TO, VALUE_BITS
from mpcgov.laws import Law
from mpcgov.mpc import Moments, SecretArray, concatenate, least_squares, noise, sort, system_needs
from mpcgov.spec.job import Disclosure
from mpcgov.worker.clear import clear_counts

HIGHEST = 2**VALUE_BITS - 1
HIGHEST_X, HIGHEST_Y = 2**10, 2**13
MOST_ROWS = 10**7
HIGHEST_COUNT = 10**6
LAW = Law(pure=True, rows=PARTIES, largest=1, budget=Fraction(1), parties=PARTIES)
SQUARES = [MOST_ROWS, *[MOST_ROWS * HIGHEST_X**2] * PREDICTORS, MOST_ROWS * HIGHEST_Y**2]
"""What W7's columns can add up to, squared."""


class Deal(Protocol):
    """Deals a party's array, a row after another, with the public bounds of its numbers."""

    def __call__(self, party: int, name: str, low: int, high: int) -> SecretArray:
        """The array as secret shares; what isn't ours we only know the shape of."""


def sum_of_tables(deal: Deal) -> SecretArray:
    """W1: local additions."""
    first, *others = (deal(party, "table", 0, HIGHEST) for party in range(PARTIES))
    return sum(others, start=first)


def comparisons(deal: Deal) -> SecretArray:
    """W5."""
    return deal(0, "x", 0, HIGHEST) < deal(1, "y", 0, HIGHEST)


def sorting(deal: Deal) -> SecretArray:
    """W6."""
    return sort(concatenate([deal(party, "values", 0, HIGHEST) for party in range(PARTIES)]))


def regression(deal: Deal) -> SecretArray:
    """W7: every sum of products of two columns in one product of matrices, then the normal equations."""
    parts = [
        [deal(party, "x", -HIGHEST_X, HIGHEST_X), _column(deal(party, "y", -HIGHEST_Y, HIGHEST_Y))]
        for party in range(PARTIES)
    ]
    rows = concatenate([concatenate(part, axis=1) for part in parts])
    products, totals = rows.transpose() @ rows, rows.sum(axis=0)
    count = totals[:1] * 0 + len(rows)
    first = concatenate([count, totals]).reshape((1, PREDICTORS + 2))
    moments = concatenate([first, concatenate([_column(totals), products], axis=1)])
    estimates = least_squares(Moments([moments], SQUARES)).estimates
    return concatenate([estimates.significands, estimates.exponents])


def protected_counts(deal: Deal) -> SecretArray:
    """W9: what a node's worker does with a table of counts."""
    exact = [deal(party, "counts", 0, HIGHEST_COUNT) for party in range(PARTIES)]
    shares = [deal(party, "noise", -LAW.bound, LAW.bound) for party in range(PARTIES)]
    rules = Disclosure(min_count=MIN_COUNT, round_to=ROUND_TO)
    return clear_counts({"count": sum([*exact[1:], *shares], start=exact[0])}, rules)["count"].cells


def draw(workload: str, size: int) -> dict[str, NDArray[np.int64]]:
    """What a party draws while the clock runs, by the name of the array that it replaces."""
    return {"noise": noise.share(LAW, PARTIES - 1, size)} if workload == "W9" else {}


def _column(x: SecretArray) -> SecretArray:
    return x.reshape((x.size, 1))


def _coefficients(numbers: NDArray[np.int64]) -> NDArray[Any]:
    """In the columns' own units: the intercept is in steps of the outcome, slopes in such per step of a predictor."""
    significands, exponents = numbers.reshape(2, -1)
    coefficients: NDArray[Any] = np.ldexp(significands.astype(float), exponents)
    coefficients[0] /= PLACES
    return coefficients


PROGRAMS: dict[str, Callable[[Deal], SecretArray]] = {
    "W1": sum_of_tables,
    "W5": comparisons,
    "W6": sorting,
    "W7": regression,
    "W9": protected_counts,
}
NEEDS = {"W7": system_needs(SQUARES, PARTIES)}
"""What a session must offer beyond words."""
Read = Callable[[NDArray[np.int64]], NDArray[Any]]

READ: Mapping[str, Read] = {"W7": _coefficients}
"""From the numbers that the receiver opens to the result, where they aren't the same."""
