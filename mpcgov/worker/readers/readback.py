"""That some rows of Parquet files are those that another reader of the format finds there: neither is believed alone.

The other reader's rows take the place of the file's for a moment, and are judged by the same expression.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
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


def check(files: Sequence[OpenFile], raw: Raw, wanted: Wanted, judged: Any, backend: Backend) -> None:
    """Nothing, if both readers find the same in some rows of some row groups.

    Args:
        judged: the expression over `raw.table` that the stored rows were made by.

    Raises:
        DataError: they don't.
    """
    again = quiet(lambda: list(parquet.samples(files, raw, wanted)), unreadable(wanted.name))
    if not again:
        return
    rows = ibis.memtable(pa.concat_tables([sample for _, sample in again]))
    expr = judged.op().replace({raw.table.op(): rows.op()}).to_expr()
    other = quiet(lambda: backend.to_pyarrow(expr), unreadable(wanted.name))
    row = ColumnExpression("rowid")
    places = (
        (row >= ConstantExpression(start)) & (row < ConstantExpression(start + sample.num_rows))
        for start, sample in again
    )
    there = reduce(or_, places)
    found = quiet(lambda: backend.con.table(STORED).filter(there).to_arrow_table(), unreadable(wanted.name))
    if not found.cast(other.schema).equals(other):
        raise DataError(
            f"{wanted.name}: two readers of the file find different values in the same rows",
            hint="write the file again with plain types",
            code="data-unreadable",
        )
