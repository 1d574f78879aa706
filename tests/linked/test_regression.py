"""Regression over linked rows, between processes: what plain least squares give, or nothing where that may not be."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from math import comb
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mpcgov import registry
from mpcgov.coordinator.plan import job_cost
from mpcgov.errors import SpecError
from mpcgov.linkage import LinkedRows
from mpcgov.linked import layout, render, vectors
from mpcgov.linked.facts import Linked
from mpcgov.linked.model import Model, model
from mpcgov.mpc import Session, SessionConfig
from mpcgov.precision import fit_needs
from mpcgov.results.result import numbers_by_name
from mpcgov.spec.statement import Layout
from mpcgov.worker.clear import clear_linked
from tests.linkage.linked_parties import Case
from tests.mpc.parties import Job, Outcome, opened, run, share_list

LEVELS, REGIONS = ["ba", "ma", "phd"], ["North", "South"]
DECLARED: dict[str, dict[str, dict[str, Any]]] = {
    "tax": {
        "region": {"kind": "category", "values": REGIONS},
        "income": {"kind": "decimal", "min": "-1000000", "max": "1000000", "places": 2},
    },
    "edu": {
        "level": {"kind": "category", "values": LEVELS},
        "age": {"kind": "integer", "min": 0, "max": 120},
    },
    "wel": {"benefit": {"kind": "decimal", "min": "-50", "max": "50", "places": 1}},
    "job": {"hours": {"kind": "integer", "min": 0, "max": 60}},
}


def case(seed: int, predictors: list[str], people: int = 800, owners: int = 2, share: float = 0.9, **more: Any) -> Case:
    """Registers with an income that depends on some columns, and no income of anybody far from the others'."""
    rng = random.Random(seed)
    names = list(DECLARED)[:owners]
    rows: dict[str, list[dict[str, str]]] = {name: [] for name in names}
    for person in range(people):
        level, age = rng.choice(LEVELS), rng.randint(18, 90)
        income = 100_000 * LEVELS.index(level) - 700 * age + rng.gauss(0, 20_000)
        values = {
            "tax": {"region": rng.choice(REGIONS), "income": f"{income:.2f}"},
            "edu": {"level": level, "age": str(age)},
            "wel": {"benefit": f"{rng.uniform(-50, 50):.1f}"},
            "job": {"hours": str(rng.randint(0, 60))},
        }
        for name in names:
            if rng.random() < share:
                rows[name].append({"key": f"p{person}", **values[name]})
    params = {"outcome": "tax.income", "predictors": predictors}
    return Case("linked-regression", {name: DECLARED[name] for name in names}, rows, params, **more)


def job_of(made: Case) -> Job:
    """What each party does: all tables' shares, cleared."""
    linked, program = made.linked(), ModuleType("program")
    exec((registry.find(made.protocol).folder / "program.py").read_text(encoding="utf-8"), program.__dict__)

    async def job(session: Session, index: int) -> list[list[int]]:
        rows = LinkedRows(session.words, session.config, linked, "job", made.own(linked, made.names[index]))
        cleared = clear_linked(linked, await program.run(rows, made.params))
        return [await share_list(session, table.cells) for table in cleared.values()]

    return job


def settings_of(made: Case, runs: int = 1) -> dict[str, Any]:
    """The session in which that can be done so often."""
    needs = model(made.linked()).needs(comb(made.parties, made.threshold))

    def named(config: SessionConfig) -> SessionConfig:
        return replace(config, parties=tuple(made.names))

    return {
        "threshold": made.threshold,
        "change": named,
        "solver_bits": needs.solver_bits,
        "masked": runs * needs.masked_openings,
    }


def outcomes_of(made: Case) -> list[Outcome]:
    """All parties' shares of what is cleared, and what that cost."""
    return run(job_of(made), made.parties, **settings_of(made))


def released(made: Case) -> dict[str, list[list[Any]]]:
    """The tables as a receiver reads them."""
    return read(made, outcomes_of(made))


def read(made: Case, outcomes: list[Outcome]) -> dict[str, list[list[Any]]]:
    """The tables that parties' outcomes hold."""
    linked = made.linked()
    tables = layout.tables(linked)
    values = [value for place in range(len(tables)) for value in opened(outcomes, made.threshold, place)]
    names = numbers_by_name(Layout(modulus="7", degree=1, tables=tables), values)
    return {
        table.name: render.rows(linked, table, {one.name: names[f"{table.name}.{one.name}"] for one in table.opened})
        for table in tables
    }


def expected(made: Case) -> dict[str, list[list[Any]]]:
    """What the reference releases."""
    module = ModuleType("reference")
    exec((registry.find(made.protocol).folder / "reference.py").read_text(encoding="utf-8"), module.__dict__)
    owners = {name: {(row["key"],): row for row in rows} for name, rows in made.rows.items()}
    rules = {"min_count": made.min_count, "receivers": made.receivers, **made.rules}
    domains = vectors.domains({"declared": made.declared})
    found: dict[str, list[list[Any]]] = module.run(owners, domains, made.params, rules)
    return found


def check(made: Case) -> dict[str, list[list[Any]]]:
    """The released tables, which are those of the reference to as many digits as the job asks for."""
    found = released(made)
    assert vectors.differences(found, expected(made), 5 * 0.1 ** (made.rules.get("digits", 4) + 1)) == []
    return found


ALL = ["edu.level", "tax.region", "edu.age"]


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    ("owners", "parties", "threshold", "predictors", "method"),
    [
        pytest.param(2, 3, 1, ALL, "matcher", marks=pytest.mark.slow),
        (2, 3, 1, ALL, "oblivious"),
        (3, 3, 1, [*ALL, "wel.benefit"], "matcher"),
        pytest.param(3, 3, 1, [*ALL, "wel.benefit"], "oblivious", marks=pytest.mark.slow),
        (4, 4, 1, ["job.hours", "wel.benefit"], "matcher"),
        pytest.param(4, 4, 1, ["job.hours", *ALL, "wel.benefit"], "matcher", marks=pytest.mark.slow),
        pytest.param(
            2, 5, 2, ["edu.age"], "matcher", marks=pytest.mark.slow
        ),  # always in `test_solve.py`, of plain rows
        pytest.param(2, 5, 2, ["edu.age", "tax.region"], "matcher", marks=pytest.mark.slow),
        (3, 4, 1, ["edu.age"], "oblivious"),  # an owner that only says whom it knows
    ],
)
def test_any_owners_and_parties_get_what_the_reference_gives(
    owners: int, parties: int, threshold: int, predictors: list[str], method: str
) -> None:
    rules = {"parties": parties, "threshold": threshold, "min_count": 3}
    made = case(owners, predictors, 1000, owners, method=method, **rules)
    found = check(made)
    records = [[number for row in rows for number in row] for rows in found.values()]
    assert None not in records[0]


@pytest.mark.by_day(1)
@pytest.mark.parametrize(("receivers", "digits", "off"), [(("tax",), 1, 1 / 25), (("coordinator", "edu"), 4, 1 / 60)])
def test_receivers_that_bring_rows_get_no_more_than_parts_of_standard_errors(
    receivers: tuple[str, ...], digits: int, off: float
) -> None:
    """Steps of a quarter to a half of a standard error, or coarser if the digits are; a receiver's outcome is in
    classes."""
    predictors = ["edu.level", "wel.benefit", "tax.region"]
    made = case(5, predictors, 900, 3, min_count=3, receivers=receivers, rules={"digits": digits})
    found, exact = check(made), expected(replace(made, receivers=("coordinator",)))
    for (name, estimate, error), (_, *numbers) in zip(found["coefficients"], exact["coefficients"], strict=True):
        unit = 10 if name == "wel.benefit" else 100
        step = 2.0 ** math.ceil(math.log2(numbers[1] * unit / 4)) / unit
        assert abs(error / numbers[1] - 1) < off
        assert digits == 1 or np.isclose(estimate / step, round(estimate / step), atol=1e-6)
        assert digits == 1 or 0 < abs(estimate - numbers[0]) <= step / 2 <= numbers[1] / 4
    assert (found["fit"][0][1] * 128).is_integer()


def test_a_receivers_columns_are_cut_into_classes_together_which_all_must_have_enough_linked_rows() -> None:
    made = case(7, ALL, 900, 3, share=0.95, receivers=("edu", "tax", "wel"))
    found, plain = check(made), expected(replace(made, receivers=("coordinator",)))
    (*_, (name, age, _)), (*_, (_, exact, error)) = found["coefficients"], plain["coefficients"]
    assert name == "edu.age"
    assert 0 < abs(age - exact) < 3 * error
    few = {row["key"] for row in made.rows["edu"] if row["level"] == "phd" and int(row["age"]) > 70}
    made.rows["tax"] = [row for row in made.rows["tax"] if row["key"] not in few]
    assert check(made)["fit"] == [[None, None]]


def test_rows_that_nobody_compares_in_the_clear_give_the_same() -> None:
    check(case(3, ALL, 800, method="oblivious", min_count=3))


def test_numbers_of_many_digits_are_dealt_in_limbs_and_come_out_as_exactly() -> None:
    made = case(5, ALL, 800, max_rows=10_000_000, min_count=3)
    asked = model(made.linked())
    assert asked.radix_bits > 0
    assert max(term.limbs for term in asked.terms) > 1
    check(made)
    assert model(case(5, ALL, 60, max_rows=10).linked()).places == 1


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    ("change", "least"),
    [
        ({}, 801),  # too few persons
        ({"people": 500}, 3),  # fewer than released numbers could tell of
        ({"people": 0}, 3),
        pytest.param({"share": 0.0}, 3, marks=pytest.mark.slow),
    ],
)
def test_too_few_persons_give_nothing(change: dict[str, Any], least: int) -> None:
    found = check(case(1, ALL, **change, min_count=least))
    assert {number for rows in found.values() for row in rows for number in row[-2:]} == {None}


@pytest.mark.by_day(2)
@pytest.mark.parametrize(
    ("rules", "people", "shown"),
    [
        ({"digits": 1}, 51, False),
        ({"digits": 1}, 60, True),
        pytest.param({"digits": 4}, 127, False, marks=pytest.mark.slow),
        pytest.param({"digits": 4}, 150, True, marks=pytest.mark.slow),
        ({"digits": 4, "numbers": 6}, 150, False),
        ({"digits": 4, "numbers": 6}, 180, True),
        pytest.param({"digits": 7}, 190, False, marks=pytest.mark.slow),
        pytest.param({"digits": 7}, 220, True, marks=pytest.mark.slow),
    ],
)
def test_r25_a_model_needs_more_rows_than_its_numbers_could_tell_of(
    rules: dict[str, int], people: int, shown: bool
) -> None:
    """Two coefficients, five numbers, and everybody is in both registers."""
    made = case(1, ["edu.age"], people, share=1.0, min_count=3, rules=rules)
    assert model(made.linked()).numbers == 5
    numbers = [number for rows in check(made).values() for row in rows for number in row[-2:]]
    assert [number is not None for number in numbers] == [shown] * len(numbers)


def test_a_value_that_too_few_have_gives_nothing_and_so_do_a_constant_outcome_and_dependent_predictors() -> None:
    rare, flat, twice = (case(2, ALL, min_count=4) for _ in range(3))
    north = 0
    for row in rare.rows["tax"]:
        north += row["region"] == "North"
        if north > 3:
            row["region"] = "South"
    for row in flat.rows["tax"]:
        row["income"] = "5.25"
    for row in twice.rows["edu"]:
        row["age"] = str(40 + LEVELS.index(row["level"]))
    twice.params["predictors"] = ["edu.level", "edu.age"]
    for made in (rare, flat, twice):
        assert check(made)["fit"] == [[None, None]]


def test_rounds_and_bytes_do_not_depend_on_the_data_nor_on_whether_there_is_a_model() -> None:
    spent = set()
    for seed, share in ((1, 1.0), (2, 0.0), (3, 0.5)):
        made = case(seed, ["edu.age"], 90, share=share, min_count=3, receivers=("edu",), rules={"digits": 1})
        outcomes = outcomes_of(made)
        spent.add(tuple((outcome.rounds, outcome.bytes_sent) for outcome in outcomes))
        assert (read(made, outcomes)["fit"][0][0] is None) == (share < 1)
    assert len(spent) == 1


def levels(count: int, **more: Any) -> Case:
    """A model of an age by a category of so many values."""
    values = [f"v{i}" for i in range(count)]
    rows = {
        "tax": [{"key": f"p{i}", "kind": values[i % count]} for i in range(100)],
        "edu": [{"key": f"p{i}", "age": str(i)} for i in range(100)],
    }
    declared = {"tax": {"kind": {"kind": "category", "values": values}}, "edu": {"age": DECLARED["edu"]["age"]}}
    return Case("linked-regression", declared, rows, {"outcome": "edu.age", "predictors": ["tax.kind"]}, **more)


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    "made",
    [
        levels(2, max_rows=100),
        pytest.param(levels(12, max_rows=100), marks=pytest.mark.slow),
        pytest.param(levels(24, max_rows=100), marks=pytest.mark.slow),
        case(1, ALL, 100, max_rows=100, method="oblivious"),
        pytest.param(case(1, ["edu.age"], 1000, share=1.0, max_rows=1000), marks=pytest.mark.slow),
        case(1, ["edu.age"], 1000, share=1.0, max_rows=1000, method="oblivious"),
        case(1, ["edu.age"], 1000, share=1.0, max_rows=1000, receivers=("edu",)),
        pytest.param(case(1, [*ALL, "wel.benefit"], 500, 3, share=1.0, max_rows=500), marks=pytest.mark.slow),
        case(1, ["edu.age"], 100, parties=4, max_rows=100),
        pytest.param(case(1, ["edu.age"], 100, parties=5, threshold=2, max_rows=100), marks=pytest.mark.slow),
    ],
    ids=lambda made: (
        f"{len(model(made.linked()).names)}-{made.max_rows}-{made.method}-{made.parties}-{made.receivers[0]}"
    ),
)
def test_a_plan_tells_the_cost_within_a_factor_of_two_and_rounds_within_a_tenth(made: Case) -> None:
    linked, outcomes = made.linked(), outcomes_of(made)
    rounds, sent, memory_bytes = job_cost(linked.job, linked.manifest, linked.declarations, made.threshold)
    actual_rounds, actual_sent = (max(getattr(one, what) for one in outcomes) for what in ("rounds", "bytes_sent"))
    assert rounds == pytest.approx(actual_rounds, rel=0.1)
    assert actual_sent / 2 <= sent <= 2 * actual_sent
    assert memory_bytes > 0


def test_coefficients_are_those_of_numpy() -> None:
    made = case(7, ["edu.age", "wel.benefit"], 500, 3, min_count=3, rules={"digits": 7})
    found = released(made)
    keyed = {name: {row["key"]: row for row in rows} for name, rows in made.rows.items()}
    keys = [key for key in keyed["tax"] if key in keyed["edu"] and key in keyed["wel"]]
    x = np.array([[1, float(keyed["edu"][key]["age"]), float(keyed["wel"][key]["benefit"])] for key in keys])
    y = np.array([float(keyed["tax"][key]["income"]) for key in keys])
    beta, residual, *_ = np.linalg.lstsq(x, y, rcond=None)
    errors = np.sqrt(residual[0] / (len(y) - 3) * np.diag(np.linalg.inv(x.T @ x)))
    assert np.allclose([row[1] for row in found["coefficients"]], beta, rtol=1e-6)
    assert np.allclose([row[2] for row in found["coefficients"]], errors, rtol=1e-6)
    assert found["fit"][0][0] == len(keys)
    assert np.isclose(found["fit"][0][1], 1 - residual[0] / ((y - y.mean()) ** 2).sum(), rtol=1e-6)


def asked(predictors: list[str], max_rows: int = 100) -> tuple[Linked, Model]:
    linked = case(0, predictors, 0, max_rows=max_rows).linked()
    return linked, model(linked)


def test_a_model_names_its_columns_and_bounds_what_they_add_up_to() -> None:
    linked, found = asked(ALL)
    assert found.names == ("(intercept)", "edu.level=ma", "edu.level=phd", "tax.region=South", "edu.age")
    assert found.squares == [100, 100, 100, 100, 100 * 120**2, 100 * (10**8) ** 2]
    assert found.categories == ((1, 2), (3,))
    assert [limb.column for limb in found.limbs("edu")] == ["level", "level", "age", "age"]
    assert found.place_of(["edu", "tax"]) == [[0], [1], [2], [5], [3], [6, 7]]
    assert found.divisions(["edu", "tax"]) == [4, 8]
    tables = {table.name: table for table in layout.tables(linked)}
    assert tables["coefficients"].domain == (found.names,)


def wide(columns: dict[str, dict[str, Any]]) -> Case:
    """A model with all of some columns of one owner."""
    params = {"outcome": "edu.age", "predictors": [f"tax.{name}" for name in columns]}
    declared = {"tax": columns, "edu": DECLARED["edu"]}
    return Case("linked-regression", declared, {"tax": [], "edu": []}, params, max_rows=10_000_000)


def test_a_model_whose_equations_are_too_large_is_refused_before_the_start() -> None:
    columns = {f"x{i}": {"kind": "integer", "min": 0, "max": 2**53} for i in range(31)}
    with pytest.raises(SpecError, match=r"too many to look at every person's share of them: declare fewer max_rows"):
        wide(columns).linked()
    with pytest.raises(SpecError, match=r"need integers of 4\d\d\d bits; at most 4096"):
        fit_needs([10**7 * 2**106] * 33, 3, 3).check(3)
    columns["x30"] = {"kind": "category", "values": ["u", "v", "w"]}
    with pytest.raises(SpecError, match="33 coefficients; at most 32"):
        wide(columns).linked()
    with pytest.raises(SpecError, match="too large for so many parties"):
        fit_needs([1 << 60] * 33, comb(7, 3), 3).check(comb(7, 3))
    fit_needs([1 << 60] * 33, comb(5, 2), 3).check(comb(5, 2))
