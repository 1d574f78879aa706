"""A source before its columns are judged, and what every reader needs to make one."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import pyarrow as pa

from mpcgov.errors import DataError, LocalError, MpcgovError
from mpcgov.spec.reading import Reading
from mpcgov.spec.table import CategoryColumn, Column, Dataset, Declaration
from mpcgov.worker.engine import Backend, quiet


@dataclass(frozen=True)
class Wanted:
    """What is read of a data set: its name, how its owner declares it, and of its columns those that are asked for.

    `as_read`: whether what stands in the source is kept beside what it is taken for.
    """

    name: str
    dataset: Dataset
    declaration: Declaration
    as_read: bool = False

    def reading(self, column: str) -> Reading:
        """How a column is written there."""
        return self.dataset.reading(column)

    @property
    def sources(self) -> dict[str, str]:
        """By declared name, each column's name in the source."""
        return {column: self.reading(column).source or column for column in self.declaration.columns}


@dataclass(frozen=True)
class Raw:
    """Rows whose columns aren't judged yet."""

    table: Any
    columns: Mapping[str, str]  # by declared name, the name in `table`
    rows: int
    typed: bool
    """Whether values have types; else they are text as the data set's dialect has it."""
    types: Mapping[str, str] | None = None
    """By declared name, the source's own name of a column's type, where the engine's says less."""
    labels: Mapping[str, Mapping[str, str]] | None = None
    """By declared name, what codes in the source are called there."""
    starts: Sequence[int] = ()
    """Of several files, the number of each one's first row."""
    numbers: Collection[str] = ()
    """Declared names of columns that hold numbers in the source, where the engine has them as text."""
    plain: Collection[str] = ()
    """Declared names of columns whose texts are as mpcgov writes them, whatever the data set's dialect is."""
    in_files: bool = False
    """Whether the rows are still where they came from: in files that the engine reads by itself."""
    of_workbook: bool = False
    """Whether texts may be errors of a workbook."""
    remarks: tuple[str, ...] = ()
    """What the owner should know of the source; of no row."""

    def holds_numbers(self, column: str) -> bool:
        """Whether a column's values are numbers in the source, so that what they are written from has no zeros."""
        return column in self.numbers or bool(self.table[self.columns[column]].type().is_numeric())


def need(module: str, extra: str, name: str) -> None:
    """That a library is installed.

    Raises:
        LocalError: names the command that installs it.
    """
    if find_spec(module) is None:
        raise LocalError(
            f"{name}: what reads this source isn't installed",
            hint=f"pip install 'mpcgov[{extra}]'",
            code="driver",
        )


def unreadable(name: str) -> DataError:
    """What stands in for an engine's exception."""
    return DataError(
        f"{name}: the data can't be read", hint="check the source in datasets.yaml", code="data-unreadable"
    )


def unreachable(name: str) -> DataError:
    """What stands in for a driver's exception, which may hold a password."""
    return DataError(f"{name}: the database can't be reached", hint="check the source in datasets.yaml")


def no_table(name: str) -> DataError:
    """What stands in for a driver's exception where a table is looked for."""
    hint = 'check the name after # in datasets.yaml; a name with a dot in it stands between quotes: schema."a.b"'
    return DataError(f"{name}: the source has no such table", hint=hint)


_QUOTED = r'"(?:[^"]|"")+"|`(?:[^`]|``)+`'
_NAMES = re.compile(rf'(?:({_QUOTED}|[^"`.]+)\.)?({_QUOTED}|[^"`.]+)')


def relation(text: str) -> tuple[str, str]:
    """The schema, empty where none is said, and the name of a table as it stands after `#`.

    A name between quotes is taken as it is, dots and all.
    """
    found = _NAMES.fullmatch(text)
    if found is None:
        schema, _, name = text.rpartition(".")
        return schema, name
    return _unquoted(found[1] or ""), _unquoted(found[2])


def _unquoted(name: str) -> str:
    return name[1:-1].replace(2 * name[0], name[0]) if name[:1] in ('"', "`") else name


def check_names(names: Sequence[str], wanted: Wanted, hint: str) -> None:
    """That every column that is asked for stands once in the source, and no undeclared one twice.

    Raises:
        DataError: names declared columns only; a source's own names could be anything.
    """
    counts = Counter(name for name in names if name)
    faults = []
    for source in wanted.sources.values():
        if not counts[source]:
            faults.append(f"no column {source}{_almost(source, names)}")
        elif counts[source] > 1:
            faults.append(f"column {source} stands twice")
    twice = {name for name, number in counts.items() if number > 1}
    others = len(twice - set(wanted.sources.values()))
    if others:
        faults.append(f"{others} undeclared column {'name stands' if others == 1 else 'names stand'} twice")
    if faults:
        raise DataError(f"{wanted.name}: {'; '.join(faults)}", hint=hint)


def _almost(source: str, names: Sequence[str]) -> str:
    ways = ((str.strip, "blanks"), (str.casefold, "case"), (_plain, "blanks, case or Unicode form"), (_bare, "quotes"))
    for alike, what in ways:
        if any(alike(name) == alike(source) for name in names):
            return f", but one that differs only in {what}: give its name there by from"
    return ""


def _bare(name: str) -> str:
    return name.strip().strip("'`")


def _plain(name: str) -> str:
    seen = "".join(sign for sign in name if unicodedata.category(sign) not in ("Cc", "Cf"))
    return "".join(unicodedata.normalize("NFKC", seen).casefold().split())


def check_rows(rows: int, wanted: Wanted) -> None:
    """That there are no more than `max_rows`."""
    if rows > wanted.declaration.max_rows:
        raise DataError(f"{wanted.name}: {counted(rows)}, more than max_rows {wanted.declaration.max_rows}")


def counted(rows: int) -> str:
    """`1 row`, `2 rows`."""
    return f"{rows} row" if rows == 1 else f"{rows} rows"


def taken(backend: Backend, wanted: Wanted, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> tuple[Any, int]:
    """Batches as a table of the engine, a batch at a time, and how many rows came.

    Args:
        schema: columns c0, c1, …: engines fold the case of names.

    Raises:
        DataError: more than `max_rows`, which are not read to their end; or they can't be read.
    """
    rows = 0
    faults: list[MpcgovError] = []

    def bounded() -> Generator[pa.RecordBatch, None, None]:
        nonlocal rows
        try:
            for batch in batches:
                rows += batch.num_rows
                check_rows(rows, wanted)
                yield batch
        except MpcgovError as error:
            faults.append(error)  # ours, which the engine would put into words of its own
            raise

    def load() -> Any:
        with closing(bounded()) as stream:
            backend.con.register("mpcgov_stream", pa.RecordBatchReader.from_batches(schema, stream))
            backend.con.execute("CREATE TEMP TABLE mpcgov_raw AS SELECT * FROM mpcgov_stream")
            backend.con.unregister("mpcgov_stream")
        return backend.table("mpcgov_raw")

    with suppress(MpcgovError):
        return quiet(load, unreadable(wanted.name)), rows
    raise faults[0] if faults else unreadable(wanted.name)


def declared_labels(kind: Column, labels: Mapping[str, str]) -> Mapping[str, str]:
    """What codes of a source are called there, if that is what is declared, and not the codes."""
    declared = {_plain(value) for value in kind.values} if isinstance(kind, CategoryColumn) else set[str]()
    return labels if declared & {*map(_plain, labels.values())} and not declared & {*map(_plain, labels)} else {}


def moment_text(moment: dt.datetime) -> str:
    """A day, if it is midnight."""
    return moment.date().isoformat() if moment.time() == dt.time() else moment.isoformat(" ")


def text_schema(columns: int) -> pa.Schema:
    """Columns of text c0, c1, …"""
    return pa.schema([(f"c{i}", pa.string()) for i in range(columns)])
