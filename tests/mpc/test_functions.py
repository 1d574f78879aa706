"""Choosing and ordering with secret arrays, in real processes, against Python."""

from __future__ import annotations

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

SETTINGS = nightly.first(2, [(3, 1), (5, 2), (4, 1)])
A = [5, -3, 5, 0, 2**20, -(2**20), 7, -3]
B = [5, -4, 6, 0, -1, 1, 7, 2**20]


def inputs(session: Session) -> tuple[SecretArray, SecretArray]:
    me = session.config.me
    low, high = -(2**20), 2**20
    a = session.input(A if me == 0 else None, 0, len(A), low, high)
    return a, session.input(B if me == 1 else None, 1, len(B), low, high)


@pytest.mark.by_day(2)
@pytest.mark.parametrize("value_bits", [32, 64], ids=["words", "wide"])
@pytest.mark.parametrize(("m", "t"), SETTINGS)
def test_equality_minimum_and_maximum(m: int, t: int, value_bits: int) -> None:
    async def job(session: Session, _index: int) -> list[list[int]]:
        a, b = inputs(session)
        results = [a.equals(b), a.equals(5), a.equals(2**31), minimum(a, b), maximum(a, b), maximum(a, 0)]
        return [await share_list(session, result) for result in results]

    outcomes = run(job, m, threshold=t, value_bits=value_bits)
    pairs = list(zip(A, B, strict=True))
    assert opened(outcomes, t, 0) == [int(x == y) for x, y in pairs]
    assert opened(outcomes, t, 1) == [int(x == 5) for x in A]
    assert opened(outcomes, t, 2) == [0] * len(A)
    assert opened(outcomes, t, 3) == [min(pair) for pair in pairs]
    assert opened(outcomes, t, 4) == [max(pair) for pair in pairs]
    assert opened(outcomes, t, 5) == [max(x, 0) for x in A]


@pytest.mark.parametrize(("m", "t"), SETTINGS)
def test_sorting_and_order_statistics(m: int, t: int) -> None:
    async def job(session: Session, _index: int) -> list[list[int]]:
        a, b = inputs(session)
        rows = sort_rows(np.arange(2) * a.reshape((8, 1)) + np.array([[k, 0] for k in range(8)]), by=a)
        quantiles = [quantile(a, Fraction(1, 10)), quantile(a, Fraction(1)), quantile(a, Fraction(0)), median(b)]
        results = [sort(a), greatest(a, 3), rows[:, 0], rows[:, 1], *quantiles]
        return [await share_list(session, result) for result in results]

    outcomes = run(job, m, threshold=t, value_bits=32)
    assert opened(outcomes, t, 0) == sorted(A)
    assert opened(outcomes, t, 1) == sorted(A)[:-4:-1]
    assert opened(outcomes, t, 2) == sorted(range(8), key=lambda k: A[k])
    assert opened(outcomes, t, 3) == sorted(A)
    assert [opened(outcomes, t, part) for part in (4, 5, 6)] == [[-(2**20)], [2**20], [-(2**20)]]
    assert opened(outcomes, t, 7) == [sorted(B)[3]]


def test_what_cannot_be_sorted_is_refused_before_anything_is_sent() -> None:
    async def job(session: Session, _index: int) -> list[bool]:
        a, _ = inputs(session)
        before = session.cost
        refused = []
        for build in (
            lambda: sort(a.reshape((2, 4))),
            lambda: greatest(a, 9),
            lambda: greatest(a, 0),
            lambda: quantile(a, Fraction(3, 2)),
            lambda: sort_rows(a.reshape((2, 4)), by=a),
            lambda: a @ a[:3],
            lambda: a @ a.reshape((2, 4)),
            lambda: (a * 2**36).reshape((1, 8)) @ a,
        ):
            try:
                build()
                refused.append(False)
            except SpecError:
                refused.append(True)
        return [*refused, session.cost == before]

    for outcome in run(job, value_bits=59):
        assert outcome.value == [True] * 9


def test_a_job_beyond_words_does_not_sort() -> None:
    async def job(session: Session, _index: int) -> str:
        try:
            sort(inputs(session)[0])
        except SpecError as error:
            return str(error)
        return ""

    assert "59 bits" in run(job, value_bits=60)[0].value


def test_results_built_long_before_their_inputs_arrive_come_in_program_order() -> None:
    """More operations than run at once, built in one go and read from the last to the first."""

    async def job(session: Session, _index: int) -> list[list[int]]:
        a, b = inputs(session)
        results = [(a - k) * (b + k) for k in range(20)] + [a < b + k for k in range(5)]
        return [await share_list(session, result) for result in reversed(results)][::-1]

    outcomes = run(job, value_bits=50)
    for k in range(20):
        assert opened(outcomes, part=k) == [(x - k) * (y + k) for x, y in zip(A, B, strict=True)]
    for k in range(5):
        assert opened(outcomes, part=20 + k) == [int(x < y + k) for x, y in zip(A, B, strict=True)]


def test_the_cost_counts_rounds_and_bytes_of_words() -> None:
    async def job(session: Session, _index: int) -> list[int]:
        a, b = inputs(session)
        before = session.cost
        await share_list(session, a[:2] * b[:2])
        return [before.rounds, session.cost.rounds, session.cost.bytes_sent]

    first = run(job, value_bits=59)
    again = run(job, value_bits=59)
    assert [outcome.value[:2] for outcome in first] == [[0, 2]] * 3  # both are dealt at once, then one product
    assert [outcome.value for outcome in first] == [outcome.value for outcome in again]


@pytest.mark.parametrize("value_bits", [40, 64], ids=["words", "wide"])
def test_numbers_with_declared_places_keep_their_units(value_bits: int) -> None:
    prices, rates = [12345, -250, 5], [1500, -3, 7]  # 123.45, -2.50, 0.05 and 1.500, -0.003, 0.007

    async def job(session: Session, _index: int) -> list[Any]:
        me = session.config.me
        a = session.input(prices if me == 0 else None, 0, 3, -20000, 20000, places=2)
        b = session.input(rates if me == 1 else None, 1, 3, -2000, 2000, places=3)
        results = [a + b, a - 1, 1 - b, a * b, (a * b).with_places(2), a >= 2, a < b, a.equals(b), a @ b, 3 * a]
        results += [if_else(a < b, a, b), if_else(a < b, a, 1), concatenate([a, b]), a.round_to(5), a.with_places(0)]
        results += [a.with_places(4), sort(a) if value_bits <= 59 else a, a >= -200, a.sum()]
        return [[result.places for result in results], *[await share_list(session, result) for result in results]]

    outcomes = run(job, value_bits=value_bits)
    assert outcomes[0].value[0] == [3, 2, 3, 5, 2, 0, 0, 0, 5, 2, 3, 2, 3, 2, 0, 4, 2, 0, 2]
    pairs = list(zip(prices, rates, strict=True))
    expected = [
        [10 * x + y for x, y in pairs],
        [x - 100 for x in prices],
        [1000 - y for y in rates],
        [x * y for x, y in pairs],
        [(x * y + 500) // 1000 for x, y in pairs],
        [int(x >= 200) for x in prices],
        [int(10 * x < y) for x, y in pairs],
        [int(10 * x == y) for x, y in pairs],
        [sum(x * y for x, y in pairs)],
        [3 * x for x in prices],
        [10 * x if 10 * x < y else y for x, y in pairs],
        [x if 10 * x < y else 100 for x, y in pairs],
        [*(10 * x for x in prices), *rates],
        [(x + 250) // 500 * 500 for x in prices],
        [(x + 50) // 100 for x in prices],
        [100 * x for x in prices],
        sorted(prices),
        [1, 1, 1],
        [sum(prices)],
    ]
    for part, values in enumerate(expected, start=1):
        if part != 17 or value_bits <= 59:
            assert opened(outcomes, part=part) == values, part
