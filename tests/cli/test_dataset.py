"""`mpcgov node dataset`: what is declared, what the policy allows, and whether the data are as declared."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mpcgov.cli.main import run

Output = pytest.CaptureFixture[str]

DATASETS = """
people:
  source: people.csv
  columns:
    region: {kind: category, values: [North, South]}
    age:    {kind: integer, min: 0, max: 120}
"""
POLICY = """
datasets:
  people: {columns: {region: [group]}}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "tax"
    home.mkdir()
    (home / "datasets.yaml").write_text(DATASETS)
    (home / "policy.yaml").write_text(POLICY)
    (home / "people.csv").write_text("region,age\nNorth,12\nSouth,30\n")
    assert run(["node", "init", "--home", str(home), "--party", "tax", "--address", "127.0.0.1:7101"]) == 0
    return home


def test_list_shows_each_column_and_what_it_may_be_used_for(home: Path, capsys: Output) -> None:
    assert run(["node", "dataset", "list", "--home", str(home)]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "region: category of 2 values; group" in lines
    assert "age: integer from 0 to 120; never used" in lines


def test_list_without_a_policy_shows_that_nothing_is_allowed(home: Path, capsys: Output) -> None:
    (home / "policy.yaml").unlink()
    assert run(["node", "dataset", "list", "--home", str(home)]) == 0
    assert "region: category of 2 values; never used" in capsys.readouterr().out


def test_check_passes_data_that_are_as_declared(home: Path, capsys: Output) -> None:
    assert run(["node", "dataset", "check", "--home", str(home)]) == 0
    output = capsys.readouterr()
    assert output.out.splitlines()[2].split() == ["people", "region", "2", "0", "0", "0"]
    assert "all data are as declared" in output.err


def test_check_counts_what_isnt_as_declared_and_shows_no_value(home: Path, capsys: Output) -> None:
    (home / "people.csv").write_text("region,age\nNorth,4242\nWest,3o\n,7\n")
    assert run(["node", "dataset", "check", "people", "--home", str(home)]) == 2
    output = capsys.readouterr()
    assert [line.split()[1:] for line in output.out.splitlines()[2:]] == [
        ["region", "3", "1", "0", "1"],
        ["age", "3", "0", "1", "1"],
    ]
    assert "people: column age: 1 row out of range 0..120" in output.err
    assert not any(value in output.out + output.err for value in ("4242", "West", "3o"))


def test_check_of_a_data_set_that_isnt_declared_is_exit_2(home: Path, capsys: Output) -> None:
    assert run(["node", "dataset", "check", "incomes", "--home", str(home)]) == 2
    assert "no data set incomes; it declares people" in capsys.readouterr().err


def test_a_second_name_for_the_same_rows_is_refused_in_one_line(home: Path, capsys: Output) -> None:
    (home / "copy.csv").symlink_to("people.csv")
    twice = (home / "datasets.yaml").read_text() + DATASETS.replace("people", "view").replace("view.csv", "copy.csv")
    (home / "datasets.yaml").write_text(twice)
    assert run(["node", "dataset", "check", "--home", str(home)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "datasets.yaml:9: view.source: the rows of people, or some of them, under another name" in line
    assert line.endswith("declare them once, with the columns of both; of two names keep the one that jobs have used")


def test_check_of_a_file_that_isnt_there_names_the_data_set(home: Path, capsys: Output) -> None:
    (home / "people.csv").unlink()
    assert run(["node", "dataset", "check", "--home", str(home)]) == 2
    assert "mpcgov: people: " in capsys.readouterr().err


def test_a_reader_that_dies_is_our_fault(home: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(*_: Any, **__: Any) -> SimpleNamespace:
        return SimpleNamespace(stdout=b"", returncode=-9)

    monkeypatch.setattr(subprocess, "run", dead)
    assert run(["node", "dataset", "check", "--home", str(home)]) == 1
    assert "ended with status -9" in capsys.readouterr().err
