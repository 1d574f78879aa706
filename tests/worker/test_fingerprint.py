"""Fingerprints of what a job uses of a data set: whatever changes what is handed on changes them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from mpcgov.node.ledger import changed
from mpcgov.spec.ids import digest
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.order import PLACE, UNITS, WHOLE, Order
from mpcgov.trial.simulation import Simulation
from mpcgov.worker import read

COLUMNS: dict[str, Any] = {
    "id": {"kind": "key"},
    "name": {"kind": "text"},
    "born": {"kind": "date", "min": "1900-01-01", "max": "2025-12-31"},
    "sex": {"kind": "category", "values": ["F", "M"]},
    "age": {"kind": "integer", "min": 0, "max": 120},
}
OTHER = {"id": "another", "name": "Oda", "born": "1999-12-31", "sex": "M", "age": "99"}
ROWS = [
    {"id": "a", "name": "Ada", "born": "1970-01-01", "sex": "F", "age": "40"},
    {"id": "b", "name": "", "born": "1971-01-01", "sex": "F", "age": "41"},
    {"id": "c", "name": "Cid", "born": "", "sex": "F", "age": "42"},
    {"id": "d", "name": "Dot", "born": "1973-01-01", "sex": "F", "age": ""},
    {"id": "e", "name": "Eve", "born": "1974-01-01", "sex": "", "age": "44"},
]
"""Every column but the key lacks a value in one row."""

FIELDS = [
    {"type": "name", "columns": {"tax": "name", "edu": "name"}},
    {"type": "date", "columns": {"tax": "born", "edu": "born"}},
]
COMPARED = {"fields": FIELDS, "threshold": "0.7"}
NAMED = {"output": "links", "identify": {"tax": "id", "edu": "id"}}
JOBS: dict[str, dict[str, Any]] = {
    "counts where missing": {"protocol": "joint-count", "params": {"by": ["sex"]}, "where": "age is null or age > 40"},
    "sums": {"protocol": "joint-statistics", "params": {"by": ["sex"], "measures": ["age"]}},
    "keys": {"protocol": "linked-statistics", "params": {"by": ["edu.sex"], "measures": ["tax.age"]}, "key": ["id"]},
    "records and groups": {"protocol": "record-linkage", "params": COMPARED | {"by": ["tax.sex"]}},
    "records by name": {"protocol": "record-linkage", "params": COMPARED | NAMED, "where": "age > 40"},
}
CHANGED = {"counts where missing": "sex", "sums": "age", "keys": "id", "records and groups": "born"}
"""The column whose values are changed, row by row; elsewhere the name."""


def read_by(folder: Path, job: dict[str, Any], rows: list[dict[str, str]]) -> tuple[bytes, dict[str, str]]:
    """What tax's reading child hands on, and the fingerprints of the rows it was made from: not of where they stand."""
    handed_on, fingerprints = read_all_by(folder, job, rows)
    return handed_on, {name: value for name, value in fingerprints.items() if name != PLACE}


def read_all_by(folder: Path, job: dict[str, Any], rows: list[dict[str, str]]) -> tuple[bytes, dict[str, str]]:
    """What tax's reading child hands on, and all that its node is told."""
    write, fingerprints, _ = read._read(ordered(folder, job, rows))
    write(stream := io.BytesIO())
    return stream.getvalue(), fingerprints


def ordered(folder: Path, job: dict[str, Any], rows: list[dict[str, str]]) -> Order:
    """What tax's node asks that child, of rows that both owners have."""
    for party in ("tax", "edu"):
        (folder / party).mkdir(exist_ok=True)
        with (folder / party / "people.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(COLUMNS))
            writer.writeheader()
            writer.writerows(rows)
        declared = {
            "people": {"source": "people.csv", "missing": job.get("missing", "drop"), "max_rows": 1000}
            | {"columns": job.get("columns", COLUMNS), "unique": job.get("unique", ["id"])}
        }
        (folder / party / "datasets.yaml").write_text(json.dumps(declared), encoding="utf-8")
    part = {"dataset": "people"} | {name: job[name] for name in ("key", "where") if name in job}
    asked = {
        "protocol": job["protocol"],
        "purpose": "a test",
        "legal_basis": "none",
        "parties": {name: part | job.get(name, {}) for name in ("tax", "edu")} | {"helper": {}},
        "params": job["params"],
        "receivers": ["coordinator"],
    }
    made = Simulation.of(validate(asked, Job, "job"), folder)
    return Order(
        proposal=made.proposal, party="tax", datasets=str(made.files["tax"]), folder=str(made.protocol.folder),
        binding=digest(b""), left_s=60.0, fingerprint=True,
    )  # fmt: skip


@pytest.mark.by_day(2)
@pytest.mark.parametrize("name", JOBS)
def test_r26_whatever_changes_what_a_job_uses_of_its_rows_changes_their_fingerprints(name: str, tmp_path: Path) -> None:
    """Of every row, also those that lack a value which the job can do without."""
    before, prints = read_by(tmp_path, JOBS[name], ROWS)
    column, told = CHANGED.get(name, "name"), 0
    for place, row in enumerate(ROWS):
        changed = [*ROWS[:place], row | {column: OTHER[column]}, *ROWS[place + 1 :]]
        after, now = read_by(tmp_path, JOBS[name], changed)
        if after != before:
            told += 1
            assert now != prints, place
    assert told >= 3


def test_coins_of_matchers_go_with_the_whole_data_set_not_with_the_rows_that_a_job_chose(tmp_path: Path) -> None:
    """If they went with the chosen rows, a person whom one filter keeps and another doesn't would show by them."""
    job, wholes = JOBS["keys"], []
    for rows, age in ((ROWS, 40), (ROWS, 41), ([ROWS[0] | {"age": "39"}, *ROWS[1:]], 41)):
        _, prints = read_by(tmp_path, job | {"where": f"age > {age}"}, rows)
        wholes.append(prints)
    assert wholes[0] == wholes[1]
    assert wholes[0][WHOLE] != wholes[2][WHOLE]  # the row that has changed is none that was chosen
    assert WHOLE not in read_by(tmp_path, JOBS["sums"], ROWS)[1]


def test_r26_the_order_of_rows_and_what_a_job_does_not_use_change_no_fingerprint(tmp_path: Path) -> None:
    job = {"protocol": "record-linkage", "params": COMPARED}
    _, prints = read_by(tmp_path, job, ROWS)
    assert read_by(tmp_path, job, ROWS[::-1])[1] == prints
    assert read_by(tmp_path, job, [row | {"age": "1", "sex": "M"} for row in ROWS])[1] == prints
    assert prints["all rows"] == "5"
    name, number = json.loads(read_all_by(tmp_path, job, ROWS)[1][PLACE])
    assert json.loads(name) == [f"file:{tmp_path.resolve()}/tax/people.csv"]
    assert json.loads(number)[0].startswith("number:")


GROUPED: dict[str, dict[str, Any]] = {
    "counts": {"protocol": "joint-count", "params": {"by": ["sex", "name"]}},
    "sums": {"protocol": "joint-statistics", "params": {"by": ["sex"], "measures": ["age"]}},
    "keys": {"protocol": "linked-count", "params": {"by": ["tax.sex"]}, "key": ["id"]},
}


@pytest.mark.by_day(1)
@pytest.mark.parametrize("name", GROUPED)
def test_r26_who_is_in_which_group_shows_whatever_else_a_filter_tests(name: str, tmp_path: Path) -> None:
    """Each column has the same values before and after; the filters are about all rows, and test other columns."""
    columns = COLUMNS | {"name": {"kind": "category", "values": [row["name"] or "None" for row in ROWS]}}
    groups = [row | {"sex": sex, "age": age} for row, sex, age in zip(ROWS, "FFMMF", "12345", strict=True)]
    moved = [row | {"sex": sex} for row, sex in zip(groups, "MFFMF", strict=True)]
    job = GROUPED[name] | {"columns": columns}
    for where in ("born is null or born is not null", "age > 1 and age <= 4", "sex = 'F'"):
        (_, before), (_, same), (_, after) = (
            read_by(tmp_path, job | {"where": where}, rows) for rows in (groups, groups[::-1], moved)
        )
        assert before == same
        assert changed(before, after)


def test_r26_who_is_on_which_side_of_a_filter_shows_whatever_else_a_job_uses(tmp_path: Path) -> None:
    """Two persons change places: each column has the values that it had."""
    columns = COLUMNS | {"name": {"kind": "category", "values": [row["name"] or "None" for row in ROWS]}}
    job = {"protocol": "joint-count", "where": "age < 41", "columns": columns}
    swapped = [ROWS[0] | {"age": "41"}, ROWS[1] | {"age": "40"}, *ROWS[2:]]
    swapped[1] = swapped[1] | {"sex": "M"}
    rows = [ROWS[0], ROWS[1] | {"sex": "M"}, *ROWS[2:]]
    _, before = read_by(tmp_path, job | {"params": {"by": ["sex"]}}, rows)
    _, after = read_by(tmp_path, job | {"params": {"by": ["sex"]}}, swapped)
    assert before["all rows"] == after["all rows"]
    assert changed(before, after)


def test_r26_what_decides_which_row_is_the_first_of_a_key_is_in_the_fingerprints(tmp_path: Path) -> None:
    """The first is by all columns in their order, also those that the job doesn't use."""
    twice = [
        row | {"name": "", "sex": sex, "born": born}
        for row, sex, born in zip(ROWS, "FM", ("1970-01-01", "1971-01-01"), strict=False)
    ]
    twice = [row | {"id": "a", "age": "1"} for row in twice]
    turned = [row | {"born": other["born"]} for row, other in zip(twice, twice[::-1], strict=True)]
    job = {"protocol": "linked-count", "params": {"by": ["tax.sex"]}, "key": ["id"], "unique": []}
    job |= {"tax": {"duplicates": {"sex": "first"}}, "edu": {"duplicates": {}}}
    (before, prints), (after, now) = read_by(tmp_path, job, twice), read_by(tmp_path, job, turned)
    assert before != after
    assert changed(prints, now)


def units(folder: Path, name: str, where: str | None, rows: list[dict[str, str]]) -> dict[str, str]:
    """Fingerprints of what everybody's rows say, by the column that a filter tests."""
    _, prints = read_by(folder, JOBS[name] | ({} if where is None else {"where": where}), rows)
    return {label.split(": ")[1].split(" by ")[0]: one for label, one in prints.items() if label.startswith(UNITS)}


@pytest.mark.by_day(1)
@pytest.mark.parametrize("name", ["sums", "keys"])
def test_who_is_on_which_side_of_a_filter_is_told_from_who_else_could_be(name: str, tmp_path: Path) -> None:
    """Of the whole data set, whichever side a job chose; the same numbers on each side are no proof."""
    swapped = [ROWS[0] | {"age": "41"}, ROWS[1] | {"age": "40"}, *ROWS[2:]]
    young = units(tmp_path, name, "age < 41", ROWS)
    assert set(young) == {"age"}
    assert young == units(tmp_path, name, "age >= 41", ROWS[::-1])
    assert young == units(tmp_path, name, "age < 41", [row | {"sex": "M"} for row in ROWS])
    assert units(tmp_path, name, "age < 41 and born is not null", ROWS) == young | {"born": ANY}
    for other in (swapped, ROWS[1:], [*ROWS, ROWS[0] | {"id": "f"}], [ROWS[0] | {"id": "f"}, *ROWS[1:]]):
        assert units(tmp_path, name, "age < 41", other) not in ({}, young)
    assert units(tmp_path, name, None, ROWS) == {}


def test_rows_that_are_about_nobody_known_prove_nothing(tmp_path: Path) -> None:
    """They are among those that are added up, and may be of one person; linked with others they aren't."""
    nobody = [*ROWS, ROWS[0] | {"id": ""}]
    assert units(tmp_path, "sums", "age < 41", nobody) == {"age": ""}
    assert units(tmp_path, "keys", "age < 41", nobody) == units(tmp_path, "keys", "age < 41", ROWS)
