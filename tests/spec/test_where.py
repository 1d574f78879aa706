"""The `where` language: what is accepted and how it is understood, what is refused and where."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgov.errors import SpecError
from mpcgov.spec import where
from mpcgov.spec.condition import And, Between, Comparison, Expr, IsNull, Not, OneOf, Or
from mpcgov.spec.table import Declaration
from tests import nightly

DECLARATION = Declaration.model_validate(
    {
        "columns": {
            "region": {"kind": "category", "values": ["North", "it's"]},
            "age": {"kind": "integer", "min": 0, "max": 120},
            "income": {"kind": "decimal", "min": 0, "max": 500000, "places": 2},
            "born": {"kind": "date", "min": "1900-01-01", "max": "2025-12-31"},
            "name": {"kind": "text"},
            "id": {"kind": "key"},
        }
    }
)
A, B, C = (Comparison(name, "=", Decimal(1)) for name in "abc")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a = 1", A),
        ("a=1", A),
        (" \n\ta\n== 1.000 ", A),
        ("a <> 1", Comparison("a", "!=", Decimal(1))),
        ("a != 1", Comparison("a", "!=", Decimal(1))),
        ("a<-5", Comparison("a", "<", Decimal(-5))),
        ("a >= -0", Comparison("a", ">=", Decimal(0))),
        ("a <= 007.50", Comparison("a", "<=", Decimal("7.5"))),
        ("a > 'x'", Comparison("a", ">", "x")),
        ("a = ''", Comparison("a", "=", "")),
        ("a = 'it''s'", Comparison("a", "=", "it's")),
        ("a = ''''", Comparison("a", "=", "'")),
        ("a = ' or 1=1 -- \"\n'", Comparison("a", "=", ' or 1=1 -- "\n')),
        ("größe_2 = 1", Comparison("größe_2", "=", Decimal(1))),
        ("andy = 1 and orion = 1", And((Comparison("andy", "=", Decimal(1)), Comparison("orion", "=", Decimal(1))))),
        ("a in (1)", OneOf("a", (Decimal(1),), negated=False)),
        ("a NOT In('x' , 'y')", OneOf("a", ("x", "y"), negated=True)),
        ("a between 1 and 2 and b = 1", And((Between("a", Decimal(1), Decimal(2), negated=False), B))),
        ("a not between 'x' and 'y'", Between("a", "x", "y", negated=True)),
        ("a is null", IsNull("a", negated=False)),
        ("a IS NOT NULL", IsNull("a", negated=True)),
        ("a=1 or b=1 and c=1", Or((A, And((B, C))))),
        ("a=1 and b=1 or c=1", Or((And((A, B)), C))),
        ("(a=1 or b=1) and c=1", And((Or((A, B)), C))),
        ("not a=1 and b=1", And((Not(A), B))),
        ("not (a=1 and b=1)", Not(And((A, B)))),
        ("not not a=1", Not(Not(A))),
        ("a=1 or (b=1 or c=1)", Or((A, B, C))),
        ("((a=1)) and (b=1 and c=1)", And((A, B, C))),
        ("not a is null", Not(IsNull("a", negated=False))),
    ],
)
def test_a_condition_means_its_tree(text: str, tree: Expr) -> None:
    assert where.parse(text) == tree
    assert where.parse(where.canonical(tree)) == tree


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "where: character 1: expected a column, found the end"),
        ("   ", "where: character 4: expected a column, found the end"),
        ("a", "where: character 2: expected an operator, in, between or is, found the end"),
        ("a =", "where: character 4: expected a value, found the end"),
        ("a = b", "where: character 5: expected a value, found b"),
        ("1 = a", "where: character 1: expected a column, found '1'"),
        ("a = 1 b = 2", "where: character 7: expected and, or, or the end, found 'b'"),
        ("a = 1)", "where: character 6: expected and, or, or the end, found ')'"),
        ("(a = 1", "where: character 7: expected a closing ), found the end"),
        ("a = 1 and", "where: character 10: expected a column, found the end"),
        ("a = 1 and and b = 1", "where: character 11: expected a column, found 'and'"),
        ("null = 1", "where: character 1: expected a column, found 'null'"),
        ("a is 1", "where: character 6: expected null, found '1'"),
        ("a = null", "where: character 5: expected a value, found 'null'"),
        ("a not = 1", "where: character 7: expected in or between, found '='"),
        ("a in ()", "where: character 7: expected a value, found ')'"),
        ("a in 1", "where: character 6: expected an opening (, found '1'"),
        ("a in (1 2)", "where: character 9: expected a comma or a closing ), found '2'"),
        ("a in (1,)", "where: character 9: expected a value, found ')'"),
        ("a between 1 or 2", "where: character 13: expected and, found 'or'"),
        ("a = 'x", "where: character 5: this quote isn't closed"),
        ("a = 'x'''", None),
        ("a = 'x''", "where: character 5: this quote isn't closed"),
        ('a = "x"', "where: character 5: double quotes aren't used here"),
        ("a = 1.", "where: character 5: not a number"),
        ("a = .5", "where: character 5: unexpected '.'"),
        ("a = +5", "where: character 5: unexpected '+'"),
        ("a = - 5", "where: character 5: not a number"),
        ("a = 1e5", "where: character 5: not a number"),
        ("a = 1_0", "where: character 5: not a number"),
        ("a = 25and b = 1", "where: character 5: not a number"),
        ("a = ١", "where: character 5: not a number"),
        ("a = " + "1" * 41, "where: character 5: a number with more than 40 digits"),
        ("a; drop table x", "where: character 2: unexpected ';'"),
        ("a = 1 -- b", "where: character 7: not a number"),
        ("a && b", "where: character 3: unexpected '&'"),
        ("a like 'x'", "where: character 3: expected an operator, in, between or is, found 'like'"),
        ("f(a) = 1", "where: character 2: expected an operator, in, between or is, found '('"),
        ("a = 1 + 1", "where: character 7: unexpected '+'"),
        ("a =! 1", "where: character 4: unexpected '!'"),
        ("a = 1\0", "where: character 6: unexpected '\\x00'"),
        ("(" * 51 + "a = 1" + ")" * 51, "where: character 51: nested more than 50 deep"),
        ("not " * 51 + "a = 1", "where: character 201: nested more than 50 deep"),
        ("a = 1" + " " * 9_996, "where: longer than 10,000 characters"),
    ],
)
def test_anything_else_is_refused_where_it_stands(text: str, fault: str | None) -> None:
    if fault is None:
        assert where.parse(text) == Comparison("a", "=", "x'")
        return
    with pytest.raises(SpecError) as caught:
        where.parse(text)
    assert caught.value.faults == [fault]
    assert caught.value.exit_status == 2


def test_the_limits_themselves_are_fine() -> None:
    assert where.parse("(" * 50 + "a = 1" + ")" * 50) == A
    assert where.parse("not (" * 25 + "a = 1" + ")" * 25)
    assert where.parse("a = 1" + " " * 9_995) == A
    wide = where.parse(" or ".join(["a=1"] * 1_200))
    assert isinstance(wide, Or)
    assert len(wide.terms) == 1_200


@settings(max_examples=nightly.count(100, 400))
@given(st.text(max_size=60) | st.text("ab=<>!()',.-019 \n", max_size=40) | st.lists(
    st.sampled_from(["a", "b", "=", "<", "in", "not", "(", ")", ",", "and", "or", "between", "is", "null", "1", "'x'"]),
    max_size=25).map(" ".join))  # fmt: skip
def test_any_text_is_a_condition_or_a_spec_error(text: str) -> None:
    tree, faults = None, [""]
    try:
        tree = where.parse(text)
    except SpecError as error:
        faults = error.faults
    if tree is None:
        assert faults[0].startswith("where: character ")
    else:
        assert where.parse(where.canonical(tree)) == tree
        assert where.canonical(where.parse(where.canonical(tree))) == where.canonical(tree)


def test_columns_are_all_and_nullable_only_those_tested_for_null() -> None:
    tree = where.parse("a = 1 or not (b is null and c in (1)) and d is not null")
    assert where.columns(tree) == {"a", "b", "c", "d"}
    assert where.nullable(tree) == {"b", "d"}


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("A=1 OR b<>-1.50 AND c IN('x')", "A = 1 or b != -1.5 and c in ('x')"),
        ("not(a=1 or b=1)", "not (a = 1 or b = 1)"),
        ("(not a=1)", "not a = 1"),
        ("a not between 01 and 100.0 or b is NOT null", "a not between 1 and 100 or b is not null"),
        ("a = 'it''s'", "a = 'it''s'"),
        ("a = 0.000000000001", "a = 0.000000000001"),
        ("a = 1000000000000000000000000000000", "a = 1000000000000000000000000000000"),
    ],
)
def test_a_condition_has_one_canonical_text(text: str, canonical: str) -> None:
    assert where.canonical(where.parse(text)) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "region = 'North' and region != 'it''s' and region not in ('North')",
        "age < 25 and age between 24.5 and 30 and age = 25.0 and age in (1, 2) and age > -1",
        "income = 10.25 and income < 0.001 and income not between 0 and 10.001 and income != 5",
        "born = '2000-02-29' and born < '2025-01-01' and born between '1900-01-01' and '1800-01-01'",
        "name = 'x' and id in ('a', 'b') and name is null and id != ''",
        "region is null or age is not null or born is null",
    ],
)
def test_what_fits_the_declaration_passes(text: str) -> None:
    where.check(where.parse(text), DECLARATION)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("weight = 1", ["character 1: there is no column weight"]),
        ("Age = 1", ["character 1: there is no column Age"]),
        ("weight is null", ["character 1: there is no column weight"]),
        ("region < 'North'", ["character 1: region is a category column, which takes = != and in only"]),
        ("region between 'A' and 'B'", ["character 1: region is a category column, which takes = != and in only"]),
        ("name > 'A'", ["character 1: name is a text column, which takes = != and in only"]),
        ("id >= 'A'", ["character 1: id is a key column, which takes = != and in only"]),
        ("region = 1", ["character 1: region is a category column: put 1 in single quotes"]),
        ("id = 7", ["character 1: id is a key column: put 7 in single quotes"]),
        ("region = 'north'", ["character 1: 'north' is not among the declared values of region"]),
        ("region in ('North', 'X', 'Y')", [
            "character 1: 'X' is not among the declared values of region",
            "character 1: 'Y' is not among the declared values of region"]),
        ("age = '25'", ["character 1: age is an integer column: write a number, without quotes"]),
        ("age = 24.5", ["character 1: age has 0 decimal digits, so it never equals 24.5"]),
        ("age in (24, 24.5)", ["character 1: age has 0 decimal digits, so it never equals 24.5"]),
        ("income != 0.001", ["character 1: income has 2 decimal digits, so it never equals 0.001"]),
        ("income < 'x'", ["character 1: income is a decimal column: write a number, without quotes"]),
        ("born > 2000", ["character 1: born is a date column: write a date as 'YYYY-MM-DD', in single quotes"]),
        ("born > '1.1.2000'", ["character 1: born is a date column: write a date as 'YYYY-MM-DD', in single quotes"]),
        ("born > '2000-1-1'", ["character 1: born is a date column: write a date as 'YYYY-MM-DD', in single quotes"]),
        ("born = '2001-02-29'", ["character 1: '2001-02-29' is no date"]),
        ("name = 'A\0'", ["character 1: name: no text has the character NUL"]),
        ("born between '2001-01-01' and '0000-00-00'", ["character 1: '0000-00-00' is no date"]),
        ("age < 5 or (weight = 1 and not region = 2)", [
            "character 13: there is no column weight",
            "character 32: region is a category column: put 2 in single quotes"]),
    ],
)  # fmt: skip
def test_every_type_mismatch_is_a_fault(text: str, faults: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        where.check(where.parse(text), DECLARATION)
    assert caught.value.faults == [f"where: {fault}" for fault in faults]


def test_a_tree_cannot_be_changed_and_its_positions_do_not_count() -> None:
    first, second = where.parse("a = 1"), where.parse("   a = 1")
    assert first == second
    assert hash(first) == hash(second)
    frozen: Any = first
    with pytest.raises(AttributeError):
        frozen.column = "b"
