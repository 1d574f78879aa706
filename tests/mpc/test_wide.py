"""Jobs of 120 bits and more: exact sums, products, comparisons and rounding; and what such jobs refuse."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mpcgov.errors import SpecError
from mpcgov.mpc import (
    SecretArray,
    Session,
    concatenate,
    greatest,
    if_else,
    maximum,
    median,
    minimum,
    quantile,
    sort,
    sort_rows,
)
from tests import nightly
from tests.mpc.parties import opened, run, share_list

SETTINGS = nightly.first(2, [(3, 1), (5, 2), (4, 1), (7, 3)])
BITS = 121
HALF = 2**60
LIMIT = 2**120
A = [HALF, -HALF, HALF - 1, 1 - HALF, 0, 1, -1, 2**59 + 1]
B = [HALF, HALF, HALF - 1, HALF, 7, -1, -1, -(2**59) - 1]
C = [LIMIT, -LIMIT, LIMIT - 1, 1 - LIMIT, 0, 1, 2**61 - 1, -(2**61 - 1)]
"""Multiples of the word-size prime too: nothing may be computed modulo that."""

Expression = Callable[[Any, Any, Any], Any]
EXPRESSIONS: dict[str, Expression] = {
    "product": lambda a, b, c: a * b,
    "difference": lambda a, b, c: c - a,
    "sum and product": lambda a, b, c: c + a * b,
    "inner product": lambda a, b, c: a[:2].reshape((1, 2)) @ b[:2],
    "matrix product": lambda a, b, c: (a[:4].reshape((2, 2)) @ b[:4].reshape((2, 2))).reshape((4,)),
    "scaled": lambda a, b, c: a * (2**60),
    "public operand": lambda a, b, c: c + np.array([LIMIT, LIMIT, -LIMIT, 5, 0, 1, 2, 3], dtype=object),
    "less": lambda a, b, c: a * b < c,
    "at least": lambda a, b, c: c >= a * b,
    "less than public": lambda a, b, c: c < LIMIT - 1,
    "greater than public": lambda a, b, c: c > -LIMIT,
    "sign": lambda a, b, c: c < 0,
    "rounded to 7": lambda a, b, c: rounded(c, 7),
    "product rounded to 3": lambda a, b, c: rounded(a * b, 3),
}


def rounded(x: Any, base: int) -> Any:
    """Nearest multiples, halves up."""
    return x.round_to(base) if isinstance(x, SecretArray) else (x + base // 2) // base * base


def inputs(session: Session) -> tuple[SecretArray, ...]:
    me = session.config.me
    a = session.input(A if me == 0 else None, 0, 8, -HALF, HALF)
    b = session.input(B if me == 1 else None, 1, 8, -HALF, HALF)
    return a, b, session.input(C if me == 2 else None, 2, 8, -LIMIT, LIMIT)


@pytest.mark.by_day(1, "5-2")
@pytest.mark.parametrize(("m", "t"), SETTINGS)
def test_integers_of_120_bits_are_computed_exactly(m: int, t: int) -> None:
    async def job(session: Session, _index: int) -> list[list[int]]:
        secret = inputs(session)
        return [await share_list(session, expression(*secret)) for expression in EXPRESSIONS.values()]

    outcomes = run(job, m, threshold=t, value_bits=BITS)
    plain = [np.array(numbers, dtype=object) for numbers in (A, B, C)]
    for part, (name, expression) in enumerate(EXPRESSIONS.items()):
        expected = [int(number) for number in np.asarray(expression(*plain)).reshape(-1)]
        assert opened(outcomes, t, part) == expected, name


def test_choices_equality_and_sums_of_120_bits() -> None:
    async def job(session: Session, _index: int) -> list[list[int]]:
        a, b, c = inputs(session)
        low = c - c + a * b  # bounds of three products: beyond what a choice may need
        results = [
            minimum(a, b),
            maximum(a * b, 0),
            if_else(a < b, a, -b),
            (a * b).equals(c),
            concatenate([a, c]).sum(),
        ]
        return [await share_list(session, result) for result in [*results, low]]

    outcomes = run(job, value_bits=124)
    triples = list(zip(A, B, C, strict=True))
    assert opened(outcomes, part=0) == [min(a, b) for a, b, _ in triples]
    assert opened(outcomes, part=1) == [max(a * b, 0) for a, b, _ in triples]
    assert opened(outcomes, part=2) == [a if a < b else -b for a, b, _ in triples]
    assert opened(outcomes, part=3) == [int(a * b == c) for a, b, c in triples]
    assert opened(outcomes, part=4) == [sum(A) + sum(C)]
    assert opened(outcomes, part=5) == [a * b for a, b, _ in triples]


@pytest.mark.parametrize("base", [2, 1000])
def test_rounding_of_120_bits_at_its_halves(base: int) -> None:
    half = base // 2
    values = [k * base + d for k in (0, -1, LIMIT // base - 1, -LIMIT // base + 1) for d in (half - 1, half, half + 1)]

    async def job(session: Session, index: int) -> list[int]:
        x = session.input(values if index == 0 else None, 0, len(values), -LIMIT, LIMIT)
        return await share_list(session, x.round_to(base))

    assert opened(run(job, value_bits=BITS)) == [(v + half) // base * base for v in values]


# -- random programs

Step = tuple[int, int, int, int]
OPERATIONS: list[Callable[[Any, Any, int], Any]] = [
    lambda a, b, k: a + b,
    lambda a, b, k: a - b,
    lambda a, b, k: a * b,
    lambda a, b, k: a * k,
    lambda a, b, k: a < b,
    lambda a, b, k: a >= k,
    lambda a, b, k: if_else(a < b, a, b) if isinstance(a, SecretArray) else np.where(a < b, a, b),
    lambda a, b, k: rounded(a, 10),
    lambda a, b, k: -a,
]


def steps_of(seed: int, count: int) -> list[Step]:
    rng = np.random.default_rng(seed)
    return [
        (
            int(rng.integers(len(OPERATIONS))),
            int(rng.integers(1000)),
            int(rng.integers(1000)),
            int(rng.integers(-9, 10)),
        )
        for _ in range(count)
    ]


def built(steps: list[Step], values: list[SecretArray]) -> tuple[list[SecretArray], list[bool]]:
    """The steps' results, and which were refused: these give what was there before."""
    values, refused = list(values), []
    for operation, i, j, k in steps:
        a, b = values[i % len(values)], values[j % len(values)]
        try:
            values.append(OPERATIONS[operation](a, b, k))
            refused.append(False)
        except SpecError:
            values.append(a)
            refused.append(True)
    return values, refused


@pytest.mark.by_day(1)
@pytest.mark.parametrize("seed", [120, 121])
def test_random_programs_of_120_bits_agree_with_python(seed: int) -> None:
    """Steps whose bounds don't fit are refused; all others are right. One job, many steps, edges among the inputs."""
    steps = steps_of(seed, 40)

    async def job(session: Session, _index: int) -> list[Any]:
        results, refused = built(steps, list(inputs(session)))
        return [refused, *[await share_list(session, result) for result in results[3:]]]

    outcomes = run(job, value_bits=BITS)
    refused = outcomes[0].value[0]
    assert 3 < sum(refused) < 30
    plain = [np.array(row, dtype=object) for row in (A, B, C)]
    for part, ((operation, i, j, k), no) in enumerate(zip(steps, refused, strict=True), start=1):
        a, b = plain[i % len(plain)], plain[j % len(plain)]
        plain.append(a if no else np.array(OPERATIONS[operation](a, b, k).tolist(), dtype=object) * 1)
        assert opened(outcomes, part=part) == [int(x) for x in plain[-1]], steps[part - 1]


def test_what_a_wide_job_cannot_do_is_refused_when_it_is_built_and_nothing_is_sent() -> None:
    async def job(session: Session, _index: int) -> list[Any]:
        a, _, c = inputs(session)
        before = session.cost
        builds: list[Callable[[], Any]] = [
            lambda: sort(a),
            lambda: sort_rows(a.reshape((4, 2)), by=a[:4]),
            lambda: greatest(a, 2),
            lambda: quantile(a, Fraction(1, 4)),
            lambda: median(a),
            lambda: c + c + c,
            lambda: c * 3,
            lambda: c * c,
            lambda: c < 2 * LIMIT,
        ]
        faults = []
        for build in builds:
            try:
                build()
                faults.append([0, ""])
            except SpecError as error:
                faults.append([error.exit_status, str(error)])
        return [*faults, session.cost == before]

    for outcome in run(job, value_bits=BITS):
        *faults, nothing_sent = outcome.value
        assert nothing_sent
        assert {status for status, _ in faults} == {2}
        assert all("sorting" in message and "59 bits" in message for _, message in faults[:5])
        assert all("don't fit the job's 121 bits" in message for _, message in faults[5:])
