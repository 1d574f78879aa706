"""Jobs of the examples, in a checkout: what they compute is compared with a simulation on the same files."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mpcgov.bench.places import CHECKOUT
from mpcgov.bench.task import Array, Task
from mpcgov.errors import SpecError
from mpcgov.trial.simulation import simulate

EXAMPLES = CHECKOUT / "examples"


def example(name: str, _size: int) -> Task:
    """A job of the examples, on their agencies' files, however many rows those have."""
    return Task(({}, {}, {}), np.zeros(0), files=partial(_files, name), numbers=_numbers)


def _files(name: str, folder: Path) -> Array:
    if not EXAMPLES.is_dir():
        raise SpecError("no examples here", hint="measure them in a checkout", code="workload")
    shutil.copytree(EXAMPLES / "agencies", folder / "agencies")
    shutil.copy(EXAMPLES / "jobs" / f"{name}.yaml", folder / "job.yaml")
    return _numbers(simulate(folder / "job.yaml", folder / "agencies"))


def _numbers(result: dict[str, Any]) -> Array:
    """All cells of all tables; of texts, and of what is hidden, whatever is the same for the same ones only."""
    cells = [cell for table in result["tables"].values() for row in table["rows"] for cell in row]
    return np.array([cell if isinstance(cell, int | float) else _number(cell) for cell in cells], float)


def _number(cell: Any) -> float:
    return float(int.from_bytes(json.dumps(cell).encode()[:6], "big"))
