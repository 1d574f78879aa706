"""A regression on a predictor that nearly all have alike, or in which one person stands out, gives that person's wage.

Each attack is first done on plain least squares of the same rows, where it finds the wage of whoever it is aimed at,
and then by whole jobs inside MPC. Without the sides of divisions in `worker/gates.py`, `of_model`, the second one finds
what few persons earn; without `:heavy`, the last two find one's wage. The first needs both taken out.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import pytest

from tests import nightly
from tests.linkage.linked_parties import Case
from tests.linked.test_regression import released

PEOPLE = 240
WAGE = {"kind": "integer", "min": 0, "max": 10_000_000}

Columns = list[list[int]]


def rare(rng: random.Random) -> Columns:
    """One person has 1."""
    return [[int(i == 0) for i in range(PEOPLE)]]


def few(rng: random.Random) -> Columns:
    """Nine have 1, fewer than min_count."""
    return [[int(i < 9) for i in range(PEOPLE)]]


def outlier(rng: random.Random) -> Columns:
    """Half of all are above the median, and one is far above."""
    return [[1_000_000, *(rng.randint(0, 50) for _ in range(PEOPLE - 1))]]


def twins(rng: random.Random) -> Columns:
    """Two columns that pass by themselves and differ in one person."""
    first = [rng.randint(0, 50) for _ in range(PEOPLE)]
    return [first, [first[0] + 1, *first[1:]]]


def made(columns: Columns, wages: list[int]) -> Case:
    """The wages at one agency, the predictors at another."""
    names = [f"x{k}" for k in range(len(columns))]
    wide = {"kind": "integer", "min": 0, "max": 1_000_000}
    rows = {
        "tax": [{"key": f"p{i}", "wage": str(wage)} for i, wage in enumerate(wages)],
        "edu": [
            {"key": f"p{i}", **{name: str(column[i]) for name, column in zip(names, columns, strict=True)}}
            for i in range(PEOPLE)
        ],
    }
    params = {"outcome": "tax.wage", "predictors": [f"edu.{name}" for name in names]}
    return Case("linked-regression", {"tax": {"wage": WAGE}, "edu": dict.fromkeys(names, wide)}, rows, params)


def guess(columns: Columns, coefficients: list[float | None]) -> float | None:
    """The target is the first one, and what the model says of it its wage, or near to it."""
    if None in coefficients:
        return None
    return sum(b * x for b, x in zip(coefficients, [1, *(column[0] for column in columns)], strict=True) if b)


@pytest.mark.by_day(2, "outlier", "few")
@pytest.mark.parametrize("attack", [rare, few, outlier, twins], ids=lambda attack: attack.__name__)
def test_no_wage_comes_out_of_coefficients(attack: Callable[[random.Random], Columns]) -> None:
    tried = plain = found = 0
    for seed in range(nightly.count(1, 3)):
        rng = random.Random(seed)
        columns, wages = attack(rng), [round(rng.lognormvariate(10, 0.4)) for _ in range(PEOPLE)]
        tried += 1
        x = np.array([[1, *row] for row in zip(*columns, strict=True)], float)
        estimates = np.linalg.lstsq(x, np.array(wages, float), rcond=None)[0]
        target = sum(wages[:9]) / 9 if attack is few else wages[0]
        plain += abs(float(x[0] @ estimates) - target) < 0.01 * target
        tables = released(made(columns, wages))
        numbers = [row[1] for row in tables["coefficients"]]
        guessed = guess(columns, numbers)
        found += guessed is not None and abs(guessed - target) < 0.01 * target
    assert plain == tried, "the attack doesn't even work on plain least squares"
    assert found == 0


def test_no_number_of_persons_comes_out_of_standard_errors() -> None:
    """Of a 0-1 column (se of slope / se of intercept)² = n / n₁: who doesn't know how many have 1 would. What is told
    now is at least min_count on both sides, as any count is."""
    columns = [[int(i < 7) for i in range(PEOPLE)]]
    wages = [random.Random(1).randint(1000, 90_000) + i for i in range(PEOPLE)]
    tables = released(made(columns, wages))
    assert {number for row in tables["coefficients"] for number in row[1:]} == {None}
    columns = [[int(i % 2) for i in range(PEOPLE)]]
    shown = released(made(columns, wages))["coefficients"]
    ratio = (shown[1][2] / shown[0][2]) ** 2
    assert math.isclose(ratio, PEOPLE / (PEOPLE / 2), rel_tol=1e-3)


def test_honest_models_with_heavy_tails_are_released() -> None:
    """Wages and debts as they are: a few have many times the middle."""
    shown = 0
    for seed in (0, 2, 3, 4):  # of 1, one person has a quarter of what is left unexplained
        rng = random.Random(seed)
        columns = [[round(rng.lognormvariate(8, 0.5)) for _ in range(PEOPLE)]]
        wages = [round(20_000 + 2 * debt + rng.lognormvariate(9, 0.5)) for debt in columns[0]]
        shown += released(made(columns, wages))["fit"][0][0] == PEOPLE
    assert shown == 4
