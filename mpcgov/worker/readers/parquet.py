"""Parquet: one file, or all of a folder as Spark writes one, with what its folders' names say (`region=North`).

The engine reads it; a second reader, Arrow's, reads some rows of several row groups again, and both must agree.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial, reduce
from itertools import accumulate
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from mpcgov.errors import DataError
from mpcgov.worker.engine import Backend, quiet
from mpcgov.worker.file import OpenFile
from mpcgov.worker.readers.raw import Raw, Wanted, check_names, check_rows, unreadable
from mpcgov.worker.readers.types import as_floats, as_moments, as_one_type, one_type, refuse_unread

SAMPLE_ROWS = 256
"""So many rows of a row group are read again."""

ROW_NUMBER = "file_row_number"
"""What the engine calls the number of a row in its file."""

_BUFFER_BYTES = 1 << 16
"""Of a column of a row group no more than this is read at once."""

_MOST_SAMPLES = 4
"""So many row groups are: the first, the last, and some between."""


def read(files: Sequence[OpenFile], wanted: Wanted, backend: Backend) -> Raw:
    """The rows of one or more files with the same columns.

    Raises:
        DataError: one is no Parquet file, they differ, or a column is lacking or of a type that isn't read.
    """
    schemas = [schema_of(file) for file in files]
    parts = [file.partition for file in files]
    first = pa.schema([*schemas[0], *((key, pa.string()) for key in parts[0])])
    check_names(first.names, wanted, "each declared column must stand there once")
    _check_twins(first.names, wanted)
    types = _alike(schemas, parts, first, wanted)
    refuse_unread(pa.schema(types.items()), wanted)
    drifted = {source for source in types if len({_field(schema, source) for schema in schemas}) > 1}
    common = {source: types[source] for source in drifted}
    tables = [quiet(partial(_table, backend, file, wanted, common), unreadable(wanted.name)) for file in files]
    table = tables[0]
    if files[0].of_folder:
        whole = reduce(lambda a, b: a.union(b), tables)
        table = quiet(lambda: backend.create_view("mpcgov_folder", whole, overwrite=True), unreadable(wanted.name))
    starts = list(accumulate(map(_rows, files), initial=0))
    check_rows(starts[-1], wanted)
    renamed = {column: f"c{n}" for n, column in enumerate(wanted.sources)}
    columns = renamed if files[0].of_folder else wanted.sources
    return Raw(table, columns, starts[-1], typed=True, starts=starts[:-1], in_files=True)


def samples(files: Sequence[OpenFile], raw: Raw, wanted: Wanted) -> Iterator[tuple[int, pa.Table]]:
    """Some rows of some row groups as the second reader has them, with the first one's number; columns as in `raw`."""
    types = {raw.columns[column]: raw.table[raw.columns[column]].type().to_pyarrow() for column in wanted.sources}
    names = {source: raw.columns[column] for column, source in wanted.sources.items()}
    chosen = _spread(len(files), _MOST_SAMPLES)
    for place in chosen:
        fixed = {names[source]: value for source, value in files[place].partition.items() if source in names}
        inside = [source for source in names if names[source] not in fixed]
        # By path, since an object of Python's own would be asked for each piece. Spark's moments (INT96) are counted in
        # microseconds, since nanoseconds reach no further than from 1677 to 2262, and Arrow goes round there.
        path = str(files[place].path)
        with pq.ParquetFile(path, buffer_size=_BUFFER_BYTES, coerce_int96_timestamp_unit="us") as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
            before = list(accumulate(sizes, initial=raw.starts[place]))
            for group in _spread(len(sizes), max(1, _MOST_SAMPLES // len(chosen))) if inside else ():
                batches = file.iter_batches(SAMPLE_ROWS, row_groups=[group], columns=inside, use_threads=False)
                found = next(iter(batches), None)
                if found is not None and found.num_rows:
                    columns = {names[source]: found.column(source) for source in inside}
                    columns |= {name: pa.repeat(pa.scalar(one, pa.string()), len(found)) for name, one in fixed.items()}
                    yield before[group], pa.table({name: _as(columns[name], kind) for name, kind in types.items()})


def _as(values: Any, kind: pa.DataType) -> Any:
    """Values in the type that the engine has them in, for which Arrow has no UUIDs."""
    if pa.types.is_float64(kind) and pa.types.is_integer(values.type):
        return as_floats(values)
    if pa.types.is_timestamp(kind) and pa.types.is_timestamp(values.type) and kind != values.type:
        return as_moments(values, kind)
    if values.type != pa.uuid():
        return values.cast(kind)
    return pa.array([None if one is None else str(one) for one in values.to_pylist()], pa.string()).cast(kind)


def _field(schema: pa.Schema, source: str) -> pa.DataType | None:
    return schema.field(source).type if source in schema.names else None


def _alike(
    schemas: Sequence[pa.Schema], parts: Sequence[Mapping[str, str | None]], first: pa.Schema, wanted: Wanted
) -> dict[str, pa.DataType]:
    """By name in the files, the type that the columns which are asked for have in all of a folder.

    Raises:
        DataError: a column is lacking somewhere, or there is no type that holds its values everywhere as they are.
    """
    if any(part.keys() != parts[0].keys() for part in parts):
        raise DataError(f"{wanted.name}: the folder has files in folders named by other columns than others are")
    wrong, types = list[str](), dict[str, pa.DataType]()
    for column, source in wanted.sources.items():
        found = {first.field(source).type} if source in parts[0] else {_field(schema, source) for schema in schemas}
        common = None if None in found else one_type([kind for kind in found if kind is not None])
        if common is not None:
            types[source] = common
        else:
            several = " and ".join(sorted("none" if kind is None else str(kind) for kind in found))
            wrong.append(f"column {column}: type {several} in different files")
    if wrong:
        hint = "write them again with one type"
        raise DataError(f"{wanted.name}: the files of the folder differ: {'; '.join(wrong)}", hint=hint)
    return types


def _spread(count: int, most: int) -> list[int]:
    """At most so many of the first natural numbers: evenly, the first and the last among them."""
    steps = min(count, most)
    return sorted({step * (count - 1) // max(1, steps - 1) for step in range(steps)})


def schema_of(file: OpenFile) -> pa.Schema:
    """Names and types as the file has them.

    Raises:
        DataError: it is no Parquet file.
    """
    fault = DataError(f"{file.name}: not a Parquet file, or damaged", code="data-unreadable")
    with os.fdopen(file.fd, "rb", closefd=False) as stream:
        return quiet(lambda: pq.read_schema(pa.PythonFile(stream)), fault)


def is_left(file: OpenFile, most: int) -> bool:
    """Whether the rows of a single file are read where they are: they are more than that, and can be numbered.

    Raises:
        DataError: it is no Parquet file.
    """
    names = [name.lower() for name in schema_of(file).names]
    return not file.of_folder and _rows(file) > most and ROW_NUMBER not in names


def _rows(file: OpenFile) -> int:
    with os.fdopen(file.fd, "rb", closefd=False) as stream:
        return int(quiet(lambda: pq.read_metadata(pa.PythonFile(stream)).num_rows, unreadable(file.name)))


def _table(backend: Backend, file: OpenFile, wanted: Wanted, common: Mapping[str, pa.DataType]) -> Any:
    """`common`: the types of columns that have others in some of the files."""
    table = backend.read_parquet(str(file.path))
    if not file.partition and not file.of_folder:
        return table
    selected = {
        f"c{n}": ibis.literal(file.partition[source], "string")
        if source in file.partition
        else (as_one_type(table[source], common[source]) if source in common else table[source])
        for n, source in enumerate(wanted.sources.values())
    }
    return table.select(**selected)


def _check_twins(names: Sequence[str], wanted: Wanted) -> None:
    folded = [name.lower() for name in names]
    twins = [f"column {column}" for column, source in wanted.sources.items() if folded.count(source.lower()) > 1]
    if twins:
        raise DataError(f"{wanted.name}: {', '.join(twins)}: another column's name differs only in case")
