"""Data frames in place of registers: each a file in a folder that is gone afterwards, with a declaration."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mpcgov import registry
from mpcgov.cli.dataset import profile
from mpcgov.errors import SpecError
from mpcgov.jobs import check
from mpcgov.spec.job import Job
from mpcgov.spec.load import compose_yaml, validate
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.table import Dataset

Frames = Mapping[str, Mapping[str, Any]]
"""By party and data set: a frame of pandas or Polars, a `pyarrow.Table`, or whatever offers its columns as they do."""
Declarations = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""By party and data set: what `datasets.yaml` says of it, but for where it is."""

MOST_CODES = 1000
"""A column that a job groups by may have so many values, if nobody declares them."""


@contextlib.contextmanager
def agencies(
    job: Job, frames: Frames, declarations: Declarations | None, protocols: Path | None = None
) -> Iterator[Path]:
    """A folder with `<party>/datasets.yaml` and the rows beside it, readable by this user alone, until the block ends.

    Raises:
        SpecError: a data set of the job has no frame, or what is given is none; a declaration is wrong.
        DataError: a frame can't be declared from what it holds.
    """
    manifest = registry.find(job.protocol_name, protocols).manifest
    lacking = [party for party in job.data_parties if job.parties[party].dataset not in frames.get(party, {})]
    if lacking:
        named = ", ".join(f'{{"{party}": {{"{job.parties[party].dataset}": …}}}}' for party in lacking)
        raise SpecError([f"no frame for {named}"], hint="the job's parties bring these data sets", code="frame")
    tables = {party: _arrow(frames[party][name], f"{party}.{name}") for party, name in _sets(job)}
    with tempfile.TemporaryDirectory(prefix="mpcgov-frames-") as folder, ThreadPoolExecutor() as threads:
        homes = {party: Path(folder) / party for party in tables}

        def write(party: str, name: str) -> None:
            homes[party].mkdir()
            _write(tables[party], homes[party] / f"{name}.parquet")
            given = (declarations or {}).get(party, {}).get(name)
            whole = given if given is not None else _profiled(homes[party], name, tables[party], job, manifest, party)
            declared = {name: {**whole, "source": f"{name}.parquet"}}
            validate(declared[name], Dataset, f"{party}.{name}")  # which people know, unlike the folder
            (homes[party] / "datasets.yaml").write_text(json.dumps(declared, ensure_ascii=False, default=str))

        list(threads.map(write, *zip(*_sets(job), strict=True)))
        yield Path(folder)


def _sets(job: Job) -> list[tuple[str, str]]:
    return [(party, str(job.parties[party].dataset)) for party in job.data_parties]


def _arrow(frame: Any, name: str) -> Any:
    import pyarrow as pa

    try:
        if isinstance(frame, pa.Table):
            return frame
        if type(frame).__module__.partition(".")[0] == "pandas":
            named = any(name is not None for name in frame.index.names)
            return pa.Table.from_pandas(frame.reset_index() if named else frame, preserve_index=False)
        return pa.table(frame)
    except (pa.ArrowException, AttributeError, TypeError, ValueError) as error:
        # The type only: Arrow's message could hold a value.
        fault = f"{name}: no columns that Arrow can hold ({type(error).__name__})"
        hint = "give a frame of pandas or Polars, or a pyarrow.Table, with one type in each column"
        raise SpecError([fault], hint=hint, code="frame") from None


def _write(table: Any, path: Path) -> None:
    import pyarrow.parquet

    pyarrow.parquet.write_table(table, path)


def _profiled(home: Path, name: str, table: Any, job: Job, manifest: Manifest, party: str) -> dict[str, Any]:
    """What the rows are like, and what the job needs to be declared of them if they are so."""
    text = profile(str(home / f"{name}.parquet"))
    whole: dict[str, Any] = next(iter(compose_yaml(text, "profile")[0].values()))
    whole.pop("unique", None)
    columns = whole["columns"]
    stored = {column: one.get("from", column) for column, one in columns.items()}
    key = list(job.parties[party].key or ())
    if key and set(key) <= set(columns) and _tells_apart(table, [stored[column] for column in key]):
        whole["unique"] = [key]
    for column, uses in check.used_columns(job, manifest, party, validate(whole, Dataset, f"{party}.{name}")).items():
        if column not in columns:
            fault = f"{party}.{name}: no column {column}"
            raise SpecError([fault], hint=f"it has {', '.join(columns)}", code="frame")
        if "group" in uses and columns[column].get("kind") != "category":
            columns[column] = _codes(table, stored[column], f"{party}.{name}.{column}")
    return whole


def _tells_apart(table: Any, key: list[str]) -> bool:
    return bool(table.group_by(key).aggregate([]).num_rows == table.num_rows)


def _codes(table: Any, stored: str, name: str) -> dict[str, Any]:
    values = sorted({str(value) for value in table[stored].unique().to_pylist() if value is not None})
    if not 0 < len(values) <= MOST_CODES:
        found = f"{len(values):,} different values" if values else "no row has a value"
        raise SpecError([f"{name}: {found}, and the job groups by it"], hint="declare its values", code="frame")
    return {"kind": "category", "values": values} | ({} if stored == name.rpartition(".")[2] else {"from": stored})
