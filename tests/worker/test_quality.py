"""How complete columns are: what is counted of them, and what of it may be opened."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mpcgov.disclosure import SENTINEL
from mpcgov.errors import DataError
from mpcgov.kinds.columns import PARTS, not_applicable
from mpcgov.linked.qualified import Qualified
from mpcgov.spec.job import Disclosure
from mpcgov.spec.table import Dataset
from mpcgov.worker.quality import states
from mpcgov.worker.source import open_table
from tests.worker.clearing import clear

LEAST = 3


def test_nothing_that_is_shown_tells_of_few_rows() -> None:
    """Every column of up to ten rows with a value and four without: at both ends, and different values."""
    columns = [
        (missing + present, missing, lowest, highest, different)
        for missing, present in itertools.product(range(5), range(11))
        for lowest, highest in itertools.product(range(present + 1), repeat=2)
        if lowest + highest <= present
        for different in range(present + 1)
    ]
    numbers = [number for column in columns for number in column]
    rules = Disclosure(min_count=LEAST)
    found = clear([numbers], [len(numbers)], rules, columns=True).tables["count"]
    shown = 0
    for place, column in enumerate(columns):
        opened, present = found[5 * place : 5 * place + 5], column[0] - column[1]
        assert all(one in (SENTINEL, number) for one, number in zip(opened, column, strict=True))
        rows, missing, lowest, highest, different = (one != SENTINEL for one in opened)
        assert rows == (column[0] >= LEAST)
        # What isn't told is so whether it is of none or of a few, and so is what it leaves.
        assert missing == (min(column[1], present) >= LEAST)
        between = present - column[2] - column[3]
        both = min(between, (column[1] + between) // 2)
        assert [lowest, highest] == [
            min(number, both, (present - number) // 2, (column[0] - number) // 3) >= LEAST for number in column[2:4]
        ]
        assert different == (min(column[4], present - column[4], (column[0] - column[4]) // 2) >= LEAST)
        shown += lowest + highest
    assert shown > 0


COLUMNS: dict[str, Any] = {
    "pid": {"kind": "key", "normalise": ["digits"]},
    "name": {"kind": "text"},
    "sex": {"kind": "category", "values": ["F", "M"]},
    "n": {"kind": "integer", "min": 0, "max": 39},
    "few": {"kind": "integer", "min": 0, "max": 9},
    "born": {"kind": "date", "min": "1950-01-01", "max": "1989-12-31"},
}
ROWS = "pid,name,sex,n,few,born\n1-1,A,F,0,0,1950-01-01\n11,a,M,1,9,1989-12-31\n-,,F,2,5,\n3,A,,39,5,1970-01-01\n"


def counted(folder: Path, names: list[str | None], **changes: Any) -> list[int]:
    (folder / "d.csv").write_text(ROWS)
    dataset = Dataset.model_validate({"source": "d.csv", "columns": COLUMNS, "missing": "drop"} | changes)
    with open_table(dataset, "d", folder) as source:
        return states(source, names).tolist()


@pytest.mark.by_day(3)
@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("pid", [4, 1, 0, 0, 2]),  # digits alone, of which the third row has none
        ("name", [4, 1, 0, 0, 2]),
        ("sex", [4, 1, 0, 0, 0]),
        ("n", [4, 0, 2, 1, 0]),
        ("few", [4, 0, 0, 0, 0]),
        ("born", [4, 1, 1, 1, 0]),
    ],
)
def test_every_row_of_a_column_is_counted(tmp_path: Path, name: str, parts: list[int]) -> None:
    assert counted(tmp_path, [None, name]) == [0, 0, 0, 0, 0, *parts]  # None: another owner's column


def test_what_isnt_counted_of_a_column_is_known_from_its_declaration(tmp_path: Path) -> None:
    """Whatever the rows are: with these, everything that is counted is in some row."""
    kinds = Dataset.model_validate({"source": "d.csv", "columns": COLUMNS}).declaration
    linked: Any = SimpleNamespace(
        declarations={"tax": kinds}, asked=SimpleNamespace(quality=[Qualified("tax", name) for name in COLUMNS])
    )
    never = not_applicable(linked)
    for name in COLUMNS:
        counts = dict(zip(PARTS, counted(tmp_path, [name]), strict=True))
        assert {part for part in PARTS[2:] if not counts[part]} == set(never[f"tax.{name}"])


def test_data_that_arent_as_declared_refuse_a_report_too(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column sex: 1 row without a value"):
        counted(tmp_path, ["n", "sex"], missing="refuse")
