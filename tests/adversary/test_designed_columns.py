"""Columns that an agency designs so that released numbers are about one person of another agency's.

Each attacker owns one data set, of which it chooses the values, and has what is released. Its columns have many values
in many rows each, so no count of rows off a value, or of rows and numbers, finds them. What does, if the attacker is
named as a receiver: steps several times as wide as what one row adds, no number without half a step of spread, one
number of its own in a job, and no weight (`mpcgov/linked/coarse.py`, docs/security/disclosure.md). Where it isn't
named and sees the numbers all the same, every attack works, as with any of these rules taken out; the test says so.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mpcgov import figures
from mpcgov.errors import SpecError
from tests.adversary import designed
from tests.adversary.designed import NUMBER, ROWS, TABLES, TOP, Numbers, people, released, wages
from tests.linkage.linked_parties import Case

Attack = Callable[[np.random.Generator, Numbers, str], float | None]


def reference(
    protocol: str, owners: Any, params: dict[str, Any], receiver: str, **rules: Any
) -> dict[str, list[list[Any]]] | None:
    """What a protocol releases of numbers of two agencies, all declared as 0 … TOP; None if the job is refused."""
    columns = {party: dict.fromkeys(next(iter(rows.values())), NUMBER) for party, rows in owners.items()}
    try:
        Case(protocol, columns, {party: [] for party in owners}, params, rules=rules, receivers=(receiver,)).linked()
    except SpecError:
        return None
    domains = {f"{party}.{name}": NUMBER for party, own in columns.items() for name in own}
    rules |= {"join": "inner", "min_count": 10, "receivers": [receiver]}
    return released(protocol)(owners, domains, params, rules)


def by_a_weight(rng: np.random.Generator, wage: Numbers, receiver: str) -> float | None:
    """Nearly all of the weight is one person's."""
    own = rng.integers(0, 5, ROWS)
    own[0] = TOP
    asked = {"measures": ["wel.wage"], "weight": "tax.x"}
    tables = reference("linked-statistics", {"tax": people(x=own), "wel": people(wage=wage)}, asked, receiver)
    return None if tables is None else tables["statistics"][0][1]


def by_correlations(receiver: str, wage: Numbers, *own: Numbers, **rules: int) -> tuple[float, list[float]] | None:
    """The mean, and Σ (x − its mean)·wage of each of the attacker's columns."""
    names = [f"x{k}" for k in range(len(own))]
    owners = {"tax": people(**dict(zip(names, own, strict=True))), "wel": people(wage=wage)}
    asked = {"measures": ["wel.wage"], "correlations": [[f"tax.{name}", "wel.wage"] for name in names]}
    tables = reference("linked-statistics", owners, asked, receiver, **rules)
    if tables is None:
        return None
    (_, mean, variance), found = tables["statistics"][0], [row[-1] for row in tables["correlation"]]
    if mean is None or None in found:
        return None
    norms = [np.sqrt(variance * (ROWS - 1) * ((x - x.mean()) ** 2).sum()) for x in own]
    return float(mean), [r * norm for r, norm in zip(found, norms, strict=True)]


def by_an_outlier(rng: np.random.Generator, wage: Numbers, receiver: str) -> float | None:
    """One value of the attacker's column is far above all others, which lie evenly."""
    own = rng.integers(0, 5, ROWS)
    own[0] = TOP
    found = by_correlations(receiver, wage, own)
    return None if found is None else found[0] + found[1][0] / (own[0] - own.mean())


def by_a_large_share(rng: np.random.Generator, wage: Numbers, receiver: str) -> float | None:
    """It is as far above them as may just be."""
    own = rng.integers(0, 5, ROWS)
    own[0] = 15
    found = by_correlations(receiver, wage, own)
    return None if found is None else found[0] + found[1][0] / (own[0] - own.mean())


def twins(rng: np.random.Generator) -> tuple[Numbers, Numbers]:
    return designed.twins(rng, 10, 0, 9)


def by_twins(rng: np.random.Generator, wage: Numbers, receiver: str) -> float | None:
    """Both in one job."""
    found = by_correlations(receiver, wage, *twins(rng))
    return None if found is None else found[0] + (found[1][1] - found[1][0]) / 9


def by_twins_apart(rng: np.random.Generator, wage: Numbers, receiver: str, jobs: int = 2) -> float | None:
    """Each in a job of its own, as if people at the other agency let it pass; ledgers still say how many numbers of a
    wage there were, three by each job."""
    found = [
        by_correlations(receiver, wage, one, numbers=3 * (2 * pair + place + 1))
        for pair in range(jobs // 2)
        for place, one in enumerate(twins(rng))
    ]
    known = [(a, b) for a, b in zip(found[::2], found[1::2], strict=True) if a is not None and b is not None]
    if not known:
        return None
    return known[0][0][0] + float(np.mean([b[1][0] - a[1][0] for a, b in known])) / 9


def by_many_twins(rng: np.random.Generator, wage: Numbers, receiver: str) -> float | None:
    """Four such pairs, as rounding averages out."""
    return by_twins_apart(rng, wage, receiver, jobs=8)


ATTACKS: list[Attack] = [by_a_weight, by_an_outlier, by_a_large_share, by_twins, by_twins_apart, by_many_twins]


def hits(attack: Attack, receiver: str) -> int:
    return designed.hits(lambda rng, wage: attack(rng, wage, receiver))


@pytest.mark.by_day(2)
@pytest.mark.parametrize("attack", ATTACKS)
def test_no_wage_of_another_agency_is_found(attack: Attack) -> None:
    assert hits(attack, "tax") <= 3


@pytest.mark.by_day(2)
@pytest.mark.parametrize("attack", [by_a_weight, by_an_outlier, by_twins, by_twins_apart])
def test_who_sees_numbers_of_its_own_column_without_being_a_receiver_finds_wages(attack: Attack) -> None:
    assert hits(attack, "coordinator") == TABLES


# -- who is in another register


def members(there: Numbers, receiver: str, **own: Numbers) -> list[Any] | None:
    """The row of statistics of the attacker's columns, over its persons in another register."""
    every = people(**own)
    other = {key: {"y": "1"} for key, is_there in zip(every, there, strict=True) if is_there}
    asked = {"measures": [f"tax.{name}" for name in own]}
    tables = reference("linked-statistics", {"tax": every, "wel": other}, asked, receiver)
    return None if tables is None else tables["statistics"][0]


def by_powers_of_two(receiver: str) -> float:
    """How often it is right about who of eight persons is there."""
    targets, right = 8, 0
    for seed in range(TABLES):
        rng = np.random.default_rng(seed)
        there, own = rng.random(ROWS) < 0.5, rng.integers(0, 3, ROWS)
        own[:targets] = 4000 << np.arange(targets)
        row = members(there, receiver, x=own)
        found = 0 if row is None or row[1] is None else round((row[1] - 1) * row[0] / 4000)
        right += sum((found >> k & 1) == there[k] for k in range(targets))
    return right / TABLES / targets


def by_two_means(receiver: str, apart: bool) -> float:
    """Of two columns that differ in one person: both of one job, or of two as if no ledger knew of the other."""
    right = 0
    for seed in range(TABLES):
        rng = np.random.default_rng(seed)
        there = rng.random(ROWS) < 0.5
        first, second = twins(rng)
        rows = [members(there, receiver, x=first), members(there, receiver, x=second)] if apart else []
        both = rows or [members(there, receiver, x=first, z=second)]
        means = [row[place] for row in both if row is not None for place in range(1, len(row), 2)]
        right += (len(means) == 2 and None not in means and means[1] > means[0]) == there[0]
    return right / TABLES


def by_a_spread(receiver: str) -> float:
    """All others are one off the middle, so that the spread says whether one who is farther off is there."""
    right = 0
    for seed in range(TABLES):
        rng = np.random.default_rng(seed)
        there, own = rng.random(ROWS) < 0.5, 10 + rng.choice([-1, 1], ROWS)
        own[0] = 15
        row = members(there, receiver, x=own)
        squares = 0 if row is None or row[1] is None else row[2] * (row[0] - 1) + row[0] * (row[1] - 10) ** 2
        right += (squares > 12 + (0 if row is None else row[0])) == there[0]
    return right / TABLES


@pytest.mark.parametrize(
    "attack",
    [by_powers_of_two, lambda who: by_two_means(who, False), lambda who: by_two_means(who, True), by_a_spread],
    ids=["powers of two", "two means", "two jobs", "spread"],
)
def test_numbers_of_ones_own_column_say_nothing_of_who_is_in_another_register(attack: Callable[[str], float]) -> None:
    """By chance half; all, if the attacker isn't named as a receiver."""
    assert attack("tax") <= 0.75
    assert attack("coordinator") > 0.9


@pytest.mark.parametrize("rest", [1, 2, 3])
def test_numbers_of_ones_own_column_come_out_in_few_ways_whoever_is_linked(rest: int) -> None:
    """A total and a spread tell less than two thirds of the bits that it takes to know who is linked: all choices but
    for `rest` of the attacker's persons are tried, for columns that it designs."""
    persons = figures.SPARE_ROWS + 2 + rest
    choices = list(itertools.combinations(range(persons), persons - rest))
    rng = np.random.default_rng(rest)
    ends = 4096 * (np.arange(persons) % 2)  # a spread that is shown
    designs = [
        ends,
        ends + 2 ** np.arange(persons) % 509,
        *(ends + rng.integers(-300, 300, persons) for _ in range(4)),
    ]
    ways = (rest / (1 << figures.STEP_BITS) + 2) ** 2
    for_others = {tuple(figures.described([int(designs[1][p]) for p in linked], 1, 4)) for linked in choices}
    assert len(for_others) > 0.8 * len(choices), "as if it weren't a receiver: nearly every choice has its own numbers"
    for own in designs:
        moves = figures.Moves(of_receiver=True, by=[int(np.ptp(own))] * (persons - rest))
        found = {tuple(figures.described([int(own[p]) for p in linked], 1, 4, moves=moves)) for linked in choices}
        assert len(found) <= ways
        assert math.log2(len(choices)) >= 1.5 * math.log2(len(found))


def test_the_bits_of_a_membership_suffice_for_two_numbers_of_as_many_rows_as_there_must_be() -> None:
    """log₂ C(n + m, n) ≥ 3/2·T, T what two numbers in steps of four times what one row moves can tell at most."""
    for linked in range(figures.SPARE_ROWS + 2, 200):
        for rest in (*range(1, 200), 1_000, 100_000):
            told = 2 * math.log2(min(linked, rest) / (1 << figures.STEP_BITS) + 2)
            assert math.log2(math.comb(linked + rest, linked)) >= 1.5 * told


def test_a_receiver_gets_honest_numbers_of_its_own_column() -> None:
    """An age beside a wage, about to the error of sampling."""
    for seed in range(TABLES):
        rng = np.random.default_rng(seed)
        age, wage = rng.integers(18, 90, ROWS), wages(rng)
        owners = {"tax": people(x=age), "wel": people(wage=wage)}
        asked = {"measures": ["tax.x"], "correlations": [["tax.x", "wel.wage"]]}
        tables = reference("linked-statistics", owners, asked, "tax")
        assert tables is not None
        (_, mean, variance), r = tables["statistics"][0], tables["correlation"][0][-1]
        assert abs(mean - age.mean()) < age.std() / np.sqrt(ROWS)
        assert abs(variance / age.var() - 1) < 0.25
        assert abs(r - np.corrcoef(age, wage)[0, 1]) < 1.5 / np.sqrt(ROWS)
