"""How large the integers of a linear system get, and so which field and how many masks its solution takes.

Public arithmetic on bounds: the engine sizes a job's field by it, and a job that would need too large a one is refused
before it starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt, prod

from mpcgov.errors import SpecError

PART_BITS = 24
"""B: bits between the places at which a magnitude is looked for first."""
SIGNIFICANT_BITS = 24
ERROR_PART_BITS = 2
"""For receivers that bring rows, steps of a coefficient are 2^-2 of its standard error at least."""
COARSE_BITS = 6
"""And squares of standard errors have so many bits."""
R2_BITS = 7
"""And r2 is a multiple of 2^-7."""
MAX_SOLVER_BITS = 4096
MAX_OPENINGS_BITS = 20
"""log₂ of C(m,t) times the masked openings beside which a bit still fits 61 bits, masked for 2^-40."""


@dataclass(frozen=True)
class Plan:
    """Public sizes for numerators and a denominator of at most `bits` bits, in a job with so many subsets of m − t.

    `guard` low zeros keep carries away from the smallest values; `carry` is the length of twice the greatest carry.
    """

    bits: int
    subsets: int

    @property
    def guard(self) -> int:
        """Low zeros."""
        return 11 + self.subsets.bit_length()

    @property
    def carry(self) -> int:
        """Bits for carries."""
        return (2 * self.subsets).bit_length()

    @property
    def parts(self) -> int:
        """J: places at which a magnitude is looked for first."""
        return max(2, -(-(self.bits + self.guard) // PART_BITS))

    @property
    def steps(self) -> int:
        """Powers of two that the second search compares with."""
        return PART_BITS + self.carry

    @property
    def normal_bits(self) -> int:
        """Length of a normalised integer."""
        return PART_BITS * self.parts + self.carry

    @property
    def working_bits(self) -> int:
        """w: length of a normalised and truncated integer."""
        return 31 + self.carry

    @property
    def solver_bits(self) -> int:
        """What the session's `solver_bits` must be at least."""
        return max(self.normal_bits, 16 * self.working_bits + 34) + 1

    def masked_openings(self, values: int, quotients: int) -> int:
        """Masked openings of a division with so many numerators and denominators together, an upper bound."""
        return values * (4 + self.parts + self.steps) + quotients


@dataclass(frozen=True)
class Needs:
    """What a session must offer for a system: see `SessionConfig`. An upper bound of masked openings."""

    solver_bits: int
    masked_openings: int

    def check(self, subsets: int) -> None:
        """Raise SpecError if no session can offer that, with so many subsets of m − t parties."""
        if self.solver_bits > MAX_SOLVER_BITS:
            raise SpecError(f"its equations need integers of {self.solver_bits} bits; at most {MAX_SOLVER_BITS}")
        if subsets << (self.masked_openings - 1).bit_length() >= 1 << MAX_OPENINGS_BITS:
            raise SpecError("its equations are too large for so many parties")


def system(squares: Sequence[int], subsets: int) -> Plan:
    """For coefficients. `squares` bound the columns' sums of squares, the outcome's last.

    Minors of a positive semidefinite matrix: |M[I,J]|² ≤ M[I,I] · M[J,J] ≤ their diagonals'.
    """
    if any(square < 1 for square in squares):
        raise SpecError("a bound of a sum of squares must be at least 1")
    *columns, outcome = squares
    d = len(columns)
    numerators = prod(n + 1 for n in columns) * outcome * prod(sorted(n + 1 for n in columns)[1:])
    greatest = max(prod(n + d for n in columns), isqrt(numerators) + 1)
    return Plan(greatest.bit_length() + 1, subsets)


def fit(squares: Sequence[int], subsets: int) -> Plan:
    """For coefficients, standard errors, r2 and leverages: numerators of up to n · det A · Σy², the first column all
    ones, and of d + 1 times the determinant of all columns' moments."""
    more = max(squares[0], len(squares)) * (squares[-1] + 1)
    return Plan(system(squares, subsets).bits + more.bit_length(), subsets)


def system_needs(squares: Sequence[int], subsets: int, places: int = 1) -> Needs:
    """For the coefficients of a system in so many places."""
    d = len(squares) - 1
    return _needs(system(squares, subsets), d + 1, d, places * entries(d))


def fit_needs(squares: Sequence[int], subsets: int, places: int = 1, batches: int = 0) -> Needs:
    """For all of a fit, the rows that it has to spare with it, and the shares of so many batches of rows."""
    d = len(squares) - 1
    words = places * (1 + batches) * entries(d) + 1
    return _needs(fit(squares, subsets), 2 * d + 6 + batches, 2 * d + 2 + batches, words)


def entries(unknowns: int) -> int:
    """Different entries of the matrix of moments."""
    return (unknowns + 1) * (unknowns + 2) // 2


def _needs(plan: Plan, values: int, quotients: int, words: int) -> Needs:
    return Needs(plan.solver_bits, plan.masked_openings(values, quotients) + words * plan.subsets + 1)
