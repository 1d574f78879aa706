"""Secret arrays against Python integers, in real processes, for several m and t."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mpcgov.errors import InternalError, Refused, SpecError
from mpcgov.mpc import SecretArray, Session, concatenate, if_else
from tests import nightly
from tests.mpc.parties import opened, run, share_list

SETTINGS = nightly.first(2, [(3, 1), (5, 2), (4, 1), (7, 3)])
LIMIT = 2**20
EDGES = [0, 1, -1, 2, -2, LIMIT, -LIMIT, LIMIT - 1, 1 - LIMIT, 12345, -54321]
OTHERS = [0, -1, 1, 2, 3, 0, 0, 1, -1, 12345, -54322]


def inputs(session: Session) -> tuple[SecretArray, SecretArray, SecretArray]:
    """Edges from party 0, others from party 1, one element from party 2."""
    me = session.config.me
    a = session.input(np.array(EDGES) if me == 0 else None, 0, len(EDGES), -LIMIT, LIMIT)
    b = session.input(np.array(OTHERS) if me == 1 else None, 1, len(OTHERS), -60000, 60000)
    c = session.input([41] if me == 2 else None, 2, 1, 0, 41)
    return a, b, c


Expression = Callable[[Any, Any, Any], Any]
LINEAR: dict[str, Expression] = {
    "a + b": lambda a, b, c: a + b,
    "a - b": lambda a, b, c: a - b,
    "-a": lambda a, b, c: -a,
    "3a": lambda a, b, c: 3 * a,
    "array * a": lambda a, b, c: np.arange(11) * a,
    "7 - a": lambda a, b, c: 7 - a,
    "array - a": lambda a, b, c: np.arange(11) - a,
    "a + c": lambda a, b, c: a + c,
    "a * b": lambda a, b, c: a * b,
    "sum": lambda a, b, c: a[0:11].sum() + c,
    "rows": lambda a, b, c: a[:10].reshape((2, 5)).sum(axis=0),
    "columns": lambda a, b, c: a[:10].reshape((5, 2)).sum(axis=1),
    "slice": lambda a, b, c: a[1:9:2],
    "reverse": lambda a, b, c: a[::-1],
    "places": lambda a, b, c: a[np.array([3, 0, 3])],
    "column": lambda a, b, c: a[:10].reshape((2, 5))[:, 1],
    "inner product": lambda a, b, c: a.reshape((1, 11)) @ b,
    "matrix product": lambda a, b, c: (a[:10].reshape((2, 5)) @ b[:10].reshape((5, 2))).reshape((4,)),
    "matrix times vector": lambda a, b, c: a[:10].reshape((2, 5)) @ b[:5],
    "transposed": lambda a, b, c: a[:10].reshape((2, 5)).transpose().reshape((10,)),
    "table + row": lambda a, b, c: (a[:10].reshape((2, 5)) + np.arange(5)).reshape((10,)),
}


@pytest.mark.by_day(2)
@pytest.mark.parametrize("value_bits", [40, 64], ids=["words", "wide"])
@pytest.mark.parametrize(("m", "t"), SETTINGS)
def test_arithmetic_and_shapes_are_those_of_integers(m: int, t: int, value_bits: int) -> None:
    async def job(session: Session, _index: int) -> list[list[int]]:
        secret = inputs(session)
        return [await share_list(session, expression(*secret)) for expression in LINEAR.values()]

    outcomes = run(job, m, threshold=t, value_bits=value_bits)
    plain = [np.array(numbers, dtype=object) for numbers in (EDGES, OTHERS, [41])]
    for part, (name, expression) in enumerate(LINEAR.items()):
        assert opened(outcomes, t, part) == expression(*plain).tolist(), name


COMPARISONS: dict[str, Expression] = {
    "a < b": lambda a, b, c: a < b,
    "a <= b": lambda a, b, c: a <= b,
    "a > b": lambda a, b, c: a > b,
    "a >= b": lambda a, b, c: a >= b,
    "a < 0": lambda a, b, c: a < 0,
    "a >= limit": lambda a, b, c: a >= LIMIT,
    "a > -limit": lambda a, b, c: a > -LIMIT,
    "a < array": lambda a, b, c: a < np.array(EDGES),
    "a >= array": lambda a, b, c: a >= np.array(EDGES),
    "a <= array + 1": lambda a, b, c: a <= np.array(EDGES) - 1,
    "array < a": lambda a, b, c: np.array(EDGES) < a,
    "array <= a": lambda a, b, c: np.array(OTHERS) <= a,
    "array > b": lambda a, b, c: np.array(EDGES) > b,
    "array >= b": lambda a, b, c: np.array(EDGES) >= b,
    "1 element": lambda a, b, c: c >= 41,
    "1 element, below": lambda a, b, c: c > 41,
    "within public bounds": lambda a, b, c: a <= LIMIT,
    "below public bounds": lambda a, b, c: c < 0,
}


@pytest.mark.by_day(2)
@pytest.mark.parametrize("value_bits", [22, 60], ids=["words", "wide"])
@pytest.mark.parametrize(("m", "t"), SETTINGS)
def test_comparisons_are_those_of_integers_up_to_the_bounds(m: int, t: int, value_bits: int) -> None:
    async def job(session: Session, _index: int) -> list[list[int]]:
        secret = inputs(session)
        return [await share_list(session, expression(*secret)) for expression in COMPARISONS.values()]

    outcomes = run(job, m, threshold=t, value_bits=value_bits)
    plain = [np.array(numbers, dtype=object) for numbers in (EDGES, OTHERS, [41])]
    for part, (name, expression) in enumerate(COMPARISONS.items()):
        assert opened(outcomes, t, part) == expression(*plain).astype(int).tolist(), name


def test_comparison_in_several_chunks_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from mpcgov.mpc import compare

    monkeypatch.setattr(compare, "CHUNK", 4)

    async def job(session: Session, _index: int) -> list[int]:
        a, _, _ = inputs(session)
        return await share_list(session, a >= 0)

    outcomes = run(job)
    assert opened(outcomes) == [int(number >= 0) for number in EDGES]
    assert outcomes[0].rounds > 3 * 8


@pytest.mark.parametrize("value_bits", [32, 64], ids=["words", "wide"])
def test_if_else_chooses_by_secret_bits_between_secret_and_public_values(value_bits: int) -> None:
    async def job(session: Session, _index: int) -> list[list[int]]:
        a, b, _ = inputs(session)
        bit = a >= 0
        results = [if_else(bit, a, b), if_else(bit, a, -1), if_else(bit, 7, b), if_else(bit, 1, np.arange(11))]
        results.append(concatenate([if_else(bit, 5, 6), a]))
        return [await share_list(session, result) for result in results]

    outcomes = run(job, value_bits=value_bits)
    pairs = list(zip(EDGES, OTHERS, strict=True))
    assert opened(outcomes, part=0) == [a if a >= 0 else b for a, b in pairs]
    assert opened(outcomes, part=1) == [a if a >= 0 else -1 for a in EDGES]
    assert opened(outcomes, part=2) == [7 if a >= 0 else b for a, b in pairs]
    assert opened(outcomes, part=3) == [1 if a >= 0 else place for place, a in enumerate(EDGES)]
    assert opened(outcomes, part=4) == [5 if a >= 0 else 6 for a in EDGES] + EDGES


def test_bounds_that_do_not_fit_are_refused_before_anything_is_sent() -> None:
    async def job(session: Session, index: int) -> list[bool]:
        x = session.input([3] if index == 0 else None, 0, 1, -100, 200)
        limit = 2**session.config.value_bits
        before = session.cost
        refused = []
        for build in (
            lambda: x + limit,
            lambda: x * limit,
            lambda: x - (limit - 99),
            lambda: x * (limit // 100),
            lambda: session.input([1] if index == 0 else None, 0, 1, 0, limit + 1),
            lambda: x < limit,
            lambda: x[3:],
            lambda: x.reshape((1, 1)).sum(axis=-2),
            lambda: session.input([] if index == 0 else None, 0, 0, 0, 1),
            lambda: x.round_to(1),
            lambda: x.round_to(2 * limit),
        ):
            try:
                build()
                refused.append(False)
            except SpecError:
                refused.append(True)
        return [*refused, session.cost == before, (x + (limit - 200)).high == limit]

    for outcome in run(job, value_bits=32):
        assert outcome.value == [True] * 13


@pytest.mark.parametrize(("value_bits", "most"), [(46, 6), (47, 7)])
def test_r17_a_product_that_would_wrap_round_is_refused_and_one_at_the_bound_exact(value_bits: int, most: int) -> None:
    """100^7, which MPyC's integers of 8 bits make a negative number of: 10^14 has 47 bits."""
    values = [100, -100, 99, -99]

    async def job(session: Session, index: int) -> list[Any]:
        x = session.input(values if index == 0 else None, 0, 4, -100, 100)
        power, exponent = x, 1
        try:
            for exponent in range(1, 8):
                power = x if exponent == 1 else power * x
        except SpecError as error:
            return [await share_list(session, power), exponent - 1, error.line()]
        return [await share_list(session, power), exponent, ""]

    outcomes = run(job, value_bits=value_bits)
    assert outcomes[0].value[1] == most
    assert (f"{value_bits} bits" in outcomes[0].value[2]) == (most < 7)
    assert opened(outcomes, part=0) == [value**most for value in values]


@pytest.mark.parametrize("values", [[1, 2, 101], [1, 2], [1, 2, -1]])
def test_an_input_that_is_not_as_announced_is_our_fault_and_never_sent(values: list[int]) -> None:
    async def job(session: Session, index: int) -> list[int]:
        x = session.input(values if index == 0 else None, 0, 3, 0, 100)
        return await share_list(session, x)

    outcomes = run(job)
    assert outcomes[0].error is not None
    assert outcomes[0].error["exit_status"] == InternalError.exit_status
    assert not any(str(value) in outcomes[0].message for value in values if value > 2)
    assert outcomes[1].error is not None
    assert outcomes[1].error["code"] in ("peer-failed", "hearsay")  # whoever tells it first
    assert outcomes[1].message.removeprefix("education says: ").startswith("tax stopped")


def test_a_secret_array_gives_python_nothing() -> None:
    """Every way in which Python code could turn a secret array into a value or a branch raises."""

    async def job(session: Session, index: int) -> list[str]:
        x = session.input([3, 4] if index == 0 else None, 0, 2, 0, 9)
        attempts: list[Callable[[], Any]] = [
            lambda: bool(x),
            lambda: int(x),
            lambda: float(x),
            lambda: [1][x],
            lambda: list(x),
            lambda: 3 in x,
            lambda: x == 3,
            lambda: x != 3,
            lambda: hash(x),
            lambda: np.asarray(x),
            lambda: pickle.dumps(x),
            lambda: {x: 1},
            lambda: sorted([x, x]),
            *(lambda name=name: setattr(x, name, 5) for name in ("low", "high", "places", "_backing", "more")),
            lambda: delattr(x, "low"),
        ]
        caught = []
        for attempt in attempts:
            try:
                attempt()
                caught.append("nothing")
            except Exception as error:
                caught.append(type(error).__name__)
        for name in ("open", "output", "reveal", "peek", "value"):
            try:
                getattr(x, name)
            except Refused as refused:
                caught.append(refused.code)
        return caught

    for outcome in run(job):
        assert outcome.value == ["TypeError"] * 19 + ["opening"] * 5


def test_floats_are_no_integers() -> None:
    async def job(session: Session, index: int) -> list[str]:
        x = session.input([3, 4] if index == 0 else None, 0, 2, 0, 9)
        caught = []
        for wrong in (1.5, np.array([1.0, 2.0]), "1", [None, 1], True):
            try:
                x + wrong
                caught.append("nothing")
            except TypeError:
                caught.append("TypeError")
        return caught

    assert run(job)[0].value == ["TypeError"] * 5


@pytest.mark.parametrize("value_bits", [32, 64], ids=["words", "wide"])
def test_shares_of_the_same_array_are_fresh_each_time_and_of_degree_t(value_bits: int) -> None:
    async def job(session: Session, index: int) -> list[list[int]]:
        x = session.input([3, 4] if index == 0 else None, 0, 2, 0, 9)
        return [await share_list(session, x), await share_list(session, x), await share_list(session, x * 0 + 5)]

    outcomes = run(job, 5, threshold=2, value_bits=value_bits)
    assert opened(outcomes, 2, 0) == opened(outcomes, 2, 1) == [3, 4]
    assert opened(outcomes, 2, 2) == [5, 5]
    for outcome in outcomes:
        assert outcome.value[0] != outcome.value[1]
        assert outcome.value[2] != [5, 5]
