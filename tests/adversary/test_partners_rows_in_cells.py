"""Small cells of ours that a partner's rows bring to light: people are asked about each table, and say yes if they can.

Tables by sex of each region, and then of each branch, to which a partner adds the same rows each time. In each region,
and in each branch, fewer women are ours than may be shown, but the partner's rows make up for them. All regions less
all branches are those who are in a branch and in no region: one woman. No two tables differ in few.
"""

from __future__ import annotations

import itertools
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


def answers(folder: Path, lone: int, *, joint: bool) -> list[int]:
    """Of each table after the first, how few persons its question is about."""
    held = {("F", *cell): n for cell, n in WOMEN.items()} | {("F", NOWHERE, "3"): lone, ("M", NOWHERE, "3"): 12}
    held |= {("M", *cell): 12 for cell in WOMEN}
    rows = [cell for cell, n in held.items() for _ in range(n)]
    lines = ["person,sex,region,branch", *(f"{number},{','.join(row)}" for number, row in enumerate(rows)), ""]
    (folder / "people.csv").write_text("\n".join(lines))
    declared = {"people": {"source": "people.csv", "max_rows": 1000, "unique": [["person"]], "columns": COLUMNS}}
    (folder / "datasets.yaml").write_text(yaml.safe_dump(declared))
    tables = [Rows(where=f"{column} = '{place}'", present=(), by=("sex",), joint=joint) for column, place in TABLES]
    return [
        differing.found(
            Question(
                datasets=str(folder / "datasets.yaml"), dataset="people", new=tables[n], earlier=tuple(tables[:n]),
                others=(), distinct=tuple(range(n + 1)), min_counts=(LEAST,),
            )
        ).least
        for n in range(1, len(tables))
    ]  # fmt: skip


@pytest.mark.parametrize("lone", [0, 1])
def test_a_partners_rows_bring_no_small_group_of_ours_to_light(lone: int, tmp_path: Path) -> None:
    released = [women(table, lone) + THEIRS for table in TABLES]
    assert max(women(table, lone) for table in TABLES) < LEAST <= min(released)
    signs = np.array([1 if by == "branch" else -1 for by, _ in TABLES])
    assert signs @ released == lone  # whatever the partner has
    assert min(answers(tmp_path, lone, joint=False)) >= LEAST  # where nobody else's rows are in the cells, all are null
    assert min(answers(tmp_path, lone, joint=True)) < LEAST
