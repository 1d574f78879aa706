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
import sqlalchemy as sql

from mpcgov import registry
from mpcgov.node import ledger, tables
from mpcgov.node.ledger import changed
from mpcgov.node.store import Store
from mpcgov.spec.statement import job_id
from mpcgov.worker import read
from tests.worker.test_fingerprint import ROWS, ordered, read_by

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


Asked = tuple[dict[str, Any], list[dict[str, str]]]
"""A job, and the rows as they are then."""


def goes_on(folder: Path, *asked: Asked) -> list[bool]:
    """Of jobs one after the other, which a node's ledger lets go on once their rows are read."""
    store, found = Store(folder / "state"), []
    for at, (job, rows) in enumerate(asked):
        order = ordered(folder, job, rows)
        proposal, manifest = order.proposal, registry.find(order.proposal.job.protocol_name).manifest
        one = job_id(proposal.job_digest)
        with store.write() as tx:
            tx.execute(
                sql.insert(tables.JOBS).values(
                    id=one, digest=proposal.job_digest, proposal=b"", parties=[], receivers=[], approve_before=1,
                    state="RUNNING", received_at=at, changed_at=at,
                )
            )  # fmt: skip
            ledger.reserve(tx, proposal, "tax", manifest, None, float(at))
            found.append(ledger.admit(tx, "tax", one, read._read(order)[1], [("id",)]) is None)
            ledger.commit(tx, one)
    store.close()
    return found


def test_no_total_and_no_filter_tells_whose_birthday_it_was(tmp_path: Path) -> None:
    """Without `ledger.admit` both second tables come out: one whose total is another, and one in which is who was in
    the first."""
    columns = COLUMNS | {"name": {"kind": "category", "values": ["A", "B"]}}
    people = [row | {"age": "29", "name": "AB"[place % 2]} for place, row in enumerate(PERSONS)]
    older = [people[0] | {"age": "30"}, *people[1:]]
    asked = {"protocol": "joint-count", "columns": columns, "where": "age < 30", "missing": "refuse"}
    by_sex, by_town = (asked | {"params": {"by": [by]}} for by in ("sex", "name"))
    others = by_sex | {"where": "age >= 30"}
    for second in (by_town, others):
        place = tmp_path / second["params"]["by"][0] / second["where"][4:6].strip()
        place.mkdir(parents=True)
        (before := place / "before").mkdir()
        assert goes_on(before, (by_sex, people), (second, people)) == [True, True]
        (after := place / "after").mkdir()
        assert goes_on(after, (by_sex, people), (second, older)) == [True, False]
