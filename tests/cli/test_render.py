"""What people read of a result: what is suppressed is marked, and why it may be is said below the table."""

from __future__ import annotations

from typing import Any

import pytest

from mpcgov.cli import render


def result(**disclosure: Any) -> dict[str, Any]:
    rules = {"min_count": 10, "round_to": None, "suppressed": 1, "total": 30} | disclosure
    return {
        "job": "j",
        "protocol": "joint-count@x",
        "tables": {"count": {"columns": ["sex", "count"], "rows": [["F", 30], ["M", None]]}},
        "disclosure": rules,
        "cost": {"seconds": 1.0, "rounds": 1, "bytes_sent": {"a": 1}},
    }


@pytest.mark.parametrize(
    ("disclosure", "says"),
    [
        ({}, "· 1 cell is suppressed: fewer than 10 rows, or none; nobody saw how many."),
        ({"contributors": 3}, "fewer than 10 rows, or none; or fewer than 3 agencies with rows; nobody saw how many."),
        ({"margins": "released"}, "or none; or so that true totals don't tell another one; nobody saw how many."),
        ({"margins": "suppressed"}, "· The true totals are suppressed: no choice of other cells would keep them"),
        ({"dominance": 10}, "· A mean is suppressed where one value dominates (10 % rule)."),
        ({"round_to": 5}, "Released counts are rounded to multiples of 5."),
    ],
)
def test_r28_the_printed_table_marks_what_is_suppressed_and_says_why(
    capsys: pytest.CaptureFixture[str], disclosure: dict[str, Any], says: str
) -> None:
    render.print_result(result(**disclosure))
    lines = capsys.readouterr().out.splitlines()
    assert "M        ·" in lines
    assert any(says in line for line in lines)


@pytest.mark.parametrize(
    ("row", "said"),
    [(["F", 30, None, None], True), (["F", 30, 1.5, 2.5], False), (["F", None, None, None], False)],
)
def test_a_hidden_mean_beside_a_shown_count_is_explained(
    capsys: pytest.CaptureFixture[str], row: list[Any], said: bool
) -> None:
    columns = ["sex", "count", "tax.pay.mean", "tax.pay.variance"]
    tables = {"statistics": {"columns": columns, "rows": [row]}}
    render.print_result(result(least_rows={"tax.pay": 12}) | {"tables": tables})
    words = "A number beside a released count is suppressed where fewer rows than it takes (tax.pay: 12) have a value"
    assert (words in capsys.readouterr().out) == said


@pytest.mark.parametrize(
    ("n", "words"), [(None, "its predictors depend on each other"), (300, "rounded to significant")]
)
def test_a_hidden_model_is_explained_and_has_no_cells(
    capsys: pytest.CaptureFixture[str], n: int | None, words: str
) -> None:
    fit = {"columns": ["n", "r2"], "rows": [[n, None if n is None else 0.5]]}
    coefficients = {"columns": ["term", "estimate", "std_error"], "rows": [["x", None, None]]}
    render.print_result(result() | {"tables": {"coefficients": coefficients, "fit": fit}})
    said = capsys.readouterr().out
    assert words in said
    assert "cell" not in said
