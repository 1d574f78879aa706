"""`contributors` mustn't tell whether an agency that has nobody else in a cell has one person there.

The attacker knows that two agencies have enough rows in each cell, and that the third has none but perhaps its target.
A cell was null if fewer agencies had *any* row: so it was shown if the target is there, and null if not. Now an agency
with a few rows counts as one with none. Gains are persons found of persons tried.
"""

from __future__ import annotations

import random
import runpy
from collections.abc import Iterable

import pytest

from mpcgov import disclosure, registry
from mpcgov.spec.job import Disclosure
from tests.worker.clearing import clear

LEAST, PERSONS = 10, 20
RULES = Disclosure(min_count=LEAST, contributors=3)
STATISTICS = runpy.run_path(str(registry.find("joint-statistics").folder / "reference.py"))["run"]


def any_row(counts: Iterable[int], agencies: int, _: int) -> bool:
    """The rule as it was."""
    return sum(count > 0 for count in counts) >= agencies


def cells(there: list[bool], others: int = 0) -> list[list[int]]:
    """By agency, its rows in each target's cell: 30 at two of them, and the target at the third if it is there."""
    return [[30] * PERSONS, [30] * PERSONS, [others + one for one in there]]


def found(opened: list[int], there: list[bool]) -> int:
    """Of how many targets null says rightly whether they are there, less those by guessing that all, or none, are."""
    right = sum((count != disclosure.SENTINEL) == one for count, one in zip(opened, there, strict=True))
    return right - max(sum(there), PERSONS - sum(there))


def targets() -> list[bool]:
    rng = random.Random(5)
    return [rng.random() < 0.5 for _ in range(PERSONS)]


def test_null_does_not_say_whether_an_agency_has_one_person(monkeypatch: pytest.MonkeyPatch) -> None:
    there = targets()
    made = cells(there)
    opened = clear(made, (1, PERSONS), RULES).tables["count"]
    assert found(opened, there) <= 0
    counts = [sum(cell) for cell in zip(*made, strict=True)]
    monkeypatch.setattr(disclosure, "enough_agencies", any_row)
    (opened,) = disclosure.released(counts, RULES, PERSONS, dict(zip("abc", made, strict=True)))
    assert found(opened, there) + max(sum(there), PERSONS - sum(there)) == PERSONS


@pytest.mark.parametrize("others", range(LEAST + 1))
def test_null_steps_where_a_count_of_the_agencys_own_does(others: int) -> None:
    opened = clear(cells(targets(), others), (1, PERSONS), RULES).tables["count"]
    shown = [count != disclosure.SENTINEL for count in opened]
    assert shown == [others + one >= LEAST for one in targets()]


def test_nor_does_a_null_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {name: [{"x": str(n)} for n in range(30)] for name in ("a", "b")}
    rules = {"min_count": LEAST, "contributors": 3}
    tables = [
        STATISTICS(
            rows | {"c": [{"x": "4"}] * few},
            {"x": {"kind": "integer", "min": 0, "max": 99}},
            {"measures": ["x"]},
            rules,
        )
        for few in range(LEAST)
    ]
    assert tables == [tables[0]] * LEAST
    assert tables[0]["statistics"] == [[None, None, None]]
