"""Every protocol folder: well-formed, honest about itself, and the same as its reference through real workers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mpcgov import registry
from mpcgov.coordinator.plan import cost
from mpcgov.linked import vectors
from mpcgov.protocol import check as protocol_check
from mpcgov.protocol import language, trial
from mpcgov.trial.simulation import simulate
from tests import nightly
from tests.linked import agencies

FOLDERS = [folder / name for folder in registry.folders() for name in registry.names()]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_protocol_is_complete_and_imports_only_what_it_may(folder: Path) -> None:
    manifest = registry.read(folder).manifest
    everyone = {leak.id for leak in manifest.leakage if leak.to == "everyone"}
    assert {"data-contract", "rows-changed"} <= everyone  # what any job's refusal or start can tell of data
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert [heading for heading in protocol_check.HEADINGS if f"**{heading}.**" not in readme] == []
    assert language.faults((folder / "program.py").read_bytes(), folder.name) == []
    assert list((folder / "vectors").glob("*.json")) != []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_vectors_are_what_the_reference_and_real_workers_give(folder: Path) -> None:
    """By the reference always all; through real workers by day the shortest of each protocol."""
    every = bool(nightly.count(0, 1))
    assert trial.run(folder, every) == (protocol_check.check(folder) if every else 1)


@pytest.mark.by_day(2)
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


@pytest.mark.by_day(2)
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
