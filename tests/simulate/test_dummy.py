"""Rows made up from declarations: whoever has no data can rehearse any job."""

from __future__ import annotations

import csv
import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from mpcgov import registry
from mpcgov.cli.main import run
from mpcgov.dummy.folder import Made, write
from mpcgov.errors import SpecError
from mpcgov.spec.codelists import load_datasets
from mpcgov.spec.job import Job
from mpcgov.spec.load import load_yaml
from mpcgov.trial.simulation import simulate
from mpcgov.worker.report import dataset_check
from tests import nightly

EXAMPLES = Path("examples")
JOBS = sorted((EXAMPLES / "jobs").glob("*.yaml"))


def declarations(folder: Path) -> Path:
    """The examples' declarations, without their data."""
    for party in (EXAMPLES / "agencies").iterdir():
        (folder / party.name).mkdir(parents=True)
        (folder / party.name / "datasets.yaml").write_text((party / "datasets.yaml").read_text())
    return folder


def made(job: Job, declared: Path, folder: Path, rows: int = 300, seed: int = 1) -> Path:
    write(job, registry.find(job.protocol_name).manifest, declared, Made(rows, seed), folder)
    return folder


def table(folder: Path, party: str) -> list[dict[str, str]]:
    with (folder / party / "rows.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.by_day(2)
@pytest.mark.parametrize("path", nightly.first(4, JOBS), ids=[path.stem for path in JOBS])
def test_rows_for_every_example_are_as_declared(tmp_path: Path, path: Path) -> None:
    job = load_yaml(path, Job)
    folder = made(job, declarations(tmp_path / "cards"), tmp_path / "made")
    for party in job.data_parties:
        ((name, dataset),) = load_datasets(folder / party / "datasets.yaml").root.items()
        report = dataset_check(dataset, name, folder / party)
        assert report.faults == ()
        assert report.rows > 250


@pytest.mark.by_day(1)
@pytest.mark.parametrize("stem", ["wages-of-participants", "people-on-registers"])
def test_an_example_runs_and_its_result_says_that_rows_are_made_up(tmp_path: Path, stem: str) -> None:
    result = simulate(EXAMPLES / "jobs" / f"{stem}.yaml", declarations(tmp_path), dummy=Made(500, 7))
    assert result["dummy"] == {"rows": 500, "seed": 7}
    rows = chain.from_iterable(one["rows"] for one in result["tables"].values())
    assert any(isinstance(row[-1], int | float) for row in rows)


def test_the_same_seed_makes_the_same_rows_and_registers_overlap(tmp_path: Path) -> None:
    job, cards = load_yaml(EXAMPLES / "jobs" / "wages-of-participants.yaml", Job), declarations(tmp_path / "cards")
    once, again, other = (made(job, cards, tmp_path / str(n), seed=seed) for n, seed in enumerate((1, 1, 2)))
    assert table(once, "tax") == table(again, "tax") != table(other, "tax")
    keys = [
        {tuple(row[column] for column in job.parties[party].key or ()) for row in table(once, party)}
        for party in job.data_parties
    ]
    assert len(keys[0] & keys[1]) > 0.6 * len(keys[0])


@pytest.mark.parametrize(("length", "rows", "together"), [(11, 300, 200), (4, 2000, 1500), (2, 300, 80)])
def test_ids_that_are_called_otherwise_meet_whatever_their_checks(
    tmp_path: Path, length: int, rows: int, together: int
) -> None:
    pid = {"kind": "key", "check": "luhn", "pattern": f"[0-9]{{{length}}}", "length": length}
    columns: dict[str, Any] = {
        "a": {"pid": pid, "age": AGE},
        "b": {
            "person": {"kind": "key", "length": length},
            "pay": {"kind": "decimal", "min": 0, "max": 10**6, "places": 2},
        },
    }
    for party, said in columns.items():
        (tmp_path / party).mkdir()
        key = next(iter(said))
        (tmp_path / party / "datasets.yaml").write_text(json.dumps({"d": {"unique": [[key]], "columns": said}}))
    parts = {"a": {"dataset": "d", "key": ["pid"]}, "b": {"dataset": "d", "key": ["person"]}, "c": {}}
    job = Job.model_validate(
        {"protocol": "linked-statistics", "purpose": "p", "legal_basis": "l", "parties": parts, "receivers": ["c"]}
        | {"params": {"measures": ["b.pay"]}}
    )
    folder = made(job, tmp_path, tmp_path / "made", rows)
    ids = {row["pid"] for row in table(folder, "a")} & {row["person"] for row in table(folder, "b")}
    assert len(ids) > together
    assert {len(one) for one in ids} == {length}


AGE = {"kind": "integer", "min": 0, "max": 120}


def test_compared_fields_are_alike_but_for_slips(tmp_path: Path) -> None:
    texts, counties = {"kind": "text"}, {"kind": "category", "values": [f"county {number}" for number in range(12)]}
    born = {"kind": "date", "min": "1950-01-01", "max": "2020-12-31"}
    said = {
        "a": {"given": texts, "surname": texts, "dob": texts, "county": counties},
        "b": {"first_name": texts, "family": texts, "born": born, "place": counties},
    }
    for party, columns in said.items():
        (tmp_path / party).mkdir()
        (tmp_path / party / "datasets.yaml").write_text(json.dumps({"d": {"columns": columns, "missing": "drop"}}))
    fields = [
        {"type": kind, "columns": dict(zip(said, names, strict=True))}
        for kind, names in [
            ("name", ("given", "first_name")),
            ("name", ("surname", "family")),
            ("date", ("dob", "born")),
        ]
    ]
    blocks = [[{"type": "value", "columns": {"a": "county", "b": "place"}}]]
    job = Job.model_validate(
        {"protocol": "record-linkage", "purpose": "p", "legal_basis": "l", "receivers": ["c"]}
        | {
            "parties": {"a": {"dataset": "d"}, "b": {"dataset": "d"}, "c": {}},
            "params": {"fields": fields, "blocks": blocks},
        }
    )
    folder = made(job, tmp_path, tmp_path / "made")
    here = {tuple(row.values()) for row in table(folder, "a")}
    there = {(*list(row.values())[:2], row["born"].replace("-", ""), row["place"]) for row in table(folder, "b")}
    assert 0.4 * len(here) < len(here & there) < 0.8 * len(here)


def test_a_folder_without_a_declaration_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SpecError, match="census"):
        simulate(JOBS[0], tmp_path, dummy=Made())
    assert run(["simulate", str(JOBS[0]), "--dummy", str(tmp_path), "--agencies", str(tmp_path)]) == 2
    assert "either --agencies or --dummy" in capsys.readouterr().err
