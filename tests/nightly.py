"""Cases of which some always run, and the others at night (`scripts/test --all`)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest


def first(always: int, cases: Iterable[Any]) -> list[Any]:
    """The cases for `parametrize`, of which all but the first so many are marked slow."""
    rows = list(cases)
    return [*rows[:always], *(pytest.param(*_values(row), marks=pytest.mark.slow) for row in rows[always:])]


def leave_out(items: Iterable[pytest.Item]) -> None:
    """Marks as slow, of the cases of each test that is marked `by_day(n, *ids)`, all but n; first come those ids."""
    alike: dict[tuple[Path, str], list[pytest.Function]] = {}
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("by_day"):
            alike.setdefault((item.path, item.originalname), []).append(item)
    for cases in alike.values():
        ((always, *ids),) = (mark.args for mark in cases[0].iter_markers("by_day"))
        kept = _representatives(always, cases, ids)
        for case in cases:
            if case not in kept:
                case.add_marker(pytest.mark.slow)


def _representatives(count: int, cases: Sequence[pytest.Function], ids: Collection[str]) -> list[pytest.Function]:
    """So many, those with these ids among them, in which the values of each parameter come up as often as each other;
    of alike ones the first, and then those far from one another."""
    chosen = [place for place, case in enumerate(cases) if case.callspec.id in ids]
    used = Counter(value for place in chosen for value in _values_of(cases[place]))

    def after(place: int) -> tuple[int, int]:
        near = min((abs(place - other) for other in chosen), default=0)
        return sum(used[value] for value in _values_of(cases[place])), -near

    left = [i for i, case in enumerate(cases) if i not in chosen and not case.get_closest_marker("slow")]
    while left and len(chosen) < count:
        chosen.append(best := min(left, key=after))
        used.update(_values_of(cases[best]))
        left.remove(best)
    return [cases[place] for place in chosen]


def _values_of(case: pytest.Function) -> set[tuple[str, int]]:
    """Of each parameter; cases share the values themselves."""
    return {(name, id(value)) for name, value in case.callspec.params.items()}


def named(always: int, cases: Mapping[str, Any]) -> list[Any]:
    """As `first`; each case is called by its name."""
    marks = [()] * always + [pytest.mark.slow] * (len(cases) - always)
    return [pytest.param(case, marks=mark, id=name) for (name, case), mark in zip(cases.items(), marks, strict=True)]


def count(always: int, at_night: int) -> int:
    """How many alike ones are tried."""
    return at_night if "MPCGOV_NIGHTLY" in os.environ else always


def _values(case: Any) -> tuple[Any, ...]:
    return case if isinstance(case, tuple) else (case,)
