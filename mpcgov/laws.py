"""The laws of a job's noise, as facts: `mpc/noise.py` draws from them, `jobs/noising.py` gives them out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

SCALE = 1024
"""Steps are chosen so that the noise is about as many of them."""
LEAST_STEPS = 64
"""Into so many steps, at least, goes what one row can add: rounding that up then costs 3 % of accuracy at most."""
TAIL_BITS = 132
"""A share of the noise is cut off where it has 2^-132 of its law left: see docs/security/privacy.md for the sum."""
LN_2 = Fraction(694, 1001)
"""A little more than ln 2. All parties must come to the same bounds, so nothing is left to a machine's logarithm."""
LEAST_VARIANCE = 4
"""Of one party's discrete Gaussian share: from there on sums of shares are as good as discrete Gaussian themselves."""
MARGIN = 1 + Fraction(1, 1 << 20)
"""More variance than the sum needs were it discrete Gaussian; pays for the difference (docs/security/privacy.md)."""


@dataclass(frozen=True)
class Law:
    """The noise of one number, in every cell of its table.

    `rows`: how many rows of one unit a number can run over, in all cells together. `largest`: the most that one of them
    adds to it. `budget`: this number's part of epsilon, if `pure`, or of rho. `cells`: of a total of noisy counts, how
    many it adds up; `raised`: negative ones as 0.
    """

    pure: bool
    rows: int
    largest: int
    budget: Fraction
    parties: int
    cells: int = 1
    raised: bool = False

    @property
    def step(self) -> int:
        """A power of two: noise comes in multiples of it, and a uniform rest."""
        most = max(LEAST_STEPS, math.floor(SCALE / self._scale_of(1)))
        return 1 << max(0, (-(-self.largest // most) - 1).bit_length())

    @property
    def sensitivity(self) -> int:
        """In steps: what one unit can change in all cells together, as a sum and as a Euclidean length alike."""
        return self.rows * -(-self.largest // self.step)

    @property
    def rate(self) -> Fraction:
        """Of pure noise: the probability falls by exp(−rate) from step to step."""
        return self.budget / self.sensitivity

    def share_variance(self, honest: int) -> Fraction:
        """Of Gaussian noise: each party's, in steps², if `honest` of them must suffice."""
        return max(Fraction(LEAST_VARIANCE), self.sensitivity**2 / (2 * self.budget) * MARGIN / honest)

    @property
    def scale(self) -> float:
        """How wide the noise of `honest` parties is at most, in steps."""
        return float(1 / self.rate) if self.pure else math.sqrt(self.share_variance(1))

    def most_steps(self, honest: int = 1) -> int:
        """What one party's Z stays within: P(|Z| > that) ≤ 2^-132."""
        if self.pure:
            return math.ceil(TAIL_BITS * LN_2 / self.rate) + 1
        return math.isqrt(math.ceil(2 * (TAIL_BITS + 1) * LN_2 * self.share_variance(honest))) + 1

    @property
    def bound(self) -> int:
        """What one party's share of the noise stays within, in units of the number."""
        return self.step * (self.most_steps() + 1)

    def _scale_of(self, steps: int) -> float:
        """The scale, if a row adds as many steps."""
        sensitivity = self.rows * steps
        return float(sensitivity / self.budget) if self.pure else sensitivity / math.sqrt(2 * self.budget)


@dataclass(frozen=True)
class LengthLaw:
    """The noise on the length of each list: Z with P(z) ∝ exp(−rate·|z|) on −shift … shift, shifted to be positive."""

    rate: Fraction
    shift: int
