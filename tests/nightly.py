"""Cases of which some always run, and the others at night (`scripts/test --all`)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import pytest


def first(always: int, cases: Iterable[Any]) -> list[Any]:
    """The cases for `parametrize`, of which all but the first so many are marked slow."""
    rows = list(cases)
    return [*rows[:always], *(pytest.param(*_values(row), marks=pytest.mark.slow) for row in rows[always:])]


def named(always: int, cases: Mapping[str, Any]) -> list[Any]:
    """As `first`; each case is called by its name."""
    marks = [()] * always + [pytest.mark.slow] * (len(cases) - always)
    return [pytest.param(case, marks=mark, id=name) for (name, case), mark in zip(cases.items(), marks, strict=True)]


def count(always: int, at_night: int) -> int:
    """How many alike ones are tried."""
    return at_night if "MPCGOV_NIGHTLY" in os.environ else always


def _values(case: Any) -> tuple[Any, ...]:
    return case if isinstance(case, tuple) else (case,)
