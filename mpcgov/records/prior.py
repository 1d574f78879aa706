"""How probable it is that two records are one person's, by their weight and by how many persons are in both lists; in
public steps, so that what depends on a secret weight is a sum over secret bits.

A row has one partner at most. So if M of n rows have one, the odds that a row has one are M/(n − M), not M/n: where
nearly everybody is in both lists, a partner that differs in much is likelier than its weight alone says, as nobody else
is left (Sadinle, JASA 112, 2017, has priors of matchings). These odds lie on a grid, eight steps to the octave, down to
those of a 64th of a row. They are found by expectation maximisation for that one number: it is right where the
probabilities that follow from it add up to M; for too great odds they don't reach it. M follows from the odds and from
n, which is the secret of the rows' owner. A pair's weight counts how many records the other list has: its owner adds
`start`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, log2

import numpy as np
from numpy.typing import NDArray

from mpcgov.linked.encoding import FREE_LINKS, WRONG_LINKS, WRONG_SHARE
from mpcgov.records.agreement import QUARTERS

Ints = NDArray[np.int64]

STEPS_PER_OCTAVE = 8
WIDTH = 4
"""Weights that fall into one step of so many quarters of a bit have one probability."""
FREE_OCTAVES = 4
"""At the top of the grid 2^4 times as many rows have a partner as have none."""
FEWEST_OCTAVES = 6
"""At its end 2^-6 rows have one, so that a link may have to weigh so much more than where one row has."""
BELOW, ABOVE = 6, 12
"""So many bits from where a pair is as likely as not, probabilities count as 0, or as that of the last step."""
SCALE_BITS = 16
"""Probabilities are whole numbers of 2^-16."""
START = 32
"""Bits that a record has to start with, of the columns' owner less the logarithm of how many it has; what is no record
has none."""


def start(records: int) -> int:
    """What one of so many records weighs to start with, in quarters of a bit."""
    return max(0, round(QUARTERS * (START - log2(max(1, records)))))


@dataclass(frozen=True)
class Prior:
    """What follows from how many records the shorter list may have."""

    most: int

    @cached_property
    def octaves(self) -> NDArray[np.float64]:
        """The grid, falling: logarithms of the odds that a row has a partner."""
        steps = STEPS_PER_OCTAVE * (self._octaves + FREE_OCTAVES + FEWEST_OCTAVES)
        return FREE_OCTAVES - np.arange(steps + 1) / STEPS_PER_OCTAVE

    @property
    def _octaves(self) -> int:
        return max(1, (self.most - 1).bit_length())

    @cached_property
    def bounds(self) -> Ints:
        """The least weight of each step, ascending."""
        low = QUARTERS * (2 * START - FREE_OCTAVES - BELOW)
        return np.arange(low, QUARTERS * (2 * START + self._octaves + ABOVE) + 1, WIDTH)

    @cached_property
    def chances(self) -> Ints:
        """The probability of each step for all odds on the grid, in 2^-SCALE_BITS; shape (odds, steps)."""
        middle = (self.bounds + (WIDTH - 1) / 2) / QUARTERS - 2 * START
        odds = 2.0 ** (self.octaves[:, None] + middle)
        return np.rint((1 << SCALE_BITS) * odds / (1 + odds)).astype(np.int64)

    def expected(self, rows: int) -> Ints:
        """What probabilities must add up to for each of the odds to be right, if there are so many rows, scaled."""
        odds = 2.0**self.octaves
        return np.rint(2.0**SCALE_BITS * rows * odds / (1 + odds)).astype(np.int64)

    def excess(self, least: Fraction) -> Ints:
        """For all odds, by how much each step's weights exceed the least of pairs that are so probable, up to ABOVE."""
        middle = self.bounds + WIDTH // 2
        found: Ints = np.clip(middle - self.least_weights(least)[:, None], 0, QUARTERS * ABOVE)
        return found

    def least_weights(self, least: Fraction) -> Ints:
        """For all odds, the least weight of pairs that are so probable."""
        odds = log2(least / (1 - least))
        return np.array([ceil(QUARTERS * (2 * START + odds - octave)) for octave in self.octaves], np.int64)

    def steps_of(self, least: Fraction) -> Ints:
        """For all odds, in which step the least weight of pairs is that are so probable."""
        found: Ints = np.searchsorted(self.bounds, self.least_weights(least), "right") - 1
        return found

    def cautious(self, least: Fraction, share: int, steps: Ints) -> int:
        """The number of the odds whose least weight links have if the job doesn't say how probable they are: the right
        ones, or the first later ones from whose least weight on as few links are expected to be wrong as may be.

        Args:
            least: the least probability, by the right odds. share: the number of these.
            steps: of the weights of rows that have their partner alone.
        """
        chance, of_odds = self.chances[share], self.steps_of(least)
        rows = np.bincount(steps, minlength=len(chance))
        right, wrong = ((each * rows)[::-1].cumsum()[::-1] for each in (chance, (1 << SCALE_BITS) - chance))
        beyond = right[of_odds[share]] - (FREE_LINKS << SCALE_BITS)
        many = (WRONG_LINKS * wrong > 1 << SCALE_BITS) & (WRONG_SHARE * wrong > beyond)
        return max(share, int(many[of_odds[:-1]].sum()))
