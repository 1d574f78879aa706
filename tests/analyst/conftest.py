"""Results for analysts: one of each sort, computed once by real workers."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mpcgov

AGES = ["0-17", "18-64", "65+"]


def registers(count: int = 300) -> dict[str, dict[str, Any]]:
    """Three agencies' rows: few old women, so that cells are hidden."""
    rng = random.Random(5)
    rows = [(rng.choices(AGES, (6, 8, 1))[0], rng.choice(["F", "=M"])) for _ in range(count)]
    frame = pd.DataFrame(rows, columns=["age", "sex"])
    return {party: {"people": frame.iloc[start::3]} for start, party in enumerate(("tax", "health", "schools"))}


JOB = {
    "protocol": "joint-count",
    "purpose": 'People "on" registers <b>by age</b>',
    "legal_basis": "Act 1; section 2",
    "parties": {party: {"dataset": "people", "where": "age != '0-17'"} for party in ("tax", "health", "schools")},
    "params": {"by": ["age", "sex"]},
    "disclosure": {"min_count": 12},
    "receivers": ["coordinator"],
}


@pytest.fixture(scope="session")
def counts() -> mpcgov.Result:
    """A two-way table, half of it empty and a part of it hidden."""
    return mpcgov.simulate(JOB, registers())


@pytest.fixture
def job_file(tmp_path: Path) -> Path:
    """The job as a file."""
    path = tmp_path / "job.yaml"
    path.write_text(json.dumps(JOB))
    return path
