# ruff: noqa: E501 - one line for each case
"""Sources with types of their own: Parquet, DuckDB files, and Postgres where its driver and server are installed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgov.errors import DataError, LocalError
from mpcgov.spec import where
from mpcgov.spec.table import Dataset
from mpcgov.worker.advice import FINE
from mpcgov.worker.local import counts
from mpcgov.worker.report import dataset_check
from mpcgov.worker.source import open_table
from tests import nightly
from tests.postgres import CANARY, server

KINDS: dict[str, dict[str, Any]] = {
    "region": {"kind": "category", "values": ["1", "2"]},
    "id": {"kind": "key"},
    "note": {"kind": "text"},
    "age": {"kind": "integer", "min": -5, "max": 120},
    "pay": {"kind": "decimal", "min": "-10", "max": "1000.5", "places": 2},
    "born": {"kind": "date", "min": "1990-01-01", "max": "1990-12-31"},
}


def outcome(folder: Path, column: str, array: pa.Array, **changes: Any) -> str:
    """`N rows` with faults, or the error's message, of a Parquet file with this one column."""
    pq.write_table(pa.table({column: array}), folder / "t.parquet")
    dataset = Dataset.model_validate({"source": "t.parquet", "columns": {column: KINDS[column] | changes}})
    text, fault = "", None
    try:
        report = dataset_check(dataset, "d", folder)
        text = "; ".join([f"{report.rows} rows", *report.faults])
    except DataError as error:
        text, fault = error.line(), error
    assert CANARY not in text
    line = text if fault is None else fault.message
    return re.sub(r"type .* (can't be read as an? \w+ column), which takes .*| \([^()]*\)", r"\1", line)


WRONG = "d: column {}: can't be read as {} column"
NAN, INF = float("nan"), float("inf")
CASES: dict[str, tuple[str, pa.Array, str]] = {
    "text": ("region", pa.array(["1", "2", None, ""]), "4 rows; column region: 2 rows without a value"),
    "dictionary": ("region", pa.array(["1", "2", "x"]).dictionary_encode(), "3 rows; column region: 1 row not among the declared values"),
    "large text": ("note", pa.array([CANARY], pa.large_string()), "1 rows"),
    "numbers as categories": ("region", pa.array([1, 2, 3], pa.uint8()), "3 rows; column region: 1 row not among the declared values"),
    "numbers as keys": ("id", pa.array([1, 2**63 - 1, None]), "3 rows; column id: 1 row without a value"),
    "booleans as categories": ("region", pa.array([True]), "1 rows; column region: 1 row not among the declared values"),
    "floats as categories": ("region", pa.array([1.0, 2.0, NAN, 1.5, None]), "5 rows; column region: 2 rows without a value; column region: 1 row not text or a whole number"),
    "floats as keys": ("id", pa.array([2.0**53 - 1, 2.0**53, 3.0, 0.5, -INF]), "5 rows; column id: 3 rows not a key as declared"),
    "decimals as keys": ("id", pa.array([Decimal("7.00"), Decimal("7.01")]), "2 rows; column id: 1 row not a key as declared"),
    "times": ("note", pa.array([0], pa.time64("us")), WRONG.format("note", "a text")),
    "bytes as text": ("note", pa.array([b"x"]), WRONG.format("note", "a text")),
    "int8": ("age", pa.array([-5, 120, -6, 121, None], pa.int8()), "5 rows; column age: 1 row without a value; column age: 2 rows out of range -5..120"),
    "uint64": ("age", pa.array([0, 120, 2**64 - 1], pa.uint64()), "3 rows; column age: 1 row out of range -5..120"),
    "int64 ends": ("age", pa.array([2**63 - 1, -(2**63)]), "2 rows; column age: 2 rows out of range -5..120"),
    "whole decimals as integers": ("age", pa.array([Decimal(7), Decimal(10**30)], pa.decimal128(38, 0)), "2 rows; column age: 1 row out of range -5..120"),
    "floats as integers": ("age", pa.array([1.0, NAN, None, 1.5, 121.0, INF]), "6 rows; column age: 2 rows without a value; column age: 1 row not a whole number; column age: 2 rows out of range -5..120"),
    "booleans as integers": ("age", pa.array([True, False, None]), "3 rows; column age: 1 row without a value"),
    "text as integers": ("age", pa.array(["1", "1.0", "x", "121", ""]), "5 rows; column age: 1 row without a value; column age: 1 row not a whole number; column age: 1 row out of range -5..120"),
    "decimals as integers": ("age", pa.array([Decimal("1.5"), Decimal("2.0"), Decimal("121.0")]), "3 rows; column age: 1 row not a whole number; column age: 1 row out of range -5..120"),
    "integers as decimals": ("pay", pa.array([1000, -10, 1001, -11, 2**63 - 1]), "5 rows; column pay: 3 rows out of range -10..1000.5"),
    "decimals": ("pay", pa.array([Decimal("1000.50"), Decimal("-10.00"), Decimal("1000.51"), None]), "4 rows; column pay: 1 row without a value; column pay: 1 row out of range -10..1000.5"),
    "decimals with fewer places": ("pay", pa.array([Decimal("1.5"), Decimal("99999.5")]), "2 rows; column pay: 1 row out of range -10..1000.5"),
    "decimals with more places": ("pay", pa.array([Decimal("1.5000"), Decimal("1.2340")]), "2 rows; column pay: 1 row not a number with at most 2 decimal digits"),
    "huge decimals": ("pay", pa.array([Decimal(10) ** 27, Decimal("0.01"), Decimal("0.0100000001")], pa.decimal128(38, 10)), "3 rows; column pay: 1 row not a number with at most 2 decimal digits; column pay: 1 row out of range -10..1000.5"),
    "decimals of full scale": ("pay", pa.array([Decimal("0.01"), Decimal("0.011")], pa.decimal128(38, 37)), "2 rows; column pay: 1 row not a number with at most 2 decimal digits"),
    "doubles": ("pay", pa.array([0.1, 0.1 + 0.2, 1000.5, 1000.51, -10.0, 1.234, None]), "7 rows; column pay: 1 row without a value; column pay: 2 rows not a number with at most 2 decimal digits; column pay: 1 row out of range -10..1000.5"),
    "doubles that are none": ("pay", pa.array([NAN, INF, -INF, 1e300, 5e-324, -0.0]), "6 rows; column pay: 1 row without a value; column pay: 1 row not a number with at most 2 decimal digits; column pay: 3 rows out of range -10..1000.5"),
    "floats": ("pay", pa.array([0.1, 12.34, 1.234, NAN], pa.float32()), "4 rows; column pay: 1 row without a value; column pay: 1 row not a number with at most 2 decimal digits"),
    "dates": ("born", pa.array([date(1990, 1, 1), date(1990, 12, 31), date(1991, 1, 1), date(1, 1, 1), None]), "5 rows; column born: 1 row without a value; column born: 2 rows out of range 1990-01-01..1990-12-31"),
    "timestamps as dates": ("born", pa.array([631152000, 631152001, 0, None], pa.timestamp("s")), "4 rows; column born: 1 row without a value; column born: 1 row not a date as YYYY-MM-DD; column born: 1 row out of range 1990-01-01..1990-12-31"),
    "nanoseconds as dates": ("born", pa.array([631152000 * 10**9, 631152000 * 10**9 + 1], pa.timestamp("ns")), "2 rows; column born: 1 row not a date as YYYY-MM-DD"),
    "timestamps with a zone as dates": ("born", pa.array([0], pa.timestamp("us", "UTC")), "d: column born: type timestamp with time zone can't be read as a date column, as its day depends on the zone: cast it there"),
    "text as dates": ("born", pa.array(["1990-01-01", "01.01.1990"]), "2 rows; column born: 1 row not a date as YYYY-MM-DD"),
    "decimals over 38 digits": ("pay", pa.array([Decimal("1.50")], pa.decimal256(50, 2)), "d: column pay: decimal(50, 2) has more than 38 digits"),
    "half floats": ("pay", pa.array([1.5], pa.float16()), "d: column pay: half-precision floats aren't read"),
    "UUIDs as keys": ("id", pa.array([b"0123456789abcdef", None], pa.uuid()), "2 rows; column id: 1 row without a value"),
    "lists": ("age", pa.array([[1]]), WRONG.format("age", "an integer")),
    "null type": ("age", pa.array([None, None]), "2 rows; column age: 2 rows without a value"),
    "no rows": ("age", pa.array([], pa.int64()), "0 rows"),
}  # fmt: skip


@pytest.mark.parametrize(("column", "array", "expected"), CASES.values(), ids=CASES.keys())
def test_parquet_columns_are_read_exactly_or_not_at_all(
    tmp_path: Path, column: str, array: pa.Array, expected: str
) -> None:
    assert outcome(tmp_path, column, array) == expected


DECIMALS = {
    "decimal": lambda places: pa.decimal128(18, places),
    "wider decimal": lambda places: pa.decimal128(38, places + 2),
}


@settings(max_examples=nightly.count(10, 20))
@given(
    fractions=st.lists(st.floats(-1, 1), min_size=1, max_size=200),
    places=st.integers(0, 9),
    kind=st.sampled_from(["float64", "float32", "decimal", "wider decimal", "csv"]),
    largest=st.sampled_from([10**6, 10**12, 2**53]),
)
def test_every_number_comes_out_as_the_same_whole_steps(
    tmp_path: Path, fractions: list[float], places: int, kind: str, largest: int
) -> None:
    limit = min(largest, {"float64": 10**15, "float32": 10**6}.get(kind, 2**53))
    steps = [0, limit, -limit, limit - 1, 1 - limit, *(int(fraction * limit) for fraction in fractions)]
    exact = [Decimal(n).scaleb(-places) for n in steps]
    if kind == "csv":
        (tmp_path / "t.csv").write_text("\n".join(["pay", *(f"{value:f}" for value in exact)]))
    else:
        values = exact if kind in DECIMALS else [float(value) for value in exact]
        arrow = DECIMALS[kind](places) if kind in DECIMALS else pa.type_for_alias(kind)
        pq.write_table(pa.table({"pay": pa.array(values, arrow)}), tmp_path / "t.parquet")
    bound = f"{Decimal(limit).scaleb(-places):f}"
    column = {"kind": "decimal", "min": f"-{bound}", "max": bound, "places": places}
    source = "t.csv" if kind == "csv" else "t.parquet"
    dataset = Dataset.model_validate({"source": source, "columns": {"pay": column}})
    with open_table(dataset, "d", tmp_path) as opened:
        assert opened.query(opened.table)["v0"].to_pylist() == steps
        assert set(opened.query(opened.table)["f0"].to_pylist()) == {FINE}


def test_a_float_that_cannot_tell_the_declared_numbers_apart_is_refused(tmp_path: Path) -> None:
    assert outcome(tmp_path, "pay", pa.array([0.5]), min="0", max="10000000000000") == "1 rows"
    assert outcome(tmp_path, "pay", pa.array([0.5]), min="0", max="10000000000000.01") == WRONG.format(
        "pay", "a decimal"
    )
    assert outcome(tmp_path, "pay", pa.array([0.5], pa.float32()), min="-10000.01", max="1") == WRONG.format(
        "pay", "a decimal"
    )


def test_a_file_that_is_no_parquet_and_names_that_stand_twice_are_refused(tmp_path: Path) -> None:
    dataset = Dataset.model_validate({"source": "t.parquet", "columns": {"age": KINDS["age"]}})
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"age": [1] * 1000}), path)
    whole = path.read_bytes()
    for content, message in [
        (b"", "d: the file is empty"),
        (f"age\n{CANARY}".encode(), "d: not a Parquet file, or damaged"),
        (whole[:-100], "d: not a Parquet file, or damaged"),
        (whole[:4] + b"\xff" * 40 + whole[44:], "d: the data can't be read"),
    ]:
        path.write_bytes(content)
        with pytest.raises(DataError) as caught:
            dataset_check(dataset, "d", tmp_path)
        assert caught.value.message == message
        assert caught.value.__context__ is None
    for names, message in [(["age", "age"], "column age stands twice"), (["Age"], "no column age")]:
        pq.write_table(pa.table([pa.array([1])] * len(names), names=names), path)
        with pytest.raises(DataError, match=message):
            dataset_check(dataset, "d", tmp_path)
    pq.write_table(pa.table([pa.array([1]), pa.array([500])], names=["age", "AGE"]), path)
    with pytest.raises(DataError, match="differs only in case"):
        dataset_check(dataset, "d", tmp_path)


ROWS = [
    ("1", "a", 30, Decimal("1.50"), date(1990, 2, 1)),
    ("2", "b", 40, Decimal("2.00"), date(1990, 3, 1)),
    ("2", "", 50, None, None),
]
USED = {
    "region": KINDS["region"],
    "note": KINDS["note"],
    "age": KINDS["age"],
    "pay": KINDS["pay"],
    "born": KINDS["born"],
}
BY = [("region", ["1", "2"])]
CONDITIONS = {
    "age > 39.5": [0, 2],
    "pay is null or pay = 1.5": [1, 1],
    "not (pay = 1.5) or pay is null": [0, 2],
    "born between '1990-01-01' and '1990-02-01' or born is null": [1, 1],
    "note in ('a', 'it''s') or note is null": [1, 1],
}


def declare(source: str, **changes: Any) -> Dataset:
    return Dataset.model_validate({"source": source, "columns": USED, **changes})


def agree(dataset: Dataset, base: Path) -> None:
    """Counts, faults and max_rows as from any other source."""
    with open_table(dataset, "d", base) as source:
        for text, cells in CONDITIONS.items():
            assert counts(source, BY, where.parse(text)).tolist() == cells, text
        with pytest.raises(DataError, match=r"^d: column pay: 1 row without a value$"):
            counts(source, BY, where.parse("pay > 0"))
    report = dataset_check(dataset, "d", base)
    assert report.rows == 3
    assert report.faults == tuple(f"column {name}: 1 row without a value" for name in ("note", "pay", "born"))
    with pytest.raises(DataError, match=r"^d: 3 rows, more than max_rows 2$"):
        dataset_check(declare(dataset.source, max_rows=2), "d", base)
    absent = Dataset.model_validate({"source": dataset.source, "columns": {"weight": KINDS["age"]}})
    with pytest.raises(DataError, match=r"^d: no column weight$"):
        dataset_check(absent, "d", base)
    narrow = Dataset.model_validate({"source": dataset.source, "columns": {"age": KINDS["age"] | {"max": 45}}})
    assert dataset_check(narrow, "d", base).faults == ("column age: 1 row out of range -5..45 (the first is row 3)",)


TABLE = "CREATE TABLE {} (region TEXT, note TEXT, age INTEGER, pay NUMERIC(10, 2), born DATE, secret TEXT)"


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    "relation",
    nightly.first(3, ["registers.people", '"my.own"."a.b"', "odd%20name", '"a.b"', "people", 'registers."people"']),
)
def test_a_duckdb_file_is_asked_where_it_is_and_never_written(tmp_path: Path, relation: str) -> None:
    name = relation.replace("%20", " ")
    quoted = name if '"' in name else ".".join(f'"{part}"' for part in name.split("."))
    with duckdb.connect(str(tmp_path / "x.db")) as connection:
        connection.execute('CREATE SCHEMA registers; CREATE SCHEMA "my.own"')
        connection.execute(TABLE.format(quoted))
        connection.executemany(f"INSERT INTO {quoted} VALUES (?, ?, ?, ?, ?, 'x')", ROWS)  # noqa: S608  a name of ours
    before = (tmp_path / "x.db").read_bytes()
    agree(declare(f"duckdb://x.db#{relation}"), tmp_path)
    agree(declare(f"duckdb://{tmp_path}/x.db#{relation}"), tmp_path)
    assert (tmp_path / "x.db").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["x.db"]


@pytest.mark.by_day(2)
@pytest.mark.parametrize("collation", ["NOCASE", "NOACCENT", "NFC", "de"])
def test_no_collation_of_a_duckdb_file_makes_two_texts_one(tmp_path: Path, collation: str) -> None:
    texts = ("a", "A", "ä", "a\u0308", "NA", "na")
    with duckdb.connect(str(tmp_path / "x.db")) as connection:
        try:
            connection.execute(f"CREATE TABLE t (id TEXT COLLATE {collation}, g TEXT COLLATE {collation})")
        except duckdb.Error:
            pytest.skip("this DuckDB has no such collation")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(text, text) for text in texts])
    columns = {"id": {"kind": "key", "missing": "NA"}, "g": {"kind": "category", "values": ["a", "A", "na"]}}
    whole = {"source": "duckdb://x.db#t", "missing": "drop", "unique": [["id"]], "columns": columns}
    dataset = Dataset.model_validate(whole)
    assert dataset_check(dataset, "d", tmp_path).faults[0].startswith("column g: 3 rows not among the declared values")
    with open_table(dataset, "d", tmp_path) as source:
        assert source.query(source.table)["v0"].to_pylist() == [*texts[:4], None, "na"]


def test_a_type_that_has_no_name_is_named_in_one_line(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "x.db")) as connection:
        connection.execute("CREATE TABLE t AS SELECT union_value(a := 1) age, [1] born")
    said = []
    for column in ("age", "born"):
        dataset = Dataset.model_validate({"source": "duckdb://x.db#t", "columns": {column: KINDS[column]}})
        with pytest.raises(DataError) as caught:
            open_table(dataset, "d", tmp_path)
        said.append(caught.value.message.partition(" can't")[0])
    assert said == ["d: column age: type union", "d: column born: type array"]


def test_a_view_in_a_duckdb_file_reaches_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text(f"age\n{CANARY}\n")
    with duckdb.connect(str(tmp_path / "x.db")) as connection:
        connection.execute(f"CREATE VIEW v AS SELECT * FROM read_csv('{tmp_path}/other.csv')")  # noqa: S608  a path of ours
    dataset = Dataset.model_validate({"source": "duckdb://x.db#v", "columns": {"age": KINDS["age"]}})
    with pytest.raises(DataError) as caught:
        dataset_check(dataset, "d", tmp_path)
    assert CANARY not in caught.value.line()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("duckdb://none.db#t", "d: the file can't be opened (No such file or directory)"),
        ("duckdb://text.db#t", "d: not a DuckDB database, damaged, or in use"),
        ("duckdb://x.db#none", "d: the source has no such table"),
        ("duckdb://x.db#t; DROP TABLE t", "d: the source has no such table"),
        ("duckdb://x.db", "d: the source names no table"),
        ("duckdb://:memory:#t", "d: the file can't be opened (No such file or directory)"),
        ("ftp://host/x#t", "d: sources of this kind aren't supported"),
        ("s3://bucket/x.parquet#t", "d: sources of this kind aren't supported"),
    ],
)
def test_a_source_that_is_no_database_is_refused_without_its_url(tmp_path: Path, source: str, message: str) -> None:
    (tmp_path / "text.db").write_text(CANARY)
    with duckdb.connect(str(tmp_path / "x.db")) as connection:
        connection.execute("CREATE TABLE t (region TEXT)")
    with pytest.raises(LocalError) as caught:
        dataset_check(declare(source), "d", tmp_path)
    assert caught.value.message == message


def test_a_missing_driver_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mpcgov.worker.readers.raw.find_spec", lambda name: None)
    with pytest.raises(LocalError) as caught:
        dataset_check(declare(f"postgres://me:{CANARY}@host/db#people"), "d", tmp_path)
    assert caught.value.line() == ("d: what reads this source isn't installed; pip install 'mpcgov[postgres]'")


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The URL of a server of our own, with ROWS in public.people and registers.people."""
    with server() as url:
        import psycopg

        with psycopg.connect(url) as connection:
            connection.execute("CREATE SCHEMA registers")
            for name in ("people", "registers.people"):
                connection.execute(TABLE.format(name))
                connection.cursor().executemany(f"INSERT INTO {name} VALUES (%s, %s, %s, %s, %s, 'x')", ROWS)  # noqa: S608  a name of ours
        yield url


def test_postgres_counts_like_any_other_source(postgres: str, tmp_path: Path) -> None:
    agree(declare(f"{postgres}#people"), tmp_path)
    agree(declare(f"{postgres}#registers.people"), tmp_path)
    for source in (f"{postgres}#none", f"{postgres.replace('/postgres', '/none')}#people"):
        with pytest.raises(DataError) as caught:
            dataset_check(declare(source), "d", tmp_path)
        assert CANARY not in caught.value.line()
        assert caught.value.__context__ is None


def test_postgres_shows_one_snapshot(postgres: str, tmp_path: Path) -> None:
    import psycopg

    with open_table(declare(f"{postgres}#people", missing="drop"), "d", tmp_path) as source:
        first = counts(source, BY)
        with psycopg.connect(postgres) as connection:
            connection.execute("UPDATE people SET region = '1'")
        assert counts(source, BY).tolist() == first.tolist() == [1, 2]
    with open_table(declare(f"{postgres}#people", missing="drop"), "d", tmp_path) as source:
        assert counts(source, BY).tolist() == [3, 0]
