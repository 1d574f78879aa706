"""`dataset check` and `profile`: ask a process of its own, since this one may read keys and loads no data engine."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpcgov.errors import DataError, InternalError, MpcgovError
from mpcgov.node.child import environment


@dataclass(frozen=True)
class Judgement:
    """One row per column of each data set: name, column, rows, missing, malformed, outside; the faults in words; and
    what could be added to declarations."""

    rows: list[tuple[str, str, int, int, int, int]]
    faults: list[str]
    proposals: list[str]
    warnings: list[str]

    def require_faultless(self) -> None:
        """Nothing, if all data are as declared.

        Raises:
            DataError: with every fault, and how many rows.
        """
        if self.faults:
            raise DataError("; ".join(self.faults), hint="correct the data or datasets.yaml")


def judge(datasets: Path, name: str | None) -> Judgement:
    """How the data sets of a file compare with their declarations; all of them without a name.

    Raises:
        LocalError: the file is broken, or declares no data set of that name.
    """
    reports = _asked("judge", str(datasets), *([name] if name else []))["reports"]
    rows = [
        (report["name"], column["column"], report["rows"], column["missing"], column["malformed"], column["outside"])
        for report in reports
        for column in report["columns"]
    ]
    faults, warnings = ([line for report in reports for line in _named(report, of)] for of in ("faults", "warnings"))
    return Judgement(rows, faults, [text for report in reports for text in _proposals(report)], warnings)


def profile(path: str) -> str:
    """A first declaration of a file, as the text of a `datasets.yaml`.

    Raises:
        LocalError: it can't be read.
    """
    return str(_asked("profile", path)["yaml"])


def _asked(module: str, *arguments: str) -> dict[str, Any]:
    # -P: modules come from where Python is installed, never from the folder that we were started in.
    command = [sys.executable, "-P", "-m", f"mpcgov.worker.{module}", *arguments]
    # Our own module by name, as a job's reader is started; no shell sees the arguments.
    process = subprocess.run(  # noqa: S603
        command, stdin=subprocess.DEVNULL, capture_output=True, check=False, env=environment("read")
    )
    try:
        answer: dict[str, Any] = json.loads(process.stdout)
    except ValueError:
        raise InternalError(f"the process that reads data ended with status {process.returncode}") from None
    if "error" in answer:
        raise MpcgovError.from_json(answer["error"])
    return answer


def _proposals(report: dict[str, Any]) -> list[str]:
    """Linked jobs need a key that is declared unique; which columns are meant to be is for people to say."""
    sets = [one[0] if len(one) == 1 else f"[{', '.join(one)}]" for one in report.get("would_be_unique", [])]
    if not sets:
        return []
    meant = "" if len(sets) == 1 else ", or those of them that are meant to"
    return [f"{report['name']}: to link its rows, add `unique: [{', '.join(sets)}]`{meant}; the data are so"]


def _named(report: dict[str, Any], of: str) -> list[str]:
    prefix = f"{report['name']}: "
    return [line if line.startswith(prefix) else prefix + line for line in report.get(of, ())]
