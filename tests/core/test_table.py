"""Declarations: what bounds and values an owner may declare."""

import pytest

from mpcgov.errors import SpecError
from mpcgov.spec.load import parse_yaml, validate
from mpcgov.spec.table import Dataset, DecimalColumn


def column(text: str):
    return parse_yaml(f"source: a.csv\ncolumns:\n  c: {text}\n", Dataset, "d.yaml").columns["c"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{kind: category, values: []}", "at least 1"),
        ("{kind: category, values: [a, a]}", "stands twice"),
        ("{kind: category, values: ['']}", "missing"),
        ("{kind: integer, min: 2, max: 1}", "greater"),
        ("{kind: integer, min: 0, max: 9007199254740993}", "2\\^53"),
        ("{kind: integer, min: 0.5, max: 1}", "integer"),
        ("{kind: integer, min: true, max: 1}", "integer"),
        ("{kind: decimal, min: 0, max: 1.005, places: 2}", "more decimal digits"),
        ("{kind: decimal, min: 0, max: 1e3, places: 2}", "number such as"),
        ("{kind: decimal, min: 0, max: 1, places: 10}", "9"),
        ("{kind: date, min: 2020-02-30, max: 2021-01-01}", "day"),
        ("{kind: date, min: 2021-01-01, max: 2020-01-01}", "later"),
        ("{kind: key, normalise: [upper]}", "nfkc"),
        ("{kind: text, max: 3}", "unknown key"),
    ],
)
def test_a_declaration_that_cannot_hold_is_refused(text: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        column(text)


def test_decimal_bounds_are_exact_steps() -> None:
    declared = column("{kind: decimal, min: -0.07, max: 4503599627370.49, places: 2}")
    assert (declared.low, declared.high) == (-7, 450359962737049)


def test_a_declaration_shows_the_asked_columns_in_declared_order_and_never_the_source() -> None:
    text = "source: secret.csv\ncolumns:\n  b: {kind: text}\n  a: {kind: text}\n  c: {kind: text}\n"
    shown = parse_yaml(text, Dataset, "d.yaml").declaration.only({"c", "b"})
    assert list(shown.columns) == ["b", "c"]
    assert "secret" not in shown.model_dump_json()


@pytest.mark.parametrize(
    ("unique", "says"),
    [
        ("[c]", "unique: there is no column c"),
        ("[[a, c]]", "unique: there is no column c"),
        ("[[a, a]]", "unique: a column stands twice in \\[a, a\\]"),
        ("[[a, b], [b, a]]", "unique: the same columns stand twice"),
        ("[a, a]", "unique: the same columns stand twice"),
        ("[[]]", "at least 1"),
        ("a", "unique"),
    ],
)
def test_what_is_unique_are_sets_of_declared_columns(unique: str, says: str) -> None:
    text = f"source: a.csv\nunique: {unique}\ncolumns:\n  a: {{kind: text}}\n  b: {{kind: text}}\n"
    with pytest.raises(SpecError, match=says):
        parse_yaml(text, Dataset, "d.yaml")


def test_a_declaration_of_some_columns_keeps_what_is_unique_among_these() -> None:
    text = "source: a.csv\nunique: [a, [c, b]]\ncolumns:\n  a: {kind: text}\n  b: {kind: text}\n  c: {kind: text}\n"
    whole = parse_yaml(text, Dataset, "d.yaml")
    assert whole.unique == whole.declaration.unique == (("a",), ("c", "b"))
    some = whole.declaration.only({"b", "c"})
    assert some.unique == (("c", "b"),)
    assert some.names_one_row(["b", "c"])
    assert whole.names_one_row(["b", "a"])
    assert not some.names_one_row(["b"])
    assert whole.declaration.only({"b"}).unique == ()


@pytest.mark.parametrize("bound", ["9" * 40, "0." + "0" * 50, "-9007199254740992." + "0" * 30 + "1"])
def test_a_bound_with_more_digits_than_can_be_computed_with_is_refused(bound: str) -> None:
    with pytest.raises(SpecError):
        validate({"kind": "decimal", "min": bound, "max": bound, "places": 2}, DecimalColumn, "column")
