"""A receiver makes its own column up so that a number, or there being none, tells whether one person is linked.

Each attack is done on the reference without classes, where it is always right, and with them, where it is by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mpcgov.linked import classes, taken
from tests.adversary.designed import released

Numbers = NDArray[np.int64]
Attack = Callable[[Any, np.random.Generator, bool], bool]

TABLES, ROWS, FAR = 6, 300, 1_000_000
NUMBER = {"kind": "integer", "min": 0, "max": FAR}
GROUPS = ["g", "h"]


class Without:
    """In place of classes: columns as they are."""

    MOST = MOST_JOINT = 1
    least_rows = staticmethod(lambda *_: 0)

    of_party = staticmethod(classes.of_party)

    @staticmethod
    def in_classes(rows: Sequence[Any], *_: Any) -> list[Any]:
        return list(rows)

    @staticmethod
    def in_cells(owners: dict[str, Any], *_: Any) -> dict[str, Any]:
        return owners

    @staticmethod
    def of_enough(*_: Any) -> bool:
        return True


def right(protocol: str, attack: Attack, **changed: Any) -> float:
    """How often it is told rightly whether the person numbered 0 is linked, as half of them are."""
    run = released(protocol, **changed)
    found = (attack(run, np.random.default_rng(table), table % 2 == 1) == (table % 2) for table in range(TABLES))
    return sum(found) / TABLES


def people(where: NDArray[np.bool_] | None = None, **columns: Any) -> dict[tuple[str], dict[str, str]]:
    rows = range(len(next(iter(columns.values()))))
    every = {(str(p),): {name: str(column[p]) for name, column in columns.items()} for p in rows}
    return every if where is None else {key: row for p, (key, row) in enumerate(every.items()) if where[p]}


def with_strangers(own: Numbers) -> Numbers:
    """As many rows more of persons who don't exist, so that the column as a whole is as wide as its one far value."""
    return np.concatenate([own, np.resize([0, FAR], len(own))])


# -- by a model


def has_model(run: Any, linked: bool, others: dict[str, Numbers], outcome: str, *predictors: str, **own: Any) -> bool:
    """Whether there is a model of own columns and of another agency's over persons of whom 0 may not be linked."""
    there = np.arange(len(next(iter(others.values())))) > 0
    there[0] = linked
    owners = {"hosp": people(**own), "tax": people(there, **others)}
    domains: dict[str, Any] = {"hosp.x": NUMBER, "hosp.z": NUMBER, "hosp.g": GROUPS, "tax.wage": NUMBER}
    rules = {"min_count": 10, "receivers": ("hosp",)}
    found = run(owners, domains, {"outcome": outcome, "predictors": list(predictors)}, rules)
    return found["fit"][0][0] is not None


def wages(rng: np.random.Generator) -> dict[str, Numbers]:
    return {"wage": rng.lognormal(8, 0.4, ROWS).astype(np.int64).clip(0, 50_000)}


def far(rng: np.random.Generator, most: int = 5) -> Numbers:
    """One row has most of the column's spread, and of its leverage."""
    own = rng.integers(0, most, ROWS)
    own[0] = FAR
    return own


def by_a_predictor(run: Any, rng: np.random.Generator, linked: bool) -> bool:
    return not has_model(run, linked, wages(rng), "tax.wage", "hosp.x", x=far(rng))


def by_a_predictor_among_strangers(run: Any, rng: np.random.Generator, linked: bool) -> bool:
    return not has_model(run, linked, wages(rng), "tax.wage", "hosp.x", x=with_strangers(far(rng)))


def by_an_outcome(run: Any, rng: np.random.Generator, linked: bool) -> bool:
    return not has_model(run, linked, wages(rng), "hosp.x", "tax.wage", x=far(rng))


def by_a_predictor_beside_a_category(run: Any, rng: np.random.Generator, linked: bool) -> bool:
    own = {"x": far(rng), "g": rng.choice(GROUPS, ROWS)}
    return not has_model(run, linked, wages(rng), "tax.wage", "hosp.x", "hosp.g", **own)


def by_two_predictors_that_differ_in_five(run: Any, rng: np.random.Generator, linked: bool) -> bool:
    """A fifth of a coefficient is each one's, and a quarter with one fewer. The other four are known to be linked."""
    first = rng.integers(0, 100, ROWS)
    second = first.copy()
    second[:5] += 1000
    return has_model(run, linked, wages(rng), "tax.wage", "hosp.x", "hosp.z", x=first, z=second)


MODELS: list[Attack] = [
    by_a_predictor, by_a_predictor_among_strangers, by_an_outcome, by_a_predictor_beside_a_category,
    by_two_predictors_that_differ_in_five,
]  # fmt: skip


@pytest.mark.by_day(2)
@pytest.mark.parametrize("attack", MODELS)
def test_whether_there_is_a_model_says_nothing_about_one_person(attack: Attack) -> None:
    assert right("linked-regression", attack, classes=Without) == 1
    assert right("linked-regression", attack, classes=classes) <= 0.75


# -- by a mean


def mean_of(run: Any, own: Numbers, there: NDArray[np.bool_]) -> float | None:
    """What is shown of an own column over the persons in another register."""
    owners = {"hosp": people(x=own), "tax": people(there, wage=np.ones(len(there), np.int64))}
    domains = {"hosp.x": {"min": 0, "max": FAR}}
    rules = {"join": "inner", "min_count": 10, "receivers": ["hosp"]}
    mean: float | None = run(owners, domains, {"measures": ["hosp.x"]}, rules)["statistics"][0][1]
    return mean


def known(linked: bool, others: int) -> NDArray[np.bool_]:
    """60 of 100 are there: those with small numbers, and of all others nobody knows. With so many it is known how far
    a step is."""
    there = np.arange(100) < 60 + (not linked)
    there[0] = linked
    return there


def by_a_spread(run: Any, rng: np.random.Generator, linked: bool) -> bool:
    """0 … 2, and far for two who are known to be linked and one who isn't: three are half a step, and two aren't."""
    own = rng.integers(0, 3, 100)
    own[:3] = 1023
    return mean_of(run, own, known(linked, 2)) is not None


def by_a_spread_among_strangers(run: Any, rng: np.random.Generator, linked: bool) -> bool:
    own = rng.integers(0, 3, 100)
    own[:3] = 1023
    return mean_of(run, np.concatenate([own, np.resize([0, 1023], 100)]), known(linked, 2)) is not None


def by_a_rounded_mean(run: Any, rng: np.random.Generator, linked: bool) -> bool:
    """Seven far rows are a step more than six, who are known to be linked."""
    own = rng.integers(0, 3, 100)
    own[:7] = 1023
    mean = mean_of(run, own, known(linked, 6))
    return mean is not None and mean > 100


STATISTICS: list[Attack] = [by_a_spread, by_a_spread_among_strangers, by_a_rounded_mean]


@pytest.mark.parametrize("attack", STATISTICS)
def test_a_mean_of_ones_own_column_says_nothing_about_one_person(attack: Attack) -> None:
    assert right("linked-statistics", attack, classes=Without) == 1
    assert right("linked-statistics", attack, classes=classes) <= 0.75


def test_a_class_of_which_all_but_one_are_known_tells_of_that_one_as_a_count_does() -> None:
    """What is left, as docs/security/disclosure.md says: nine others must be known."""

    def attack(run: Any, rng: np.random.Generator, linked: bool) -> bool:
        own = np.where(np.arange(ROWS) < 10, 1, np.resize([2, 3], ROWS))
        own = np.where(np.arange(ROWS) < 40, np.minimum(own, 1), own)
        there = np.arange(ROWS) < ROWS
        there[10:40], there[0] = False, linked
        owners = {"hosp": people(x=own), "tax": people(there, wage=rng.integers(0, 1000, ROWS))}
        domains = {"hosp.x": NUMBER, "tax.wage": NUMBER}
        rules = {"min_count": 10, "receivers": ("hosp",)}
        found = run(owners, domains, {"outcome": "tax.wage", "predictors": ["hosp.x"]}, rules)
        return found["fit"][0][0] is not None

    assert right("linked-regression", attack) == 1


# -- classes


@pytest.mark.parametrize("seed", range(6))
def test_whole_columns_are_cut_as_the_plain_rule_cuts_them(seed: int) -> None:
    """Every class is large enough unless there is but one; and a column's rows keep their order."""
    rng = np.random.default_rng(seed)
    numbers = [rng.integers(0, (3, 50, 10**6)[k % 3], 400) for k in range(1 + seed % 3)]
    least, most, cells = int(rng.integers(3, 40)), int(rng.choice([1, 4, 8, 32])), int(rng.choice([1, 3]))
    plain = classes.cut(list(zip(*(column.tolist() for column in numbers), strict=True)), least, most, cells)
    whole = taken._cut(np.array(numbers), taken.Classed((), (), least, most, cells))
    assert [found.tolist() for found in whole] == plain
    assert sorted(place for found in plain for place in found) == list(range(400))
    assert len(plain) <= most
    assert len(plain) == 1 or min(map(len, plain)) >= least
