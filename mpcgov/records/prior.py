"""How probable it is that two records are one person's, by their weight and by how many persons are in both lists; in
public steps, so that what depends on a secret weight is a sum over secret bits.

How many lies on a grid, eight steps to the octave, down to one. It is found by expectation maximisation for that one
number: it is right where the probabilities that follow from it add up to it; for too great a number they don't reach
it. A pair's weight counts how many records both lists have: each owner adds `start` of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, floor, log2

import numpy as np
from numpy.typing import NDArray

from mpcgov.records.agreement import QUARTERS

Ints = NDArray[np.int64]

STEPS_PER_OCTAVE = 8
WIDTH = 4
"""Weights that fall into one step of so many quarters of a bit have one probability."""
BELOW, ABOVE = 7, 10
"""So many bits from where a pair is as likely as not, probabilities count as 0, or as that of the last step."""
SCALE_BITS = 16
"""Probabilities are whole numbers of 2^-16."""


START = 32
"""Bits that a record has to start with, less the logarithm of how many are in its list; what is no record has none."""


def start(records: int) -> int:
    """What one of so many records weighs to start with, in quarters of a bit."""
    return max(0, round(QUARTERS * (START - log2(max(1, records)))))


@dataclass(frozen=True)
class Prior:
    """What follows from how many records the shorter list may have."""

    most: int

    @cached_property
    def octaves(self) -> NDArray[np.float64]:
        """The grid, falling: logarithms of how many persons may be in both."""
        steps = STEPS_PER_OCTAVE * max(1, (self.most - 1).bit_length())
        return np.arange(steps, -1, -1) / STEPS_PER_OCTAVE

    @cached_property
    def bounds(self) -> Ints:
        """The least weight of each step, ascending."""
        low = floor(QUARTERS * (2 * START - self.octaves[0] - BELOW))
        return np.arange(low, QUARTERS * (2 * START + ABOVE) + 1, WIDTH)

    @cached_property
    def chances(self) -> Ints:
        """The probability of each step for each number on the grid, in 2^-SCALE_BITS; shape (numbers, steps)."""
        middle = (self.bounds + (WIDTH - 1) / 2) / QUARTERS - 2 * START
        odds = 2.0 ** (self.octaves[:, None] + middle)
        return np.rint((1 << SCALE_BITS) * odds / (1 + odds)).astype(np.int64)

    @cached_property
    def expected(self) -> Ints:
        """What probabilities must add up to for each number to be right, in 2^-SCALE_BITS."""
        return np.rint(2.0 ** (SCALE_BITS + self.octaves)).astype(np.int64)

    def least_weights(self, least: Fraction) -> Ints:
        """For each number, the least weight of pairs that are so probable."""
        odds = log2(least / (1 - least))
        return np.array([ceil(QUARTERS * (2 * START + odds - octave)) for octave in self.octaves], np.int64)
