"""Models of columns that an agency designs so that coefficients are about one person of another agency's.

Each attack is done on the reference without the rule that stops it, where it finds what it is after, and with it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mpcgov import figures
from tests.adversary.designed import NUMBER, ROWS, TABLES, TOP, Numbers, hits, people, released, twins

Attack = Callable[[Any, np.random.Generator, Numbers], float | None]


reference = functools.partial(released, "linked-regression")


def model(run: Any, owners: Any, outcome: str, *predictors: str, receivers: tuple[str, ...] = ()) -> Any:
    """Estimates and standard errors by name, and r2, to four digits; None if there is no model."""
    domains = {f"{party}.{name}": NUMBER for party, rows in owners.items() for name in next(iter(rows.values()))}
    rules = {"min_count": 10, "receivers": receivers}
    tables = run(owners, domains, {"outcome": outcome, "predictors": list(predictors)}, rules)
    if None in tables["fit"][0]:
        return None
    found = {name: [figures.shown(number, 4) for number in numbers] for name, *numbers in tables["coefficients"]}
    return found, figures.shown(tables["fit"][0][1], 4)


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
    first, second = twins(rng, 50, 25, 49)
    owners = {"tax": people(x=first, y=second), "wel": people(wage=wage)}
    found = model(run, owners, "tax.y", "tax.x", "wel.wage")
    if found is None:
        return None
    _, _, (slope, error) = found[0].values()  # of 24 for the first person and 0 for all others, on the wage
    spread = 24**2 * (1 - 1 / ROWS) / ((ROWS - 3) * error**2 + slope**2)
    return float(wage.mean() + slope * spread / 24)


def by_twin_predictors(run: Any, rng: np.random.Generator, wage: Numbers) -> float | None:
    """Two predictors that differ in one person: the second one's coefficient is that person's."""
    first, second = twins(rng, 50, 0, 49)
    owners = {"tax": people(x=first, z=second), "wel": people(wage=wage)}
    found = model(run, owners, "wel.wage", "tax.x", "tax.z")
    if found is None:
        return None
    (start, _), (one, _), (other, _) = found[0].values()
    return float(start + one * first[0] + other * second[0])


@pytest.mark.by_day(1)
@pytest.mark.parametrize("attack", [by_an_outcome, by_an_outcome_and_its_twin, by_twin_predictors])
def test_no_wage_of_another_agency_is_found(attack: Attack) -> None:
    """To within 1 % of the mean: by chance less than one of 20. Without bounds of one person's share, nearly all."""

    assert hits(functools.partial(attack, reference(LARGEST_SHARE=Fraction(2)))) >= 0.9 * TABLES
    assert hits(functools.partial(attack, reference())) <= 3


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

    def right(receiver: str) -> int:
        generators = map(np.random.default_rng, range(TABLES))
        return sum(members(reference(), rng, rng.random(ROWS) < 0.75, (receiver,)) for rng in generators)

    assert right("coordinator") == TABLES * TARGETS
    assert right("tax") < 0.65 * TABLES * TARGETS
