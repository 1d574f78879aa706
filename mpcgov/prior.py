"""How probable it is that two records are one person's, by their weight and by how many such pairs there are; in public
steps, so that what depends on a secret weight is a sum over secret bits.

The share of all pairs that are one person's lies on a grid, eight steps to the octave, from as many as the shorter list
has records down to one. It is found by expectation maximisation for that one number: a share is right where the
probabilities that follow from it add up to it; for too great a share they don't reach it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, floor, log2

import numpy as np
from numpy.typing import NDArray

from mpcgov.agreement import QUARTERS

Ints = NDArray[np.int64]

STEPS_PER_OCTAVE = 8
WIDTH = 2
"""Weights that fall into one step of so many quarters of a bit have one probability."""
BELOW, ABOVE = 7, 10
"""So many bits from where a pair is as likely as not, probabilities count as 0, or as that of the last step."""
SCALE_BITS = 16
"""Probabilities are whole numbers of 2^-16."""


@dataclass(frozen=True)
class Prior:
    """What follows from how many pairs there are, and how many of them may be one person's at most."""

    pairs: int
    most: int

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """The grid, falling."""
        steps = STEPS_PER_OCTAVE * max(1, (self.most - 1).bit_length())
        return self.most / self.pairs * 2.0 ** (-np.arange(steps + 1) / STEPS_PER_OCTAVE)

    @cached_property
    def bounds(self) -> Ints:
        """The least weight of each step, ascending."""
        low = floor(QUARTERS * (-log2(self.shares[0]) - BELOW))
        high = ceil(QUARTERS * (-log2(self.shares[-1]) + ABOVE))
        return np.arange(low, high + 1, WIDTH)

    @cached_property
    def chances(self) -> Ints:
        """The probability of each step for each share, in 2^-SCALE_BITS; shape (shares, steps)."""
        odds = self.shares[:, None] * 2.0 ** ((self.bounds + (WIDTH - 1) / 2) / QUARTERS)
        return np.rint((1 << SCALE_BITS) * odds / (1 + odds)).astype(np.int64)

    @cached_property
    def expected(self) -> Ints:
        """What probabilities must add up to for each share to be right, in 2^-SCALE_BITS."""
        return np.rint((1 << SCALE_BITS) * self.shares * self.pairs).astype(np.int64)

    def least_weights(self, least: Fraction) -> Ints:
        """For each share, the least weight of pairs that are so probable."""
        return np.array([ceil(QUARTERS * log2(least / (1 - least) / share)) for share in self.shares], np.int64)
