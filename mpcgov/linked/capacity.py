"""Of how many rows released numbers must be, so that they can't tell a column's values: counted in bits.

Who knows all of a table but in which of n rows a column is on one side of a division by value, c of them, faces C(n, c)
possibilities. What is released about the column takes at most 2^told values. So if C(n, c) ≥ 2^(3/2·told), all but one
of 2^(told/4) of the possibilities share everything that is released with at least 2^(told/4) others.
docs/security/disclosure.md argues what that covers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mpcgov import figures

SPARE_ROWS = figures.SPARE_ROWS

SCALE_BITS = 1
"""A model's number's sign and its power of two, where the column's spread is known roughly, less its leading bit."""

MOST_DIGITS = 7
"""As many significant digits as quotients of secret numbers have."""

Step = tuple[int, int]
"""With at least so many rows, both sides of a division must have at least so many."""


def told_bits(numbers: int, digits: int) -> int:
    """What so many numbers of a model can tell."""
    return numbers * figures.told_bits(digits, SCALE_BITS)


def steps(numbers: int, digits: int, least: int, most_rows: int) -> tuple[Step, ...]:
    """For growing numbers of rows, how small the smaller side of a column's division may be.

    C(n, n/2) ≥ 2^n/(n + 1), and C(n, c) ≥ (n/c)^c. `least`: no side is smaller than that. Empty if no number of rows
    up to `most_rows` is enough.
    """
    needed = -(-3 * told_bits(numbers, digits) // 2)
    even = needed + (2 * needed).bit_length()
    found = [(max(even, 2 * least, numbers + SPARE_ROWS), max(even // 2, least))]
    power = 2
    while found[-1][0] <= most_rows and found[-1][1] > least:
        side = -(-needed // power)
        found.append((max(side << power, 2 * least, numbers + SPARE_ROWS), max(side, least)))
        power += 1
    return tuple(step for step in found if step[0] <= most_rows)


def enough(rows: int, sides: Iterable[int], needed: Sequence[Step]) -> bool:
    """Whether so many rows are enough, of columns whose divisions have so many on one side each."""
    smaller = min((min(side, rows - side) for side in sides), default=rows)
    return any(rows >= n and smaller >= side for n, side in needed)
