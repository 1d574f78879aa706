"""What people read of a result: what is suppressed is marked, and why it may be is said below the table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mpcgov import registry
from mpcgov.cli import render
from mpcgov.kinds import footers
from mpcgov.spec.manifest import Table


def there_are(monkeypatch: pytest.MonkeyPatch, protocol: str, kinds: dict[str, str]) -> None:
    """A protocol with tables of these kinds is on this disk."""
    found = registry.find("joint-count")
    tables = {name: Table(measure=kind) for name, kind in kinds.items()}
    changed = replace(found, manifest=found.manifest.model_copy(update={"id": protocol, "tables": tables}))
    monkeypatch.setattr(registry, "find", lambda name, first=None: changed)


def result(**disclosure: Any) -> dict[str, Any]:
    rules = {"min_count": 10, "round_to": None, "suppressed": 1, "total": 30} | disclosure
    return {
        "job": "j",
        "protocol": "joint-count@x",
        "tables": {"count": {"columns": ["sex", "count"], "rows": [["F", 30], ["M", None]]}},
        "learned": {"a": [], "coordinator": [{"what": "tables.count"}]},
        "disclosure": rules,
        "cost": {"seconds": 1.0, "rounds": 1, "bytes_sent": {"a": 1}},
    }


@pytest.mark.parametrize(
    ("disclosure", "says"),
    [
        ({}, "· 1 cell is suppressed: fewer than 10 rows, or none; nobody saw how many."),
        (
            {"contributors": 3},
            "fewer than 10 rows, or none; or fewer than 3 agencies with 10 rows or more; nobody saw how many.",
        ),
        ({"margins": "released"}, "or none; or so that true totals don't tell another one; nobody saw how many."),
        ({"margins": "suppressed"}, "· The true totals are suppressed: no choice of other cells would keep them"),
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
    of = {"tables": tables, "protocol": "linked-statistics@x"}
    render.print_result(result(least_rows={"tax.pay": 12}) | of)
    words = "A number beside a released count is suppressed where fewer rows than it takes (tax.pay: 12) have a value"
    assert (words in capsys.readouterr().out) == said
    render.print_result(result(dominance=10) | of)
    assert ("So is a mean where one value dominates (10 % rule)." in capsys.readouterr().out) == said


@pytest.mark.parametrize(
    ("n", "words"), [(None, "its predictors depend on each other"), (300, "rounded to significant")]
)
def test_a_hidden_model_is_explained_and_has_no_cells(
    capsys: pytest.CaptureFixture[str], n: int | None, words: str
) -> None:
    fit = {"columns": ["n", "r2"], "rows": [[n, None if n is None else 0.5]]}
    coefficients = {"columns": ["term", "estimate", "std_error"], "rows": [["x", None, None]]}
    tables = {"coefficients": coefficients, "fit": fit}
    render.print_result(result() | {"tables": tables, "protocol": "linked-regression@x"})
    said = capsys.readouterr().out
    assert words in said
    assert "cell" not in said


COLUMNS = {"correlation": ["a", "b", "r"], "overlap": ["parties", "count"], "links": ["tax.id", "welfare.id"]}
FOOTERS = [
    ("overlap", [["a+b", 407], ["a+c", 30]], []),
    (
        "overlap",
        [["a+b", None]],
        ["· 1 count is suppressed: fewer than 10 keys, or none, are in all of the registers;"],
    ),
    (
        "overlap",
        [["a+b", 40], ["a+c", None]],
        ["in all of the registers, or in these and no others, or too few for larger sets; nobody saw how many."],
    ),
    ("correlation", [["x", "y", 0.5]], []),
    ("correlation", [["x", "y", None]], ["or none, differ from the usual values"]),
    ("links", [["a1", "b1"]], ["1 pair is released."]),
    ("links", [], ["No pair is released: fewer than 10 records are linked, or none; nobody saw how many."]),
    ("match_rate", [["tax.sex=F", None, None, None]], ["A column's match rates are suppressed where"]),
    ("match_rate", [["tax.sex=F", 30, 20, 0.5]], []),
    ("group_quality", [["tax.sex=F", None, None]], ["are suppressed where match rates are"]),
    ("group_quality", [["tax.sex=F", 99, 97]], ["of all who are in both, fewer"]),
    ("doubtful", [["just below the threshold", None]], ["A number of pairs is suppressed where it is less than 10"]),
    ("count", [["F", None], ["M", None]], ["No cell is released.", "· 2 cells are suppressed: fewer than 10 rows"]),
]


QUALITY = ["column", "rows", "missing", "missing_rate", "different", "lowest", "highest"]
NEVER = {"a.sex": ["lowest", "highest", "different"], "a.wage": ["different"]}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([["a.sex", 30, 12, 0.4, None, None, None]], ["· 3 numbers are not counted, and nothing is hidden there"]),
        ([["a.wage", 30, 12, 0.4, None, 10, 10]], ["· 1 number is not counted, and nothing is hidden there"]),
        (
            [["a.wage", 30, None, None, None, 10, None]],
            ["What is missing is suppressed", "1 number is not counted", "lowest and the highest twentieth"],
        ),
        ([["a.wage", None, None, None, None, None, None]], ["The rows of a data set", "What is", "1 number", "lowest"]),
    ],
)
def test_what_isnt_counted_of_a_column_isnt_said_to_be_hidden(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, rows: list[list[Any]], said: list[str]
) -> None:
    there_are(monkeypatch, "mine", {"mine": "columns"})
    tables = {"mine": {"columns": QUALITY, "rows": rows}}
    render.print_result(result(not_applicable={"mine": NEVER}) | {"tables": tables, "protocol": "mine@x"})
    below = [line for line in capsys.readouterr().out.splitlines()[2 + len(rows) :] if line]
    assert len(below) == len(said)
    assert all(words in line for words, line in zip(said, below, strict=True))


@pytest.mark.parametrize(("kind", "rows", "said"), FOOTERS)
def test_below_a_table_stands_what_happened_to_it_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    rows: list[list[Any]],
    said: list[str],
) -> None:
    """Under whatever name a protocol has it."""
    columns = COLUMNS.get(kind, ["group", "records", "linked", "rate"][: len(rows[0]) if rows else 0])
    there_are(monkeypatch, "mine", {"mine": kind})
    render.print_result(result() | {"tables": {"mine": {"columns": columns, "rows": rows}}, "protocol": "mine@x"})
    below = capsys.readouterr().out.splitlines()[2 + len(rows) :]
    assert len([line for line in below if line]) == len(said)
    assert all(words in "\n".join(below) for words in said)


def test_each_table_of_several_has_its_own_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = result()["tables"] | {"mine": {"columns": ["parties", "count"], "rows": [["a+b", None]]}}
    there_are(monkeypatch, "joint-count", {"count": "count", "mine": "overlap"})
    learned = {"welfare": [{"what": "tables.count"}, {"what": "own-rows"}]}
    render.print_result(result() | {"tables": tables, "learned": learned})
    parts = capsys.readouterr().out.split("mine:")
    assert "Total of the released cells: 30." in parts[0]
    assert "fewer than that when the rows of welfare, who gets the result, are taken out" in parts[0]
    assert "keys, or none" in parts[1]
    assert "Total" not in parts[1]


def test_hidden_numbers_are_marked_in_footers_as_in_tables() -> None:
    assert footers.HIDDEN == render.HIDDEN
