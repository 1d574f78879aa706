"""`mpcgov simulate` as a tester types it: the table that people read, and how it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mpcgov.cli.main import run

Output = pytest.CaptureFixture[str]


@pytest.fixture
def job(workspace: Any) -> Path:
    workspace.domains["region"] = ["North", "[bold]South", "Øst"]
    rows = [{"region": "North", "age": "30"}] * 600 + [{"region": "[bold]South", "age": "40"}] * 2
    workspace.agency("tax", rows)
    workspace.agency("welfare", rows)
    workspace.agency("statistics", None)
    path: Path = workspace.job(["region"], disclosure={"min_count": 10, "round_to": 5})
    return path


def test_a_table_for_people(job: Path, capsys: Output) -> None:
    assert run(["simulate", str(job), "--agencies", str(job.parent)]) == 0
    output = capsys.readouterr()
    assert output.out == (
        "region       count\n"
        "───────────  ─────\n"
        "North        1,200\n"
        "[bold]South      ·\n"
        "Øst              ·\n"
        "\n"
        "Total of the released cells: 1,200.\n"
        "Released counts are rounded to multiples of 5.\n"
        "· 2 cells are suppressed: fewer than 10 rows, or none; nobody saw how many.\n"
    )
    assert output.err.startswith("job ")
    assert "joint-count@sha256:" in output.err


@pytest.mark.parametrize("threshold", ["0", "-1", "2"])
def test_a_threshold_that_three_parties_cant_have_is_exit_2(job: Path, capsys: Output, threshold: str) -> None:
    assert run(["simulate", str(job), "--agencies", str(job.parent), "--threshold", threshold]) == 2
    assert "threshold" in capsys.readouterr().err


def test_every_fault_of_a_job_file_is_on_the_one_line(job: Path, capsys: Output) -> None:
    value = json.loads(job.read_text())
    value["recievers"] = value.pop("receivers")
    job.write_text(json.dumps(value | {"deadline_s": "soon", "params": {}}, indent=1))
    assert run(["simulate", str(job), "--agencies", str(job.parent), "--json"]) == 2
    output = capsys.readouterr()
    message = json.loads(output.out)["error"]["message"]
    assert all(words in message for words in ("receivers: missing", "recievers: unknown key", "deadline_s: "))
    assert len(output.err.splitlines()) == 1


def test_data_that_arent_as_declared_are_exit_2_without_a_value(job: Path, capsys: Output) -> None:
    with (job.parent / "welfare" / "people.csv").open("a", newline="") as file:
        file.write("Atlantis,4242\r\n")
    value = json.loads(job.read_text())
    value["parties"]["welfare"]["where"] = "age < 100"
    job.write_text(json.dumps(value))
    assert run(["simulate", str(job), "--agencies", str(job.parent)]) == 2
    line = capsys.readouterr().err
    assert "people: column region: 1 row not among the declared values" in line
    assert "column age: 1 row out of range" in line
    assert "Atlantis" not in line
    assert "4242" not in line
