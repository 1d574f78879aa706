"""That some rows of Parquet files are those that another reader of the format finds there: neither is believed alone.

The other reader's rows take the place of the file's for a moment, and are judged by the same expression.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce
from operator import or_
from typing import Any

import ibis
import pyarrow as pa
from duckdb import ColumnExpression, ConstantExpression

from mpcgov.errors import DataError
from mpcgov.worker.engine import Backend, quiet
from mpcgov.worker.file import OpenFile
from mpcgov.worker.readers import parquet
from mpcgov.worker.readers.raw import Raw, Wanted, unreadable

STORED = "data"
"""The name of the engine's table of judged rows."""


def check(
    files: Sequence[OpenFile],
    raw: Raw,
    wanted: Wanted,
    judged: Any,
    backend: Backend,
    held: pa.Table | None = None,
    *,
    stored: bool = True,
) -> None:
    """Nothing, if both readers find the same in some rows of some row groups.

    Args:
        judged: the expression over `raw.table` that the rows were made by.
        held: the rows.
        stored: whether they are in the engine's table, if they aren't held; else they are looked up in the only file.

    Raises:
        DataError: they don't.
    """
    again = quiet(lambda: list(parquet.samples(files, raw, wanted)), unreadable(wanted.name))
    if not again:
        return
    spans = [(start, start + sample.num_rows) for start, sample in again]

    def as_judged(rows: Any) -> pa.Table:
        expr = judged.op().replace({raw.table.op(): rows.op()}).to_expr()
        return quiet(lambda: backend.to_pyarrow(expr), unreadable(wanted.name))

    other = as_judged(ibis.memtable(pa.concat_tables([sample for _, sample in again])))
    if held is not None:
        found = pa.concat_tables([held.slice(start, stop - start) for start, stop in spans])
    elif stored:
        row = ColumnExpression("rowid")
        there = [(row >= ConstantExpression(start)) & (row < ConstantExpression(stop)) for start, stop in spans]
        rows = backend.con.table(STORED).filter(reduce(or_, there))
        found = quiet(rows.to_arrow_table, unreadable(wanted.name))
    else:
        found = as_judged(_in_file(files[0], spans, raw, wanted, backend))
    if not found.cast(other.schema).equals(other):
        raise DataError(
            f"{wanted.name}: two readers of the file find different values in the same rows",
            hint="write the file again with plain types",
            code="data-unreadable",
        )


def _in_file(file: OpenFile, spans: Sequence[tuple[int, int]], raw: Raw, wanted: Wanted, backend: Backend) -> Any:
    """Some rows of a file as the engine reads them, by their numbers."""
    read = partial(backend.read_parquet, str(file.path), **{parquet.ROW_NUMBER: True})
    numbered = quiet(read, unreadable(wanted.name))
    row = numbered[parquet.ROW_NUMBER]
    there = numbered.filter(reduce(or_, [(row >= start) & (row < stop) for start, stop in spans]))
    found = quiet(lambda: backend.to_pyarrow(there.order_by(parquet.ROW_NUMBER)), unreadable(wanted.name))
    return ibis.memtable(found.select([raw.columns[column] for column in wanted.sources]))
