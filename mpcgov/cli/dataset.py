"""`dataset check` and `profile`: ask a process of its own, since this one may read keys and loads no data engine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpcgov.errors import DataError, InternalError, MpcgovError, Refused
from mpcgov.files import replace
from mpcgov.node.home import NodeHome
from mpcgov.node.process import environment
from mpcgov.node.units import known
from mpcgov.publish.quality import folded

HEADS = ("data set", "column", "rows", "missing", "malformed", "outside", "different", "spread")
_LEVELS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Judgement:
    """What was found of some data sets: `reports` as the process that reads them gives them."""

    reports: list[dict[str, Any]]

    @property
    def rows(self) -> list[tuple[object, ...]]:
        """A row per column of each data set, under `HEADS`."""
        return [
            (
                report["name"], column["column"], report["rows"], column["missing"], column["malformed"],
                column["outside"], spread["different"], _drawn(spread["bins"]),
            )
            for report in self.reports
            for column, spread in zip(report["columns"], report.get("spreads", ()), strict=True)
        ]  # fmt: skip

    @property
    def faults(self) -> list[str]:
        """What is wrong, each with its data set."""
        return [line for report in self.reports for line in _named(report, "faults")]

    @property
    def warnings(self) -> list[str]:
        """What may be wrong, each with its data set."""
        return [line for report in self.reports for line in _named(report, "warnings")]

    @property
    def proposals(self) -> list[str]:
        """What could be added to declarations."""
        return [text for report in self.reports for text in _proposals(report)]

    @property
    def shown(self) -> list[tuple[str, int, str, str]]:
        """Rows that aren't as declared: data set, number, column, and what stands there."""
        return [(report["name"], *one) for report in self.reports for one in report.get("shown", ())]

    def keep(self, home: Path) -> list[Path]:
        """Writes the figures of each edition to `figures/` in an agency's home; the files.

        Raises:
            DataError: no data set has an edition.
        """
        kept = []
        for report in self.reports:
            if report.get("edition"):
                both = zip(report["columns"], report["spreads"], strict=True)
                bins = {column["column"]: spread["bins"] for column, spread in both if spread["bins"]}
                path = home / "figures" / f"{report['name']}@{report['edition']}.json"
                replace(path, json.dumps({"columns": bins}).encode(), 0o600)
                kept.append(path)
        if not kept:
            raise DataError("no data set has an edition", hint="say in datasets.yaml which it is, edition: 2025-11")
        return kept

    def require_faultless(self) -> None:
        """Nothing, if all data are as declared and as expected.

        Raises:
            DataError: with the fault, or how many there are.
        """
        if self.faults:
            many = len({report["name"] for report in self.reports if report["faults"]})
            sets = "1 data set" if many == 1 else f"{many} data sets"
            text = self.faults[0] if len(self.faults) == 1 else f"{len(self.faults)} faults in {sets}, as above"
            raise DataError(text, hint="correct the data or datasets.yaml")


def judge(datasets: Path, name: str | None, show_rows: int = 0) -> Judgement:
    """How the data sets of a file compare with their declarations; all of them without a name.

    Args:
        show_rows: of so many rows that aren't as declared, what stands there is read as well.

    Raises:
        LocalError: the file is broken, or declares no data set of that name.
    """
    return Judgement(asked("judge", str(datasets), str(show_rows), *([name] if name else []))["reports"])


def rows_of_a_person(node: NodeHome, found: Judgement) -> Iterator[str]:
    """Where the policy doesn't say how many rows one person has, what it could say; and where it says too few."""
    try:
        allowed = node.policy()[0].datasets
    except Refused:  # nothing is allowed, so nothing is asked
        return
    declared = node.datasets().root
    for name, most in ((report["name"], report.get("most_rows", {})) for report in found.reports):
        if name in allowed and not allowed[name].rows_per_unit and not known(declared[name].declaration, allowed[name]):
            said = [f"{{person: {{rows: {rows}, key: [{column}]}}}}" for column, rows in most.items()] or [
                "{person: 1}"
            ]
            yield (
                f"{name}: nothing says how many rows one person has, so that people are asked about every job; add to "
                f"its policy `rows_per_unit: {said[0]}`"
                + (f" if {next(iter(most))} tells persons apart: the data have no more rows of one" if most else "")
            )
        for unit, one in allowed[name].rows_per_unit.items() if name in allowed else ():
            column = one.key[0] if one.key and len(one.key) == 1 else ""
            if most.get(column, 0) > one.rows:
                yield (
                    f"warning: {name}: its policy says that one {unit} has {one.rows} row{'s' * (one.rows > 1)}, and "
                    f"by {column} one has {most[column]} in the data"
                )


def _drawn(bins: dict[str, Any] | None) -> str:
    rows = folded(bins["rows"]) if bins else []
    most = max(rows, default=0)
    return "".join(_LEVELS[number * (len(_LEVELS) - 1) // most] if number else "·" for number in rows) if most else ""


def profile(path: str) -> str:
    """A first declaration of a file, as the text of a `datasets.yaml`.

    Raises:
        LocalError: it can't be read.
    """
    return str(asked("profile", path)["yaml"])


def asked(module: str, *arguments: str) -> dict[str, Any]:
    """What a module of `mpcgov.worker` answers, in a process of its own.

    Raises:
        MpcgovError: what it met.
    """
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
