"""How often keys stand in very many rows, in some 16 bytes a row: by their hashes, and by the keys themselves only
where hashes agree. To hold the keys takes five times as much, beside the rows that are held already.

A key is normalised and encoded as in any job, a piece of the rows at a time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add, and_
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mpcgov.worker import keys
from mpcgov.worker.engine import quiet
from mpcgov.worker.readers.raw import unreadable
from mpcgov.worker.source import Source

MANY_ROWS = 1 << 22
"""The keys of fewer rows are held, which is faster."""

_PIECE_ROWS = 1 << 18

_LEAST_SHARE = 0.4
"""Fewer different values than this of all aren't an estimate's error, whose deviation is 13 %."""

Hashes = NDArray[np.uint64]


def are_many(source: Source) -> bool:
    """Whether a data set's keys are looked at this way; the engine must be the one of this process."""
    return source.backend.name == "duckdb" and source.rows > MANY_ROWS


def repeated(source: Source, key: Sequence[str]) -> tuple[int, int]:
    """How many keys stand in more than one row, and in how many rows; rows without one aside.

    Raises:
        DataError: the engine can't read them.
    """
    hashes = _sorted(source, key)
    again = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
    del hashes
    if not len(again):
        return 0, 0
    pieces = (texts.filter(pa.array(np.isin(found, again))) for texts, found in _hashed(source, key))
    return keys.repeated(pa.concat_arrays([*pieces]))


def most(source: Source, key: Sequence[str]) -> list[int]:
    """In how many rows the most frequent key stands, and the next one, if there are so many; by their hashes.

    Raises:
        DataError: the engine can't read them.
    """
    hashes = _sorted(source, key)
    starts = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]])) if len(hashes) else hashes
    rows = np.diff(starts, append=len(hashes)).astype(np.int64)
    return sorted(map(int, np.partition(rows, -2)[-2:] if len(rows) > 1 else rows), reverse=True)


def likely(source: Source, sets: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Of some sets of columns those that may tell all rows apart that have values in them: estimated, all at once.

    Raises:
        DataError: the engine can't read them.
    """
    table, asked = source.table, dict[str, Any]()
    for place, names in enumerate(sets):
        values = [table[source.value(name)] for name in names]
        there = reduce(and_, (value.notnull() for value in values))
        whole = reduce(add, (value.cast("string") + "\x1f" for value in values))
        asked |= {f"n{place}": there.sum(), f"d{place}": whole.approx_nunique()}
    found = source.query(table.aggregate(**asked)).to_pylist()[0] if asked else {}
    return [names for n, names in enumerate(sets) if (found[f"d{n}"] or 0) > _LEAST_SHARE * (found[f"n{n}"] or 0)]


def _sorted(source: Source, key: Sequence[str]) -> Hashes:
    found, rows = np.empty(source.rows, np.uint64), 0
    for _, hashes in _hashed(source, key):
        found[rows : rows + len(hashes)] = hashes
        rows += len(hashes)
    found = found[:rows]
    found.sort()
    return found


def _hashed(source: Source, key: Sequence[str]) -> Iterator[tuple[pa.LargeBinaryArray, Hashes]]:
    """The encoded keys of a piece of the rows after the other, with the engine's hashes of them."""
    kinds = [source.declaration.columns[name] for name in key]
    with contextlib.closing(source.backend.con.cursor()) as beside:
        for rows in source.batches(source.table.select(*map(source.value, key)), _PIECE_ROWS):
            columns = [pa.chunked_array([values]) for values in rows.columns]
            texts = keys.encoded([*zip(kinds, columns, strict=True)]).drop_null()
            asked = beside.from_arrow(pa.table({"k": texts})).project("hash(k) AS h")
            found = quiet(asked.to_arrow_table, unreadable(source.name))
            yield texts, found["h"].to_numpy()
