"""What the engine reads of Parquet files is compared with what another reader finds, in row groups near and far."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mpcgov.errors import DataError
from mpcgov.spec.table import Dataset
from mpcgov.worker import pieces
from mpcgov.worker import source as sources
from mpcgov.worker.engine import open_engine
from mpcgov.worker.file import open_files
from mpcgov.worker.readers import parquet
from mpcgov.worker.readers.raw import Wanted
from mpcgov.worker.source import open_table

NUMBERS = Dataset.model_validate(
    {"source": "d", "columns": {"n": {"kind": "integer", "min": 0, "max": 10_000, "from": "m"}}}
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five files of three row groups with 400 rows each, numbered through."""
    (tmp_path / "d").mkdir()
    for part in range(5):
        rows = pa.table({"m": range(part * 1200, (part + 1) * 1200)})
        pq.write_table(rows, tmp_path / "d" / f"{part}.parquet", row_group_size=400)
    return tmp_path


@pytest.mark.parametrize(("source", "starts"), [("d", [0, 1200, 2400, 4800]), ("d/1.parquet", [0, 400, 800])])
def test_groups_are_looked_at_from_the_first_to_the_last(folder: Path, source: str, starts: list[int]) -> None:
    with open_files(source, "d", folder) as files:
        first = 1200 * int(source[2]) if source != "d" else 0
        wanted, backend = Wanted("d", NUMBERS, NUMBERS.declaration), open_engine([file.path for file in files])
        found = list(parquet.samples(files, parquet.read(files, wanted, backend), wanted))
        backend.disconnect()
    assert [start for start, _ in found] == starts
    assert all(rows.column(0).to_pylist() == list(range(first + s, first + s + 256)) for s, rows in found)


@pytest.mark.parametrize(
    ("place", "most", "many"), [*((place, 10**9, 1) for place in range(4)), (3, 0, 10**9), (3, 0, 1)]
)
def test_a_difference_in_any_of_them_is_a_refusal(
    folder: Path, monkeypatch: pytest.MonkeyPatch, place: int, most: int, many: int
) -> None:
    """Held beside the engine, or stored in it at once or in pieces."""
    monkeypatch.setattr(sources, "HELD_CELLS", most)
    monkeypatch.setattr(pieces, "MANY_CELLS", many)
    monkeypatch.setattr(pieces, "_PIECE_ROWS", 2048)
    samples = parquet.samples

    def otherwise(*arguments: Any) -> Iterator[tuple[int, pa.Table]]:
        for number, (start, rows) in enumerate(samples(*arguments)):
            last = rows.column(0).to_pylist()
            last[-1] += number == place
            yield start, pa.table([last], rows.column_names)

    with open_table(NUMBERS, "d", folder) as source:
        assert source.rows == 6000
    monkeypatch.setattr(parquet, "samples", otherwise)
    with pytest.raises(DataError, match="two readers of the file find different values"):
        open_table(NUMBERS, "d", folder)


def test_decimals_of_a_wide_type_are_compared_where_their_digits_fit(tmp_path: Path) -> None:
    amounts = pa.array([Decimal("1.25"), Decimal("2.50")], pa.decimal256(30, 2))
    pq.write_table(pa.table({"n": amounts, "d": pa.array([1, 2], pa.duration("s"))}), tmp_path / "d.parquet")
    column = {"kind": "decimal", "min": 0, "max": 10, "places": 2}
    dataset = Dataset.model_validate({"source": "d.parquet", "columns": {"n": column}})
    with open_table(dataset, "d", tmp_path) as source:
        assert source.query(source.table)["v0"].to_pylist() == [125, 250]
    with pytest.raises(DataError, match="column d: durations aren't read"):
        open_table(Dataset.model_validate({"source": "d.parquet", "columns": {"d": column}}), "d", tmp_path)


def test_days_of_int96_that_nanoseconds_do_not_reach_are_read_alike(tmp_path: Path) -> None:
    """As Spark and aws-sdk-pandas write moments; an open end is often 9999-12-31, and an unknown day 1600-01-01."""
    days = [date(9999, 12, 31), date(2020, 1, 2), date(1600, 1, 1)]
    moments = pa.array(days, pa.date32()).cast(pa.timestamp("us"))
    pq.write_table(pa.table({"until": moments}), tmp_path / "d.parquet", use_deprecated_int96_timestamps=True)
    column = {"kind": "date", "min": "1600-01-01", "max": "9999-12-31"}
    dataset = Dataset.model_validate({"source": "d.parquet", "columns": {"until": column}})
    with open_table(dataset, "d", tmp_path) as source:
        assert source.query(source.table)["v0"].to_pylist() == days
