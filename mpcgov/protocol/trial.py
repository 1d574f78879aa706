"""Runs a protocol's vectors through real workers, and compares what they release with what the vectors say.

What only shows when a program runs is found here: a mistake in it, tables that its manifest doesn't have, and numbers
that aren't what the manifest says they are (`mpcgov/worker/held.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mpcgov import disclosure, registry
from mpcgov.errors import InternalError, MpcgovError, PeerError, SpecError
from mpcgov.linked import vectors
from mpcgov.node.supervisor import Supervisor
from mpcgov.protocol_check import load_reference
from mpcgov.registry import Protocol
from mpcgov.simulation import Simulation
from mpcgov.spec.job import Job
from mpcgov.spec.load import load_yaml, read_text

MAX_ROWS = 10_000
"""What the agencies of a vector declare; none has more rows."""
TOLERANCE = 1e-9
"""How far a released number may be from the reference's, relative; a reference that doesn't round defines its own."""


def run(folder: Path, every: bool) -> int:
    """How many vectors were run through real workers, all of them as they say; not `every`: the shortest only.

    Raises:
        SpecError: with each vector that gives something else, or a mistake of the program's.
    """
    folder = folder.resolve()  # so that messages can name it, also where it is the current one
    protocol = registry.read(folder)
    paths = sorted((folder / "vectors").glob("*.json"), key=lambda path: (path.stat().st_size, path.name))
    chosen = paths if every else paths[:1]
    faults = asyncio.run(_faults(protocol, chosen))
    if faults:
        raise SpecError(dict.fromkeys(faults), code="protocol")
    return len(chosen)


async def _faults(protocol: Protocol, paths: Sequence[Path]) -> list[str]:
    tolerance = float(load_reference(protocol.folder).get("TOLERANCE", TOLERANCE))
    faults: list[str] = []
    async with contextlib.AsyncExitStack() as stack:
        pool: list[Supervisor] = []
        for path in paths:
            vector = json.loads(read_text(path))
            while len(pool) < len(vector["tables"]):
                pool.append(Supervisor(keep_warm=path is not paths[-1]))
                stack.push_async_callback(pool[-1].close)
            try:
                faults += [f"{path}: {fault}" for fault in await _differences(protocol, vector, pool, tolerance)]
            except (InternalError, PeerError):
                raise
            except MpcgovError as error:
                faults.append(error.line() if error.code == "program" else f"{path}: {error.line()}")
    return faults


async def _differences(
    protocol: Protocol, vector: Mapping[str, Any], pool: Sequence[Supervisor], tolerance: float
) -> list[str]:
    with tempfile.TemporaryDirectory() as place:
        job = load_yaml(write(Path(place), protocol.manifest.id, vector), Job)
        simulation = Simulation.of(job, Path(place) / "agencies", protocol=protocol)
        result = await simulation.run(dict(zip(simulation.proposal.parties, pool, strict=False)))
    found = {name: table["rows"] for name, table in result["tables"].items()}
    if protocol.manifest.local == "counts":
        # Beside these there may be true totals, whose rules the reference of disclosure control has.
        numbers = {name: [_marked(row[-1]) for row in found.get(name, [])] for name in vector["released"]}
        return [] if numbers == vector["released"] else ["real workers release something else"]
    return [f"real workers: {what}" for what in vectors.differences(found, vector["released"], tolerance)]


def _marked(cell: int | None) -> int:
    return disclosure.SENTINEL if cell is None else cell


def write(folder: Path, protocol: str, vector: Mapping[str, Any], unique: bool = True, **job: Any) -> Path:
    """The agencies of a vector under `folder/agencies`, and its job's file.

    Args:
        unique: whether the agencies declare their keys so.
        job: what the job has besides, or in another way.
    """
    if "domains" in vector:
        vector = _declared(vector)
    for party, table in vector["tables"].items():
        if table is None:
            continue
        home = folder / "agencies" / party
        home.mkdir(parents=True)
        with (home / "rows.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(table["columns"])
            writer.writerows(table["rows"])
        declared = {"source": "rows.csv", "max_rows": MAX_ROWS, "columns": vector["declared"][party]}
        if unique and vector["keys"]:
            declared["unique"] = [vector["keys"][party]]
        (home / "datasets.yaml").write_text(json.dumps({"rows": declared}), encoding="utf-8")
    path = folder / "job.yaml"
    path.write_text(json.dumps(job_of(protocol, vector) | job), encoding="utf-8")
    return path


def _declared(vector: Mapping[str, Any]) -> dict[str, Any]:
    """A vector of counts as one of rows."""
    columns = {name: {"kind": "category", "values": values} for name, values in vector["domains"].items()}
    parties = [party for party, table in vector["tables"].items() if table is not None]
    return {**vector, "declared": dict.fromkeys(parties, columns), "keys": {}, "rules": vector["disclosure"]}


def job_of(protocol: str, vector: Mapping[str, Any]) -> dict[str, Any]:
    """The job of a vector over rows."""
    rules, keys = dict(vector["rules"]), vector["keys"]
    parts = {
        party: {} if table is None else {"dataset": "rows"} | ({"key": keys[party]} if keys else {})
        for party, table in vector["tables"].items()
    }
    receivers, join = rules.pop("receivers", ["coordinator"]), rules.pop("join", None)
    return {
        "protocol": protocol,
        "purpose": vector["what"],
        "legal_basis": "none",
        "parties": parts,
        "params": vector["params"],
        "disclosure": {name: value for name, value in rules.items() if value is not None},
        "receivers": receivers,
        **({"link": {"join": join}} if keys else {}),
    }
