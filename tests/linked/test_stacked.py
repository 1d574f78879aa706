"""Statistics over rows that aren't linked: columns declared alike, and sums that are exact whatever their size."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mpcgov import figures, registry
from mpcgov.errors import DataError, SpecError
from mpcgov.jobs import check
from mpcgov.linked.stacked import Stacked
from mpcgov.spec import where as language
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.table import Dataset, Declaration
from mpcgov.worker import summed, sums
from mpcgov.worker.local import AtMost
from mpcgov.worker.source import open_table

COLUMNS: dict[str, dict[str, Any]] = {
    "region": {"kind": "category", "values": ["North", "South", "East"]},
    "income": {"kind": "decimal", "min": "-1000", "max": "90000000", "places": 6, "unit": "EUR"},
    "age": {"kind": "integer", "min": 0, "max": 120},
    "born": {"kind": "date", "min": "1900-01-01", "max": "2025-12-31"},
}
PARAMS = {"by": ["region"], "measures": ["income"], "correlations": [["age", "income"]]}
NOISE = {"mechanism": "discrete-laplace", "epsilon": "1", "unit": "person", "bound": 1}
PAY = {"by": ["region"], "measures": ["income"]}
KEYED = {"tax": {"dataset": "rows", "key": "income"}, "welfare": {"dataset": "rows"}, "statistics": {}}
MANIFEST = registry.find("joint-statistics").manifest


def declared(max_rows: int = 10_000, **changed: Any) -> Dataset:
    columns = {name: {**column, **changed.get(name, {})} for name, column in COLUMNS.items()}
    return validate({"source": "rows.csv", "max_rows": max_rows, "columns": columns}, Dataset, "rows")


def job_of(params: Mapping[str, Any], **more: Any) -> Job:
    parts = {name: {"dataset": "rows"} for name in ("tax", "welfare")} | {"statistics": {}}
    text = {"protocol": "joint-statistics", "purpose": "p", "legal_basis": "l", "receivers": ["coordinator"]}
    return validate({**text, "parties": parts, "params": params, **more}, Job, "job")


def faults(job: Job, other: Dataset | None = None) -> list[str]:
    """What is wrong with a job over the two agencies' data."""
    declarations: dict[str, Declaration] = {
        "tax": declared().declaration, "welfare": (other or declared()).declaration
    }  # fmt: skip
    try:
        check.check_job(job, MANIFEST, declarations, 1)
    except SpecError as error:
        return error.faults
    return []


def test_a_sound_job_passes_and_uses_its_columns() -> None:
    job = job_of(PARAMS)
    assert faults(job) == []
    assert faults(job, declared(max_rows=7, region={"values": ["East", "South", "North"]})) == []
    uses = check.used_columns(job, MANIFEST, "welfare")
    assert uses == {"region": {"group"}, "income": {"measure"}, "age": {"measure"}}
    assert check.used_columns(job, MANIFEST, "statistics") == {}


@pytest.mark.parametrize(
    ("params", "other", "more", "says"),
    [
        (PARAMS, {"income": {"max": "80000000"}}, {}, "column income of rows is declared otherwise than at tax"),
        (PARAMS, {"income": {"places": 5}}, {}, "income of rows is declared otherwise"),
        (PARAMS, {"income": {"unit": "USD"}}, {}, "range, places and unit"),
        (PARAMS, {"region": {"values": ["North", "South"]}}, {}, "the same kind, values"),
        (PARAMS, {"age": {"kind": "decimal", "places": 0, "min": "0", "max": "120"}}, {}, "age of rows is declared"),
        ({"by": ["age"]}, {}, {}, "age of rows is an integer, not a category"),
        ({"measures": ["born"]}, {}, {}, "born of rows is a date, not a number"),
        ({"measures": ["height"]}, {}, {}, "welfare: data set rows has no column height"),
        ({"by": ["region"], "measures": ["region"]}, {}, {}, "both a category and a number"),
        ({"by": ["region", "region"]}, {}, {}, "a column stands twice"),
        ({"correlations": [["age", "age"]]}, {}, {}, "age with itself"),
        ({"correlations": ["age"]}, {}, {}, "expected a list of pairs, such as [[income, age]]"),
        ({"measures": "age"}, {}, {}, "such as [income]"),
        ({}, {}, {}, "name some columns: by, measures, correlations"),
        (PARAMS, {}, {"link": {"join": "inner"}}, "doesn't link rows"),
        (PARAMS, {}, {"disclosure": {"round_to": 5}}, "exact counts and sums"),
        (PARAMS, {}, {"disclosure": {"noise": NOISE}}, "not offered together with weights or correlations"),
        (
            PAY,
            {},
            {"disclosure": {"noise": NOISE | {"clamp": {"age": ["1", "2"]}}}},
            "age is none of the job's measures",
        ),
        (
            PAY,
            {},
            {"disclosure": {"noise": NOISE | {"clamp": {"income": ["-9000", "-8000"]}}}},
            "two values in that range",
        ),
        (PAY, {}, {"parties": KEYED, "disclosure": {"noise": NOISE}}, "income is a decimal, which can't identify"),
        (PAY, {}, {"parties": KEYED}, "doesn't link rows; only noise has a use for it"),
    ],
)
def test_each_fault_is_named(params: Any, other: dict[str, Any], more: dict[str, Any], says: str) -> None:
    found = faults(job_of(params, **more), declared(**other))
    assert any(says in fault for fault in found), found


def test_a_sum_that_could_be_too_large_is_refused_before_the_start() -> None:
    wide = {"min": "0", "max": "9007199254.740992", "places": 6}
    ours = declared(max_rows=2**31, income=wide)
    declarations = {"tax": ours.declaration, "welfare": ours.declaration}
    with pytest.raises(SpecError, match=r"statistics: income.xx could reach 2\^1[3-9]"):
        check.check_job(job_of(PARAMS), MANIFEST, declarations, 1)


def rows_of(seed: int, count: int) -> list[dict[str, str]]:
    rng = random.Random(seed)
    return [
        {
            "region": rng.choice(["North", "South", "East"]),
            "income": rng.choice(["-1000", "90000000", f"{rng.uniform(-1000, 9e7):.6f}", "0"]),
            "age": str(rng.randint(0, 120)),
        }
        for _ in range(count)
    ]


def added(
    folder: Path,
    rows: list[dict[str, str]],
    where: str | None = None,
    missing: str = "refuse",
    limit: AtMost | None = None,
) -> Any:
    """What an owner adds up, as whole numbers in steps by name of the sum, and its job's facts."""
    dataset = validate(
        {"source": "rows.csv", "columns": {n: COLUMNS[n] for n in ("region", "income", "age")}, "missing": missing},
        Dataset,
        "rows",
    )
    lines = ["region,income,age", *(",".join(row.values()) for row in rows)]
    (folder / "rows.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    stacked = Stacked.of(job_of(PARAMS), MANIFEST, dict.fromkeys(("tax", "welfare"), dataset.declaration))
    condition = None if where is None else language.parse(where)
    with open_table(dataset, "rows", folder, ["region", "income", "age"]) as source:
        found = sums.cell_sums(source, stacked, condition, limit)
    encoding = summed.encoding(stacked, "tax")
    assert list(found) == [field.name for field in encoding.fields]
    for field in encoding.fields:
        assert field.low <= found[field.name].min() <= found[field.name].max() <= field.high
    return stacked, found


def test_of_each_unit_no_more_rows_are_added_up_than_the_noise_reckons_with(tmp_path: Path) -> None:
    rows = rows_of(5, 300)
    stacked, found = added(tmp_path, rows, limit=AtMost(["age"], 2))
    (count,) = [summed.name(i, 0) for i, one in enumerate(summed.wanted(stacked)) if not one.columns]
    per_unit = [sum(row["age"] == age for row in rows) for age in {row["age"] for row in rows}]
    assert max(per_unit) > 2
    assert found[count].sum() == sum(min(2, rows_) for rows_ in per_unit)
    again = added(tmp_path, rows[::-1], limit=AtMost(["age"], 2))[1]
    assert all((found[name] == again[name]).all() for name in found)


def in_part(name: str, steps: Mapping[str, int], others: list[int]) -> int:
    """1 if a row is in a part of a column's values; or what its value holds among its cell's."""
    number, _, column = name.removeprefix(":").partition(" ")
    if number == "held":
        return math.floor(8 * math.log2(len(others) / others.count(steps[column])) + 1e-9)
    division, part = divmod(int(number), figures.PARTS)
    least = {"income": -(10**9), "age": 0}[column]
    return int(figures.part(steps[column] - least, division) == part)


@pytest.mark.by_day(2)
@pytest.mark.parametrize(("seed", "count"), [(1, 0), (2, 1), (3, 200)])
def test_sums_of_any_size_are_exact_in_every_cell(tmp_path: Path, seed: int, count: int) -> None:
    rows = rows_of(seed, count)
    stacked, found = added(tmp_path, rows)
    values = {
        id(row): {"income": round(float(row["income"]) * 10**6), "age": int(row["age"])} for row in rows
    }  # fmt: skip
    for number, one in enumerate(summed.wanted(stacked)):
        for cell, region in enumerate(["North", "South", "East"]):
            expected = 0
            for row in rows:
                steps = values[id(row)]
                product = 1
                for column in one.columns:
                    name = column.column.rpartition(" ")[2]
                    others = [values[id(other)][name] for other in rows if other["region"] == row["region"]]
                    product *= steps[column.column] if column.column in steps else in_part(column.column, steps, others)
                expected += product * (row["region"] == region)
            places = [int(found[summed.name(number, k)][cell]) for k in range(one.places)]
            assert sum(place << (k * one.radix_bits) for k, place in enumerate(places)) == expected
    assert max(one.places for one in summed.wanted(stacked)) > 1


def test_only_chosen_rows_are_added_and_those_without_a_value_are_a_fault(tmp_path: Path) -> None:
    rows = rows_of(4, 50)
    stacked, found = added(tmp_path, rows, where="age < 40")
    young = [row["region"] for row in rows if int(row["age"]) < 40]
    counts = [young.count(region) for region in ("North", "South", "East")]
    number = next(n for n, one in enumerate(summed.wanted(stacked)) if not one.columns)
    assert found[summed.name(number, 0)].tolist() == counts
    rows[0]["income"] = ""
    with pytest.raises(DataError, match="column income: 1 row without a value"):
        added(tmp_path, rows)
    with pytest.raises(DataError, match="without a value"):
        added(tmp_path, rows, where="income is null or age > 0")
    _, found = added(tmp_path, rows, missing="drop")
    assert found[summed.name(number, 0)].sum() == 49
