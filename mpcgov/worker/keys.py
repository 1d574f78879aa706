"""Keys of rows: normalised as their columns declare, and encoded so that different keys have different bytes.

Whole columns at a time: nothing here goes through rows one by one, and no key leaves the process but by its caller.
Encoding takes the same steps whatever the keys are: a filter may have chosen one odd key among a million.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mpcgov.spec.table import Column, KeyColumn
from mpcgov.worker.keyed import LONGEST_KEY_BYTES, as_one, bytes_of

Lengths = NDArray[np.int64]

_ODD = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93], np.uint64)
"""Any odd numbers: they only have to tell most keys apart."""
_SLICE_ROWS = 1 << 20
_SEPARATORS = ("\x00", "\x1f", *(chr(code) for code in range(0xFDD0, 0xFDF0)))
"""Characters to part texts with that are folded as one; the last ones stand for nothing in any text."""


def encoded(columns: Sequence[tuple[Column, pa.ChunkedArray]]) -> pa.LargeBinaryArray:
    """The keys of some rows as large binary, one for each row; null for a row that has none.

    A row has no key if a value of it is missing, if nothing is left of one once it is normalised, or if the key has
    more than `LONGEST_KEY_BYTES`. A single column is its own UTF-8 bytes; of several, each has its length before
    it, in 4 bytes.

    Args:
        columns: declaration and values, in the order of the job's `key`. Numbers are written in decimal, dates as
            YYYY-MM-DD.
    """
    parts = []
    for kind, values in columns:
        text = _normalised(as_one(values).cast(pa.large_string()), kind).cast(pa.large_binary())
        parts.append(_null_unless(text, lambda length: length > 0))
    if len(parts) == 1:
        keys = parts[0]
    else:
        pieces = [piece for part in parts for piece in (_length_prefix(part), part)]
        keys = pc.binary_join_element_wise(*pieces, pa.scalar(b"", pa.large_binary()))
    return _null_unless(keys, lambda length: length <= LONGEST_KEY_BYTES)


def distinct(keys: pa.LargeBinaryArray) -> int:
    """How many different keys there are; `keys` has no null.

    Short ones of one length, as most registers have, become a word each first: to sort words takes a tenth of the time
    of a table of texts. Only if two words agree does it take the table to say whether their keys do.
    """
    data, bounds = bytes_of(keys)
    size = int(bounds[1] - bounds[0]) if len(keys) else 0
    if 0 < size <= 8 * len(_ODD) and bool((np.diff(bounds) == size).all()):
        # Read where they stand, as words that may overlap: to copy and pad keys would take longer than to sort them.
        width = next(width for width in (8, 4, 1) if width <= size)
        hashes = np.zeros(len(keys), np.uint64)
        for start, odd in zip((*range(0, size - width, width), size - width), _ODD, strict=False):
            hashes += odd * np.ndarray(len(keys), f"<u{width}", data, int(bounds[0]) + start, size)
        hashes.sort()
        if bool((hashes[1:] != hashes[:-1]).all()):
            return len(keys)
    return len(pc.unique(keys))


def repeated(keys: pa.LargeBinaryArray) -> tuple[int, int]:
    """How many keys stand in more than one row, and in how many rows; `keys` has no null."""
    if distinct(keys) == len(keys):
        return 0, 0
    rows = pa.table({"key": keys}).group_by("key", use_threads=False).aggregate([([], "count_all")])["count_all"]
    several = rows.filter(pc.greater(rows, 1))
    return len(several), int(pc.sum(several).as_py())


def rewrites(kind: Column) -> bool:
    """Whether keys that differ in the source may be equal once they are normalised."""
    return isinstance(kind, KeyColumn) and (bool(kind.normalise) or kind.zeros != "keep")


def _null_unless(texts: pa.LargeBinaryArray, usable: Callable[[Lengths], NDArray[np.bool_]]) -> pa.Array:
    """The texts, null where they were or where their length isn't usable. Whether there is one such, none is moved."""
    data, bounds = bytes_of(texts)
    valid = texts.is_valid().to_numpy(zero_copy_only=False) & usable(np.diff(bounds))
    buffers = [pa.py_buffer(np.packbits(valid, bitorder="little")), pa.py_buffer(bounds), pa.py_buffer(data)]
    return pa.Array.from_buffers(texts.type, len(texts), buffers)


def _normalised(text: pa.Array, kind: Column) -> pa.Array:
    if not isinstance(kind, KeyColumn):
        return text
    for step in kind.normalise:
        text = _STEPS[step](text)
    if kind.zeros == "strip":
        return pc.replace_substring_regex(text, "^0+(.)", r"\1")
    if kind.zeros.startswith("pad"):
        padded = pc.utf8_lpad(text, int(kind.zeros[4:]), "0")
        return pc.if_else(pc.equal(pc.utf8_length(text), 0), text, padded)  # nothing stays nothing
    return text


def _length_prefix(part: pa.Array) -> pa.Array:
    lengths = pc.fill_null(pc.binary_length(part), 0).to_numpy().astype("<u4")
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
    others = pc.invert(pc.string_is_ascii(text))
    rest = text.filter(others)
    slices = [_fold(rest.slice(start, _SLICE_ROWS)) for start in range(0, len(rest) + 1, _SLICE_ROWS)]
    return pc.replace_with_mask(pc.ascii_lower(text), others, pa.concat_arrays(slices))


def _fold(text: pa.Array) -> pa.Array:
    separator = next(mark for mark in _SEPARATORS if not pc.any(pc.match_substring(text, mark)).as_py())
    everything = pa.LargeListArray.from_arrays(pa.array([0, len(text)], pa.int64()), text)
    joined = pc.binary_join(everything, pa.scalar(separator, pa.large_string()))[0].as_py()
    return pa.array(joined.casefold().split(separator)[: len(text)], pa.large_string())  # of no text a blank one


_STEPS: Mapping[str, Callable[[pa.Array], pa.Array]] = {
    "nfkc": _nfkc,
    "trim": _trim,
    "casefold": casefold,
    "digits": _digits,
}
