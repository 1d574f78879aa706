"""One row for each key, against a plain-Python reading of the rules, from CSV and from Parquet."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgov.errors import DataError, InternalError
from mpcgov.spec import where as language
from mpcgov.spec.table import Dataset
from mpcgov.worker.encode import Encoding, Field
from mpcgov.worker.keyed import KeyedRows, read_rows, write_rows
from mpcgov.worker.report import dataset_check
from mpcgov.worker.rows import Wanted, keyed_rows
from mpcgov.worker.source import open_table
from tests import nightly

LEVELS = ["ba", "phd", "ma"]
COLUMNS: dict[str, dict[str, Any]] = {
    "id": {"kind": "key", "normalise": ["trim", "casefold"]},
    "born": {"kind": "date", "min": "1990-01-01", "max": "1999-12-31"},
    "pay": {"kind": "decimal", "min": "-10", "max": "1000", "places": 2},
    "age": {"kind": "integer", "min": 0, "max": 120},
    "flag": {"kind": "integer", "min": 0, "max": 1},
    "level": {"kind": "category", "values": LEVELS},
}
Row = dict[str, str]


def rows_of(
    folder: Path,
    rows: list[Row],
    wanted: Wanted,
    where: str | None = None,
    missing: str = "refuse",
    name: str = "a.csv",
    unique: list[Any] | None = None,
) -> KeyedRows:
    sets = [wanted.key] if wanted.rules is None else []
    dataset = Dataset.model_validate(
        {"source": name, "columns": COLUMNS, "missing": missing, "max_rows": 10_000, "unique": unique or sets}
    )
    if name.endswith(".csv"):
        text = io.StringIO()
        writer = csv.DictWriter(text, list(COLUMNS))
        writer.writeheader()
        writer.writerows(rows)
        (folder / name).write_text(text.getvalue(), encoding="utf-8")
    condition = None if where is None else language.parse(where)
    used = {*wanted.key, *wanted.columns, *(language.columns(condition) if condition else ())}
    used |= {name for one in dataset.unique for name in one}
    with open_table(dataset, "people", folder, set(COLUMNS) if wanted.in_order else used) as source:
        return keyed_rows(source, wanted, condition)


def row(
    id_: str, pay: str = "1.00", age: int | str = 30, flag: int = 0, level: str = "ba", born: str = "1990-01-01"
) -> Row:
    return {"id": id_, "born": born, "pay": pay, "age": str(age), "flag": str(flag), "level": level}


def as_dict(found: KeyedRows) -> dict[bytes, tuple[int, ...]]:
    keys = found.keys.to_pylist()
    assert len(set(keys)) == len(keys)
    return dict(zip(keys, zip(*(column.tolist() for column in found.columns.values()), strict=True), strict=True))


def plain(rows: list[Row], rules: dict[str, str]) -> dict[bytes, tuple[int, ...]]:
    """The rules by their words: keys trimmed and folded, values in steps or places."""
    groups: dict[bytes, list[Row]] = defaultdict(list)
    for one in rows:
        groups[one["id"].strip().casefold().encode()].append(one)

    def steps(one: Row, column: str) -> int:
        if column == "level":
            return LEVELS.index(one["level"])
        return round(float(one[column]) * 100) if column == "pay" else int(one[column])

    def value(group: list[Row], column: str, rule: str) -> int:
        if rule == "first":
            in_order = min(
                group,
                key=lambda one: [
                    one["id"].encode(),
                    one["born"],
                    *(steps(one, name) for name in ("pay", "age", "flag")),
                    one["level"],
                ],
            )
            return steps(in_order, column)
        values = [steps(one, column) for one in group]
        return {"sum": sum(values), "max": max(values), "count": len(values), "min": min(values)}[rule]

    return {key: tuple(value(group, column, rule) for column, rule in rules.items()) for key, group in groups.items()}


ROWS = st.lists(
    st.builds(
        row,
        st.sampled_from(["a", "A", " a", "b", "É", "é ", "Straße", "STRASSE"]),
        st.integers(-1000, 100_000).map(
            lambda cents: f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"
        ),
        st.integers(0, 120),
        st.integers(0, 1),
        st.sampled_from(LEVELS),
    ),
    max_size=25,
)
RULES = st.fixed_dictionaries(
    {
        "pay": st.sampled_from(["sum", "max", "min", "count", "first"]),
        "age": st.sampled_from(["sum", "max", "min", "count", "first"]),
        "flag": st.sampled_from(["min", "sum", "max"]),
        "level": st.sampled_from(["max", "min", "first"]),
    }
)


@settings(max_examples=nightly.count(12, 30))
@given(ROWS, RULES)
def test_rows_with_one_key_become_one_by_the_rules(tmp_path: Path, rows: list[Row], rules: dict[str, str]) -> None:
    assert as_dict(rows_of(tmp_path, rows, Wanted(["id"], list(rules), rules))) == plain(rows, rules)


def test_distinct_keys_need_no_rule(tmp_path: Path) -> None:
    rows = [row(f"p{i}", f"{i}.5", i % 100, i % 2, LEVELS[i % 3]) for i in range(500)]
    found = rows_of(tmp_path, rows, Wanted(["id"], ["pay", "level"], None))
    assert as_dict(found) == plain(rows, {"pay": "sum", "level": "max"})


def test_repeated_keys_are_refused_by_count_never_by_name(tmp_path: Path) -> None:
    rows = [row("anna"), row("Anna "), row("bob"), row("bob"), row("bob"), row("eve")]
    with pytest.raises(DataError, match="not unique by id: 2 keys are repeated, in 5 rows") as caught:
        rows_of(tmp_path, rows, Wanted(["id"], ["pay"], None))
    assert not any(name in caught.value.line().lower() for name in ("anna", "bob"))


@pytest.mark.by_day(6)
@pytest.mark.parametrize("digits", [1, 3, 4, 7, 8, 9, 11, 32, 33])
@pytest.mark.parametrize("told_apart", [True, False])
def test_keys_of_one_length_are_repeated_only_where_they_are_equal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: int, told_apart: bool
) -> None:
    if not told_apart:  # every key becomes the same word
        monkeypatch.setattr("mpcgov.worker.keys._ODD", np.zeros(4, np.uint64))
    keys = [f"{i:0{digits}}" for i in range(10)]
    assert set(as_dict(rows_of(tmp_path, [row(key) for key in keys], Wanted(["id"], ["pay"], None)))) == {
        key.encode() for key in keys
    }
    with pytest.raises(DataError, match="not unique by id: 1 key is repeated, in 2 rows"):
        rows_of(tmp_path, [row(key) for key in [*keys, keys[3]]], Wanted(["id"], [], None))


def test_rows_are_chosen_before_they_are_put_together(tmp_path: Path) -> None:
    rows = [row("a", "5"), row("a", "7", age=9), row("b", age=9)]
    found = rows_of(tmp_path, rows, Wanted(["id"], ["pay"], {"pay": "sum"}), where="age > 10")
    assert as_dict(found) == {b"a": (500,)}


def test_a_set_of_keys_alone(tmp_path: Path) -> None:
    found = rows_of(tmp_path, [row("a"), row("A"), row("b")], Wanted(["id"], [], {}))
    assert sorted(found.keys.to_pylist()) == [b"a", b"b"]
    assert dict(found.columns) == {}


def test_composite_keys(tmp_path: Path) -> None:
    rows = [row("a", born="1990-01-01"), row("a", born="1990-01-02"), row("A", born="1990-01-02", pay="2")]
    found = rows_of(tmp_path, rows, Wanted(["id", "born"], ["pay"], {"pay": "sum"}))
    assert sorted(as_dict(found).values()) == [(100,), (300,)]
    assert found.keys.to_pylist()[0].endswith(b"\x0a\0\0\x001990-01-0" + found.keys.to_pylist()[0][-1:])


def test_no_rows(tmp_path: Path) -> None:
    for rules in (None, {"pay": "sum", "level": "max"}):
        found = rows_of(tmp_path, [], Wanted(["id"], ["pay", "level"], rules))
        assert len(found) == 0
        assert all(column.dtype == np.int64 and column.shape == (0,) for column in found.columns.values())


def test_rows_without_a_key_are_left_out_and_missing_values_are_a_fact_of_the_whole_column(tmp_path: Path) -> None:
    wanted = Wanted(["id"], ["age"], {"age": "sum"})
    for missing in ("refuse", "drop"):
        for rules in (None, {"age": "sum"}):
            once = Wanted(["id"], ["age"], rules)
            assert as_dict(rows_of(tmp_path, [row("a"), row(""), row(" "), row("")], once, missing=missing)) == {
                b"a": (30,)
            }
    rows = [row("a"), row("b", age="")]
    assert as_dict(rows_of(tmp_path, rows, wanted, missing="drop")) == {b"a": (30,)}
    for condition in (None, "id = 'a'", "age > 5", "age is not null", "age is null or age > 5", "age is null"):
        with pytest.raises(DataError, match=r"people: column age: 1 row without a value$"):
            rows_of(tmp_path, rows, wanted, condition)


def test_an_owner_hears_how_many_rows_were_left_out_or_put_together(tmp_path: Path) -> None:
    rows = [row("a"), row("A"), row(" "), row("b")]
    found = rows_of(tmp_path, rows, Wanted(["id"], ["pay"], {"pay": "sum"}))
    assert found.notes == (
        "people: 1 row of 4 left out, without a key",
        "people: 3 rows put together by key, into 2",
    )
    assert rows_of(tmp_path, [row("a"), row("b")], Wanted(["id"], ["pay"], None)).notes == ()


def test_a_check_proposes_what_the_data_are_unique_by(tmp_path: Path) -> None:
    def proposed(rows: list[Row], **declared: Any) -> tuple[tuple[str, ...], ...]:
        rows_of(tmp_path, rows, Wanted(["id"], [], {}))
        whole = {"source": "a.csv", "columns": COLUMNS} | declared
        return dataset_check(Dataset.model_validate(whole), "people", tmp_path).would_be_unique

    assert proposed([row("a"), row("b")]) == (("id",),)
    assert proposed([row("a"), row("b")], unique=["id"]) == ()
    twice = [row("a", born=f"1990-01-0{i}") for i in (1, 2)] + [row("b", born=f"1990-01-0{i}") for i in (1, 2)]
    assert proposed(twice) == (("id", "born"),)
    assert proposed([row("a"), row("A ")]) == ()


@pytest.mark.by_day(4)
@pytest.mark.parametrize("key", ["id", "born"])
@pytest.mark.parametrize("condition", [None, "age > 100", "id = 'eve'", "id = 'anna'"])
def test_a_data_set_that_is_not_unique_as_declared_is_refused_whatever_a_job_chooses(
    tmp_path: Path, key: str, condition: str | None
) -> None:
    rows = [row("anna"), row("Anna "), row("eve")]
    for rules in (None, {"pay": "sum"}):
        with pytest.raises(DataError, match=r"people: not unique by id: 1 key is repeated, in 2 rows$") as caught:
            rows_of(tmp_path, rows, Wanted([key], ["pay"], rules), condition, unique=["id"])
        assert caught.value.code == "unique"


def test_parquet_gives_the_same(tmp_path: Path) -> None:
    rows = [row(f"p{i % 40}", f"{i}.25", i % 100, i % 2, LEVELS[i % 3]) for i in range(200)]
    rules = {"pay": "sum", "level": "max", "flag": "max"}
    columns = {name: [one[name] for one in rows] for name in COLUMNS}
    typed = pa.table(
        columns | {"pay": pa.array([float(one["pay"]) for one in rows]), "flag": [i % 2 for i in range(200)]}
    )
    pq.write_table(typed.drop_columns(["born", "age"]), tmp_path / "a.parquet")
    found = rows_of(tmp_path, [], Wanted(["id"], list(rules), rules), name="a.parquet")
    assert as_dict(found) == plain(rows, rules)


def encoding(max_rows: int = 10) -> Encoding:
    return Encoding((Field("a.b", -5, 5), Field("c", 0, 9)), max_rows, ("key",))


def keyed(n: int, **changes: Any) -> KeyedRows:
    keys = pa.array([b"k%d" % i for i in range(n)], pa.large_binary())
    columns = {"a.b": np.arange(n, dtype=np.int64) % 11 - 5, "c": np.arange(n, dtype=np.int64) % 10}
    return KeyedRows(changes.get("keys", keys), columns | changes.get("columns", {}), changes.get("listed", n))


@pytest.mark.parametrize("n", [0, 1, 10, 200_000])
def test_rows_cross_the_pipe_unchanged(n: int) -> None:
    stream = io.BytesIO()
    write_rows(stream, encoding(n), keyed(n))
    found = read_rows(io.BufferedReader(io.BytesIO(stream.getvalue())), encoding(n))
    assert found is not None
    assert found.keys.equals(keyed(n).keys)
    assert all((found.columns[name] == keyed(n).columns[name]).all() for name in found.columns)


def test_an_empty_pipe_means_that_the_reader_failed() -> None:
    assert read_rows(io.BufferedReader(io.BytesIO(b"")), encoding()) is None


@pytest.mark.parametrize(
    "rows",
    [
        keyed(11),
        keyed(3, columns={"c": np.array([0, 1, 10])}),
        keyed(3, columns={"a.b": np.array([0, -6, 1])}),
        keyed(3, columns={"c": np.array([0, 1])}),
        keyed(3, columns={"d": np.array([0, 1, 2])}),
        keyed(1, keys=pa.array([b"x" * 70_000], pa.large_binary())),
    ],
)
def test_rows_out_of_bounds_are_never_written(rows: KeyedRows) -> None:
    stream = io.BytesIO()
    with pytest.raises(InternalError):
        write_rows(stream, encoding(), rows)
    assert stream.getvalue() == b""


def test_damaged_streams_are_refused() -> None:
    stream = io.BytesIO()
    write_rows(stream, encoding(), keyed(5))
    whole = stream.getvalue()
    for damaged in (whole[:-40], whole + b"x", whole[: len(whole) // 2]):
        with pytest.raises(InternalError):
            read_rows(io.BufferedReader(io.BytesIO(damaged)), encoding())
    with pytest.raises(InternalError):
        read_rows(io.BufferedReader(io.BytesIO(whole)), encoding(4))
