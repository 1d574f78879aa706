"""`mpcgov simulate` as a tester types it: the table that people read, and how it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mpcgov.cli.main import run

pytestmark = pytest.mark.usefixtures("read_here")

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


OVERLAP = """
protocol: overlap
purpose: made up
legal_basis: made up
parties: {a: {dataset: d, key: pid}, b: {dataset: d, key: pid}, c: {}}
receivers: [coordinator]
"""
"""Both keys are digits; only one of them keeps its zeros, which a plan refuses."""


def test_a_job_that_is_refused_beforehand_tells_of_its_data_too(tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "job.yaml").write_text(OVERLAP)
    for party, rows, zeros in (("a", "pid\n007\n8\n", "strip"), ("b", "pid\n" + "99999\n" * 3, "keep")):
        (tmp_path / party).mkdir()
        (tmp_path / party / "d.csv").write_text(rows)
        column = f"{{kind: key, normalise: [digits], zeros: {zeros}}}"
        (tmp_path / party / "datasets.yaml").write_text(f"d:\n  source: d.csv\n  columns:\n    pid: {column}\n")
    assert run(["simulate", str(tmp_path / "job.yaml"), "--agencies", str(tmp_path)]) == 2
    *notes, last = capsys.readouterr().err.splitlines()
    assert last.startswith("mpcgov: parties: keys in the same place must be written the same way")
    assert "a: d: to link its rows, add `unique: [pid]`; the data are so" in notes
    assert any(
        note.startswith("b: d: column pid: 3 rows with a key that looks like a code for no value") for note in notes
    )
    comparing = OVERLAP.replace("overlap", "record-linkage").replace(", key: pid", "")
    (tmp_path / "job.yaml").write_text(f"{comparing}params: {{fields: [{{column: name, type: name}}]}}\n")
    assert run(["simulate", str(tmp_path / "job.yaml"), "--agencies", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "looks like a code" in told
    assert "add `unique" not in told, "it links by no key"


LINKED = """
protocol: linked-count
purpose: made up
legal_basis: made up
parties: {a: {dataset: d, key: pid}, b: {dataset: d, key: pid}, c: {}}
params: {by: [a.g]}
disclosure: {min_count: 3}
receivers: [coordinator]
"""


@pytest.mark.parametrize("repeated", [False, True])
def test_keys_that_nobody_declared_unique_are_taken_to_be_if_they_are(
    tmp_path: Path, capsys: Output, repeated: bool
) -> None:
    (tmp_path / "job.yaml").write_text(LINKED)
    rows = [f"{n},x\n" for n in range(4)] + ["0,x\n"] * repeated
    for party in "ab":
        (tmp_path / party).mkdir()
        (tmp_path / party / "d.csv").write_text("pid,g\n" + "".join(rows))
        columns = "{pid: {kind: key}, g: {kind: category, values: [x]}}"
        (tmp_path / party / "datasets.yaml").write_text(f"d: {{source: d.csv, columns: {columns}}}\n")
    assert run(["simulate", str(tmp_path / "job.yaml"), "--agencies", str(tmp_path)]) == (2 if repeated else 0)
    output = capsys.readouterr()
    if repeated:
        assert "mpcgov: parties.a.key: pid may be repeated: if it names one row each, a adds" in output.err
    else:
        assert "a: d: nodes refuse this job until it says `unique: [pid]`; the data are so" in output.err
        assert output.out.splitlines()[2].split() == ["x", "4"]
