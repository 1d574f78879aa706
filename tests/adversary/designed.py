"""What attacks by columns that an agency designs have in common: two registers, an unknown wage, and how often it is
found."""

from __future__ import annotations

import functools
import runpy
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgov import registry
from tests import nightly

Numbers = NDArray[np.int64]
TABLES, ROWS, MOST, TOP = nightly.count(10, 20), 240, 50_000, 1_000_000
NUMBER = {"kind": "integer", "min": 0, "max": TOP}


@functools.cache
def released(protocol: str, **changed: object) -> Callable[..., dict[str, list[list[Any]]]]:
    """A protocol's reference: what it releases, with some of its constants changed."""
    run: Callable[..., dict[str, list[list[Any]]]]
    run = runpy.run_path(str(registry.find(protocol).folder / "reference.py"))["run"]
    run.__globals__.update(changed)
    return run


def people(**columns: Numbers) -> dict[tuple[str], dict[str, str]]:
    return {(str(p),): {name: str(column[p]) for name, column in columns.items()} for p in range(ROWS)}


def wages(rng: np.random.Generator) -> Numbers:
    return rng.lognormal(8, 0.5, ROWS).astype(np.int64).clip(0, MOST)


def twins(rng: np.random.Generator, end: int, one: int, other: int) -> tuple[Numbers, Numbers]:
    """Two columns, neither with an outlier, that differ in one row."""
    first = rng.integers(0, end, ROWS)
    first[0], second = one, first.copy()
    second[0] = other
    return first, second


def hits(guessed: Callable[[np.random.Generator, Numbers], float | None]) -> int:
    """How often one person's wage is found to within 1 % of the mean, by chance less than once in twenty tables."""
    found = 0
    for seed in range(TABLES):
        rng = np.random.default_rng(seed)
        wage = wages(rng)
        guess = guessed(rng, wage)
        found += guess is not None and abs(guess - wage[0]) < wage.mean() / 100
    return found
