"""How many rows more an owner's list is said to have where a job has noise: public facts alone.

A length that follows from the data exactly is an exact release, whatever noise the numbers have. So every owner adds
shift + Z rows to its list, Z discrete Laplace, cut off at ±shift, before the length is rounded up. A part of the job's
epsilon or rho pays for it, split evenly over the owners, as a unit may be on every list; see docs/security/privacy.md.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, isqrt

from mpcgov.laws import LengthLaw
from mpcgov.spec.job import Job
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.noise import CellNoise, LaplaceNoise

DELTA_BITS = 40
"""Z is cut off where 2^-40 is left: the chance that a list's length tells more than its epsilon."""
_LN_2 = Fraction(694, 1001)
"""A little more than ln 2."""
_ROOT_BITS = 80
MOST_SHIFT = 1 << 20
"""A longer shift isn't drawn: such lists are as long as their data sets may be."""


WHOLE = None
"""In place of a law: lists are as long as their data sets may be, which tells nothing and costs nothing."""


def part(noise: CellNoise, manifest: Manifest) -> Fraction:
    """Which part of a job's epsilon or rho its lists' lengths take."""
    if not manifest.linked or noise.lengths == "max_rows":
        return Fraction(0)
    return Fraction(noise.lengths)


def length_law(job: Job, manifest: Manifest) -> LengthLaw | None:
    """The noise on the length of each list of a linked job with noise; `WHOLE` if it is drawn from none."""
    noise = job.disclosure.noise
    if noise is None or not part(noise, manifest):
        return WHOLE
    return _law(_epsilon(noise, part(noise, manifest) / len(job.data_parties)), noise.bound)


def _epsilon(noise: CellNoise, share: Fraction) -> Fraction:
    """What each list's length may tell, in pure epsilon; epsilon²/2 of it is rho (Bun and Steinke, 2016)."""
    if isinstance(noise, LaplaceNoise):
        return Fraction(noise.epsilon) * share
    scaled = 2 * Fraction(noise.rho) * share * (1 << _ROOT_BITS)
    return Fraction(isqrt(int(scaled)), 1 << _ROOT_BITS // 2)


def _law(epsilon: Fraction, rows: int) -> LengthLaw | None:
    """The law that hides `rows` rows more or less. Lengths that only one of two neighbours can have are the outermost
    `rows` ones; these have at most exp(−rate·(shift − rows + 1)) of it together."""
    rate = epsilon / rows
    shift = rows - 1 + ceil(DELTA_BITS * _LN_2 / rate)
    return LengthLaw(rate, shift) if shift <= MOST_SHIFT else WHOLE
