"""Columns that an owner derives from others: what they hold, and what rows that don't fit count as."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgov.errors import SpecError
from mpcgov.spec.load import validate
from mpcgov.spec.table import Dataset
from mpcgov.worker.advice import FINE, MALFORMED, MISSING, OUTSIDE, UNLISTED
from mpcgov.worker.source import Source, open_table
from tests import nightly

ROWS = """age,pay,born,a,b
0,9.99,1990-12-31,x,y
14,10.00,1991-01-01,,y
15,,,,
65,99.50,2001-06-01,z,
-3,old,1899-01-01,?,x
"""
TOTAL = {"kind": "decimal", "min": "-100", "max": "2000", "places": 1}
LETTERS = {"kind": "category", "values": ["x", "y", "z"]}
COLUMNS: dict[str, Any] = {
    "group": {"kind": "category", "derive": {"band": "age", "edges": [0, 15, 65]}},
    "age": {"kind": "integer", "min": -5, "max": 120},
    "pay": {"kind": "decimal", "min": "0", "max": "100", "places": 2},
    "paid": {"kind": "category", "values": ["low", "high"], "derive": {"band": "pay", "edges": ["0", "10"]}},
    "born": {"kind": "date", "min": "1890-01-01", "max": "2025-12-31"},
    "year": {"kind": "integer", "min": 1900, "max": 2000, "derive": {"year of": "born"}},
    "a": LETTERS,
    "b": LETTERS,
    "either": LETTERS | {"derive": {"coalesce": ["a", "b"]}},
}


def declared(**columns: Any) -> Dataset:
    return validate({"source": "d.csv", "missing": "drop", "columns": COLUMNS | columns}, Dataset, "people")


def column_of(source: Source, name: str) -> list[tuple[Any, int]]:
    found = source.query(source.table.select(source.value(name), source.fault(name)))
    return list(zip(*(column.to_pylist() for column in found.columns), strict=True))


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("group", [("0-14", FINE), ("0-14", FINE), ("15-64", FINE), ("65+", FINE), (None, OUTSIDE)]),
        ("paid", [("low", FINE), ("high", FINE), (None, MISSING), ("high", FINE), (None, MALFORMED)]),
        ("year", [(1990, FINE), (1991, FINE), (None, MISSING), (None, OUTSIDE), (None, OUTSIDE)]),
        ("either", [("x", FINE), ("y", FINE), (None, MISSING), ("z", FINE), (None, UNLISTED)]),
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_rows_have_what_is_derived_or_the_fault_of_what_it_is_derived_from(
    tmp_path: Path, name: str, rows: list[tuple[Any, int]], alone: bool
) -> None:
    (tmp_path / "d.csv").write_text(ROWS)
    with open_table(declared(), "people", tmp_path, {name} if alone else None) as source:
        assert list(source.declaration.columns) == ([name] if alone else list(COLUMNS))
        assert column_of(source, name) == rows


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("12 * pay", [Decimal("119.9"), Decimal("120.0"), None, Decimal("1194.0"), None]),
        (
            "-(age - 1.05) / 3 + 2 * age",
            [Decimal("0.4"), Decimal("23.7"), Decimal("25.4"), Decimal("108.7"), Decimal("-4.7")],
        ),
        ("pay - pay * 0.005 / 1", [Decimal("9.9"), Decimal("10.0"), None, Decimal("99.0"), None]),
        ("30 * pay", [Decimal("299.7"), Decimal("300.0"), None, None, None]),
    ],
)
def test_arithmetic_is_exact_and_rounded_once(tmp_path: Path, text: str, values: list[Decimal | None]) -> None:
    (tmp_path / "d.csv").write_text(ROWS)
    with open_table(declared(new={**TOTAL, "derive": {"compute": text}}), "people", tmp_path, {"new"}) as source:
        found = column_of(source, "new")
    assert [None if value is None else Decimal(value) / 10 for value, _ in found] == values
    of_pay = [FINE, FINE, MISSING, OUTSIDE if text == "30 * pay" else FINE, MALFORMED]
    assert [fault for _, fault in found] == ([FINE] * 5 if "age" in text else of_pay)


@pytest.mark.parametrize("text", ["-".join(["-age"] * 50), "+".join(["age", "pay"] * 25), "age" + "/1" * 49])
def test_arithmetic_as_long_as_it_may_be_is_computed(tmp_path: Path, text: str) -> None:
    (tmp_path / "d.csv").write_text(ROWS)
    total = {**TOTAL, "min": "-100000", "max": "1000000", "derive": {"compute": text}}
    with open_table(declared(new=total), "people", tmp_path, {"new"}) as source:
        assert column_of(source, "new")[0][1] == FINE


@settings(max_examples=nightly.count(10, 20))
@given(st.lists(st.tuples(st.integers(-5, 120), st.integers(0, 10_000)), min_size=1, max_size=20), st.data())
def test_arithmetic_is_that_of_fractions(rows: list[tuple[int, int]], data: st.DataObject) -> None:
    tree, text = data.draw(SUMS)
    columns = COLUMNS | {"new": {**TOTAL, "min": "-100000000", "max": "100000000", "derive": {"compute": text}}}
    dataset = validate({"source": "d.csv", "columns": columns}, Dataset, "people")
    with TemporaryDirectory() as folder:
        lines = [f"{age},{Decimal(pay) / 100},1990-01-01,x,y" for age, pay in rows]
        (Path(folder) / "d.csv").write_text("\n".join(["age,pay,born,a,b", *lines]))
        with open_table(dataset, "people", Path(folder), {"new"}) as source:
            found = [value for value, _ in column_of(source, "new")]
    for (age, pay), value in zip(rows, found, strict=True):
        exact = eval_sum(tree, age, Fraction(pay, 100)) * 10
        assert value == int(abs(exact) + Fraction(1, 2)) * (1 if exact >= 0 else -1)


SUMS = st.recursive(
    st.sampled_from([(("age",), "age"), (("pay",), "pay"), ((Fraction(3, 4),), "0.75"), ((Fraction(7),), "7")]),
    lambda inner: st.tuples(st.sampled_from("+-*"), inner, inner).map(
        lambda p: ((p[0], p[1][0], p[2][0]), f"({p[1][1]} {p[0]} {p[2][1]})")
    ),
    max_leaves=4,
).filter(lambda one: "a" in one[1])


def eval_sum(tree: Any, age: int, pay: Fraction) -> Fraction:
    if len(tree) == 1:
        return {"age": Fraction(age), "pay": pay}.get(tree[0], tree[0])
    a, b = eval_sum(tree[1], age, pay), eval_sum(tree[2], age, pay)
    return {"+": a + b, "-": a - b, "*": a * b}[tree[0]]


def test_others_see_a_derived_column_like_any_other() -> None:
    seen = declared().declaration.model_dump()
    assert seen["columns"]["group"] == {"kind": "category", "values": ("0-14", "15-64", "65+")}
    assert "derived" not in seen


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ({"kind": "category", "derive": {"band": "age", "edges": [15, 0]}}, "greater than the one before"),
        ({"kind": "category", "values": ["u"], "derive": {"band": "age"}}, "edges: band needs them"),
        (
            {"kind": "category", "values": ["u"], "derive": {"band": "age", "edges": [0, 9]}},
            "2 edges make",
        ),
        ({"kind": "category", "values": ["u"], "derive": {"band": "pay", "edges": ["0.001"]}}, "2 decimal digits"),
        ({"kind": "category", "values": ["u"], "derive": {"band": "a", "edges": [0]}}, "band makes a category of an"),
        ({"kind": "category", "values": ["u"], "derive": {"band": "nobody", "edges": [0]}}, "derived from nobody"),
        ({"kind": "integer", "min": 0, "max": 9, "derive": {"year of": "age"}}, "year of makes an integer of a date"),
        ({"kind": "integer", "min": 0, "max": 9, "derive": {"year of": "year"}}, "columns that aren't derived"),
        (
            {"kind": "integer", "min": 0, "max": 9, "derive": {}},
            "expected one of band, year of, level of, compute and coalesce",
        ),
        ({**TOTAL, "derive": {"compute": "pay ** 2"}}, "character 6, found"),
        ({**TOTAL, "derive": {"compute": "pay / age"}}, "expected number at character 7, found age"),
        ({**TOTAL, "derive": {"compute": "pay / 0"}}, "divides by zero"),
        ({**TOTAL, "derive": {"compute": "pay; drop"}}, "can't be read at character 4"),
        ({**TOTAL, "derive": {"compute": "1 + 2"}}, "names no column"),
        ({**TOTAL, "derive": {"compute": "born + 1"}}, "integer or decimal of integer"),
        ({**TOTAL, "derive": {"compute": "pay * pay * pay * pay * pay"}}, "narrow the bounds"),
        ({**TOTAL, "derive": {"compute": "(" * 30 + "pay" + ")" * 30}}, "nested over 20"),
        ({**TOTAL, "derive": {"compute": "+".join(["pay"] * 51)}}, "more than 50 columns and numbers"),
        ({"kind": "category", "values": ["u"], "derive": {"coalesce": ["a", "b"]}}, "declared as this one is"),
        ({"kind": "integer", "min": 0, "max": 9, "from": "n", "derive": {"year of": "born"}}, "it isn't in the source"),
    ],
)
def test_what_cant_be_derived_is_refused_when_declared(column: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        declared(new=column)
