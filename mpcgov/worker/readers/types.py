"""Types that the engine would read as something else than they are: refused by name."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from mpcgov.errors import DataError
from mpcgov.worker.readers.raw import Wanted

MOST_DIGITS = 38
"""The engine's widest decimal. It takes the lower half of a wider one for the whole, and says nothing."""


def refuse_unread(schema: pa.Schema, wanted: Wanted) -> None:
    """That no column which is asked for has such a type.

    Raises:
        DataError: names each column and its type.
    """
    wrong = []
    for column, source in wanted.sources.items():
        kind = schema.field(source).type
        if pa.types.is_decimal(kind) and kind.precision > MOST_DIGITS:
            wrong.append(f"column {column}: decimal({kind.precision}, {kind.scale}) has more than {MOST_DIGITS} digits")
        elif pa.types.is_float16(kind):
            wrong.append(f"column {column}: half-precision floats aren't read")
        elif pa.types.is_duration(kind):
            wrong.append(f"column {column}: durations aren't read")
    if wrong:
        raise DataError(f"{wanted.name}: {'; '.join(wrong)}", hint="change the type there, such as to decimal(20, 2)")


def refuse_types(refused: Mapping[str, str], wanted: Wanted) -> None:
    """That no column of a database is of a type that isn't read.

    Args:
        refused: by declared name, what the database calls its type.

    Raises:
        DataError: names each column and its type.
    """
    if refused:
        wrong = "; ".join(f"column {column}: columns of type {kind} aren't read" for column, kind in refused.items())
        raise DataError(f"{wanted.name}: {wrong}", hint="read a view that casts it, such as to date or text")
