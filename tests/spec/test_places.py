"""A source has one name: no other path, link, pattern, sheet or URL makes a second data set of its rows."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import sqlalchemy as sql

from mpcgov.errors import SpecError
from mpcgov.node import names
from mpcgov.spec.codelists import load_datasets, read_declarations
from mpcgov.spec.places import place

COLUMNS = {"id": {"kind": "key"}}
PG = "postgres://reader:secret@db.example:5432/stats#public.people"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "pays" / "year=2024").mkdir(parents=True)
    for name in ("people.csv", "other.csv", "people.xlsx", "people.db", "pays/year=2024/1.parquet", "pays/2.parquet"):
        (tmp_path / name).write_text("id\na\n", encoding="utf-8")
    os.link(tmp_path / "people.csv", tmp_path / "hard.csv")
    os.link(tmp_path / "pays" / "2.parquet", tmp_path / "two.parquet")
    (tmp_path / "soft.csv").symlink_to("people.csv")
    (tmp_path / "here").symlink_to(".")
    return tmp_path


def declare(home: Path, *sources: str) -> Path:
    declared = {f"d{n}": {"source": source, "columns": COLUMNS} for n, source in enumerate(sources)}
    path = home / "datasets.yaml"
    path.write_text(json.dumps(declared, indent=1), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("people.csv", "people.csv"),
        ("people.csv", "./pays/../people.csv"),
        ("people.csv", "HOME/people.csv"),
        ("people.csv", "hard.csv"),
        ("people.csv", "soft.csv"),
        ("people.csv", "here/people.csv"),
        ("not-yet.csv", "here/not-yet.csv"),
        ("pays", "pays/year=2024"),
        ("pays", "HOME/pays/*.parquet"),
        ("pays/2.parquet", "pays/*.parquet"),
        ("pays", "two.parquet"),
        ("people.xlsx", "people.xlsx#Sheet1"),
        ("people.xlsx#sheet1", "here/people.xlsx#Sheet1"),
        ("duckdb://people.db#people", "duckdb://here/people.db#main.people"),
        (PG, "postgresql://db.example/stats?sslmode=require#people"),
        (PG, "postgres://another@DB.example/stats#public.people"),
        ("postgres:///stats#people", "postgres://127.0.0.1:5432/stats?application_name=x#public.people"),
        ("postgres://stats@localhost#people", "postgres://localhost/stats#people"),
        (PG, "postgres:///?service=register#people"),
        ("mysql://h/stats#people", "mariadb://reader@h:3306/#stats.people"),
        ("trino://h:8080/hive/stats#people", "trino://u@h/hive#stats.people"),
        ("pyspark:///warehouse#people", "pyspark:///warehouse?spark.master=local#default.people"),
    ],
)
def test_one_source_has_one_name(one: str, other: str, home: Path) -> None:
    """Else a register has as many ledgers as names, and two tables of it are never compared."""
    for sources in ((one, "other.csv", other), (other, "other.csv", one)):
        path = declare(home, *(source.replace("HOME", str(home)) for source in sources))
        with pytest.raises(SpecError) as raised:
            load_datasets(path)
        (fault,) = raised.value.faults
        assert fault.startswith(f"{path}:19: d2.source: the rows of d0, or some of them, under another name")
        assert "secret" not in fault


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("people.csv", "other.csv"),
        ("people.csv", "people.csv.gz"),
        ("pays/2.parquet", "pays/year=2024"),
        ("pays/year=2023", "pays/year=2024"),
        ("people.xlsx#2023", "people.xlsx#2024"),
        ("duckdb://people.db#people", "duckdb://people.db#firms"),
        (PG, PG.replace("people", "firms")),
        (PG, PG.replace("public", "archive")),
        (PG, PG.replace("db.example", "old.example")),
        (PG, PG.replace("5432", "5433")),
        (PG, PG.replace("stats", "pay")),
        (PG, "mysql://db.example/stats#people"),
        ("mysql://h/stats#people", "mysql://h/pay#people"),
        ("trino://h/hive/stats#people", "trino://h/hive/pay#people"),
    ],
)
def test_other_rows_have_names_of_their_own(one: str, other: str, home: Path) -> None:
    assert len(load_datasets(declare(home, one, other)).root) == 2


def test_what_is_declared_without_its_source_may_be_anywhere(home: Path) -> None:
    declared = {name: {"columns": COLUMNS} for name in ("people", "firms")}
    (home / "datasets.yaml").write_text(json.dumps(declared), encoding="utf-8")
    assert len(read_declarations(home / "datasets.yaml")) == 2


@pytest.mark.parametrize(
    ("one", "later"),
    [
        ("people.csv", "hard.csv"), ("people.csv", "soft.csv"), ("pays/2.parquet", "pays/*.parquet"),
        ("pays", "two.parquet"),
        (PG, "postgres://db.example/stats#people"), ("postgres://db.example/stats#people", PG),
        ("people.xlsx#Sheet1", "people.xlsx"), ("pays/*.parquet", "pays/2.parquet"),
    ],
)  # fmt: skip
def test_a_source_that_jobs_have_used_is_known_again(one: str, later: str, home: Path) -> None:
    """By another path, link, pattern or URL, after its first name was given up."""
    engine = sql.create_engine("sqlite://")
    names.NAMES.create(engine)
    with engine.begin() as tx:
        assert names.taken(tx, "first", json.dumps(place(one, home).texts)) is None
        assert names.taken(tx, "first", json.dumps(place(one, home).texts)) is None
        assert names.taken(tx, "second", json.dumps(place(later, home).texts)) == "first"
        assert names.taken(tx, "second", json.dumps(place("other.csv", home).texts)) is None
        (home / "other.csv").unlink()
        (home / "more.csv").write_text("id\nb\n", encoding="utf-8")  # maybe by the number that the other one had
        assert names.taken(tx, "third", json.dumps(place("more.csv", home).texts)) is None
