"""A number that nearly all have alike, in statistics: what is released of it is about the few others.

240 persons, and a 0-1 column with a single 1 beside wages: a correlation of the two gives that person's wage, a
variance the share of those who have 1, weights of 1 a mean of one. The attack is first done on exact numbers of the
same rows, where it finds the wage of whoever it is aimed at, and then by whole jobs inside MPC, linked and not.
With `enough[name]` taken out of `worker/gates.py`, `of_cells`, numbers of one person and of nine are released, but for
the weighted pair of one, which has no correlation anyway.
"""

from __future__ import annotations

import math
import random
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mpcgov import figures, registry
from mpcgov.linked import divisions, vectors
from mpcgov.trial.simulation import simulate
from tests.linkage.linked_parties import Case
from tests.linked import agencies
from tests.worker.test_linked_clearing import check, released

PEOPLE = 240
FLAG, WAGE = {"kind": "integer", "min": 0, "max": 1_000_000}, {"kind": "integer", "min": 0, "max": 10_000_000}
JOINT = runpy.run_path(str(registry.find("joint-statistics").folder / "reference.py"))["run"]
PAIR = ["edu.rare", "tax.wage"]
PARAMS: dict[str, dict[str, Any]] = {
    "correlations": {"correlations": [PAIR], "measures": ["tax.wage"]},
    "variances": {"measures": ["edu.rare"]},
    "weights": {"measures": ["tax.wage"], "weight": "edu.rare"},
    "weighted pairs": {"correlations": [["tax.wage", "tax.debt"]], "weight": "edu.rare"},
}


def made(params: dict[str, Any], rare: list[int], wages: list[int]) -> Case:
    """Who has the rare number is edu's to know, wages and debts are tax's."""
    rows = {
        "tax": [{"key": f"p{i}", "wage": str(wage), "debt": str(wage % 977)} for i, wage in enumerate(wages)],
        "edu": [{"key": f"p{i}", "rare": str(value)} for i, value in enumerate(rare)],
    }
    return Case(
        "linked-statistics", {"tax": {"wage": WAGE, "debt": WAGE}, "edu": {"rare": FLAG}}, rows, params, min_count=10
    )


def of_group(n: int, few: int, mean: float, variance: float, r: float, flag_spread: float) -> float:
    """The mean wage of those who have 1, from what is released."""
    return mean + r * math.sqrt(variance * (n - 1)) * math.sqrt(flag_spread) / few


@pytest.mark.by_day(4, "variances-1")
@pytest.mark.parametrize("few", [1, 9])
@pytest.mark.parametrize("kind", PARAMS)
def test_nothing_is_linked_that_is_about_few_persons(kind: str, few: int) -> None:
    tried = plain = found = 0
    for seed in range(2):
        rng = random.Random(seed)
        wages = [round(rng.lognormvariate(10, 0.4)) for _ in range(PEOPLE)]
        rare = [int(i < few) for i in range(PEOPLE)]
        target, spread = sum(wages[:few]) / few, few * (PEOPLE - few) / PEOPLE
        mean, variance = float(np.mean(wages)), float(np.var(wages, ddof=1))
        r = float(np.corrcoef(rare, wages)[0, 1])
        tried += 1
        plain += math.isclose(of_group(PEOPLE, few, mean, variance, r, spread), target, rel_tol=1e-6)
        tables = released(made(PARAMS[kind], rare, wages))
        if kind == "correlations":
            assert None not in tables["statistics"][0]
        hidden = tables["statistics"][0][1:] if kind in ("variances", "weights") else tables["correlation"][0][-1:]
        found += any(number is not None for number in hidden)
    assert plain == tried, "the attack doesn't even work on exact numbers"
    assert (found, tried) == (0, 2)


def test_a_pair_that_differs_in_few_persons_from_none_is_not_released() -> None:
    """Half have the flag, and of these one has another number than 0: their products are that person's."""
    rng = random.Random(4)
    flags = [int(i < PEOPLE // 2) for i in range(PEOPLE)]
    wages = [5000, *[0] * (PEOPLE // 2 - 1), *(rng.randint(1000, 9000) for _ in range(PEOPLE // 2))]
    tables = released(made({"correlations": [PAIR], "measures": ["edu.rare", "tax.wage"]}, flags, wages))
    assert tables["correlation"][0][-1] is None
    assert None not in tables["statistics"][0]


@pytest.mark.parametrize("kind", PARAMS)
def test_honest_numbers_are_released_as_the_reference_says(kind: str) -> None:
    rng = random.Random(5)
    wages = [round(rng.lognormvariate(10, 0.4)) for _ in range(PEOPLE)]
    assert check(made(PARAMS[kind], [rng.randint(0, 1) for _ in wages], wages)) == 0
    assert check(made({"measures": ["edu.rare"]}, [7] * PEOPLE, wages)) == 2


@pytest.mark.parametrize("few", [0, 1, 9, 10, 120])
def test_a_division_shows_as_many_as_are_off_a_column_of_two_values(few: int) -> None:
    """At least min_count and not 0 are shown, by linked owners' own thirds and by fixed divisions of added-up rows."""
    values = np.array([int(i < few) for i in range(PEOPLE)])
    thirds = divisions.thirds(values, np.zeros(PEOPLE, np.int64)).tolist()
    assert thirds == figures.thirds(values.tolist())
    assert figures.of_enough([thirds], 10) == (few >= 10)
    for number in range(figures.DIVISIONS):
        parts = [figures.part(value, number) for value in values.tolist()]
        assert divisions.fixed(values, 0, number).tolist() == parts
        assert figures.of_enough([parts], 10) == (few >= 10)


@pytest.mark.by_day(7)
@pytest.mark.parametrize("seed", range(20))
def test_no_division_of_a_column_with_few_off_one_value_passes(seed: int) -> None:
    rng = random.Random(seed)
    usual, few = rng.randint(0, 10**6), rng.randint(1, 9)
    values = [usual] * (PEOPLE - few) + [rng.randint(0, 10**6) for _ in range(few)]
    rng.shuffle(values)
    rows = [{"x": str(value)} for value in values]
    everybody = rows + [{"x": str(rng.randint(0, 10**6))} for _ in range(rng.choice([0, 1000]))]
    own = figures.Own(everybody, "x", [], {"kind": "integer"})
    assert not figures.of_enough([[own.third(row) for row in rows]], 10)
    for number in range(figures.DIVISIONS):
        assert not figures.of_enough([[figures.part(value, number) for value in values]], 10)


# -- rows that are added up


def joint(folder: Path, flags: list[list[int]], receivers: list[str]) -> tuple[list[Any], float | None]:
    """The statistics and the correlation that a whole job over three agencies' rows releases."""
    rng = random.Random(7)
    columns = {"rare": FLAG, "wage": WAGE}
    names = ("attacker", "labour", "welfare")
    rows = [[[str(flag), str(round(rng.lognormvariate(10, 0.4)))] for flag in own] for own in flags]
    vector = {
        "what": "a test",
        "declared": dict.fromkeys(names, columns),
        "keys": None,
        "tables": {name: {"columns": ["rare", "wage"], "rows": own} for name, own in zip(names, rows, strict=True)},
        "params": {"measures": ["rare", "wage"], "correlations": [["rare", "wage"]]},
        "rules": {"min_count": 10, "round_to": None, "receivers": receivers},
    }
    result = simulate(agencies.write(folder, "joint-statistics", vector), folder / "agencies")
    owners = {
        name: [dict(zip(("rare", "wage"), row, strict=True)) for row in own]
        for name, own in zip(names, rows, strict=True)
    }
    plain = JOINT(owners, columns, vector["params"], vector["rules"])
    tables = {name: table["rows"] for name, table in result["tables"].items()}
    assert vectors.differences(tables, plain) == []
    return tables["statistics"][0][1:], tables["correlation"][0][-1]


@pytest.mark.by_day(1)
@pytest.mark.parametrize("few", [1, 9])
def test_nothing_is_added_up_that_is_about_few_persons(tmp_path: Path, few: int) -> None:
    numbers, r = joint(tmp_path, [[0] * 80, [int(i < few) for i in range(80)], [0] * 80], ["coordinator"])
    assert numbers[:2] == [None, None]
    assert None not in numbers[2:]
    assert r is None


def test_a_receivers_own_rows_do_not_make_others_many(tmp_path: Path) -> None:
    """Half of the attacker's rows have 1, and one of the others'."""
    mine = [i % 2 for i in range(80)]
    numbers, r = joint(tmp_path, [mine, [int(i < 1) for i in range(80)], [0] * 80], ["attacker"])
    assert (numbers[:2], r) == ([None, None], None)


def test_honest_flags_are_added_up(tmp_path: Path) -> None:
    numbers, r = joint(tmp_path, [[i % 2 for i in range(80)]] * 3, ["attacker"])
    assert None not in (*numbers, r)
