"""What two conditions certainly have in common, against all rows of a small domain."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgov.spec import where
from mpcgov.spec.condition import And, Comparison, Expr, IsNull, Not, OneOf, Or
from mpcgov.spec.overlap import Relation, relation
from mpcgov.spec.table import CategoryColumn, Column, DateColumn, DecimalColumn, IntegerColumn, KeyColumn, TextColumn
from tests import nightly

COLUMNS: dict[str, Column] = {
    "age": IntegerColumn(kind="integer", min=0, max=120),
    "year": IntegerColumn(kind="integer", min=2000, max=2030),
    "income": DecimalColumn(kind="decimal", min="0", max="100", places=2),
    "born": DateColumn(kind="date", min="1900-01-01", max="2025-12-31"),
    "region": CategoryColumn(kind="category", values=("North", "South", "East")),
    "name": TextColumn(kind="text"),
    "id": KeyColumn(kind="key"),
}


def related(a: str | None, b: str | None) -> Relation:
    return relation(*(None if text is None else where.parse(text) for text in (a, b)), COLUMNS)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (None, None),
        ("age < 25", "age <= 24"),
        ("age < 25", "not age >= 25"),
        ("age between 20 and 29", "age >= 20 and age < 30"),
        ("age < 24.5", "age <= 24"),
        ("income < 10", "income <= 9.99"),
        ("born < '2000-01-01'", "born <= '1999-12-31'"),
        ("region = 'North' or region = 'South'", "region in ('South', 'North')"),
        ("region in ('North', 'South')", "region != 'East'"),
        ("age < 25 and region = 'North'", "region = 'North' and age < 25"),
        ("age < 25 and age >= 0", "age < 25"),
        ("age > 120", "age < 0"),
        ("age is null or age >= 0", None),
        ("name = 'x'", "name in ('x', 'x')"),
    ],
)
def test_the_same_rows_said_in_two_ways(a: str | None, b: str | None) -> None:
    assert related(a, b) is related(b, a) is Relation.SAME


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("year = 2024", "year = 2025"),
        ("age < 25", "age >= 25"),
        ("age between 20 and 29", "age between 30 and 39"),
        ("age < 25", "age > 24"),
        ("income <= 9.99", "income > 9.99"),
        ("born < '2000-01-01'", "born >= '2000-01-01'"),
        ("region = 'North'", "region in ('South', 'East')"),
        ("region = 'North'", "region != 'North'"),
        ("age is null", "age < 200"),
        ("age < 25 and year = 2024", "age < 30 and year = 2025"),
        ("name = 'x'", "name = 'y'"),
        ("id = 'x'", "not id = 'x'"),
        ("age > 120", None),
    ],
)
def test_rows_that_can_have_none_in_common(a: str | None, b: str | None) -> None:
    assert related(a, b) is related(b, a) is Relation.APART


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (None, "region != 'East'"),
        ("age between 20 and 29", "age between 20 and 30"),
        ("age < 25", "age < 26"),
        ("age < 25", "region = 'North'"),
        ("age < 25", "age < 25 or name = 'x'"),
        ("year = 2024", "year in (2024, 2025)"),
        (None, "age >= 0"),  # a row without an age is in the first alone
        ("income < 10", "income < 10.01"),
        ("income < 9.9900000000000000000000000000000001", "income < 9.99"),  # 35 digits: nothing is rounded
        ("name = 'x'", "name != 'y'"),
        ("height < 3", "height < 3"),  # not declared
    ],
)
def test_what_may_differ_in_a_few_rows_is_unclear(a: str | None, b: str | None) -> None:
    assert related(a, b) is related(b, a) is Relation.UNCLEAR


def test_a_comparison_that_takes_too_long_is_unclear() -> None:
    columns = {f"c{i}": IntegerColumn(kind="integer", min=0, max=9) for i in range(9)}
    text = " and ".join(f"{name} > 3" for name in columns)
    assert relation(where.parse(text), where.parse(text.replace("3", "4")), columns) is Relation.UNCLEAR
    few = "region in (" + ", ".join(f"'{i}'" for i in range(500)) + ")"
    wide = {"region": CategoryColumn(kind="category", values=tuple(map(str, range(1000))))}
    assert relation(where.parse(few), where.parse(f"not {few}"), wide) is Relation.APART


SMALL: dict[str, Column] = {
    "n": IntegerColumn(kind="integer", min=0, max=4),
    "d": DateColumn(kind="date", min="2020-01-01", max="2020-01-03"),
    "c": CategoryColumn(kind="category", values=("a", "b", "c")),
}
ROWS = [
    dict(zip(SMALL, row, strict=True))
    for row in itertools.product((None, *range(5)), (None, *range(3)), (None, "a", "b", "c"))
]
NUMBERS = st.integers(-1, 5).map(Decimal)
DAYS = st.integers(-1, 3).map(lambda i: (date(2020, 1, 1) + timedelta(days=i)).isoformat())
OPS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
EXPRS = st.recursive(
    st.one_of(
        st.builds(Comparison, st.just("n"), OPS, NUMBERS),
        st.builds(Comparison, st.just("d"), OPS, DAYS),
        st.builds(OneOf, st.just("c"), st.lists(st.sampled_from("abc"), min_size=1).map(tuple), st.booleans()),
        st.builds(IsNull, st.sampled_from("ndc"), st.booleans()),
    ),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)


def holds(expr: Expr, row: dict[str, Any]) -> bool | None:
    """SQL's logic, written down a second time."""
    if isinstance(expr, Not):
        return {True: False, False: True, None: None}[holds(expr.term, row)]
    if isinstance(expr, And | Or):
        rank = {False: 0, None: 1, True: 2}
        pick = min if isinstance(expr, And) else max
        return pick((holds(term, row) for term in expr.terms), key=lambda truth: rank[truth])
    value = row[expr.column]
    if isinstance(expr, IsNull):
        return (value is None) is not expr.negated
    if value is None:
        return None
    if isinstance(expr, OneOf):
        return (value in expr.values) is not expr.negated
    assert isinstance(expr, Comparison)
    literal: Any = expr.value
    other = int(literal) if expr.column == "n" else (date.fromisoformat(literal) - date(2020, 1, 1)).days
    signs = {"=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
    return bool(getattr(value, f"__{signs[expr.op]}__")(other))


@settings(max_examples=nightly.count(75, 300))
@given(EXPRS, EXPRS)
def test_what_is_certain_is_what_all_rows_of_the_domain_show(a: Expr, b: Expr) -> None:
    chosen = [{i for i, row in enumerate(ROWS) if holds(expr, row) is True} for expr in (a, b)]
    found = relation(a, b, SMALL)
    if chosen[0] == chosen[1]:
        assert found is Relation.SAME
    else:
        assert found is (Relation.UNCLEAR if chosen[0] & chosen[1] else Relation.APART)
