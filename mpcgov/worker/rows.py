"""An owner's rows for a linked job: one for each key, with the columns that the job uses as whole numbers.

Choosing and putting together rows runs in the engine that holds them; keys are then normalised here, a column at a
time. Where that makes more of them equal, the rows are put together once more by the same rule: every rule gives the
same whether it is applied at once or in parts. No rule can fail, and rows without a key are left out: what a job
chooses as its key decides nothing that anybody else could see. Nor does its filter by which steps there are, as these
take time: whatever may be left out is so because of the job's text, or of the whole data set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mpcgov.spec.condition import Expr
from mpcgov.spec.job import Part
from mpcgov.spec.link import Rule
from mpcgov.spec.table import CategoryColumn, Declaration
from mpcgov.worker import keys, unique
from mpcgov.worker.keyed import KeyedRows, as_one, bytes_of
from mpcgov.worker.local import chosen
from mpcgov.worker.oddities import crowded, padded_keys
from mpcgov.worker.readers.raw import counted
from mpcgov.worker.source import Source

_PLACE = "mpcgov_place"
"""A row's place in the data set's own order, in which it doesn't matter which other rows are chosen."""

_BLANK = ord(" ")

_AGAIN: Mapping[Rule, str] = {"sum": "sum", "max": "max", "min": "min", "count": "sum", "first": "first"}
"""How what was gathered of parts of a key's rows is put together, the part with the first row before the others."""


@dataclass(frozen=True)
class Wanted:
    """What a job takes of a data set: the columns of the key, and those it computes with.

    `rules`: what becomes of each of these where a key is repeated; None if the data set is unique by the key.
    """

    key: Sequence[str]
    columns: Sequence[str]
    rules: Mapping[str, Rule] | None

    @classmethod
    def of(cls, part: Part, columns: Sequence[str], declaration: Declaration) -> Wanted:
        """What a party's part of a job takes."""
        key = part.key or ()
        alone = part.duplicates is None and declaration.names_one_row(key)
        return cls(key, columns, None if alone else part.duplicates or {})

    @property
    def needed(self) -> list[str]:
        """The columns that a row is left out for if it lacks a value of them."""
        return [*self.key, *self.columns]

    @property
    def in_order(self) -> bool:
        """Whether it matters which of a key's rows is the first in the data set's own order."""
        return "first" in (self.rules or {}).values()


def keyed_rows(source: Source, wanted: Wanted, where: Expr | None = None) -> KeyedRows:
    """The chosen rows, one for each key; those without a key are left out.

    Every set of columns that the data set is declared unique by is judged, over all its rows.

    Raises:
        DataError: a used column has a fault, or the data set isn't unique as declared. Says how many rows or keys,
            never which.
    """
    rows = chosen(source, wanted.columns, where, key=wanted.key)
    found = source.query(_grouped(source, rows, wanted))
    encoded = keys.encoded([(source.declaration.columns[name], found[f"k{i}"]) for i, name in enumerate(wanted.key)])
    # Copied, since all columns of a batch of the engine's are held as long as one of them is.
    found = found.drop_columns([f"k{i}" for i in range(len(wanted.key))]).combine_chunks().append_column("key", encoded)
    read = _rows_in(found)
    remarks = (*source.remarks, *_crowded(found, wanted), *_padded(source, encoded, wanted))
    notes = [f"{source.name}: {remark}" for remark in remarks]
    listed = found.num_rows if where is None and read == source.rows else _keys_of(source, wanted)
    if where is not None or encoded.null_count:
        found = found.filter(encoded.is_valid())
    with_key = _rows_in(found)
    everything = where is None and wanted.rules is None and found.num_rows == source.rows
    all_keys = as_one(found["key"]) if where is None else None
    unique.judge(source, (wanted.key, all_keys) if everything else None)
    if _may_meet(source, wanted, all_keys):
        found = _once_each(found, wanted)
    columns = {name: _numbers(source, wanted, name, as_one(found[f"c{i}"])) for i, name in enumerate(wanted.columns)}
    notes += _notes(source.name, read, with_key, found.num_rows)
    return KeyedRows(as_one(found["key"]), columns, listed, tuple(notes))


def _keys_of(source: Source, wanted: Wanted) -> int:
    """How many keys the whole data set has as it stands, rows without one as one: a fact that no filter changes."""
    if wanted.rules is None:
        return source.rows
    distinct = _distinct(source, wanted)
    return int(source.query(distinct.aggregate(n=distinct.count()))["n"][0].as_py())


def _distinct(source: Source, wanted: Wanted) -> Any:
    return source.table.select(*(source.value(name) for name in wanted.key)).distinct()


def _may_meet(source: Source, wanted: Wanted, every: pa.LargeBinaryArray | None) -> bool:
    """Whether keys that the engine told apart are equal now that they are normalised.

    Args:
        every: the keys, if no filter chose among them; else those of the whole data set are looked at.
    """
    kinds = [source.declaration.columns[name] for name in wanted.key]
    if wanted.rules is None or not any(map(keys.rewrites, kinds)):
        return False
    if every is None:
        found = source.query(_distinct(source, wanted))
        pairs = [(kind, found[source.value(name)]) for kind, name in zip(kinds, wanted.key, strict=True)]
        every = keys.encoded(pairs).drop_null()
    return keys.distinct(every) < len(every)


def _rows_in(found: pa.Table) -> int:
    """How many rows of the data set are in those that the engine gave."""
    return int(pc.sum(found["n"], min_count=0).as_py()) if "n" in found.column_names else found.num_rows


def _crowded(found: pa.Table, wanted: Wanted) -> list[str]:
    """What is said of a key whose rows are far more than those of any other."""
    if "n" not in found.column_names:
        return []
    rows = found["n"].filter(found["key"].is_valid())
    most = rows.take(pc.select_k_unstable(rows, 2, sort_keys=[("n", "descending")])) if len(rows) > 1 else rows
    return [f"key {', '.join(wanted.key)}: {said}" for said in crowded(most.to_pylist())]


def _padded(source: Source, encoded: pa.LargeBinaryArray, wanted: Wanted) -> list[str]:
    """What is said of keys that begin or end with blanks, as columns of fixed length fill them up."""
    kind = source.declaration.columns[wanted.key[0]]
    if len(wanted.key) > 1 or {"trim", "digits"} & set(getattr(kind, "normalise", ())):
        return []
    signs, bounds = bytes_of(encoded)
    present = bounds[1:] > bounds[:-1]
    first, last = signs[bounds[:-1][present]], signs[bounds[1:][present] - 1]
    rows = int(((first == _BLANK) | (last == _BLANK)).sum())
    return [f"column {wanted.key[0]}: {padded_keys(rows)}"] if rows else []


def _notes(name: str, read: int, with_key: int, distinct: int) -> list[str]:
    notes = [f"{name}: {counted(read - with_key)} of {read} left out, without a key"] if with_key < read else []
    if distinct < with_key:
        notes.append(f"{name}: {counted(with_key)} put together by key, into {distinct}")
    return notes


def _grouped(source: Source, rows: Any, wanted: Wanted) -> Any:
    """The rows with their keys, or one for each key before it is normalised."""
    if wanted.in_order:
        order = [rows[source.value(name)] for name in source.declaration.columns]
        rows = rows.mutate(**{_PLACE: ibis.row_number().over(ibis.window(order_by=order))})
    key = {f"k{i}": rows[source.value(name)] for i, name in enumerate(wanted.key)}
    columns = {f"c{i}": _gathered(source, rows, name, wanted.rules) for i, name in enumerate(wanted.columns)}
    if wanted.rules is None:
        return rows.select(**key, **columns)
    place = {_PLACE: rows[_PLACE].min()} if wanted.in_order else {}
    return rows.group_by(**key).aggregate(n=rows.count(), **place, **columns)


def _gathered(source: Source, rows: Any, column: str, rules: Mapping[str, Rule] | None) -> Any:
    value, kind = rows[source.value(column)], source.declaration.columns[column]
    if rules is None:
        return value
    if isinstance(kind, CategoryColumn):
        # Its place: declared order is meant by max and min.
        value = ibis.cases(*((value == text, place) for place, text in enumerate(kind.values)))
    rule = rules[column]
    if rule == "first":
        return value.argmin(rows[_PLACE]).cast("int64")
    return (rows.count() if rule == "count" else getattr(value, rule)()).cast("int64")


def _once_each(found: pa.Table, wanted: Wanted) -> pa.Table:
    """The rows that the engine gave, once more put together where keys are equal only now that they are normalised."""
    rules = wanted.rules or {}
    if wanted.in_order:
        found = found.sort_by(_PLACE)
    again = [(f"c{i}", _AGAIN[rules[name]]) for i, name in enumerate(wanted.columns)]
    grouped = found.group_by("key", use_threads=False).aggregate(again)
    return grouped.rename_columns(["key", *(name for name, _ in again)])


def _numbers(source: Source, wanted: Wanted, name: str, values: pa.Array) -> NDArray[np.int64]:
    kind = source.declaration.columns[name]
    if wanted.rules is None and isinstance(kind, CategoryColumn):
        values = pc.index_in(values, value_set=pa.array(kind.values, values.type))
    numbers: NDArray[np.int64] = values.cast(pa.int64()).to_numpy()
    return numbers
