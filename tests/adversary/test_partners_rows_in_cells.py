"""Small cells of ours that a partner's rows bring to light: people are asked about each table, and say yes if they can.

Tables by sex of each region, and then of each branch, to which a partner adds the same rows each time. In each region,
and in each branch, fewer women are ours than may be shown, but the partner's rows make up for them. All regions less
all branches are those who are in a branch and in no region: one woman. No two tables differ in few.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml

from mpcgov.spec.difference import Question, Rows
from mpcgov.worker import differing

LEAST, THEIRS, NOWHERE = 10, 57, "none"
PLACES = ("1", "2", "3")
WOMEN = dict.fromkeys(itertools.product(PLACES, PLACES), 3) | {("3", "3"): 2}
TABLES = [("region", place) for place in PLACES] + [("branch", place) for place in PLACES]
COLUMNS = {
    "person": {"kind": "key"},
    "sex": {"kind": "category", "values": ["F", "M"]},
    "region": {"kind": "category", "values": [*PLACES, NOWHERE]},
    "branch": {"kind": "category", "values": list(PLACES)},
}


def women(table: tuple[str, str], lone: int) -> int:
    """How many of ours are in a table."""
    by, place = table
    there = sum(n for cell, n in WOMEN.items() if cell[by == "branch"] == place)
    return there + lone * (table == ("branch", "3"))


Cells = dict[tuple[str, str, str], int]
"""How many of ours are of a sex, in a region and in a branch."""


def answers(folder: Path, held: Cells, tables: Sequence[str], company: Sequence[str | None]) -> list[int]:
    """Of each table after the first, how few persons its question is about.

    `company`: which rows of others are in each table, by their filters.
    """
    rows = [cell for cell, n in held.items() for _ in range(n)]
    lines = ["person,sex,region,branch", *(f"{number},{','.join(row)}" for number, row in enumerate(rows)), ""]
    (folder / "people.csv").write_text("\n".join(lines))
    declared = {"people": {"source": "people.csv", "max_rows": 1000, "unique": [["person"]], "columns": COLUMNS}}
    (folder / "datasets.yaml").write_text(yaml.safe_dump(declared))
    asked = [
        Rows(where=where, present=(), by=("sex",), company=whose) for where, whose in zip(tables, company, strict=True)
    ]
    return [
        differing.found(
            Question(
                datasets=str(folder / "datasets.yaml"), dataset="people", new=asked[n], earlier=tuple(asked[:n]),
                others=(), distinct=tuple(range(n + 1)), min_counts=(LEAST,),
            )
        ).least
        for n in range(1, len(asked))
    ]  # fmt: skip


@pytest.mark.by_day(1)
@pytest.mark.parametrize("lone", [0, 1])
def test_a_partners_rows_bring_no_small_group_of_ours_to_light(lone: int, tmp_path: Path) -> None:
    released = [women(table, lone) + THEIRS for table in TABLES]
    assert max(women(table, lone) for table in TABLES) < LEAST <= min(released)
    signs = np.array([1 if by == "branch" else -1 for by, _ in TABLES])
    assert signs @ released == lone  # whatever the partner has
    held = {("F", *cell): n for cell, n in WOMEN.items()} | {("F", NOWHERE, "3"): lone, ("M", NOWHERE, "3"): 12}
    held |= {("M", *cell): 12 for cell in WOMEN}
    tables = [f"{column} = '{place}'" for column, place in TABLES]
    # Where nobody else's rows are in the cells, all are null.
    assert min(answers(tmp_path, held, tables, [None] * 6)) >= LEAST
    assert min(answers(tmp_path, held, tables, ["all"] * 6)) < LEAST


@pytest.mark.parametrize("few", [1, 9])
def test_nor_does_what_two_other_tables_tell_of_the_partners_rows(few: int, tmp_path: Path) -> None:
    """Two tables of the same women of ours, to one of which the partner's filter brings men only: their difference is
    the partner's women, and a third table less these is what few women are ours there. Nobody need know any row."""
    held = {("F", "1", "1"): few, ("M", "1", "1"): 20, ("F", "2", "1"): 30, ("M", "2", "1"): 30, ("M", "2", "2"): 20}
    tables = ["region = '1'", "region = '2'", "region = '2' and (sex = 'F' or branch = '1')"]
    company = ["all", "all", "sex = 'M'"]
    ours = [few, 30, 30]
    released = [own + THEIRS * (whose == "all") for own, whose in zip(ours, company, strict=True)]
    assert min(released) >= LEAST
    assert released[0] - (released[1] - released[2]) == few
    assert answers(tmp_path, held, tables, ["all"] * 3)[-1] >= LEAST
    assert answers(tmp_path, held, tables, company)[-1] < LEAST
