"""An owner's rows for a linked job: one for each key, with the columns that the job uses as whole numbers.

Choosing and putting together rows runs in the engine that holds them; keys are then normalised here, a column at a
time. Where that makes more of them equal, the rows are put together once more by the same rule: every rule gives the
same whether it is applied at once or in parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mpcgov.errors import DataError
from mpcgov.spec.condition import Expr
from mpcgov.spec.link import Rule
from mpcgov.spec.table import CategoryColumn, IntegerColumn
from mpcgov.worker import keys
from mpcgov.worker.keyed import KeyedRows, bytes_of
from mpcgov.worker.local import chosen, refuse_missing
from mpcgov.worker.source import Source, counted

_PIECES: Mapping[Rule, tuple[str, ...]] = {"sum": ("sum",), "max": ("max",), "any": ("max", "min"), "count": ("count",)}
"""What is gathered of a column in the rows of one key, so that a rule can be applied to parts and then to their sum."""

_AGAIN = {"sum": "sum", "count": "sum", "max": "max", "min": "min"}

_ODD = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93], np.uint64)
"""Any odd numbers: they only have to tell most keys apart."""


@dataclass(frozen=True)
class Wanted:
    """What a job takes of a data set: the columns of the key, and those it computes with.

    `rules`: what becomes of each of these where a key is repeated; None if repeated keys are refused.
    """

    key: Sequence[str]
    columns: Sequence[str]
    rules: Mapping[str, Rule] | None

    @property
    def needed(self) -> list[str]:
        """The columns that rows must have a value in."""
        return [*self.key, *self.columns]

    def pieces(self) -> Iterator[tuple[str, str, str]]:
        """Column, what is gathered of it, and under which name."""
        for i, column in enumerate(self.columns):
            for piece in ("value",) if self.rules is None else _PIECES[self.rules[column]]:
                yield column, piece, f"c{i}_{piece}"


def keyed_rows(source: Source, wanted: Wanted, where: Expr | None = None) -> KeyedRows:
    """The chosen rows, one for each key.

    Raises:
        DataError: a used column has a fault, a key is repeated though that is refused, or rows with one key have
            different values where the rule is `any`. Says how many rows or keys, never which.
    """
    rows = chosen(source, wanted.needed, where)
    refuse_missing(source, rows, wanted.needed, where, "link or compute with")
    key = {f"k{i}": rows[source.value(name)] for i, name in enumerate(wanted.key)}
    gathered = {name: _gathered(source, rows, column, piece) for column, piece, name in wanted.pieces()}
    if wanted.rules is None:
        found = source.query(rows.select(**key, **gathered))
    else:
        found = source.query(rows.group_by(**key).aggregate(n=rows.count(), **gathered))
    found = _by_key(found, source, wanted)
    columns = {column: _finished(found, source, wanted, column) for column in wanted.columns}
    return KeyedRows(_one(found["key"]), columns)


def _gathered(source: Source, rows: Any, column: str, piece: str) -> Any:
    value, kind = rows[source.value(column)], source.declaration.columns[column]
    if piece == "count":
        return rows.count()
    if piece != "value" and isinstance(kind, CategoryColumn):
        # Its place: the last in declared order is meant by max.
        value = ibis.cases(*((value == text, place) for place, text in enumerate(kind.values)))
    return value if piece == "value" else getattr(value, piece)().cast("int64")


def _by_key(found: pa.Table, source: Source, wanted: Wanted) -> pa.Table:
    """The rows that the engine gave, with the encoded key, and once more put together if that is repeated."""
    columns = [
        (name, source.declaration.columns[name], _one(found[f"k{i}"])) for i, name in enumerate(wanted.key)
    ]  # fmt: skip
    encoded = keys.encoded(columns, source.name)
    found = found.drop_columns([f"k{i}" for i in range(len(wanted.key))]).append_column("key", encoded)
    distinct = _distinct(encoded)
    if distinct == len(encoded):
        return found
    if wanted.rules is None:
        raise _repeated(encoded, distinct, source, wanted)
    again = [(name, _AGAIN[piece]) for _, piece, name in wanted.pieces()]
    grouped = found.group_by("key", use_threads=False).aggregate(again)
    return grouped.rename_columns(["key", *(name for name, _ in again)])


def _distinct(encoded: pa.LargeBinaryArray) -> int:
    """How many different keys there are.

    Short ones of one length, as most registers have, become a word each first: to sort words takes a tenth of the time
    of a table of texts. Only if two words agree does it take the table to say whether their keys do.
    """
    data, bounds = bytes_of(encoded)
    size = int(bounds[1] - bounds[0]) if len(encoded) else 0
    if 0 < size <= 8 * len(_ODD) and bool((np.diff(bounds) == size).all()):
        # Read where they stand, as words that may overlap: to copy and pad keys would take longer than to sort them.
        width = next(width for width in (8, 4, 1) if width <= size)
        hashes = np.zeros(len(encoded), np.uint64)
        for start, odd in zip((*range(0, size - width, width), size - width), _ODD, strict=False):
            hashes += odd * np.ndarray(len(encoded), f"<u{width}", data, int(bounds[0]) + start, size)
        hashes.sort()
        if bool((hashes[1:] != hashes[:-1]).all()):
            return len(encoded)
    return len(pc.unique(encoded))


def _repeated(encoded: pa.Array, distinct: int, source: Source, wanted: Wanted) -> DataError:
    table = pa.table({"key": encoded}).group_by("key", use_threads=False).aggregate([([], "count_all")])
    several = int(pc.sum(pc.greater(table["count_all"], 1)).as_py())
    affected = len(encoded) - distinct + several
    return DataError(
        f"{source.name}: key {', '.join(wanted.key)}: {several} key{'s are' if several > 1 else ' is'} "
        f"repeated, in {counted(affected)}",
        hint="correct the data, or let the job say under duplicates what becomes of them",
        code="duplicates",
    )


def _finished(found: pa.Table, source: Source, wanted: Wanted, column: str) -> NDArray[np.int64]:
    kind = source.declaration.columns[column]
    rule = None if wanted.rules is None else wanted.rules[column]
    parts = {piece: found[name] for name_of, piece, name in wanted.pieces() if name_of == column}
    if rule is None and isinstance(kind, CategoryColumn):
        return _numbers(pc.index_in(_one(parts["value"]), value_set=pa.array(kind.values, parts["value"].type)))
    if rule == "any" and not (isinstance(kind, IntegerColumn) and kind.min >= 0 and kind.max <= 1):
        differing = int(pc.sum(pc.not_equal(parts["max"], parts["min"])).as_py() or 0)
        if differing:
            raise DataError(
                f"{source.name}: column {column}: rows of {differing} repeated "
                f"key{'s' if differing > 1 else ''} differ",
                hint="another rule than any says which of the values counts",
                code="duplicates",
            )
    return _numbers(next(iter(parts.values())))


def _numbers(column: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = column.cast(pa.int64()).to_numpy()
    return numbers


def _one(column: pa.ChunkedArray) -> pa.Array:
    """A column as a single array; large types, as all its text together may be over 2 GiB."""
    large = column.cast(pa.large_string()) if pa.types.is_string(column.type) else column
    return large.combine_chunks() if isinstance(large, pa.ChunkedArray) else large
