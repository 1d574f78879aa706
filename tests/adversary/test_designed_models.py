"""Models of columns that an agency designs so that coefficients are about one person of another agency's.

Each attack is done on the reference without the rule that stops it, where it finds what it is after, and with it.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mpcgov import figures, registry

Numbers = NDArray[np.int64]
TABLES, ROWS, MOST, TOP = 20, 240, 50_000, 1_000_000
NUMBER = {"kind": "integer", "min": 0, "max": TOP}

Attack = Callable[[Any, np.random.Generator, Numbers], float | None]


def reference(**changed: Any) -> Any:
    """What linked-regression releases, with some of its constants changed."""
    names = runpy.run_path(str(registry.find("linked-regression").folder / "reference.py"))
    run = names["run"]
    run.__globals__.update(changed)
    return run


def model(run: Any, owners: Any, outcome: str, *predictors: str, receivers: tuple[str, ...] = ()) -> Any:
    """Estimates and standard errors by name, and r2, to four digits; None if there is no model."""
    domains = {f"{party}.{name}": NUMBER for party, rows in owners.items() for name in next(iter(rows.values()))}
    rules = {"min_count": 10, "receivers": receivers}
    tables = run(owners, domains, {"outcome": outcome, "predictors": list(predictors)}, rules)
    if None in tables["fit"][0]:
        return None
    found = {name: [figures.shown(number, 4) for number in numbers] for name, *numbers in tables["coefficients"]}
    return found, figures.shown(tables["fit"][0][1], 4)


def people(**columns: Numbers) -> dict[tuple[str], dict[str, str]]:
    return {(str(p),): {name: str(column[p]) for name, column in columns.items()} for p in range(ROWS)}


def wages(rng: np.random.Generator) -> Numbers:
    return rng.lognormal(8, 0.5, ROWS).astype(np.int64).clip(0, MOST)


def by_an_outcome(run: Any, rng: np.random.Generator, wage: Numbers) -> float | None:
    """The wage predicts what the attacker made up: the slope is that of the line through one person, nearly."""
    own = rng.integers(0, 5, ROWS)
    own[0] = TOP
    found = model(run, {"tax": people(y=own), "wel": people(wage=wage)}, "tax.y", "wel.wage")
    if found is None:
        return None
    ((start, _), (slope, error)), r2 = found[0].values(), found[1]
    off = own - own.mean()
    spread = (off**2).sum() * (1 - r2) / (ROWS - 2) / error**2
    return float((own.mean() - start) / slope + slope * spread / off[0])


def by_an_outcome_and_its_twin(run: Any, rng: np.random.Generator, wage: Numbers) -> float | None:
    """What one own column leaves unexplained of another is one person's; neither has an outlier."""
    first = rng.integers(0, 50, ROWS)
    first[0], second = 25, first.copy()
    second[0] = 49
    owners = {"tax": people(x=first, y=second), "wel": people(wage=wage)}
    found = model(run, owners, "tax.y", "tax.x", "wel.wage")
    if found is None:
        return None
    _, _, (slope, error) = found[0].values()  # of 24 for the first person and 0 for all others, on the wage
    spread = 24**2 * (1 - 1 / ROWS) / ((ROWS - 3) * error**2 + slope**2)
    return float(wage.mean() + slope * spread / 24)


def by_twin_predictors(run: Any, rng: np.random.Generator, wage: Numbers) -> float | None:
    """Two predictors that differ in one person: the second one's coefficient is that person's."""
    first = rng.integers(0, 50, ROWS)
    first[0], second = 0, first.copy()
    second[0] = 49
    owners = {"tax": people(x=first, z=second), "wel": people(wage=wage)}
    found = model(run, owners, "wel.wage", "tax.x", "tax.z")
    if found is None:
        return None
    (start, _), (one, _), (other, _) = found[0].values()
    return float(start + one * first[0] + other * second[0])


@pytest.mark.parametrize("attack", [by_an_outcome, by_an_outcome_and_its_twin, by_twin_predictors])
def test_no_wage_of_another_agency_is_found(attack: Attack) -> None:
    """To within 1 % of the mean: by chance less than one of 20. Without bounds of one person's share, nearly all."""

    def found(run: Any) -> int:
        hits = 0
        for seed in range(TABLES):
            rng = np.random.default_rng(seed)
            wage = wages(rng)
            guess = attack(run, rng, wage)
            hits += guess is not None and abs(guess - wage[0]) < wage.mean() / 100
        return hits

    assert found(reference(LARGEST_SHARE=Fraction(2))) >= 0.9 * TABLES
    assert found(reference()) <= 3


TARGETS = 4


def members(run: Any, rng: np.random.Generator, there: NDArray[np.bool_], receivers: tuple[str, ...]) -> int:
    """Right guesses of who of four persons is in another register, from a model of two own columns.

    All others' outcomes are multiples of 16 and the targets' 1, 2, 4 and 8 more, so that their sum, a whole number,
    says by its last four bits whose it has.
    """
    group, own = rng.integers(0, 2, ROWS), 16 * rng.integers(0, 4, ROWS)
    group[:TARGETS], own[:TARGETS] = 0, own[:TARGETS] + (1 << np.arange(TARGETS))
    every = people(x=group, y=own)
    linked = {key: {"z": "1"} for key, is_there in zip(every, there, strict=True) if is_there}
    found = model(run, {"tax": every, "wel": linked}, "tax.y", "tax.x", receivers=receivers)
    if found is None:
        return 0
    (start, error), (_, other) = found[0].values()
    rows = round(int(there.sum()) * (1 - (error / other) ** 2))  # of the targets' group: se² are s²/n₀ and s²·n/(n₀·n₁)
    last = round(start * rows) % 16
    return sum((last >> place & 1) == there[place] for place in range(TARGETS))


def test_a_model_of_ones_own_columns_does_not_say_by_its_last_digits_who_is_in_another_register() -> None:
    """By chance half of 80."""
    hits = []
    for receivers in [("coordinator",), ("tax",)]:
        hits.append(0)
        for seed in range(TABLES):
            rng = np.random.default_rng(seed)
            hits[-1] += members(reference(), rng, rng.random(ROWS) < 0.75, receivers)
    assert hits[0] == TABLES * TARGETS
    assert hits[1] < 0.65 * TABLES * TARGETS
