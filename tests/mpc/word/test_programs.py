"""Random programs on secret arrays against the same programs on Python's integers, at the edges of the range."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgov.errors import SpecError
from mpcgov.mpc import SecretArray, SessionConfig, concatenate, greatest, if_else, maximum, median, minimum, sort
from mpcgov.mpc.word.engine import WordEngine
from mpcgov.mpc.word.prss import subsets
from tests import nightly
from tests.mpc.word.local import LocalWire, Network, opened

LIMIT = 2**59
COUNT = 4
EDGES = [0, 1, -1, 2, 2**30, -(2**30), 2**31 - 1, LIMIT, -LIMIT, LIMIT - 1, 1 - LIMIT, LIMIT // 2]

Operation = tuple[str, int, int, int]
NAMES = ("add", "subtract", "multiply", "scale", "less", "at least", "equals", "choose", "min", "max", "round", "sort")
NAMES += ("sums", "inner products", "turn", "median", "greatest")


def apply(name: str, a: Any, b: Any, k: int, pick: Callable[..., Any]) -> Any:
    """One operation, on secret arrays or on numpy's object arrays."""
    return {
        "add": lambda: a + b,
        "subtract": lambda: a - b,
        "multiply": lambda: a * b,
        "scale": lambda: a * k,
        "less": lambda: pick(a < b),
        "at least": lambda: pick(a >= k),
        "equals": lambda: pick(a.equals(b) if isinstance(a, SecretArray) else a == b),
        "choose": lambda: if_else(a < b, a, k) if isinstance(a, SecretArray) else np.where(a < b, a, k),
        "min": lambda: minimum(a, b) if isinstance(a, SecretArray) else np.minimum(a, b),
        "max": lambda: maximum(a, k) if isinstance(a, SecretArray) else np.maximum(a, k),
        "round": lambda: a.round_to(7) if isinstance(a, SecretArray) else (a + 3) // 7 * 7,
        "sort": lambda: sort(a) if isinstance(a, SecretArray) else np.sort(a),
        "sums": lambda: a.reshape((1, COUNT)).sum(axis=1) + b,
        "inner products": lambda: a.reshape((1, COUNT)) @ b + a * 0,
        "turn": lambda: concatenate([a[2:], b[:2]]) if isinstance(a, SecretArray) else np.concatenate([a[2:], b[:2]]),
        "median": lambda: median(a) + b if isinstance(a, SecretArray) else np.sort(a)[1] + b,
        "greatest": lambda: greatest(a, COUNT) if isinstance(a, SecretArray) else np.sort(a)[::-1],
    }[name]()


def secretly(m: int, t: int, inputs: list[list[int]], program: list[Operation]) -> list[list[int] | None]:
    """What the program's steps give when m parties run it; None for a step that is refused."""
    masters = {s: os.urandom(32) for s in subsets(m, t)}
    network = Network()
    failures: list[BaseException] = []
    refused: list[list[bool]] = [[] for _ in range(m)]

    async def party(me: int) -> list[np.ndarray]:
        names = tuple("abcdefg"[:m])
        config = SessionConfig(names, me, t, bytes(32), 59, 0)
        own = {s: key for s, key in masters.items() if me in s}
        engine = WordEngine(config, LocalWire(network, me), own, failures.append)
        values = []
        for dealer, row in enumerate(inputs):
            mine = row if me == dealer else None
            values.append(SecretArray.deal(engine, mine, dealer, COUNT, min(row), max(row)))
        for name, i, j, k in program:
            try:
                values.append(apply(name, values[i % len(values)], values[j % len(values)], k, lambda bit: bit))
                refused[me].append(False)
            except SpecError:
                refused[me].append(True)
        return [await value.shares() for value in values[len(inputs) :]]

    async def together() -> list[list[np.ndarray]]:
        return await asyncio.gather(*(party(me) for me in range(m)))

    rows = asyncio.run(together())
    assert not failures
    assert all(row == refused[0] for row in refused)
    done = iter([opened([rows[me][i] for me in range(m)], t).tolist() for i in range(len(rows[0]))])
    return [None if no else next(done) for no in refused[0]]


def plainly(inputs: list[list[int]], program: list[Operation], results: list[list[int] | None]) -> None:
    """Compare each step that wasn't refused with Python's."""
    values = [np.array(row, dtype=object) for row in inputs]
    for (name, i, j, k), found in zip(program, results, strict=True):
        if found is None:
            continue
        expected = apply(name, values[i % len(values)], values[j % len(values)], k, lambda bit: bit.astype(int))
        assert found == expected.tolist(), name
        values.append(np.array(expected.tolist(), dtype=object))


value = st.one_of(st.sampled_from(EDGES), st.integers(-LIMIT, LIMIT), st.integers(-10, 10))
operations = st.tuples(st.sampled_from(NAMES), st.integers(0, 9), st.integers(0, 9), st.integers(-50, 50))


@pytest.mark.by_day(1)
@pytest.mark.parametrize(("m", "t"), nightly.first(2, [(4, 1), (5, 2), (3, 1), (7, 3)]))
@given(
    inputs=st.lists(st.lists(value, min_size=COUNT, max_size=COUNT), min_size=2, max_size=3),
    program=st.lists(operations, min_size=1, max_size=8),
)
@settings(max_examples=25)
def test_random_programs_agree_with_python(m: int, t: int, inputs: list[list[int]], program: list[Operation]) -> None:
    plainly(inputs, program, secretly(m, t, inputs, program))


def test_the_widest_differences_are_compared_rightly_and_wider_ones_refused() -> None:
    inputs = [[LIMIT, 0, 1, LIMIT], [0, LIMIT, 0, LIMIT], [-1, 0, 0, 0]]
    program: list[Operation] = [("less", 0, 1, 0), ("equals", 0, 1, 0), ("min", 0, 1, 0), ("less", 2, 0, 0)]
    results = secretly(3, 1, inputs, program)
    assert results == [[0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, LIMIT], None]
