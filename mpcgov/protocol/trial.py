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
from traceback import walk_tb
from typing import Any

from mpcgov import disclosure, kinds, registry
from mpcgov.errors import InternalError, MpcgovError, PeerError, SpecError
from mpcgov.jobs import check
from mpcgov.kinds.found import SHARED
from mpcgov.linked import render, vectors
from mpcgov.linked.stacked import facts
from mpcgov.node.supervisor import Supervisor
from mpcgov.protocol.check import load_reference
from mpcgov.spec.job import Job
from mpcgov.spec.load import load_yaml, read_text
from mpcgov.spec.manifest import Protocol
from mpcgov.trial.simulation import Simulation

KINDS = Path(kinds.__file__).parent
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
    try:
        faults = asyncio.run(_faults(protocol, chosen))
    except MpcgovError:
        raise
    except Exception as error:
        if (mistake := _of_kind(error)) is None:
            raise
        raise SpecError(mistake, code="kind") from error
    if faults:
        raise SpecError(dict.fromkeys(faults), code="protocol")
    return len(chosen)


def _of_kind(error: Exception) -> str | None:
    """Where the file of a kind of table went wrong, and how; None if something else did."""
    places = [(Path(frame.f_code.co_filename), line) for frame, line in walk_tb(error.__traceback__)]
    lines = [
        (path.stem, line) for path, line in places if path.parent == KINDS and path.stem not in {*SHARED, "__init__"}
    ]
    if not lines:
        return None
    stem, line = lines[-1]
    return f"mpcgov/kinds/{stem}.py:{line}: {type(error).__name__}: {error}".removesuffix(": ")


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
        expected = _rows_of(simulation, vector["released"])
        return [f"real workers: {what}" for what in vectors.differences(_only(found, expected), expected, tolerance)]
    return [f"real workers: {what}" for what in vectors.differences(found, vector["released"], tolerance)]


def _only(found: Mapping[str, Any], expected: Mapping[str, Any]) -> dict[str, Any]:
    return {name: rows for name, rows in found.items() if name in expected}


def _rows_of(simulation: Simulation, released: Mapping[str, Sequence[int]]) -> dict[str, list[list[Any]]]:
    """What receivers make of released counts, by table."""
    proposal, manifest = simulation.proposal, simulation.protocol.manifest
    linked = facts(proposal.job, manifest, proposal.declarations)
    return {
        table.name: render.rows(linked, table, {table.opened[0].name: [_count(cell) for cell in released[table.name]]})
        for table in check.result_tables(proposal.job, manifest, proposal.declarations)
        if table.name in released
    }


def _count(cell: int) -> int | None:
    return None if cell == disclosure.SENTINEL else cell


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
        declared: dict[str, Any] = {"source": "rows.csv", "max_rows": MAX_ROWS, "columns": vector["declared"][party]}
        if "missing" in vector["rules"]:
            declared["missing"] = vector["rules"]["missing"]
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
    rules.pop("missing", None)
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
