"""Statistics as they are released, in plain code: what the protocols' references are made of.

A number is opened as a whole number of its columns' steps, rounded to significant digits; receivers divide, and show as
many digits. Rows must be enough for what all numbers about them can tell. docs/security/disclosure.md argues for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from mpcgov.disclosure import significant, significant_bits

DIGITS = 4
SPARE_ROWS = 10
"""There must be so many rows more than numbers of one column that are released of them."""
EXPONENT_BITS = 8
"""A number's sign and exponent take at most so many bits more than its significant ones."""
SHARE = 2
"""One part in so many of the bits that the rows' values hold may be told."""


def told_bits(digits: int) -> int:
    """log₂ of the ways in which a number of so many digits can come out, rounded up."""
    return significant_bits(digits) + EXPONENT_BITS


def least_rows(numbers: int, digits: int, values: Sequence[int]) -> int:
    """Of how many rows something must be that is made of columns with so many possible values.

    `numbers`: how many are released of one column's rows, by all jobs.
    """
    bits = SHARE * numbers * told_bits(digits)
    held = [(count**64).bit_length() - 1 for count in values if count > 1]  # by 64 rows
    return max([numbers + SPARE_ROWS, *(-(-64 * bits // one) for one in held)])


def shown(number: float, digits: int) -> float:
    """What receivers are shown of a number: so many significant decimal digits."""
    return float(f"{number:.{digits - 1}e}")


def described(x: Sequence[int], unit: int, digits: int, weights: Sequence[int] | None = None) -> list[float | None]:
    """Mean and variance (n − 1) of two rows or more, in units. Weighted: Σwx/Σw, and Σw(x − mean)²/Σw · n/(n − 1)."""
    n, w = len(x), weights or [1] * len(x)
    total = n if weights is None else significant(sum(w), digits)
    if not total:
        return [None, None]
    mean = Fraction(significant(_added(w, x), digits), total * unit)
    variance = Fraction(_spread(w, x, x, digits) * n, total**2 * (n - 1) * unit**2)
    return [shown(float(mean), digits), shown(float(variance), digits)]


def correlation(x: Sequence[int], y: Sequence[int], digits: int, weights: Sequence[int] | None = None) -> float | None:
    """Pearson's r; None if a column has the same value in all rows."""
    w = weights or [1] * len(x)
    xx, yy, xy = (_spread(w, *pair, digits) for pair in ((x, x), (y, y), (x, y)))
    if not xx or not yy:
        return None
    return shown(max(-1.0, min(1.0, (xy << 64) / math.isqrt(xx * yy << 128))), digits)


def _spread(w: Sequence[int], x: Sequence[int], y: Sequence[int], digits: int) -> int:
    """Σw·Σwxy − Σwx·Σwy."""
    return significant(sum(w) * _added(w, x, y) - _added(w, x) * _added(w, y), digits)


def _added(*columns: Sequence[int]) -> int:
    return sum(math.prod(row) for row in zip(*columns, strict=True))


def steps(value: str, column: Mapping[str, Any]) -> int:
    """A number as steps of its last place, of a column that is declared so."""
    return int(Fraction(value) * unit(column))


def unit(column: Mapping[str, Any]) -> int:
    """How many steps one is."""
    return int(10 ** column.get("places", 0))


def possible(column: Mapping[str, Any]) -> int:
    """How many values a number can have that is declared so."""
    return steps(column["max"], column) - steps(column["min"], column) + 1
