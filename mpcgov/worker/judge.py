"""`python -m mpcgov.worker.judge DATASETS.yaml [NAME]`: whether an owner's data are as declared; reports only counts.

A process of its own, because whoever holds keys loads no data engine. Its stdout is one JSON object.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from mpcgov.errors import InternalError, LocalError, MpcgovError
from mpcgov.memory import no_dumps
from mpcgov.spec.codelists import load_datasets
from mpcgov.worker.local import dataset_check


def main() -> None:
    """Judges one data set, or all of a file, every column of each."""
    # A core dump would hold rows.
    no_dumps()
    path, names = Path(sys.argv[1]), sys.argv[2:]
    try:
        answer: dict[str, Any] = {"reports": _reports(path, names)}
    except MpcgovError as error:
        answer = {"error": error.to_json()}
    except Exception as error:
        # The type only: an engine's message could hold a value.
        fault = InternalError(f"reading the data failed unexpectedly ({type(error).__name__})", code="reader")
        answer = {"error": fault.to_json()}
    json.dump(answer, sys.stdout)


def _reports(path: Path, names: list[str]) -> list[dict[str, Any]]:
    declared = load_datasets(path).root
    unknown = [name for name in names if name not in declared]
    if unknown:
        raise LocalError(f"{path}: no data set {', '.join(unknown)}", hint=f"it declares {', '.join(declared)}")
    reports = []
    for name in names or declared:
        try:
            reports.append(dataclasses.asdict(dataset_check(declared[name], name, path.parent)))
        except LocalError as error:
            reports.append({"name": name, "rows": None, "columns": [], "faults": [error.line()]})
    return reports


if __name__ == "__main__":
    main()
