"""Where the rows of a source are, however it is written: two names for one place are one data set.

A ledger is of a data set's name, so that a second name for the same rows would have budgets of its own, and tables of
it would be compared with none of the first. Known are the ways in which one file has several paths, and one table of a
server several URLs. Not known are copies, views, one server by several names, and one table through several engines.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

_FILE = "file:"
_MOST_FILES = 500
_WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_FAMILIES = {"postgresql": "postgres", "mariadb": "mysql"}
_PORTS = {"postgres": 5432, "mysql": 3306, "mssql": 1433, "oracle": 1521, "trino": 8080}
_THIS_MACHINE = ("", "localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Place:
    """Where a source is: `root`, a path free of links or a kind of server; all `files` that it is read from, by path
    and by number; and in there which `part`, such as a table. A part that isn't said may be any. `states`: the files
    by number, size and time of the last change, as another file can have the number later."""

    root: str
    files: frozenset[str] = frozenset()
    part: tuple[str | None, ...] = ()
    states: frozenset[str] = frozenset()

    @property
    def texts(self) -> list[str]:
        """By what the source is known again: where it is, without a password, and all that it is read from, but for
        the files of a folder that has very many."""
        paths = sorted({one for one in self.files if one.startswith(_FILE)} - {self.root})
        known = [self.root, *paths, *sorted(self.states)] if len(paths) <= _MOST_FILES else [self.root]
        return [json.dumps([one, *self.part]) for one in known]

    @property
    def is_empty(self) -> bool:
        """Whether it is one of files, of which there is none; nobody looks at a server here."""
        return self.root.startswith(_FILE) and not self.states

    def meets(self, other: Place) -> bool:
        """Whether both may be of the same rows."""
        return bool({self.root, *self.files} & {other.root, *other.files}) and _alike(self.part, other.part)


def same(one: str, other: str) -> bool:
    """Whether two of the `texts` of places may be of the same rows."""
    (root, *part), (other_root, *other_part) = json.loads(one), json.loads(other)
    return bool(root == other_root) and _alike(part, other_part)


def _alike(one: Sequence[str | None], other: Sequence[str | None]) -> bool:
    return all(a is None or b is None or a == b for a, b in zip(one, other, strict=False))


def place(source: str, base: Path, *, look: bool = True) -> Place:
    """Of a source of a `datasets.yaml` in the folder `base`; what isn't there now has its path alone.

    Args:
        look: whether links and files are looked up. A disk that doesn't answer then keeps whoever asks waiting.
    """
    scheme, separator, rest = source.partition("://")
    if not separator:
        path, mark, sheet = source.rpartition("#")
        if mark and Path(path).suffix.lower() in _WORKBOOKS:
            return _in_files(base, path, (sheet.casefold() or None,), look)
        return _in_files(base, source, (), look)
    address, _, table = rest.partition("#")
    schema, _, relation = (unquote(table).casefold()).rpartition(".")
    if scheme == "duckdb":
        return _in_files(base, unquote(address), (schema or None, relation), look)
    return _on_server(_FAMILIES.get(scheme, scheme), f"//{address}", schema or None, relation)


def doubles(sources: Mapping[str, str], base: Path, *, look: bool = True) -> Iterator[tuple[str, str]]:
    """Names of sources that may be of the same rows as an earlier one, each with the name of that."""
    found: dict[str, Place] = {}
    for name, source in sources.items() if len(sources) > 1 else ():
        here = place(source, base, look=look)
        first = next((other for other, there in found.items() if here.meets(there)), None)
        if first is not None:
            yield name, first
        found[name] = here


def _on_server(family: str, address: str, schema: str | None, table: str) -> Place:
    try:
        url = urlsplit(address)
        host, port, said = (url.hostname or "").rstrip("."), url.port, dict(parse_qsl(url.query))
    except ValueError:  # no URL: it is compared as it stands
        return Place(f"{family}:{address}", part=(schema, table))
    database, below = [*(unquote(url.path).strip("/").casefold().split("/", 1)), ""][:2]
    if family == "pyspark":
        return Place(family, part=(unquote(url.path).strip("/") or None, schema or "default", table))
    if family == "mysql":  # databases are schemas there
        database, schema = "", schema or database
    if family == "postgres":
        database = said.get("dbname") or database or unquote(url.username or "")
    host = said.get("host", host)
    here = "" if host in _THIS_MACHINE or host.startswith("/") else host
    server: tuple[str | None, str | None] = (here, str(said.get("port") or port or _PORTS.get(family)))
    if "service" in said or "," in host:  # a file of the client's says where, or it is one of several
        server = (None, None)
    return Place(family, part=(*server, database or None, schema or below or None, table))


def _in_files(base: Path, path: str, part: tuple[str | None, ...], look: bool) -> Place:
    files, states = set[str](), set[str]()
    root = f"{_FILE}{os.path.abspath(base / path)}"  # noqa: PTH100  no link is looked up
    if not look:
        return Place(root, part=part)
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # a NUL byte, a circle of links, a folder that is shut
        root = f"{_FILE}{os.path.realpath(base / path)}"
        for one in _read_from(base, path):
            files.add(f"{_FILE}{os.path.realpath(one)}")
            with contextlib.suppress(OSError):
                status = one.stat()
                files.add(number := f"number:{status.st_dev}:{status.st_ino}")
                states.add(f"{number}:{status.st_size}:{status.st_mtime_ns}")
    return Place(root, frozenset(files), part, frozenset(states))


def _read_from(base: Path, path: str) -> Iterable[Path]:
    whole = base / path
    if whole.is_dir():
        return (one for one in whole.rglob("*") if one.is_file())
    if "*" in path and not whole.exists():
        pattern = Path(path)
        root = Path(pattern.anchor) if pattern.is_absolute() else base
        return root.glob(str(pattern.relative_to(pattern.anchor)))
    return (whole,)
