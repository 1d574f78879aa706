"""Shamir's sharing on arrays of Python integers modulo a prime: party i holds the polynomial's value at i + 1."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import gmpy2
import numpy as np

from mpcgov.errors import InternalError
from mpcgov.mpc.codec import Elements
from mpcgov.mpc.prf import private_uniform


def split(values: Elements, modulus: int, threshold: int, parties: int) -> list[Elements]:
    """Fresh shares of degree `threshold` of each value, one row per party, coefficients exactly uniform and private."""
    coefficients = private_uniform(len(values) * threshold, modulus).reshape(threshold, len(values))
    rows = []
    row = values
    for point in range(1, parties + 1):
        if threshold == 1:
            row = row + coefficients[0]  # the next point of a line: half the price of Horner's rule
        else:
            row = coefficients[0] * point
            for coefficient in coefficients[1:]:
                row = (row + coefficient) * point
            row = row + values
        rows.append(row % modulus)
    return rows


def recombine(points: Sequence[int], rows: Sequence[Elements], modulus: int) -> Elements:
    """The values at 0 of the polynomials of degree below len(points) through `rows` at `points`."""
    weights = weights_at_zero(tuple(points), modulus)
    total = rows[0] * weights[0]
    for weight, row in zip(weights[1:], rows[1:], strict=True):
        total = total + row * weight
    result: Elements = total % modulus
    return result


@functools.cache
def weights_at_zero(points: tuple[int, ...], modulus: int) -> tuple[int, ...]:
    """Lagrange's coefficients for the value at 0."""
    weights = []
    for x in points:
        numerator = denominator = 1
        for other in points:
            if other != x:
                numerator = numerator * other % modulus
                denominator = denominator * (other - x) % modulus
        weights.append(numerator * pow(denominator, -1, modulus) % modulus)
    return tuple(weights)


def inverse_roots(squares: Elements, modulus: int) -> Elements:
    """1/√a for each square a ≠ 0, modulo a prime that is 3 modulo 4: a^((3p − 5)/4)."""
    if modulus % 4 != 3:
        raise InternalError("square roots need a prime that is 3 modulo 4")
    roots = np.empty(len(squares), dtype=object)
    roots[:] = [int(root) for root in gmpy2.powmod_base_list(squares.tolist(), (3 * modulus - 5) >> 2, modulus)]
    return roots
