"""Every protocol folder: well-formed, honest about itself, and the same as its reference through real workers."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from types import ModuleType

import pytest

from mpcgov import disclosure, protocol_check, registry
from mpcgov.coordinator.plan import cost
from mpcgov.linked import vectors
from mpcgov.protocol import language
from mpcgov.simulate import simulate
from mpcgov.spec.job import Disclosure
from tests.linked import agencies

FOLDERS = [folder / name for folder in registry.folders() for name in registry.names()]
PATHS = [(folder, path) for folder in FOLDERS for path in sorted((folder / "vectors").glob("*.json"))]
VECTORS = [(folder, path) for folder, path in PATHS if registry.read(folder).manifest.local == "counts"]
ROWS = [(folder, path) for folder, path in PATHS if (folder, path) not in VECTORS]


def reference(folder: Path) -> ModuleType:
    module = ModuleType("reference")
    exec((folder / "reference.py").read_text(encoding="utf-8"), module.__dict__)
    return module


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_protocol_is_complete_and_imports_only_what_it_may(folder: Path) -> None:
    manifest = registry.read(folder).manifest
    everyone = {leak.id for leak in manifest.leakage if leak.to == "everyone"}
    assert {"data-contract", "rows-changed"} <= everyone  # what any job's refusal or start can tell of data
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert [heading for heading in protocol_check.HEADINGS if f"**{heading}.**" not in readme] == []
    assert language.faults((folder / "program.py").read_bytes(), folder.name) == []
    assert list((folder / "vectors").glob("*.json")) != []


@pytest.mark.parametrize(("folder", "path"), VECTORS, ids=lambda value: value.stem if value.suffix else value.name)
def test_reference_and_program_give_what_the_vector_says(folder: Path, path: Path, workspace) -> None:
    vector = json.loads(path.read_text(encoding="utf-8"))
    tables = {
        party: [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
        for party, table in vector["tables"].items()
        if table is not None
    }
    rules = dict(vector["disclosure"])
    receivers = rules.pop("receivers", ["coordinator"])
    counts = reference(folder).run(tables, vector["domains"], vector["params"])
    assert counts == vector["expected"]
    alone = {
        party: reference(folder).run({party: rows}, vector["domains"], vector["params"])
        for party, rows in tables.items()
    }
    by = vector["params"]["by"]
    cells = [dict(zip(by, cell, strict=True)) for cell in itertools.product(*(vector["domains"][name] for name in by))]
    nobody = [
        place
        for place, cell in enumerate(cells)
        if any(cell.items() >= combination.items() for combination in rules.get("impossible", []))
    ]
    released = {
        name: disclosure.released(
            found,
            Disclosure(**rules),
            len(vector["domains"][by[-1]]),
            {party: own[name] for party, own in alone.items()},
            receivers,
            nobody,
        )[0]
        for name, found in counts.items()
    }
    assert released == vector["released"]

    workspace.domains = vector["domains"]
    for party, table in vector["tables"].items():
        workspace.agency(party, None if table is None else [row | {"age": "1"} for row in tables[party]])
    rules = {name: value for name, value in rules.items() if value is not None}
    job = workspace.job(vector["params"]["by"], protocol=folder.name, disclosure=rules, receivers=receivers)
    result = simulate(job, workspace.folder)
    for name, cells in released.items():
        shown = [disclosure.SENTINEL if row[-1] is None else row[-1] for row in result["tables"][name]["rows"]]
        assert shown == cells


@pytest.mark.parametrize("parties", [3, 4])
@pytest.mark.parametrize("round_to", [None, 5])
def test_what_a_plan_says_of_the_cost_is_right_within_a_factor_of_three(workspace, parties, round_to) -> None:
    workspace.domains = {"value": [f"v{i}" for i in range(200)]}
    for i in range(parties):
        workspace.agency(f"p{i}", [{"value": "v1", "age": "1"}] * 5)
    rules = {"min_count": 10} | ({"round_to": round_to} if round_to else {})
    spent = simulate(workspace.job(["value"], disclosure=rules), workspace.folder)["cost"]
    rounds, bytes_per_party = cost(registry.find("joint-count").manifest, 200, parties, round_to is not None)
    assert max(spent["bytes_sent"].values()) < 3 * bytes_per_party
    assert bytes_per_party < 3 * max(spent["bytes_sent"].values())
    assert spent["rounds"] < 3 * rounds < 9 * spent["rounds"]


@pytest.mark.parametrize(
    ("protocol", "name"),
    [("overlap", "three-owners"), ("linked-count", "inner-rounded"), ("linked-statistics", "left")],
)
def test_linked_rows_give_the_same_by_the_oblivious_method(protocol: str, name: str, tmp_path: Path) -> None:
    vector = json.loads((registry.find(protocol).folder / "vectors" / f"{name}.json").read_text(encoding="utf-8"))
    link = {"method": "oblivious", "join": vector["rules"]["join"]}
    result = simulate(agencies.write(tmp_path, protocol, vector, link=link), tmp_path / "agencies")
    found = {name: table["rows"] for name, table in result["tables"].items()}
    assert vectors.differences(found, vector["released"]) == []
    assert not any({"what": "matches-noised"} in learned for learned in result["learned"].values())


@pytest.mark.parametrize(("folder", "path"), ROWS, ids=lambda value: value.stem if value.suffix else value.name)
def test_rows_give_what_the_vector_says_through_real_workers(folder: Path, path: Path, tmp_path: Path) -> None:
    vector = json.loads(path.read_text(encoding="utf-8"))
    result = simulate(agencies.write(tmp_path, folder.name, vector), tmp_path / "agencies")
    found = {name: table["rows"] for name, table in result["tables"].items()}
    tolerance = 5e-5 if "coefficients" in found else 1e-9
    assert vectors.differences(found, vector["released"], tolerance) == []
    assert result["disclosure"]["min_count"] == vector["rules"]["min_count"]
