"""A Parquet file of very many rows stays where it is: every question reads it, and finds what it finds in memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mpcgov.errors import DataError
from mpcgov.spec import where as language
from mpcgov.spec.table import Dataset
from mpcgov.worker import source as sources
from mpcgov.worker.fingerprint import fingerprints_of
from mpcgov.worker.readers import parquet
from mpcgov.worker.rows import Wanted, keyed_rows
from mpcgov.worker.source import open_table

PAYMENTS = {
    "source": "payments.parquet",
    "missing": "drop",
    "columns": {
        "person": {"kind": "key", "normalise": ["casefold"]},
        "month": {"kind": "integer", "min": 1, "max": 12},
        "sector": {"kind": "category", "values": ["other", "ict"]},
        "amount": {"kind": "decimal", "min": 0, "max": 99, "places": 2, "from": "paid"},
    },
}
RULES = {"sector": "max", "month": "count", "amount": "sum"}
WHERE = "month >= 2 and sector in ('ict', 'other')"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """1,200 payments of 100 persons in three row groups."""
    rows = range(1200)
    table = pa.table(
        {
            "person": [None if n % 97 == 0 else ("p" if n % 2 else "P") + str(n % 100) for n in rows],
            "month": [n % 12 + 1 for n in rows],
            "sector": [("other", "ict")[n % 5 == 0] for n in rows],
            "paid": [n % 7 / 4 for n in rows],
        }
    )
    pq.write_table(table, tmp_path / "payments.parquet", row_group_size=400)
    return tmp_path


@pytest.fixture(params=[0, 10**6], ids=["left", "stored"])
def opened(request: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    monkeypatch.setattr(sources, "LEFT_ROWS", request.param)
    return lambda **more: open_table(Dataset.model_validate(PAYMENTS | more), "payments", folder)


def asked(source: Any, rules: dict[str, str]) -> Any:
    found = keyed_rows(source, Wanted(["person"], list(RULES), rules), language.parse(WHERE))
    columns = {name: column.tolist() for name, column in found.columns.items()}
    rows = zip(found.keys.to_pylist(), *columns.values(), strict=True)
    return (
        sorted(rows),
        found.listed,
        found.notes,
        fingerprints_of(source, [{"person"}, {"month", "sector"}], ["month"]),
    )


@pytest.mark.parametrize("rules", [RULES, dict.fromkeys(RULES, "first")], ids=["rules", "first"])
def test_what_a_job_takes_is_the_same(rules: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for most in (0, 10**6):
        monkeypatch.setattr(sources, "LEFT_ROWS", most)
        with open_table(Dataset.model_validate(PAYMENTS), "payments", folder) as source:
            assert (source.file is None) == (most > 0)
            found.append(asked(source, rules))
    assert found[0] == found[1]
    assert found[0][0]


def test_what_is_wrong_is_said_the_same(opened: Any) -> None:
    columns = PAYMENTS["columns"] | {"month": {"kind": "integer", "min": 1, "max": 11}}
    with opened(columns=columns) as source, pytest.raises(DataError) as caught:
        asked(source, RULES)
    assert "column month: 100 rows out of range 1..11" in str(caught.value)
    with pytest.raises(DataError, match="1200 rows, more than max_rows 1000"):
        opened(max_rows=1000)


def test_two_readers_must_agree(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = parquet.samples

    def otherwise(*arguments: Any) -> Any:
        for start, rows in samples(*arguments):
            months = [month % 12 + 1 for month in rows["month"].to_pylist()]
            yield start, rows.set_column(1, "month", pa.array(months, rows["month"].type))

    opened().close()
    monkeypatch.setattr(parquet, "samples", otherwise)
    with pytest.raises(DataError, match="two readers of the file find different values"):
        opened()


def test_a_file_that_is_written_to_between_questions_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LEFT_ROWS", 0)
    with open_table(Dataset.model_validate(PAYMENTS), "payments", folder) as source:
        assert source.query(source.table.count().as_table()).num_rows == 1
        with (folder / "payments.parquet").open("ab") as file:
            file.write(b" ")
        with pytest.raises(DataError, match=r"changed while it was read|can't be read"):
            source.query(source.table.count().as_table())


def test_the_file_is_closed_with_the_source(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LEFT_ROWS", 0)
    source = open_table(Dataset.model_validate(PAYMENTS), "payments", folder)
    assert source.file is not None
    assert source.file.path.exists()
    source.close()
    assert not source.file.path.exists()


def test_a_filter_that_no_row_passes_reads_as_much_of_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the time would show whether the one that is looked for is there."""
    monkeypatch.setattr(sources, "LEFT_ROWS", 0)
    with open_table(Dataset.model_validate(PAYMENTS), "payments", folder) as source:
        wanted = source.table.filter(source.table[source.value("month")] == 13)
        sql = str(source.backend.compile(wanted.aggregate(total=wanted[source.value("amount")].sum())))
        (_, plan), *_ = source.backend.con.execute(f"EXPLAIN {sql}").fetchall()
        scan = plan[plan.index("READ_PARQUET") :]
        assert "FILTER" in plan[: plan.index("READ_PARQUET")]
        assert "Filters" not in scan


def test_a_file_that_is_put_back_as_it_was_has_been_written_to(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LEFT_ROWS", 0)
    path = folder / "payments.parquet"
    with open_table(Dataset.model_validate(PAYMENTS), "payments", folder) as source:
        status, content = path.stat(), path.read_bytes()
        path.write_bytes(content)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        with pytest.raises(DataError, match="changed while it was read"):
            source.query(source.table.count().as_table())


def test_the_number_of_rows_isnt_taken_on_the_files_word(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LEFT_ROWS", 0)
    monkeypatch.setattr(parquet, "_rows", lambda file: 600)
    with pytest.raises(DataError, match="another number of rows than it says"):
        open_table(Dataset.model_validate(PAYMENTS | {"max_rows": 700}), "payments", folder)


def test_a_file_whose_rows_cant_be_numbered_is_stored(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LEFT_ROWS", 0)
    table = pq.read_table(folder / "payments.parquet")
    named = table.append_column("File_row_number", pa.array(range(table.num_rows)))
    pq.write_table(named, folder / "payments.parquet")
    with open_table(Dataset.model_validate(PAYMENTS), "payments", folder) as source:
        assert source.file is None


def test_columns_as_they_are_come_from_memory_as_the_engine_would_give_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_table(Dataset.model_validate(PAYMENTS), "payments", folder) as source:
        table, engine = source.table, replace(source, stored=None)
        plain = table.select(k=source.value("person"), n=source.value("amount"), again=source.value("person"))
        others = [
            plain.filter(plain.n > 1),
            table.select(n=table[source.value("amount")] + 1),
            table.select(source.value("month")).distinct(),
            plain.limit(3),
        ]
        expected = [engine.query(one) for one in (plain, *others)]
        assert all(source.query(one).equals(found) for one, found in zip((plain, *others), expected, strict=True))
        monkeypatch.setattr(source.backend, "to_pyarrow", lambda _: pytest.fail("the engine was asked"))
        assert source.query(plain).equals(expected[0])
