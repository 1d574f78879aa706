"""Workloads that are whole jobs, most of them linking rows: registers as files, the job, and the right answer."""

from __future__ import annotations

import json
import runpy
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from mpcgov import figures
from mpcgov.bench.places import CHECKOUT
from mpcgov.bench.task import Array, Task, integers
from mpcgov.errors import SpecError

OWNERS = ("left", "right")
GROUPS = 10
AMOUNT_BITS = 20
STUDY = CHECKOUT / "scripts" / "make-study"
PAYMENTS_PER_STUDENT = 20
ROW_GROUPS = 12
"""So many of a file are looked at at once."""
LEAST = 10
"""A job's `min_count` where it doesn't say another."""
HALF_UNIT = 6e-4
"""What numbers of four digits are within, relative."""


def tiny_job(size: int) -> Task:
    """Two owners bring 20 rows of each of `size` groups; the receiver gets their numbers."""

    def files(folder: Path) -> Array:
        names = [f"group {number}" for number in range(size)]
        rows = {"group": pa.array(names * 20)}, {"group": {"kind": "category", "values": names}}
        write_files(folder, dict.fromkeys(OWNERS, rows))
        write_job(folder, "joint-count", {"by": ["group"]}, {"dataset": "rows"})
        allowed = {"protocols": ["joint-count"], "purposes": ["*"], "partners": ["*"], "receivers": ["coordinator"]}
        for party in (*OWNERS, "helper"):
            home = folder / "agencies" / party
            home.mkdir(exist_ok=True)
            datasets = {"rows": {"columns": {"group": ["group"]}, "min_count": LEAST}} if party in OWNERS else {}
            (home / "policy.yaml").write_text(json.dumps(allowed | {"datasets": datasets}), encoding="utf-8")
        return np.full(size, 20.0 * len(OWNERS))

    return _task(files, "count")


def overlap(size: int) -> Task:
    """Two owners bring `size` string ids each, half of them in common; the receiver gets their number."""

    def files(folder: Path) -> Array:
        left, right = _ids(size)
        columns: dict[str, Any] = {"id": {"kind": "key"}}
        write_files(folder, {"left": ({"id": left}, columns), "right": ({"id": right}, columns)})
        write_job(folder, "overlap", {})
        return np.array([size // 2], float)

    return _task(files, "count")


def mean_by_group(size: int, oblivious: bool = False) -> Task:
    """One owner has a group of each id, the other an amount, half of the ids are in common; the receiver gets the mean
    amount of each group.

    With `oblivious`, nobody learns how many matched; the same with a matcher, who does, is the job in `matcher.yaml`.
    """

    def files(folder: Path) -> Array:
        left, right = _ids(size)
        group, amount = integers("group", size, 16) % GROUPS, integers("amount", size, AMOUNT_BITS)
        names = pa.array([f"group {number}" for number in range(GROUPS)])
        key = {"id": {"kind": "key"}}
        groups: dict[str, Any] = {**key, "group": {"kind": "category", "values": names.to_pylist()}}
        amounts: dict[str, Any] = {**key, "amount": {"kind": "integer", "min": 0, "max": 2**AMOUNT_BITS}}
        write_files(
            folder,
            {
                "left": ({"id": left, "group": names.take(pa.array(group))}, groups),
                "right": ({"id": right, "amount": pa.array(amount)}, amounts),
            },
        )
        params = {"by": ["left.group"], "measures": ["right.amount"]}
        write_job(folder, "linked-statistics", params, link={"method": "oblivious" if oblivious else "matcher"})
        write_job(folder, "linked-statistics", params, name="matcher.yaml")
        place = pc.index_in(left, value_set=right)
        both = place.is_valid().to_numpy(zero_copy_only=False)
        linked = amount[place.drop_null().to_numpy()]
        return np.bincount(group[both], linked, GROUPS) / np.bincount(group[both], minlength=GROUPS)

    return _task(files, "right.amount.mean", HALF_UNIT)


def study(students: int) -> Task:
    """Enrolments, and 20 tax payments for each student: which part graduates, by field, year and where they worked."""

    def files(folder: Path) -> Array:
        if not STUDY.is_file():
            raise SpecError(f"no {STUDY.name} here", hint="measure the study in a checkout", code="workload")
        made = runpy.run_path(str(STUDY))
        made["write"](folder, PAYMENTS_PER_STUDENT * students, students)
        shutil.copy(folder / "jobs" / "graduation-by-work.yaml", folder / "job.yaml")
        enrolled = pq.read_table(folder / "agencies/education/enrolments.parquet")
        worked, in_ict = _work(folder / "agencies/tax/payments.parquet", enrolled["person"].combine_chunks())
        years = [str(year) for year in made["YEARS"]]
        cell = _places(enrolled["field"], made["FIELDS"]) * len(years) + _places(enrolled["year"], years)
        cell = 3 * cell + np.where(in_ict, 1, np.where(worked, 0, 2))
        cells = 3 * len(made["FIELDS"]) * len(years)
        graduated = enrolled["graduated"].to_numpy()
        persons = np.bincount(cell, minlength=cells)
        # Where there are too few persons for what a mean and a variance tell, nothing is released or compared.
        few = persons < figures.least_rows(2, figures.DIGITS, [2])
        return np.where(few, np.nan, np.bincount(cell, graduated, cells) / np.maximum(1, persons))

    return _task(files, "education.graduated.mean", HALF_UNIT)


def _work(payments: Path, codes: pa.Array) -> tuple[Array, Array]:
    """Which of these persons have any payment, and which one of ICT's; some row groups at a time."""
    worked, in_ict = np.zeros(len(codes), bool), np.zeros(len(codes), bool)
    with pq.ParquetFile(payments) as file:
        for start in range(0, file.num_row_groups, ROW_GROUPS):
            groups = range(start, min(start + ROW_GROUPS, file.num_row_groups))
            paid = file.read_row_groups(groups, columns=["person", "sector"])
            place = pc.index_in(paid["person"], value_set=codes)
            worked[place.drop_null().to_numpy()] = True
            in_ict[place.filter(pc.equal(paid["sector"], "ict")).drop_null().to_numpy()] = True
    return worked, in_ict


def _places(column: pa.ChunkedArray, values: Sequence[str]) -> Array:
    places: Array = pc.index_in(column, value_set=pa.array(values)).to_numpy()
    return places


def _task(files: Callable[[Path], Array], column: str, tolerance: float = 0.0) -> Task:
    return Task(({}, {}, {}), np.zeros(0), tolerance, files, partial(_column, column=column))


def _ids(size: int) -> tuple[pa.Array, pa.Array]:
    """Two lists of ids of eleven digits, each in an order of its own; the second half of one is in the other."""
    numbers = 10**10 + np.arange(3 * size // 2) * 2_654_435_761 % 10**10
    left, right = numbers[:size], numbers[size // 2 :][:size]
    right = right[np.argsort(integers("order", len(right), 48), kind="stable")]
    return pa.array(left).cast(pa.string()), pa.array(right).cast(pa.string())


def write_files(folder: Path, owners: Mapping[str, tuple[Mapping[str, pa.Array], Mapping[str, Any]]]) -> None:
    """Agencies with Parquet files, and the same as CSV, which is what peers read."""
    for party, (columns, declared) in owners.items():
        home = folder / "agencies" / party
        home.mkdir(parents=True)
        table = pa.table(dict(columns))
        pq.write_table(table, home / "rows.parquet")
        pacsv.write_csv(table, home / "rows.csv", pacsv.WriteOptions(quoting_style="none"))
        dataset = {"source": "rows.parquet", "max_rows": len(table), "columns": dict(declared)}
        if "id" in declared:
            dataset["unique"] = ["id"]
        (home / "datasets.yaml").write_text(json.dumps({"rows": dataset}), encoding="utf-8")


BY_ID = {"dataset": "rows", "key": "id"}


def write_job(
    folder: Path,
    protocol: str,
    params: Mapping[str, Any],
    part: Mapping[str, str] = BY_ID,
    name: str = "job.yaml",
    **more: Any,
) -> None:
    """A job of two owners, each with such a part in it, and a third party that only computes."""
    job = {
        "protocol": protocol,
        "purpose": "a measurement",
        "legal_basis": "none: the data are made up",
        "parties": {**dict.fromkeys(OWNERS, part), "helper": {}},
        "params": params,
        "receivers": ["coordinator"],
    } | more
    (folder / name).write_text(json.dumps(job), encoding="utf-8")


def _column(result: Mapping[str, Any], column: str) -> Array:
    """The numbers of one column of a job's only table."""
    (table,) = result["tables"].values()
    place = table["columns"].index(column)
    return np.array([row[place] for row in table["rows"]], float)
