"""That a data set has changed is told of the whole of it: not whether one person's row has, or lacks a value.

Asking again for rows that were released before tells whether they have changed. So a filter that chooses one person,
or a column that drops everybody who lacks a value, would tell of that one; and nothing is released meanwhile, as one
person's cell is null. What the coordinator hears must be the same whoever has changed. It isn't if
`worker/fingerprint.py` filters the rows that it adds up, or leaves out those that lack a value.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mpcgov.node.ledger import changed
from tests.worker.test_fingerprint import ROWS, read_by

COLUMNS: dict[str, Any] = {
    "id": {"kind": "text"},
    "sex": {"kind": "category", "values": ["F", "M"]},
    "age": {"kind": "integer", "min": 0, "max": 120},
}
PERSONS = [row | {"id": f"n{place}", "sex": "F", "age": "40"} for place, row in enumerate(ROWS[:4])]
HEARD = {
    "an age": {"age": "7"},
    "that it is missing": {"age": ""},
    "a place": {"sex": "M"},
}
"""What changes in one person's row."""
JOBS: dict[str, dict[str, Any]] = {
    "sums": {"protocol": "joint-statistics", "params": {"by": ["sex"], "measures": ["age"]}},
    "counts": {"protocol": "joint-count", "params": {"by": ["sex"]}},
}
ASKED = [f"id = '{row['id']}'" for row in PERSONS] + ["age is null", "age < 20"]
"""By the first filters one person after another; by the last nobody as long as nothing has changed."""


@pytest.mark.parametrize("job", ["sums", pytest.param("counts", marks=pytest.mark.slow)])
def test_it_is_not_told_whose_row_has_changed(job: str, tmp_path: Path) -> None:
    """Of as many persons as there are, what is heard points to none."""
    asked = [JOBS[job] | {"columns": COLUMNS, "where": where} for where in ASKED]
    before = [read_by(tmp_path, one, PERSONS)[1] for one in asked]
    told = 0
    for change in HEARD.values():
        heard = set()
        for place, row in enumerate(PERSONS[:2]):
            rows = [*PERSONS[:place], row | change, *PERSONS[place + 1 :]]
            now = [read_by(tmp_path, one, rows)[1] for one in asked]
            heard.add(tuple(changed(*both) for both in zip(before, now, strict=True)))
        assert len(heard) == 1
        words = heard.pop()
        assert len({*words[: len(PERSONS)]}) == 1, "one filter says what another doesn't"
        told += any(words)
    assert told > 1, "that something has changed is told"


def test_other_tables_are_of_the_same_rows_only_if_the_filter_still_chooses_these(tmp_path: Path) -> None:
    """Somebody has a birthday between a table by sex and one by town of those below 30: their totals would tell.

    It isn't told if `read._together` leaves out what decides, by itself.
    """
    columns = COLUMNS | {"name": {"kind": "category", "values": ["A", "B"]}}
    people = [row | {"age": "29", "name": "AB"[place % 2]} for place, row in enumerate(PERSONS)]
    asked = {"protocol": "joint-count", "columns": columns, "where": "age < 30", "missing": "refuse"}
    by_sex, by_town = (asked | {"params": {"by": [by]}} for by in ("sex", "name"))
    before = read_by(tmp_path, by_sex, people)[1]
    assert not changed(before, read_by(tmp_path, by_town, people)[1])
    assert changed(before, read_by(tmp_path, by_town, [people[0] | {"age": "30"}, *people[1:]])[1])
