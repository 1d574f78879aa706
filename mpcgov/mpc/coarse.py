"""A fit for receivers that bring rows: no finer than a part of the standard errors, decided on secret numbers.

Such a receiver knows who could be behind the numbers, and may have chosen its columns so that their last digits tell
who is, or what others have. docs/security/regression.md argues what the steps hide, and what they don't.
"""

from __future__ import annotations

import numpy as np

from mpcgov.mpc.arrays import SecretArray
from mpcgov.mpc.functions import concatenate
from mpcgov.mpc.solve import Fit, Reals
from mpcgov.precision import COARSE_BITS, ERROR_PART_BITS, R2_BITS, SIGNIFICANT_BITS

_MOST = SIGNIFICANT_BITS + 1
"""A number of 24 bits that loses so many is 0 or 1 step; if it loses more, 0."""


def coarse(found: Fit, bits: int) -> Reals:
    """Coefficients, the squares of their standard errors, and r2, one after the other, of at most so many bits.

    Coefficients are multiples of the least power of two that is a quarter of their standard error or more, r2 of 2^-7,
    and squares of standard errors have 6 bits.
    """
    beyond = found.variances.exponents + (SIGNIFICANT_BITS - 2 * ERROR_PART_BITS)  # se²/16 ≤ 2^beyond ≤ 2 · se²/16
    least = concatenate([beyond._divided(2, 0), 0 * found.r2.exponents - R2_BITS])
    numbers = Reals.joined(found.estimates, found.r2)
    stepped = in_steps(numbers, least, bits)
    end = len(found.estimates.exponents)
    errors = found.variances.rounded(min(bits, COARSE_BITS))
    return Reals.joined(stepped[:end], errors, stepped[end:])


def in_steps(numbers: Reals, least: SecretArray, bits: int) -> Reals:
    """The nearest multiples of 2^least, halves up; of what the last of so many bits stands for where that is more.

    Leaks in its exponents: `least`, or where that is less, the numbers' magnitudes.
    """
    dropped, size = SIGNIFICANT_BITS - bits, len(least)
    wanted = least - numbers.exponents
    ends = np.arange(dropped + 1, _MOST + 2)
    reached = concatenate([wanted] * len(ends)) >= np.repeat(ends, size)
    above = [reached[place * size : (place + 1) * size] for place in range(len(ends))]
    lost = sum(bit * (1 << max(0, _MOST - end)) for bit, end in zip(above, ends.tolist(), strict=True))
    factor = (1 << (_MOST - dropped)) - lost  # 2^(_MOST − what is dropped), or 0
    significands = (numbers.significands * factor)._divided(1 << _MOST, 0)
    exponents = numbers.exponents + dropped + above[0] * (wanted - dropped)
    low, high = min(least.low, numbers.exponents.low), max(least.high, numbers.exponents.high)
    return Reals(significands, exponents._made(lambda: exponents._backing, low, high + dropped))
