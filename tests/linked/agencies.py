"""Workspaces for linked jobs: vectors as agencies' files and job files."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any


def write(folder: Path, protocol: str, vector: dict[str, Any], unique: bool = True, **job: Any) -> Path:
    """The agencies of a vector under `folder/agencies`, and its job; `unique`: they declare its keys so."""
    for party, table in vector["tables"].items():
        if table is None:
            continue
        home = folder / "agencies" / party
        home.mkdir(parents=True)
        with (home / "rows.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(table["columns"])
            writer.writerows(table["rows"])
        declared = {"source": "rows.csv", "max_rows": 10_000, "columns": vector["declared"][party]}
        if unique and vector["keys"]:
            declared["unique"] = [vector["keys"][party]]
        (home / "datasets.yaml").write_text(json.dumps({"rows": declared}), encoding="utf-8")
    path = folder / "job.yaml"
    path.write_text(json.dumps(job_of(protocol, vector) | job), encoding="utf-8")
    return path


def job_of(protocol: str, vector: dict[str, Any]) -> dict[str, Any]:
    """The vector's job."""
    rules, keys = vector["rules"], vector["keys"]
    parts = {
        party: {} if table is None else {"dataset": "rows"} | ({"key": keys[party]} if keys else {})
        for party, table in vector["tables"].items()
    }
    return {
        "protocol": protocol,
        "purpose": vector["what"],
        "legal_basis": "none",
        "parties": parts,
        "params": vector["params"],
        "disclosure": {name: rules[name] for name in ("min_count", "round_to") if rules[name] is not None},
        "receivers": rules.get("receivers", ["coordinator"]),
        **({"link": {"join": rules["join"]}} if keys else {}),
    }
