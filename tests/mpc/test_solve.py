"""Linear systems on secret Gram matrices, against exact fractions; and what the openings show."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
import pytest

from mpcgov.errors import SpecError
from mpcgov.mpc import Session
from mpcgov.mpc.solve import Needs, needs, solve
from tests.mpc.parties import Outcome, opened, put, run, share_list

Matrix = list[list[int]]


def exact(a: Matrix, b: Sequence[int]) -> list[Fraction] | None:
    """The solution by Gauss's elimination, or None if there isn't exactly one."""
    rows = [[Fraction(entry) for entry in (*row, right)] for row, right in zip(a, b, strict=True)]
    for column in range(len(rows)):
        pivot = next((i for i in range(column, len(rows)) if rows[i][column]), None)
        if pivot is None:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [entry / rows[column][column] for entry in rows[column]]
        for i in range(len(rows)):
            if i != column and rows[i][column]:
                rows[i] = [x - rows[i][column] * y for x, y in zip(rows[i], rows[column], strict=True)]
    return [row[-1] for row in rows]


def gram(x: Sequence[Sequence[int]], y: Sequence[int]) -> tuple[Matrix, list[int], list[int]]:
    """XᵀX, Xᵀy and the sums of squares of each column and of y, in Python's integers."""
    columns = [list(column) for column in zip(*x, strict=True)]
    a = [[sum(p * q for p, q in zip(u, v, strict=True)) for v in columns] for u in columns]
    b = [sum(p * q for p, q in zip(u, y, strict=True)) for u in columns]
    return a, b, [max(1, n) for n in (*(a[j][j] for j in range(len(a))), sum(q * q for q in y))]


def needs_of(systems: Sequence[tuple[Matrix, list[int], list[int]]], subsets: int) -> Needs:
    """What a session must offer for all of these."""
    each = [needs(squares, subsets) for _, _, squares in systems]
    return Needs(max(n.value_bits for n in each), sum(n.masked_openings for n in each))


def solved(systems: Sequence[tuple[Matrix, list[int], list[int]]], m: int = 3, t: int = 1) -> list[list[int]]:
    """What comes out for each system: significands, exponents, singular; built one after the other, in one job."""
    subsets = len(list(__import__("itertools").combinations(range(m), t)))
    wanted = needs_of(systems, subsets)

    async def job(session: Session, index: int) -> list[list[int]]:
        solutions = []
        for a, b, squares in systems:
            d, bound = len(b), max(squares)
            flat = np.array(sum(a, []), dtype=object)
            shared = session.input(flat if index == 0 else None, 0, d * d, -bound, bound).reshape((d, d))
            right = session.input(np.array(b, dtype=object) if index == 1 else None, 1, d, -bound, bound)
            solutions.append(solve(shared, right, squares))
        return [
            [*await share_list(session, s.significands), *await share_list(session, s.exponents)]
            + await share_list(session, s.singular)
            for s in solutions
        ]

    outcomes = run(job, m, threshold=t, value_bits=wanted.value_bits, masked=wanted.masked_openings)
    return [opened(outcomes, t, part) for part in range(len(systems))]


def check(system: tuple[Matrix, list[int], list[int]], result: list[int]) -> None:
    """Coefficients within 2^-24 + 2^-26, in the one form that each number has."""
    a, b, _ = system
    d = len(b)
    expected = exact(a, b)
    significands, exponents, singular = result[:d], result[d : 2 * d], result[2 * d]
    if expected is None:
        assert result == [0] * (2 * d) + [1]
        return
    assert singular == 0
    for s, e, beta in zip(significands, exponents, expected, strict=True):
        if beta == 0:
            assert (s, e) == (0, 0)
            continue
        assert 2**23 <= abs(s) <= 2**24
        value = Fraction(s) * Fraction(2) ** e
        assert abs(value / beta - 1) <= Fraction(5, 2**26), (float(value), float(beta))


def table(rng: np.random.Generator, n: int, d: int, size: int) -> list[list[int]]:
    return [[int(v) for v in row] for row in rng.integers(-size, size + 1, (n, d))]


def test_small() -> None:
    rng = np.random.default_rng(1)
    systems = [
        gram([[3]], [6]),
        gram([[3]], [-5]),
        gram([[3]], [0]),
        gram([[0]], [4]),
        gram([[1, 0], [0, 1], [0, 0]], [1, -1, 5]),
        gram([[1, 2], [2, 4], [3, 6]], [1, 2, 4]),
        gram(table(rng, 20, 4, 1000), [int(v) for v in rng.integers(-9, 9, 20)]),
    ]
    for system, result in zip(systems, solved(systems), strict=True):
        check(system, result)
