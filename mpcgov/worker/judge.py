"""`python -m mpcgov.worker.judge DATASETS.yaml ROWS [NAME]`: whether an owner's data are as declared.

Reports counts; and of at most ROWS rows that aren't, which and what stands there, for the owner's terminal. A process
of its own, because whoever holds keys loads no data engine. Its stdout is one JSON object.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

from mpcgov.errors import LocalError
from mpcgov.spec.codelists import load_datasets
from mpcgov.worker.answer import answer
from mpcgov.worker.report import DatasetReport, dataset_check, wrong_rows


def main() -> None:
    """Judges one data set, or all of a file, every column of each."""
    answer(lambda: {"reports": _reports(Path(sys.argv[1]), sys.argv[3:], int(sys.argv[2]))})


def _reports(path: Path, names: list[str], most: int) -> list[dict[str, Any]]:
    declared = load_datasets(path).root
    unknown = [name for name in names if name not in declared]
    if unknown:
        raise LocalError(f"{path}: no data set {', '.join(unknown)}", hint=f"it declares {', '.join(declared)}")
    reports = []
    for name in names or declared:
        try:
            report = dataset_check(declared[name], name, path.parent, spreads=True)
            report_json = _json(report) | {"edition": declared[name].edition}
            wrong = any(one.malformed or one.outside for one in report.columns)
            shown = wrong_rows(declared[name], name, path.parent, most) if wrong and most else []
            reports.append(report_json | {"shown": shown})
        except LocalError as error:
            reports.append({"name": name, "rows": None, "columns": [], "faults": [error.line()]})
    return reports


def _json(report: DatasetReport) -> dict[str, Any]:
    spreads = [
        {"kind": one.kind, "different": one.different, "bins": one.bins and one.bins.model_dump(mode="json")}
        for one in report.spreads
    ]
    return dataclasses.asdict(dataclasses.replace(report, spreads=())) | {"spreads": spreads}


if __name__ == "__main__":
    main()
