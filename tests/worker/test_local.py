"""Choosing and counting rows in the engine, against a plain-Python reading of the rules."""

from __future__ import annotations

import csv
import io
import itertools
import operator
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mpcgov.errors import DataError, InternalError
from mpcgov.spec import where
from mpcgov.spec.condition import And, Between, Comparison, Expr, IsNull, Not, OneOf, Or
from mpcgov.spec.table import Dataset
from mpcgov.worker.local import AtMost, By, ColumnReport, check_columns, counts, judged
from mpcgov.worker.report import dataset_check
from mpcgov.worker.source import Source, open_table
from tests import nightly

COLUMNS: dict[str, dict[str, Any]] = {
    "region": {"kind": "category", "values": ["North", "it's", "Ost"]},
    "sex": {"kind": "category", "values": ["F", "M"]},
    "age": {"kind": "integer", "min": -5, "max": 120},
    "pay": {"kind": "decimal", "min": "-2.5", "max": "1000", "places": 2},
    "born": {"kind": "date", "min": "1990-01-01", "max": "1990-01-12"},
    "note": {"kind": "text"},
    "id": {"kind": "key"},
}
OPS = {"=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
TYPES = {"age": int, "pay": Decimal, "born": date.fromisoformat}

Row = dict[str, str]


def truth(expr: Expr, row: Row) -> bool | None:
    """SQL's three-valued logic on one row as text, empty for missing: the reference."""
    if isinstance(expr, Or | And):
        decisive = isinstance(expr, Or)
        found = {truth(term, row) for term in expr.terms}
        return decisive if decisive in found else None if None in found else not decisive
    if isinstance(expr, Not):
        inner = truth(expr.term, row)
        return None if inner is None else not inner
    text = row[expr.column]
    if isinstance(expr, IsNull):
        return (text == "") != expr.negated
    return holds(expr, text) if text else None


def holds(expr: Comparison | OneOf | Between, text: str) -> bool:
    """A condition on a value that is there."""
    read = TYPES.get(expr.column, str)
    value: Any = read(text)

    def literal(given: Any) -> Any:
        return given if isinstance(given, Decimal) else read(given)

    if isinstance(expr, Comparison):
        return bool(OPS[expr.op](value, literal(expr.value)))
    if isinstance(expr, OneOf):
        return (value in [literal(v) for v in expr.values]) != expr.negated
    return bool(literal(expr.low) <= value <= literal(expr.high)) != expr.negated


def expected(rows: list[Row], by: By, expr: Expr | None, missing: str) -> list[int] | None:
    """The cells, or None where the data must be refused."""
    names = [name for name, _ in by]
    tested = where.nullable(expr) if expr else frozenset()
    used = {*names, *(where.columns(expr) if expr else ())}
    # A column that cells are of is judged whole, whatever the filter asks of it.
    if missing == "refuse" and any(row[name] == "" for row in rows for name in {*names, *(used - tested)}):
        return None
    kept = [row for row in rows if all(row[name] for name in used - tested)]
    chosen = [row for row in kept if expr is None or truth(expr, row) is True]
    found = Counter(tuple(row[name] for name in names) for row in chosen)
    return [found[cell] for cell in itertools.product(*(values for _, values in by))]


def save(folder: Path, rows: list[Row]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(COLUMNS))
    writer.writeheader()
    writer.writerows(rows)
    (folder / "t.csv").write_text(text.getvalue(), encoding="utf-8", newline="")


def declare(missing: str = "refuse", columns: dict[str, Any] = COLUMNS, source: str = "t.csv") -> Dataset:
    return Dataset.model_validate({"source": source, "columns": columns, "missing": missing})


def count(folder: Path, by: By, expr: Expr | None, missing: str) -> list[int]:
    used = {*(name for name, _ in by), *(where.columns(expr) if expr else ())}
    with open_table(declare(missing), "d", folder, used) as source:
        return counts(source, by, expr).tolist()


days = st.integers(0, 11).map(lambda n: (date(1990, 1, 1) + timedelta(days=n)).isoformat())
words = st.sampled_from(["a", "it's", "A", "%", "a b", "NULL", "é", "'' or 1=1 --"])
exact = {
    "region": st.sampled_from(COLUMNS["region"]["values"]),
    "sex": st.sampled_from(COLUMNS["sex"]["values"]),
    "age": st.integers(-5, 12).map(str),
    "pay": st.integers(-250, 250).map(lambda n: str(Decimal(n) / 100)),
    "born": days,
    "note": words,
    "id": words,
}
literals = {
    **exact,
    "age": st.integers(-6, 13).map(Decimal),
    "pay": st.integers(-260, 260).map(lambda n: Decimal(n) / 100),
}
between_steps = st.sampled_from(["0.5", "-0.001", "1.2345", "1e30", "-1e30", "0.01"]).map(
    lambda t: Decimal(f"{Decimal(t):f}")
)
ordered = {"age": literals["age"] | between_steps, "pay": literals["pay"] | between_steps, "born": days}


@st.composite
def conditions(draw: st.DrawFn) -> Expr:
    column = draw(st.sampled_from(list(COLUMNS)))
    negated = draw(st.booleans())
    kinds = ["is", "in", "="] + (["<", "between"] if column in ordered else [])
    kind = draw(st.sampled_from(kinds))
    if kind == "is":
        return IsNull(column, negated)
    if kind == "in":
        return OneOf(column, tuple(draw(st.lists(literals[column], min_size=1, max_size=3))), negated)
    if kind == "=":
        return Comparison(column, draw(st.sampled_from(["=", "!="])), draw(literals[column]))
    if kind == "<":
        return Comparison(column, draw(st.sampled_from(["<", "<=", ">", ">="])), draw(ordered[column]))
    return Between(column, draw(ordered[column]), draw(ordered[column]), negated)


def joined(kind: type[And] | type[Or]) -> Any:
    return lambda terms: kind(tuple(terms))


expressions = st.recursive(
    conditions(),
    lambda inner: (
        inner.map(Not)
        | st.lists(inner, min_size=2, max_size=3).map(joined(And))
        | st.lists(inner, min_size=2, max_size=3).map(joined(Or))
    ),
    max_leaves=6,
)
sparse = st.fixed_dictionaries({name: st.one_of(st.just(""), values, values) for name, values in exact.items()})
dense = st.fixed_dictionaries(exact)
tables = st.lists(dense, max_size=25) | st.lists(sparse, max_size=25)
bys = st.permutations(["region", "sex"]).flatmap(lambda names: st.integers(1, 2).map(lambda n: names[:n]))


@settings(max_examples=nightly.count(15, 80))
@example(
    rows=[{**dict.fromkeys(COLUMNS, ""), "sex": "F"}], names=["region"], expr=IsNull("region", False), missing="refuse",
    flip=False,
)  # fmt: skip
@given(
    rows=tables,
    names=bys,
    expr=st.none() | expressions,
    missing=st.sampled_from(["refuse", "drop"]),
    flip=st.booleans(),
)
def test_counts_are_those_of_a_plain_reading_of_the_rules(
    tmp_path: Path, rows: list[Row], names: list[str], expr: Expr | None, missing: str, flip: bool
) -> None:
    if expr is not None:
        expr = where.parse(where.canonical(expr))
        where.check(expr, declare().declaration)
    by = [(name, COLUMNS[name]["values"][:: -1 if flip else 1]) for name in names]
    save(tmp_path, rows)
    wanted = expected(rows, by, expr, missing)
    if wanted is None:
        with pytest.raises(DataError, match="without a value"):
            count(tmp_path, by, expr, missing)
    else:
        assert count(tmp_path, by, expr, missing) == wanted


BY_SEX = [("sex", ["F", "M"])]


def rows_of(*ages: str) -> list[Row]:
    return [dict.fromkeys(COLUMNS, "") | {"sex": "F", "age": age, "region": "North"} for age in ages]


@pytest.mark.by_day(9)
@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("age = 3", 1),
        ("not (age = 3)", 2),
        ("not (age = 3) or age is null", 3),
        ("age is null", 1),
        ("age is not null", 3),
        ("age is null or age > 4", 2),
        ("age is null and age > 4", 0),
        ("age in (3, 4)", 2),
        ("age not in (3, 4)", 1),
        ("age not between 3 and 4", 1),
        ("age between 4 and 3", 0),
        ("age not between 4 and 3", 3),
        ("age < 3.5", 1),
        ("age <= 3.5", 1),
        ("age > 3.5", 2),
        ("age > 4", 1),
        ("age < 99999999999999999999999999999999999999", 3),
        ("age > -99999999999999999999999999999999999999", 3),
    ],
)
def test_a_missing_value_is_unknown_and_only_is_null_sees_it(tmp_path: Path, condition: str, kept: int) -> None:
    save(tmp_path, rows_of("3", "4", "5", ""))
    assert count(tmp_path, BY_SEX, where.parse(f"({condition}) or (age is null and age = 0)"), "refuse") == [kept, 0]


def test_every_row_is_judged_whether_chosen_or_not(tmp_path: Path) -> None:
    save(tmp_path, rows_of("3", "400", "401", "x"))
    with pytest.raises(DataError) as caught:
        count(tmp_path, BY_SEX, where.parse("age < 5"), "drop")
    assert caught.value.message == "d: column age: 1 row not a whole number; column age: 2 rows out of range -5..120"
    assert count(tmp_path, BY_SEX, None, "refuse") == [4, 0]


@pytest.mark.parametrize(
    ("column", "inside", "beyond"),
    [
        ("age", ["-5", "-4", "119", "120"], ["-6", "121"]),
        ("pay", ["-2.5", "-2.49", "999.99", "1000"], ["-2.51", "1000.01"]),
        ("born", ["1990-01-01", "1990-01-02", "1990-01-11", "1990-01-12"], ["1989-12-31", "1990-01-13"]),
    ],
)
def test_r17_values_are_refused_from_one_step_beyond_their_bounds_by_column_and_not_by_row(
    tmp_path: Path, column: str, inside: list[str], beyond: list[str]
) -> None:
    row = dict.fromkeys(COLUMNS, "") | {"region": "North", "sex": "F"}
    for wrong in ([], beyond[:1], beyond[1:], beyond):
        save(tmp_path, [row | {column: value} for value in (*inside, *wrong)])
        with open_table(declare(), "d", tmp_path, {column}) as source:
            if not wrong:
                check_columns(source, [column])
                continue
            with pytest.raises(DataError) as caught:
                check_columns(source, [column])
        said = f"{len(wrong)} row{'s' if len(wrong) > 1 else ''} out of range"
        assert caught.value.message.startswith(f"d: column {column}: {said}")
        assert not any(value in caught.value.line() for value in beyond)


def test_all_columns_faults_come_in_one_error(tmp_path: Path) -> None:
    save(tmp_path, [*rows_of("400"), {**rows_of("1")[0], "sex": "X"}, {**rows_of("2")[0], "sex": ""}])
    with open_table(declare(), "d", tmp_path) as source, pytest.raises(DataError) as caught:
        check_columns(source, ["age", "sex", "region"])
    assert caught.value.message == (
        "d: column sex: 1 row without a value; column sex: 1 row not among the declared values; "
        "column age: 1 row out of range -5..120"
    )


def test_dropping_leaves_out_rows_by_used_columns_only(tmp_path: Path) -> None:
    save(tmp_path, rows_of("3", "", "5"))
    assert count(tmp_path, BY_SEX, None, "drop") == [3, 0]
    assert count(tmp_path, BY_SEX, where.parse("not age = 3"), "drop") == [1, 0]
    assert count(tmp_path, BY_SEX, where.parse("not age = 3 or age is null"), "drop") == [2, 0]


def test_a_row_without_a_value_to_count_by_is_refused_whether_it_is_chosen_or_not_or_dropped(tmp_path: Path) -> None:
    rows = [*rows_of("1", "2"), *({**row, "sex": ""} for row in rows_of("3", "4", "5"))]
    save(tmp_path, rows)
    expr = where.parse("sex is null or age < 2")
    for chosen in (expr, where.parse("sex is not null"), where.parse("sex is not null and age < 2"), None):
        with pytest.raises(DataError, match=r"^d: column sex: 3 rows without a value$"):
            count(tmp_path, BY_SEX, chosen, "refuse")
    assert count(tmp_path, BY_SEX, expr, "drop") == [1, 0]


def test_no_rows_are_counts_of_zero_in_every_cell(tmp_path: Path) -> None:
    save(tmp_path, [])
    by = [("region", COLUMNS["region"]["values"]), ("sex", ["F", "M"])]
    assert count(tmp_path, by, None, "refuse") == [0] * 6
    assert count(tmp_path, by, where.parse("age is null"), "refuse") == [0] * 6


def test_the_first_column_of_by_is_the_slowest(tmp_path: Path) -> None:
    save(tmp_path, [{**rows_of("1")[0], "region": "Ost", "sex": "F"}])
    by = [("region", ["North", "Ost", "it's"]), ("sex", ["M", "F"])]
    assert count(tmp_path, by, None, "refuse") == [0, 0, 0, 1, 0, 0]
    assert count(tmp_path, by[::-1], None, "refuse") == [0, 0, 0, 0, 1, 0]


@settings(max_examples=nightly.count(10, 40))
@given(
    rows=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("FM"), st.integers(0, 9)), max_size=25),
    most=st.integers(1, 4),
)
def test_of_each_key_no_more_rows_are_counted_than_the_job_reckons_with(
    tmp_path: Path, rows: list[tuple[str, str, int]], most: int
) -> None:
    """Rows that `where` leaves out take no place; one unit more or less changes the counts by no more than `most`."""
    table = [row | {"id": key, "sex": sex} for (key, sex, age) in rows for row in rows_of(str(age))]
    save(tmp_path, table)
    with open_table(declare(), "d", tmp_path) as source:
        found = counts(source, BY_SEX, where.parse("age < 7"), AtMost(["id"], most)).tolist()
    kept = {key: sorted(sex for other, sex, age in rows if other == key and age < 7)[:most] for key in "abc"}
    assert found == [sum(sexes.count(sex) for sexes in kept.values()) for sex in "FM"]


def test_values_that_the_job_does_not_know_are_our_bug(tmp_path: Path) -> None:
    save(tmp_path, rows_of("1"))
    with pytest.raises(InternalError, match=r"^d: column sex: the job's values aren't those of the declaration$"):
        count(tmp_path, [("sex", ["M"])], None, "refuse")


def test_a_million_cells_are_counted_in_order(tmp_path: Path) -> None:
    codes = [f"c{i}" for i in range(1000)]
    columns = {name: {"kind": "category", "values": codes} for name in ("a", "b")}
    (tmp_path / "t.csv").write_text("a,b\n" + "".join(f"c{i},c{(7 * i) % 1000}\n" for i in range(1000)) * 2)
    with open_table(declare(columns=columns), "d", tmp_path) as source:
        found = counts(source, [("a", codes), ("b", codes)])
    assert found.dtype == np.int64
    assert np.flatnonzero(found).tolist() == [1000 * i + (7 * i) % 1000 for i in range(1000)]
    assert set(found[found > 0].tolist()) == {2}


def test_the_check_of_a_data_set_reports_every_column(tmp_path: Path) -> None:
    save(tmp_path, rows_of("1", "", "400", "x", "y"))
    report = dataset_check(declare("drop"), "d", tmp_path)
    assert report.rows == 5
    assert report.columns[2] == ColumnReport("age", missing=1, malformed=2, outside=1, first=3)
    assert report.faults == (
        "column age: 2 rows not a whole number",
        "column age: 1 row out of range -5..120 (the first is row 3)",
    )
    strict = dataset_check(declare("refuse"), "d", tmp_path)
    assert strict.columns == report.columns
    assert "column age: 1 row without a value" in strict.faults
    assert "column note: 5 rows without a value" in strict.faults


def test_of_sound_rows_it_is_asked_once_for_two_numbers_a_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ibis takes longer to put a question together than the engine to answer it. Faults are asked for one by one."""
    asked: list[int] = []
    query = Source.query

    def counting(source: Source, expr: Any) -> Any:
        asked.append(len(expr.columns))
        return query(source, expr)

    monkeypatch.setattr(Source, "query", counting)
    kinds = {"age": COLUMNS["age"], "sex": COLUMNS["sex"]}
    dataset = Dataset.model_validate({"source": "d.csv", "columns": kinds, "missing": "drop"})
    (tmp_path / "d.csv").write_text("age,sex\n1,F\n,M\n", encoding="utf-8")
    with open_table(dataset, "d", tmp_path) as source:
        assert [(one.missing, one.malformed) for one in judged(source, kinds)] == [(1, 0), (0, 0)]
    assert asked == [4]
    (tmp_path / "d.csv").write_text("age,sex\nx,F\n1,NA\n", encoding="utf-8")
    with open_table(dataset, "d", tmp_path) as source:
        assert [(one.malformed, one.outside) for one in judged(source, kinds)] == [(1, 0), (0, 1)]
