"""What an owner expects of a data set: judged as a whole, the same for every job, and told to nobody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mpcgov.errors import DataError, LocalError, SpecError
from mpcgov.spec.expect import last_day
from mpcgov.spec.load import validate
from mpcgov.spec.table import Dataset
from mpcgov.trial.simulation import simulate
from mpcgov.worker import expectations
from mpcgov.worker.report import dataset_check, wrong_rows
from mpcgov.worker.source import open_table

COLUMNS: dict[str, Any] = {
    "id": {"kind": "key"},
    "region": {"kind": "category", "values": ["North", "South"]},
    "age": {"kind": "integer", "min": 0, "max": 120},
    "born": {"kind": "date", "min": "1900-01-01", "max": "2030-12-31"},
}


def dataset(expect: dict[str, Any], edition: str | None = "2025-11") -> Dataset:
    whole = {"source": "d.csv", "missing": "drop", "columns": COLUMNS, "expect": expect}
    return validate(whole | ({"edition": edition} if edition else {}), Dataset, "d")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty rows: 4 without an age, 2 with one id, 15 born in November 2025."""
    lines = [
        f"{max(n, 1):03d},{'North' if n < 30 else 'South'},{'' if n % 10 == 9 else n},2025-{11 if n < 15 else 10}-03"
        for n in range(40)
    ]
    (tmp_path / "d.csv").write_text("id,region,age,born\n" + "\n".join(lines) + "\n")
    return tmp_path


@pytest.mark.parametrize(
    ("met", "missed", "says"),
    [
        ({"rows": [40, 40]}, {"rows": [41, 90]}, "expected 41 to 90 rows: there are 40"),
        ({"missing": {"age": "0.1"}}, {"missing": {"age": "0.09"}}, "column age: 4 of 40 rows lack a value"),
        ({"repeated": {"id": "0.05"}}, {"repeated": {"id": 0}}, "column id: 2 of 40 rows share their value"),
        ({"fresh": {"born": 27}}, {"fresh": {"born": 26}}, "column born: 0 rows in the 26 days before 2025-11 ends"),
    ],
)  # fmt: skip
def test_what_is_expected_is_judged_over_all_rows(
    folder: Path, met: dict[str, Any], missed: dict[str, Any], says: str
) -> None:
    assert dataset_check(dataset(met), "d", folder).faults == ()
    (fault,) = dataset_check(dataset(missed), "d", folder).faults
    assert fault.startswith(says)
    declared = dataset(missed)
    with (
        open_table(declared, "d", folder) as source,
        pytest.raises(DataError, match=says),
    ):
        expectations.judge(source, declared, folder)


@pytest.mark.parametrize(("moved", "fault"), [(0, False), (4, False), (8, True)])
def test_an_edition_may_not_lie_elsewhere_than_the_one_before(folder: Path, moved: int, fault: bool) -> None:
    (folder / "figures").mkdir()
    for edition, kept in (("2025-09", [40, 0]), ("2025-10", [30 - moved, 10 + moved]), ("2025-12", [0, 40])):
        region = {"declared": "North, South", "rows": kept}
        age = {"declared": "0 to 99", "rows": [40]}  # another range, so that nothing is compared
        (folder / "figures" / f"d@{edition}.json").write_text(json.dumps({"columns": {"region": region, "age": age}}))
    declared = dataset({"drift": {"region": "0.1", "age": 0}})
    said = "column region: 20.0% of rows lie elsewhere than in 2025-10, more than 10 %"
    assert dataset_check(declared, "d", folder).faults == ((said,) if fault else ())


@pytest.mark.by_day(1)
@pytest.mark.parametrize("where", [None, "region = 'North'"])
def test_a_job_is_refused_whatever_it_uses(folder: Path, where: str | None) -> None:
    for party in ("tax", "welfare", "census"):
        home = folder / party
        home.mkdir()
        (home / "d.csv").write_text((folder / "d.csv").read_text())
        share = "0.09" if party == "tax" else "0.1"
        declared = {"source": "d.csv", "missing": "drop", "columns": COLUMNS, "expect": {"missing": {"age": share}}}
        (home / "datasets.yaml").write_text(json.dumps({"d": declared}))
    part = {"dataset": "d"} | ({"where": where} if where else {})
    job = {
        "protocol": "joint-count", "purpose": "p", "legal_basis": "l", "params": {"by": ["region"]},
        "parties": dict.fromkeys(("tax", "welfare", "census"), part), "receivers": ["coordinator"],
    }  # fmt: skip
    (folder / "job.yaml").write_text(json.dumps(job))
    with pytest.raises(LocalError, match="tax: d: column age: 4 of 40 rows lack a value, more than 9 %"):
        simulate(folder / "job.yaml", folder)


def test_without_an_earlier_edition_nothing_is_compared_and_the_owner_is_told(folder: Path) -> None:
    report = dataset_check(dataset({"drift": {"region": 0}}), "d", folder)
    assert report.faults == ()
    assert any("no figures of an earlier edition are kept" in one for one in report.warnings)


@pytest.mark.parametrize(
    ("expect", "edition", "says"),
    [
        ({"missing": {"wage": "0.1"}}, None, "there is no column wage"),
        ({"missing": {"age": "1.5"}}, None, "expected a share from 0 to 1"),
        ({"fresh": {"born": 5}}, "spring", "fresh needs an edition that is a date"),
        ({"fresh": {"age": 5}}, "2025", "age is no date column"),
        ({"drift": {"id": "0.1"}}, "2025", "drift: id is a key column"),
        ({"drift": {"age": "0.1"}}, None, "drift needs an edition"),
        ({"rows": [9, 8]}, None, "the least number is greater than the most"),
    ],
)
def test_expectations_that_cannot_be_are_refused(expect: dict[str, Any], edition: str | None, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        dataset(expect, edition)


def test_nobody_else_sees_what_is_expected() -> None:
    assert "expect" not in dataset({"missing": {"age": "0.1"}}).declaration.model_dump_json()


def test_an_editions_last_day_is_told_from_its_name() -> None:
    names = {"2024": "2024-12-31", "2024-02": "2024-02-29", "2025-Q3": "2025-09-30", "2025-11-05": "2025-11-05"}
    assert {name: str(last_day(name)) for name in names} == names
    assert [last_day(name) for name in ("spring", "2025-13", "2025-02-30")] == [None] * 3


def test_rows_that_are_wrong_are_shown_to_who_asks(folder: Path) -> None:
    (folder / "d.csv").write_text("id,region,age,born\n1,North,4,2025-01-01\n2,West,4o,2025-01-01\n3,South,121,\n")
    shown = wrong_rows(dataset({}), "d", folder, 2)
    assert shown == [(2, "region", "West"), (2, "age", "4o"), (3, "age", "121")]
