"""`mpcgov node dataset duplicates`: groups of rows, by number, of a register on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mpcgov.cli.main import run
from tests.core.test_duplicates import AGAIN, ROWS

pytestmark = pytest.mark.usefixtures("read_here")

PERSONS = [*range(200), 3, 50, 96, 3]
DATASETS = """
people:
  source: people.csv
  columns:
    person: {kind: integer, min: 0, max: 999}
    first: {kind: text}
    last: {kind: text}
    born: {kind: date, min: 1900-01-01, max: 2025-12-31}
    note: {kind: text}
"""
FIELDS = ["--field", "first=name:transliterate,nicknames", "--field", "last=name", "--field", "born=date"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "tax"
    home.mkdir()
    (home / "datasets.yaml").write_text(DATASETS)
    lines = [
        f"{person},{first},{last},{born[:4]}-{born[4:6]}-{born[6:]},"
        for person, (first, last, born) in zip(PERSONS, [*ROWS, *AGAIN], strict=True)
    ]
    (home / "people.csv").write_text("\n".join(["person,first,last,born,note", *lines]) + "\n")
    assert run(["node", "init", "--home", str(home), "--party", "tax", "--address", "127.0.0.1:7101"]) == 0
    return home


def found(home: Path, *more: str) -> int:
    return run(["node", "dataset", "duplicates", "people", "--home", str(home), *more])


def test_groups_are_shown_by_row_and_judged_beside_a_column_that_knows(home: Path, capsys: Any) -> None:
    capsys.readouterr()
    assert found(home, *FIELDS, "--truth", "person", "--show", "2") == 0
    output = capsys.readouterr()
    assert [line.split("  ")[0] for line in output.out.splitlines()[2:]] == ["4, 201, 204", "51, 202"]
    assert "7 of 204 rows are in 3 groups of two or more, so that there would be 200 persons" in output.err
    assert "2 groups are shown; --show 3 shows all" in output.err
    assert "beside the truth, pairs of the groups: precision 1.0000, recall 1.0000, f1 1.0000" in output.err
    assert "anna" not in output.out + output.err
    assert found(home, *FIELDS, "--json", "--block", "first+last", "--block", "born") == 0
    answer = json.loads(capsys.readouterr().out)
    assert [one["rows"] for one in answer["groups"]] == [[4, 201, 204], [51, 202], [97, 203]]
    assert answer["compared"] < 2000


@pytest.mark.parametrize(
    ("more", "fault", "status"),
    [
        (["--field", "first"], "expected COLUMN=TYPE, with a type of name, text", 2),
        (["--field", "first=words"], "expected COLUMN=TYPE", 2),
        (["--field", "first=name:soundex"], "no step soundex", 2),
        (["--field", "first=name", "--field", "first=text"], "a column stands twice", 2),
        (["--field", "nobody=name"], "people: no column nobody", 2),
        (["--field", "note=name"], "column note: nothing of any value is left to compare as a name", 2),
        (["--field", "person=name"], "column person: nothing of any value is left", 2),
        (["--field", "first=name", "--min-probability", "1"], "expected a number above 0 and below 1", 2),
        (["--field", "first=name", "--by", "person"], "works on a terminal only", 2),
    ],
)
def test_what_is_wrong_is_said_in_one_line(home: Path, capsys: Any, more: list[str], fault: str, status: int) -> None:
    assert found(home, *more) == status
    assert fault in capsys.readouterr().err


def test_too_many_pairs_are_refused_before_they_are_compared(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mpcgov.errors import DataError
    from mpcgov.worker import duplicates

    monkeypatch.setattr(duplicates, "MOST_PAIRS", 100)
    asked = {"fields": [{"column": "first", "type": "name", "steps": []}], "least": 0.5, "by": None, "truth": None}
    with pytest.raises(DataError, match="20,706 pairs to compare; at most 100"):
        duplicates.found(home / "datasets.yaml", "people", asked | {"blocks": []})
