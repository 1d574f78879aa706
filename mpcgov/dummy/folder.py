"""A folder of agencies with made-up rows, from another one with declarations only."""

from __future__ import annotations

import contextlib
import csv
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpcgov import registry
from mpcgov.dummy.persons import Persons, attributes
from mpcgov.dummy.texts import misspelt
from mpcgov.errors import SpecError
from mpcgov.jobs import check
from mpcgov.spec.codelists import read_declarations
from mpcgov.spec.job import Job
from mpcgov.spec.manifest import Manifest, Protocol
from mpcgov.spec.table import Declaration, KeyColumn, TextColumn

ROWS = 2000
"""Of each data set, if nobody says how many; fewer where it is declared to have fewer."""

_OTHERS = 4
"""One in so many persons isn't in a register."""
_AGAIN = 7
"""In registers that name no person by one row, one row in so many is of a person who is there already."""
_MISSING, _MISSPELT = 0.02, 0.04


@dataclass(frozen=True)
class Made:
    """Rows that were made up: how many of each data set at most, and from which seed."""

    rows: int = ROWS
    seed: int = 1


@contextlib.contextmanager
def made_up(job: Job, declared: Path, protocol: Protocol | None, made: Made | None) -> Iterator[Path]:
    """A folder to read rows from, which is gone afterwards if they are made up.

    Args:
        job: whose parties' rows are read.
        declared: a folder with `<party>/datasets.yaml`; rows are read from there if none are made up.
        protocol: that of the job in another folder than where protocols are.
        made: how many rows, and from which seed.

    Raises:
        SpecError: the job or a declaration is wrong, or isn't there.
    """
    if made is None:
        yield declared
        return
    manifest = (protocol or registry.find(job.protocol_name)).manifest
    if faults := check.params_faults(job, manifest):
        raise SpecError(faults, code="job")
    with tempfile.TemporaryDirectory(prefix="mpcgov-dummy-") as folder:
        write(job, manifest, declared, made, Path(folder))
        yield Path(folder)


def write(job: Job, manifest: Manifest, declared: Path, made: Made, folder: Path) -> None:
    """Writes `<party>/datasets.yaml` and rows for each party of a job that brings data.

    Columns that the job doesn't use are left out, and checks and patterns of keys, which made-up ones don't have.

    Args:
        declared: a folder with `<party>/datasets.yaml`; no source that they name is read.

    Raises:
        SpecError: a declaration is wrong, or isn't there.
    """
    said = _declarations(job, manifest, declared)
    persons = Persons(made.seed, made.rows + made.rows // _OTHERS, attributes(job, said))
    for party, declaration in said.items():
        home, name = folder / party, job.parties[party].dataset or ""
        home.mkdir(parents=True)
        with (home / "rows.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(declaration.columns)
            writer.writerows(_rows(party, declaration, persons, made.rows))
        whole = {name: {"source": "rows.csv", **_without_checks(declaration)}}
        (home / "datasets.yaml").write_text(json.dumps(whole, ensure_ascii=False), encoding="utf-8")


def _declarations(job: Job, manifest: Manifest, declared: Path) -> dict[str, Declaration]:
    faults, found = [], {}
    for party in job.data_parties:
        path, name = declared / party / "datasets.yaml", job.parties[party].dataset or ""
        try:
            whole = read_declarations(path).get(name)
        except SpecError as error:
            faults += error.faults
            continue
        if whole is None:
            faults.append(f"{path}: no data set {name}")
        else:
            found[party] = whole.only(set(check.used_columns(job, manifest, party, whole)))
    if faults:
        raise SpecError(faults, code="declaration")
    return found


def _without_checks(declaration: Declaration) -> dict[str, Any]:
    whole: dict[str, Any] = declaration.model_dump(mode="json")
    for column in whole["columns"].values():
        if column["kind"] == "key":
            column["check"] = column["pattern"] = None
    return whole


def _rows(party: str, declaration: Declaration, persons: Persons, rows: int) -> Iterator[Sequence[str]]:
    """Rows as written in CSV, that are what the data set is declared to be."""
    seen: list[set[tuple[str, ...]]] = [set() for _ in declaration.unique]
    for person, copy in _who(party, declaration, persons, min(rows, declaration.max_rows)):
        row = {
            column: persons.value(person, (party, column), kind, copy) for column, kind in declaration.columns.items()
        }
        keys = [tuple(row[column] for column in one) for one in declaration.unique]
        if _impossible(declaration, row) or any(key in known for key, known in zip(keys, seen, strict=True)):
            continue
        for key, known in zip(keys, seen, strict=True):
            known.add(key)
        yield list(_worn(party, declaration, persons, person, copy, row))


def _who(party: str, declaration: Declaration, persons: Persons, rows: int) -> list[tuple[int, int]]:
    """Whose rows they are, and which of a person's rows each is."""
    coins = persons.coins("who", party)
    several = 0 if declaration.unique else rows // _AGAIN
    once = coins.some(persons.count, rows - several)
    again = [(coins.pick(once), 1 + n) for n in range(several)] if once else []
    return [(person, 0) for person in once] + again


def _impossible(declaration: Declaration, row: Mapping[str, str]) -> bool:
    return any(all(row[column] in values for column, values in one.items()) for one in declaration.impossible)


def _worn(
    party: str, declaration: Declaration, persons: Persons, person: int, copy: int, row: Mapping[str, str]
) -> Iterator[str]:
    """The row as a register has it: now and then a value is missing, or misspelt."""
    named = {column for one in declaration.unique for column in one}
    for column, value in row.items():
        coins, kind = persons.coins("worn", party, column, person, copy), declaration.columns[column]
        if isinstance(kind, KeyColumn) or column in named:
            yield value
        elif declaration.missing == "drop" and coins.unit() < _MISSING:
            yield ""
        else:
            yield misspelt(value, coins) if isinstance(kind, TextColumn) and coins.unit() < _MISSPELT else value
