"""Types that the engine would read as something else than they are: refused by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from mpcgov.errors import DataError
from mpcgov.worker.readers.raw import Wanted

MOST_DIGITS = 38
"""The engine's widest decimal. It takes the lower half of a wider one for the whole, and says nothing."""

_MOST_WHOLE = 2**53
"""Of larger whole numbers, floats hold some only."""


_NO_DAY = pa.scalar(1, pa.timestamp("us"))
"""A moment that isn't midnight."""


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


def one_type(kinds: Sequence[pa.DataType]) -> pa.DataType | None:
    """The type that holds what columns of several types hold, each value as it is; None if that isn't plain.

    A column without any value may be of any type, and texts are texts however they are laid out. Whole numbers are
    floats where some are missing, as pandas writes them; see `as_one_type`.
    """
    if len({*kinds}) == 1:
        return kinds[0]
    plain = {_laid_out(kind) for kind in kinds} - {pa.null()}
    if len(plain) == 1:
        return plain.pop()
    if plain and all(pa.types.is_decimal(kind) for kind in plain):
        scale = max(kind.scale for kind in plain)
        digits = max(kind.precision - kind.scale for kind in plain) + scale
        return pa.decimal128(digits, scale) if digits <= MOST_DIGITS else None
    whole = all(pa.types.is_integer(kind) for kind in plain - {pa.float64()})
    moments = all(pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None) for kind in plain)
    found = {
        pa.int64(): whole and not {pa.uint64(), pa.float64()} & plain,
        pa.float64(): whole and pa.float64() in plain,
    }
    return next((kind for kind, holds in (found | {pa.timestamp("us"): moments}).items() if holds), None)


def as_one_type(values: Any, kind: pa.DataType) -> Any:
    """A column of the engine in the type that it has in other files. A whole number too large for that is infinite, and
    a moment between two microseconds is another one, which is no day: faults, however the column is declared."""
    wanted = ibis.dtype(kind)
    if wanted.is_floating() and values.type().is_integer():
        small = (values >= -_MOST_WHOLE) & (values <= _MOST_WHOLE)
        return ibis.ifelse(values.isnull(), ibis.null(wanted), ibis.ifelse(small, values.cast(wanted), float("inf")))
    if values.type().is_timestamp() and wanted.is_timestamp():
        shorter = values.cast(wanted)
        as_it_is = values.isnull() | (shorter.cast(values.type()) == values)
        return ibis.ifelse(as_it_is, shorter, ibis.literal(_NO_DAY.as_py()).cast(wanted))
    return values.cast(wanted)


def as_floats(values: Any) -> Any:
    """The same of whole numbers as Arrow has them."""
    small = pc.and_(pc.greater_equal(values, -_MOST_WHOLE), pc.less_equal(values, _MOST_WHOLE))
    return pc.if_else(small, values.cast(pa.float64(), safe=False), pa.scalar(float("inf"), pa.float64()))


def as_moments(values: Any, kind: pa.DataType) -> Any:
    """Moments as Arrow has them in a type that may be coarser, as `as_one_type` does it."""
    shorter = values.cast(kind, safe=False)
    return pc.if_else(pc.equal(shorter.cast(values.type, safe=False), values), shorter, _NO_DAY.cast(kind))


def _laid_out(kind: pa.DataType) -> pa.DataType:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.string() if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) else kind


def refuse_types(refused: Mapping[str, str], wanted: Wanted) -> None:
    """That no column of a database is of a type that isn't read.

    Args:
        refused: by declared name, what the database calls its type.

    Raises:
        DataError: names each column and its type.
    """
    if refused:
        wrong = "; ".join(f"column {column}: columns of type {kind} aren't read" for column, kind in refused.items())
        raise DataError(f"{wanted.name}: {wrong}", hint="read a view that casts it, such as to date, numeric or text")
