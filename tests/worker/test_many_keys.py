"""Keys of very many rows, looked at by their hashes: what is found is what is found of keys that are held."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mpcgov.spec.table import Dataset
from mpcgov.worker import manykeys, unique
from mpcgov.worker.report import dataset_check
from mpcgov.worker.source import open_table

COLUMNS: dict[str, Any] = {
    "pid": {"kind": "key", "normalise": ["digits"]},
    "month": {"kind": "integer", "min": 1, "max": 12},
    "name": {"kind": "text"},
}
MONTHS = [f"{person:04}{'-' * (month % 2)},{month},n{person}" for person in range(300) for month in range(1, 13)]
FILES = {
    "unique": [f"{n:05},{n % 12 + 1},a" for n in range(3000)],
    "unique but for how keys are written": [f"{n // 2:05}{'-' * (n % 2)},1,a" for n in range(3000)],
    "by two columns": MONTHS,
    "one is crowded": [f"{max(0, n - 100):05},1,{n}" for n in range(3000)],
    "some without": [f"{'' if n % 20 == 0 else n},{n % 12 + 1},a{n}" for n in range(3000)],
    "two rows": ["1,1,a", "1,1,b"],
    "none": [],
}


@pytest.mark.by_day(7, "by two columns-declared0")
@pytest.mark.parametrize("declared", [[], [["pid"]], [["pid", "month"]]])
@pytest.mark.parametrize("rows", FILES.values(), ids=FILES.keys())
def test_the_report_is_the_same_whichever_way_keys_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[str], declared: list[list[str]]
) -> None:
    (tmp_path / "d.csv").write_text("pid,month,name\n" + "".join(f"{row}\n" for row in rows))
    whole = {"source": "d.csv", "columns": COLUMNS, "missing": "drop", "unique": declared}
    dataset = Dataset.model_validate(whole)
    usual = dataset_check(dataset, "d", tmp_path)
    monkeypatch.setattr(manykeys, "MANY_ROWS", -1)
    monkeypatch.setattr(manykeys, "_PIECE_ROWS", 512)
    assert dataset_check(dataset, "d", tmp_path) == usual


def test_keys_whose_hashes_agree_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "d.csv").write_text("pid,month,name\n1,1,a\n2,1,a\n3,1,a\n3,2,a\n")
    hashed = manykeys._hashed

    def alike(*arguments: Any) -> Any:
        return ((texts, found * np.uint64(0)) for texts, found in hashed(*arguments))

    monkeypatch.setattr(manykeys, "_hashed", alike)
    monkeypatch.setattr(manykeys, "MANY_ROWS", -1)
    with open_table(Dataset.model_validate({"source": "d.csv", "columns": COLUMNS}), "d", tmp_path) as source:
        assert unique.repeated(source, ["pid"]) == (1, 2)


def test_keys_of_many_rows_take_a_few_bytes_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of Arrow's memory and of numpy's, beside what the engine holds; a held key takes its own 24 bytes twice."""
    rows = 400_000
    (tmp_path / "d.csv").write_text("pid,month,name\n" + "".join(f"{n:024},1,a\n" for n in range(rows)))
    monkeypatch.setattr(manykeys, "MANY_ROWS", -1)
    monkeypatch.setattr(manykeys, "_PIECE_ROWS", 1 << 14)
    with open_table(Dataset.model_validate({"source": "d.csv", "columns": COLUMNS}), "d", tmp_path) as source:
        pool = pa.default_memory_pool()
        held, most = pool.bytes_allocated(), [0]
        hashed = manykeys._hashed

        def watched(*arguments: Any) -> Any:
            for piece in hashed(*arguments):
                most[0] = max(most[0], pool.bytes_allocated() - held)
                yield piece

        monkeypatch.setattr(manykeys, "_hashed", watched)
        tracemalloc.start()
        assert unique.repeated(source, ["pid"]) == (0, 0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 12 * rows
    assert most[0] < 10 * rows
