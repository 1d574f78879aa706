"""Keys of rows: normalised as their columns declare, and encoded so that different keys have different bytes.

Whole columns at a time: nothing here goes through rows one by one, and no key leaves the process but by its caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from mpcgov.errors import DataError
from mpcgov.spec.table import Column, KeyColumn
from mpcgov.worker.keyed import LONGEST_KEY_BYTES
from mpcgov.worker.source import counted

_SLICE_ROWS = 1 << 20
_SEPARATORS = ("\x00", "\x1f", *(chr(code) for code in range(0xFDD0, 0xFDF0)))
"""Characters to part texts with that are folded as one; the last ones stand for nothing in any text."""


def encoded(columns: Sequence[tuple[str, Column, pa.Array]], name: str) -> pa.Array:
    """The keys of data set `name` as large binary, one for each row.

    A single column is its own UTF-8 bytes; of several, each has its length before it, in 4 bytes.

    Args:
        columns: name, declaration and values, in the order of the job's `key`. Numbers are written in decimal, dates
            as YYYY-MM-DD.

    Raises:
        DataError: a key is missing, or nothing is left of one once it is normalised; says of how many rows.
    """
    parts = []
    for column, kind, values in columns:
        text = _normalised(values.cast(pa.large_string()), kind)
        empty = len(text) - int(pc.sum(pc.greater(pc.binary_length(text), 0)).as_py() or 0)
        if empty:
            raise DataError(f"{name}: key column {column}: nothing is left of the value of {counted(empty)}")
        parts.append(text.cast(pa.large_binary()))
    if len(parts) == 1:
        return _bounded(parts[0], name)
    pieces = [piece for part in parts for piece in (_length_prefix(part), part)]
    return _bounded(pc.binary_join_element_wise(*pieces, pa.scalar(b"", pa.large_binary())), name)


def _bounded(keys: pa.Array, name: str) -> pa.Array:
    long = int(pc.sum(pc.greater(pc.binary_length(keys), LONGEST_KEY_BYTES)).as_py() or 0)
    if long:
        raise DataError(f"{name}: {counted(long)} with a key of more than {LONGEST_KEY_BYTES:,} bytes")
    return keys


def _normalised(text: pa.Array, kind: Column) -> pa.Array:
    for step in kind.normalise if isinstance(kind, KeyColumn) else ():
        text = _STEPS[step](text)
    return text


def _length_prefix(part: pa.Array) -> pa.Array:
    lengths = pc.binary_length(part).to_numpy().astype("<u4")
    fixed = pa.Array.from_buffers(pa.binary(4), len(part), [None, pa.py_buffer(lengths)])
    return fixed.cast(pa.large_binary())


def _trim(text: pa.Array) -> pa.Array:
    return pc.utf8_trim_whitespace(text)


def _nfkc(text: pa.Array) -> pa.Array:
    return pc.utf8_normalize(text, "NFKC")


def _digits(text: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(text, "[^0-9]+", "")


def casefold(text: pa.Array) -> pa.Array:
    """Unicode's full case folding, as Python's `casefold`. ASCII is lowered apart, the rest is folded as one text."""
    ascii_only = pc.string_is_ascii(text)
    lowered = pc.ascii_lower(text)
    if pc.all(ascii_only).as_py() in (True, None):
        return lowered
    others = pc.invert(ascii_only)
    rest = text.filter(others)
    slices = [_fold(rest.slice(start, _SLICE_ROWS)) for start in range(0, len(rest), _SLICE_ROWS)]
    return pc.replace_with_mask(lowered, others, pa.concat_arrays(slices))


def _fold(text: pa.Array) -> pa.Array:
    separator = next(mark for mark in _SEPARATORS if not pc.any(pc.match_substring(text, mark)).as_py())
    everything = pa.LargeListArray.from_arrays(pa.array([0, len(text)], pa.int64()), text)
    joined = pc.binary_join(everything, pa.scalar(separator, pa.large_string()))[0].as_py()
    return pa.array(joined.casefold().split(separator), pa.large_string())


_STEPS: Mapping[str, Callable[[pa.Array], pa.Array]] = {
    "nfkc": _nfkc,
    "trim": _trim,
    "casefold": casefold,
    "digits": _digits,
}
