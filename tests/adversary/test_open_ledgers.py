"""What ledgers are known not to keep apart: each test states the rule, and fails until it holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mpcgov.errors import SpecError
from mpcgov.spec.codelists import load_datasets
from mpcgov.spec.order import UNITS, WHOLE
from tests.worker.test_fingerprint import JOBS, ROWS, read_by


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="open: fingerprints are of the chosen rows")
def test_whether_a_change_was_in_the_chosen_rows_is_not_told(tmp_path: Path) -> None:
    """Else 'rows have changed' about a filter that chooses one person says whether that one's row has."""
    job, changed = JOBS["sums"] | {"where": "id = 'a'"}, {}
    job["columns"] = {"id": {"kind": "text"}} | {
        "sex": {"kind": "category", "values": ["F", "M"]}, "age": {"kind": "integer", "min": 0, "max": 120}
    }  # fmt: skip
    _, before = read_by(tmp_path, job, ROWS)
    for place in (0, 1):
        rows = [row | {"age": "7"} if row is ROWS[place] else row for row in ROWS]
        _, now = read_by(tmp_path, job, rows)
        changed[place] = [name for name in before if before[name] != now[name] and name != WHOLE]
    assert not any(name.startswith(UNITS) for name in changed[0])
    assert changed[0]
    assert bool(changed[0]) == bool(changed[1])


@pytest.mark.xfail(strict=True, raises=pytest.fail.Exception, reason="open: a ledger is of a name, not of a source")
def test_one_source_has_one_name(tmp_path: Path) -> None:
    """Else a register has as many ledgers as names, and two tables of it are never compared."""
    one = {"source": "people.csv", "columns": {"id": {"kind": "key"}}}
    (tmp_path / "people.csv").write_text("id\na\n", encoding="utf-8")
    (tmp_path / "datasets.yaml").write_text(json.dumps({"people": one, "view": one}), encoding="utf-8")
    with pytest.raises(SpecError, match="source"):
        load_datasets(tmp_path / "datasets.yaml")
