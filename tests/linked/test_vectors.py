"""Every linked protocol's vectors, through its reference; and jobs made of them pass the checks."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mpcgov import registry
from mpcgov.jobs import check
from mpcgov.linked import render, vectors
from mpcgov.linked.stacked import facts
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.table import Dataset
from tests.linked import agencies

FOLDERS = [path.parent for path in sorted(registry.folders()[0].glob("*/manifest.yaml"))]
LINKED = [folder for folder in FOLDERS if registry.read(folder).manifest.linked]
PATHS = [path for folder in LINKED for path in sorted((folder / "vectors").glob("*.json"))]


def load(path: Path) -> dict[str, Any]:
    vector: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    assert set(vector) == vectors.KEYS
    return vector


def test_every_linked_protocol_has_vectors() -> None:
    assert len(LINKED) >= 5
    assert {path.parent.parent for path in PATHS} == set(LINKED)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_the_reference_gives_what_the_vector_says(path: Path) -> None:
    vector = load(path)
    module = ModuleType("reference")
    exec((path.parent.parent / "reference.py").read_text(encoding="utf-8"), module.__dict__)
    found = module.run(vectors.owners(vector), vectors.domains(vector), vector["params"], vector["rules"])
    assert vectors.differences(found, vector["released"]) == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_a_job_of_the_vector_has_the_tables_that_the_vector_releases(path: Path) -> None:
    vector, protocol = load(path), registry.read(path.parent.parent)
    job = validate(agencies.job_of(protocol.manifest.id, vector), Job, "job")
    declarations = {
        party: validate(
            {"source": "x", "columns": columns, **unique((vector["keys"] or {}).get(party))}, Dataset, party
        ).declaration.only(set(check.used_columns(job, protocol.manifest, party)))
        for party, columns in vector["declared"].items()
    }
    check.check_job(job, protocol.manifest, declarations, 1)
    tables = check.result_tables(job, protocol.manifest, declarations)
    linked = facts(job, protocol.manifest, declarations)
    assert [table.name for table in tables] == list(vector["released"])
    for table in tables:
        rows = vector["released"][table.name]
        hidden = render.rows(linked, table, {one.name: [None] * table.rows for one in table.opened})
        assert len(rows) == len(hidden) or (not hidden and len(rows) <= table.rows)  # links have no rows to hide
        assert all(len(row) == len(table.columns) for row in rows)


def unique(key: list[str] | None) -> dict[str, list[list[str]]]:
    """That a key names one row each, of data sets that have one."""
    return {"unique": [key]} if key else {}


def test_repeated_keys_in_a_vector_are_refused() -> None:
    vector = {"tables": {"a": {"columns": ["id"], "rows": [["x"], ["x"]]}, "b": None}, "keys": {"a": ["id"]}}
    with pytest.raises(ValueError, match="a: a key is repeated"):
        vectors.owners(vector)


@pytest.mark.parametrize(
    ("found", "differs"),
    [
        ({"t": [["a", 1.0000000001, None]]}, False),
        ({"t": [["a", 1.1, None]]}, True),
        ({"t": [["a", None, None]]}, True),
        ({"t": [["b", 1.0, None]]}, True),
        ({"t": [["a", 1.0, 0]]}, True),
        ({"t": [["a", 1.0]]}, True),
        ({"t": []}, True),
        ({"u": []}, True),
    ],
)
def test_results_are_compared_number_by_number(found: dict[str, Any], differs: bool) -> None:
    assert bool(vectors.differences(found, {"t": [["a", 1.0, None]]})) == differs
