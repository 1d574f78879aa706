"""Parquet: a hidden number is null, and what else is to be known stands in the file's own metadata under `mpcgov`."""

from __future__ import annotations

import io
import json
from typing import Any

from mpcgov.publish.table import Released


def table(result: dict[str, Any], released: Released) -> bytes:
    """The table as the file."""
    import pyarrow.parquet

    file = io.BytesIO()
    pyarrow.parquet.write_table(arrow(result, released), file)
    return file.getvalue()


def arrow(result: dict[str, Any], released: Released) -> Any:
    """The table as a `pyarrow.Table`: texts that name a cell, then whole or floating numbers."""
    import pyarrow as pa

    values = list(zip(*released.rows, strict=True)) if released.rows else [()] * len(released.columns)
    arrays = [
        pa.array(column, pa.string() if name in released.dimensions else _type(column))
        for name, column in zip(released.columns, values, strict=True)
    ]
    whole = pa.table(arrays, names=list(released.columns))
    rest = {name: value for name, value in result.items() if name != "tables"}
    return whole.replace_schema_metadata({"mpcgov": json.dumps(rest, ensure_ascii=False)})


def _type(values: tuple[Any, ...]) -> Any:
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int}:
        return pa.int64()
    return pa.float64() if kinds <= {int, float} else pa.string()
