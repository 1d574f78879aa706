"""`mpcgov node dataset`: what is declared, what the policy allows, and whether the data are as declared."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mpcgov.cli import dataset
from mpcgov.cli.main import run

pytestmark = pytest.mark.usefixtures("read_here")

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


def test_check_passes_data_that_are_as_declared(home: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # they are read by a process of its own
    assert run(["node", "dataset", "check", "--home", str(home)]) == 0
    output = capsys.readouterr()
    assert output.out.splitlines()[2].split() == ["people", "region", "2", "0", "0", "0", "2", "██"]
    assert "all data are as declared" in output.err


def test_check_counts_what_isnt_as_declared_and_shows_no_value(home: Path, capsys: Output) -> None:
    (home / "people.csv").write_text("region,age\nNorth,4242\nWest,3o\n,7\n")
    assert run(["node", "dataset", "check", "people", "--home", str(home)]) == 2
    output = capsys.readouterr()
    assert [line.split()[1:6] for line in output.out.splitlines()[2:]] == [
        ["region", "3", "1", "0", "1"],
        ["age", "3", "0", "1", "1"],
    ]
    assert "people: column age: 1 row out of range 0..120" in output.err
    assert not any(value in output.out + output.err for value in ("4242", "West", "3o"))
    assert "mpcgov: 4 faults in 1 data set, as above" in output.err


def test_values_are_shown_on_a_terminal_only(home: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "people.csv").write_text("region,age\nNorth,42\nWest,3o\n")
    command = ["node", "dataset", "check", "--show-rows", "5", "--home", str(home)]
    assert run(command) == 2
    assert "it works on a terminal only" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert run(command) == 2
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["people", "2", "region", "West"] in shown
    assert ["people", "2", "age", "3o"] in shown


def test_a_page_has_plots_and_loads_nothing_and_shows_no_value(home: Path) -> None:
    (home / "people.csv").write_text("region,age\nNorth,42\nWest,3o\n")
    page = home / "page.html"
    assert run(["node", "dataset", "check", "--html", str(page), "--home", str(home)]) == 2
    text = page.read_text()
    assert text.count("<svg") == 2
    assert "1 row not among the declared values" in text
    assert not any(word in text for word in ("West", "3o", "<script", "http:", "https:", "src="))
    assert page.stat().st_mode & 0o77 == 0


def test_an_editions_figures_are_kept_for_the_next_one(home: Path, capsys: Output) -> None:
    command = ["node", "dataset", "check", "--keep", "--home", str(home)]
    assert run(command) == 2
    assert "no data set has an edition" in capsys.readouterr().err
    (home / "datasets.yaml").write_text(DATASETS.replace("columns:", "edition: 2025-10\n  columns:"))
    assert run(command) == 0
    assert [path.name for path in (home / "figures").iterdir()] == ["people@2025-10.json"]
    later = "edition: 2025-11\n  expect: {drift: {region: 0.1}}\n  columns:"
    (home / "datasets.yaml").write_text(DATASETS.replace("columns:", later))
    (home / "people.csv").write_text("region,age\nNorth,12\nNorth,30\n")
    assert run(["node", "dataset", "check", "--home", str(home)]) == 2
    assert "50.0% of rows lie elsewhere than in 2025-10, more than 10 %" in capsys.readouterr().err


def test_check_says_what_a_policy_must_add_about_rows_of_a_person(home: Path, capsys: Output) -> None:
    """Else each job is put to a person, as cells of rows may be one person's."""
    assert run(["node", "dataset", "check", "--home", str(home)]) == 0
    asked = "people: nothing says how many rows one person has, so that people are asked about every job; "
    assert asked + "add to its policy `rows_per_unit: {person: 1}`" in capsys.readouterr().err.splitlines()

    columns = DATASETS + "    id: {kind: key, normalise: [digits]}\n"
    (home / "datasets.yaml").write_text(columns)
    (home / "people.csv").write_text("region,age,id\nNorth,12,7\nNorth,13,no. 7\nSouth,30,9\nSouth,30,8\n")
    added = "rows_per_unit: {person: {rows: 2, key: [id]}}"
    assert run(["node", "dataset", "check", "--home", str(home)]) == 0
    assert f"{asked}add to its policy `{added}` if id tells persons apart" in capsys.readouterr().err

    for said, warned in ((added, False), (added.replace("2", "1"), True)):
        (home / "policy.yaml").write_text(POLICY.replace("}}", "}, " + said + "}"))
        assert run(["node", "dataset", "check", "--home", str(home)]) == 0
        err = capsys.readouterr().err
        assert "nothing says" not in err
        assert ("that one person has 1 row, and by id one has 2 in the data" in err) is warned


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

    monkeypatch.undo()
    monkeypatch.setattr(subprocess, "run", dead)
    assert run(["node", "dataset", "check", "--home", str(home)]) == 1
    assert "ended with status -9" in capsys.readouterr().err


def test_what_is_read_in_the_tests_process_leaves_it_as_it_is(home: Path) -> None:
    """Also where several read at once, as nodes do in threads: a process that is forked then has its own stdin."""
    given = sys.argv, sys.stdin
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: (dataset.profile(str(home / "people.csv")), sys.argv, sys.stdin), range(8)))
    assert {text for text, *_ in found} == {found[0][0]}
    assert all((argv, stdin) == given for _, argv, stdin in found)
    assert (sys.argv, sys.stdin) == given
