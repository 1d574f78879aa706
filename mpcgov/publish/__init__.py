"""Results leave: as files in the formats that statistical offices use, each with what is to be known of its numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mpcgov import files
from mpcgov.errors import LocalError
from mpcgov.publish import comma, parquet, pcaxis, report, sdmx, workbook
from mpcgov.publish.table import Released, tables_of

Table = Callable[[dict[str, Any], Released], bytes]

_OF_ONE: dict[str, tuple[Table, str]] = {
    "csv": (comma.table, ".csv"),
    "parquet": (parquet.table, ".parquet"),
    "sdmx-csv": (sdmx.table, ".csv"),
    "px": (pcaxis.table, ".px"),
}
"""Formats of which a file holds one table."""

_OF_CELLS = frozenset({"sdmx-csv", "px"})
"""Those that know a number by its cell's names."""

_OF_ALL: dict[str, tuple[Callable[[dict[str, Any]], bytes], str]] = {
    "json": (lambda result: json.dumps(result, ensure_ascii=False, indent=2).encode() + b"\n", ".json"),
    "xlsx": (workbook.whole, ".xlsx"),
    "html": (report.whole, ".html"),
}

FORMATS = (*_OF_ALL, *_OF_ONE)

_ENDINGS = {ending: name for name, (_, ending) in (*_OF_ALL.items(), *_OF_ONE.items()) if name != "sdmx-csv"}


def format_of(path: Path) -> str:
    """The format that a file's name ends like.

    Raises:
        LocalError: none does.
    """
    if path.suffix.lower() not in _ENDINGS:
        hint = f"name a format, one of {', '.join(FORMATS)}, or a file that ends in {', '.join(_ENDINGS)}"
        raise LocalError(f"{path}: the name doesn't tell a format", hint=hint, code="format")
    return _ENDINGS[path.suffix.lower()]


def write(result: dict[str, Any], path: Path, format_name: str | None = None) -> list[Path]:
    """Writes a result to a file; where the format has one table in a file, further tables go to files beside it.

    Args:
        result: as `mpcgov.results.result` puts it together.
        path: replaced if it is there.
        format_name: one of `FORMATS`; None: what the path ends like. With `csv` and `sdmx-csv`, a description goes to
            `<file>-metadata.json`.

    Returns:
        What was written; of one job's tables, the first one is in `path`.

    Raises:
        LocalError: there is no such format, it can't hold such a table, a library that it needs isn't installed, or the
            file can't be written.
    """
    name = format_name or format_of(path)
    if name in _OF_ALL:
        contents = {path: _OF_ALL[name][0](result)}
    elif name in _OF_ONE:
        contents = _one_by_one(result, path, name)
    else:
        raise LocalError(f"no format {name}", hint=f"one of {', '.join(FORMATS)}", code="format")
    for file, content in contents.items():
        files.replace(file, content)
    return list(contents)


def _one_by_one(result: dict[str, Any], path: Path, name: str) -> dict[Path, bytes]:
    contents: dict[Path, bytes] = {}
    for released in tables_of(result):
        if name in _OF_CELLS and not released.of_cells:
            hint = f"{', '.join(one for one in FORMATS if one not in _OF_CELLS)} hold any table"
            raise LocalError(f"{name} has numbers by cell; table {released.name} has others", hint=hint, code="format")
        plain = released.name.replace(":", "-").replace("/", "-")
        file = path if not contents else path.with_name(f"{path.stem}.{plain}{path.suffix}")
        contents[file] = _OF_ONE[name][0](result, released)
        if name in ("csv", "sdmx-csv"):
            contents[file.with_name(f"{file.name}-metadata.json")] = comma.described(result, released, file.name)
    return contents
