"""`datasets.yaml` with the files that it names: lists of codes, and tables that say what old codes are now.

They are read where the declaration is, so that what others see holds the codes themselves, not where they came from.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mpcgov.errors import SpecError
from mpcgov.spec.load import compose_yaml, read_text, validate
from mpcgov.spec.places import doubles
from mpcgov.spec.table import Datasets, Declaration

LIST_COLUMN = "code"
TABLE_COLUMNS = ("from", "to")

Texts = dict[Path, str]
"""What files hold that were read, by path."""

MOST_KEPT = 8
_KEPT: dict[Path, tuple[Texts, Datasets]] = {}
"""A node asks for its declarations several times in each job, and to compose them takes far longer than to see that
no file has changed. What is made of them never changes."""


def load_datasets(path: Path, *, look: bool = True) -> Datasets:
    """The declarations of a file `datasets.yaml`; `values` and `recode` may name files beside it.

    Args:
        look: whether sources are looked up, to find out which are the same: see `mpcgov.spec.places`.

    Raises:
        SpecError: the file, or one that it names, can't be read or is wrong, or two data sets have one source; with
            every fault.
    """
    if not look and (kept := _as_before(path)) is not None:
        return kept
    texts: Texts = {}
    value, lines = _composed(path, texts)
    found = validate(value, Datasets, str(path), lines)
    twice = doubles({name: dataset.source for name, dataset in found.root.items()}, path.parent, look=look)
    faults = [
        f"{path}:{lines.get((name, 'source'), 1)}: {name}.source: the rows of {first}, or some of them, under another "
        f"name, which would have a ledger and budgets of its own; declare them once, with the columns of both"
        for name, first in twice
    ]
    if faults:
        raise SpecError(faults, hint="of two names keep the one that jobs have used", code="spec")
    if not look:
        if len(_KEPT) >= MOST_KEPT:
            _KEPT.clear()
        _KEPT[path] = texts, found
    return found


def _as_before(path: Path) -> Datasets | None:
    """What a file held when it was read last, if it and all files that it names still hold the same texts."""
    texts, found = _KEPT.get(path, ({}, None))
    try:
        return found if all(read_text(one) == text for one, text in texts.items()) else None
    except SpecError:
        return None


def read_declarations(path: Path) -> dict[str, Declaration]:
    """What the data sets of a file `datasets.yaml` are declared to hold; it needn't say where they are.

    Raises:
        SpecError: see `load_datasets`.
    """
    value, lines = _composed(path, {})
    for declared in value.values():
        if isinstance(declared, dict):
            declared.setdefault("source", "nowhere.csv")
    found = validate(value, Datasets, str(path), lines)
    return {name: dataset.declaration for name, dataset in found.root.items()}


def named_files(path: Path) -> list[str]:
    """The lists of codes that a file `datasets.yaml` names, in order, as it names them; none if it can't be read.

    What it names as a source, too, is none of them.
    """
    try:
        value, _ = compose_yaml(read_text(path), str(path))
    except SpecError:
        return []
    found: set[str] = set()
    sources = {str(declared.get("source")) for declared in value.values() if isinstance(declared, dict)}
    for declared in value.values():
        columns = declared.get("columns") if isinstance(declared, dict) else None
        for column in columns.values() if isinstance(columns, dict) else ():
            keys = ("values", "recode") if isinstance(column, dict) else ()
            found |= {column[key] for key in keys if isinstance(column.get(key), str)}
    return sorted(name for name in found - sources if name and "\0" not in name)


def _composed(path: Path, texts: Texts) -> tuple[dict[str, Any], dict[tuple[str, ...], int]]:
    """The file with the code lists that it names, and the line of each key; `texts` takes what was read."""
    value, lines = compose_yaml(_text(path, texts), str(path))
    faults: list[str] = []
    for dataset, declared in value.items():
        columns = declared.get("columns") if isinstance(declared, dict) else None
        for name, column in columns.items() if isinstance(columns, dict) else ():
            for key, read in (("levels", _levels(column)), ("values", read_codes), ("recode", read_recoding)):
                named = column.get("values" if key == "levels" else key) if isinstance(column, dict) else None
                if isinstance(named, str) and read:
                    try:
                        column[key] = read(path.parent / named, texts)
                    except SpecError as error:
                        line = lines.get((str(dataset), "columns", str(name), key), 1)
                        faults += [f"{path}:{line}: {dataset}.columns.{name}.{key}: {one}" for one in error.faults]
    if faults:
        raise SpecError(faults, code="spec")
    return value, lines


def _text(path: Path, texts: Texts) -> str:
    """The text of a file, which is read once, so that all that is made of it is of the same text."""
    if path not in texts:
        texts[path] = read_text(path)
    return texts[path]


def _levels(column: Any) -> Callable[[Path, Texts], Any] | None:
    """What reads the levels that a column lists, from the file of its values."""
    levels = column.get("levels") if isinstance(column, dict) else None
    return partial(read_levels, names=[str(level) for level in levels]) if isinstance(levels, list) else None


def read_levels(path: Path, texts: Texts, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """By level, the code that each code of a list is in: the columns of these names beside `code`.

    Raises:
        SpecError: there is no such file or column, or a line has no code of a level.
    """
    rows = _rows(path, texts, (LIST_COLUMN, *names))
    return {name: {row[LIST_COLUMN]: row[name] for row in rows} for name in names}


def read_codes(path: Path, texts: Texts) -> list[str]:
    """The column `code` of a list of codes, in its order.

    Only a column of this name is taken: its values are shown to others, so no file of persons must pass for a list.

    Raises:
        SpecError: there is no such file or column, or a line has no code.
    """
    return [row[LIST_COLUMN] for row in _rows(path, texts, (LIST_COLUMN,))]


def read_recoding(path: Path, texts: Texts) -> dict[str, str]:
    """What each old code is now: the columns `from` and `to`.

    Raises:
        SpecError: there is no such file or column, a line has no code, or one old code stands twice.
    """
    old, new = TABLE_COLUMNS
    rows = _rows(path, texts, TABLE_COLUMNS)
    found = {row[old]: row[new] for row in rows}
    if len(found) != len(rows):
        raise SpecError(f"{path.name}: the same code stands twice under {old}", code="file")
    return found


def _rows(path: Path, texts: Texts, wanted: tuple[str, ...]) -> list[Mapping[str, Any]]:
    if "\0" in str(path):
        raise SpecError("not a path", code="file")
    text = _text(path, texts)
    header = text.partition("\n")[0]
    delimiter = max((",", ";", "\t"), key=header.count)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        missing = [name for name in wanted if (reader.fieldnames or []).count(name) != 1]
        rows = [] if missing else list(reader)
    except csv.Error:
        raise SpecError(f"{path.name}: not CSV", code="file") from None
    if missing:
        raise SpecError(
            f"{path.name}: expected one column {' and one column '.join(missing)} in its header", code="file"
        )
    for number, row in enumerate(rows, 1):
        if not all(row[name] for name in wanted):
            raise SpecError(f"{path.name}: row {number} under the header has no {' or '.join(wanted)}", code="file")
    return list(rows)
