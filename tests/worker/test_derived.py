"""Columns that an owner derives from others: what they hold, and what rows that don't fit count as."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mpcgov.errors import SpecError
from mpcgov.spec.load import validate
from mpcgov.spec.table import Dataset
from mpcgov.worker.advice import FINE, MALFORMED, MISSING, OUTSIDE, UNLISTED
from mpcgov.worker.source import Source, open_table

ROWS = """age,pay,born,a,b
0,9.99,1990-12-31,x,y
14,10.00,1991-01-01,,y
15,,,,
65,99.50,2001-06-01,z,
-3,old,1899-01-01,?,x
"""
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
        ({"kind": "integer", "min": 0, "max": 9, "derive": {}}, "expected one of band, year of, level of and coalesce"),
        ({"kind": "category", "values": ["u"], "derive": {"coalesce": ["a", "b"]}}, "declared as this one is"),
        ({"kind": "integer", "min": 0, "max": 9, "from": "n", "derive": {"year of": "born"}}, "it isn't in the source"),
    ],
)
def test_what_cant_be_derived_is_refused_when_declared(column: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        declared(new=column)
