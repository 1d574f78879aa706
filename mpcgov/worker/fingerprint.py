"""What columns hold, in a few numbers: the same rows give the same ones, in whatever order they are stored.

They are of all rows of a data set, whichever a job chooses. Whether they are as they were is said outside
(docs/security/oracles.md), and must be a fact of the whole, not of a few rows that a filter picks or a missing value
leaves out.

Columns are hashed together in the engine that holds them, row by row, and the hashes of all rows added up. Other rows
give other sums, but for chances of about 2^-64. The hashes are not cryptographic: they show that data have changed, not
that somebody changed them back to the same sums on purpose. They stay in this process and its parent, which keeps them
under a key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

import ibis

from mpcgov.spec.order import ROWS, UNITS
from mpcgov.worker.source import Source

_LOW = 0xFFFFFFFF
_NOTHING = 0x6E6F7468
"""The hash of a missing value, in engines that have none of it."""


def _any(value: Any) -> Any:
    return value


_hash_any: Any = ibis.udf.scalar.builtin(_any, name="hash", signature=((None,), "uint64"))
"""DuckDB's own hash, of 64 bits without a sign."""

_hash_of_spark: Any = ibis.udf.scalar.builtin(_any, name="xxhash64", signature=((None,), "int64"))
"""Spark's, of 64 bits; the one that it calls `hash` has 32."""


def fingerprints_of(source: Source, together: Iterable[Collection[str]], ordered: Sequence[str] = ()) -> dict[str, str]:
    """Fingerprints of all rows, by name: of their number, and of each of some sets of columns together.

    Args:
        together: sets of columns of which it matters which values stand in one row.
        ordered: columns in an order that matters; none if no order does.

    Raises:
        DataError: the engine can't compute them.
    """
    sets = {",".join(one): one for one in map(sorted, together)}
    hashes = {f"{ROWS}: {name}": _together(source, one) for name, one in sets.items()}
    if ordered:
        hashes[f"{ROWS} in order"] = _together(source, ordered)
    _, prints = _summed(source, source.table, hashes)
    return {ROWS: str(source.rows)} | {_label(source, name): _short(value) for name, value in prints.items()}


def _together(source: Source, columns: Sequence[str]) -> Any:
    each = (_hash(source, source.table[source.value(name)]) for name in columns)
    return reduce(lambda whole, one: _hash(source, whole) ^ one, each)


def unit_fingerprints(
    source: Source, unique: Sequence[str], tested: Collection[str], *, everywhere: bool
) -> dict[str, str]:
    """Which value each of those has in a column, whom the whole data set has one row each about: by column, as names.

    As long as one of them is the same, everybody is on the same side of each filter that tests this column alone.

    Args:
        unique: a set of columns that was judged to be unique.
        tested: the columns.
        everywhere: whether rows that lack a value in `unique` matter: if there are any, fingerprints are empty.

    Raises:
        DataError: the engine can't compute them.
    """
    names = [name for name in source.declaration.columns if name in tested]
    rows = source.table.filter(*(source.table[source.value(name)].notnull() for name in unique))
    who = reduce(lambda one, other: _hash(source, one) ^ other, (_hash(source, rows[source.value(u)]) for u in unique))
    hashes = {name: _hash(source, _hash(source, rows[source.value(name)]) ^ who) for name in names}
    number, prints = _summed(source, rows, hashes)
    told = number == source.rows or not everywhere
    return {
        _label(source, f"{UNITS}{','.join(unique)}: {name}"): _short(f"{number} {value}") if told else ""
        for name, value in prints.items()
    }


def _summed(source: Source, rows: Any, hashes: Mapping[str, Any]) -> tuple[int, dict[str, str]]:
    """How many rows there are, and by name the sum of their hashes."""
    sums = {f"s{i}_{half}": part for i, one in enumerate(hashes.values()) for half, part in _halves(one).items()}
    found = source.query(rows.aggregate(n=rows.count(), **sums)).to_pylist()[0]
    return int(found["n"]), {name: f"{found[f's{i}_low']} {found[f's{i}_high']}" for i, name in enumerate(hashes)}


def _hash(source: Source, value: Any) -> Any:
    if source.backend.name == "duckdb":
        return _hash_any(value)
    if source.backend.name == "pyspark":
        return _hash_of_spark(value)
    # Not every engine hashes every type; the text of a value is as good.
    return ibis.coalesce(value.cast("string").hash(), _NOTHING)


def _halves(one: Any) -> Mapping[str, Any]:
    """Two sums that 2^31 rows can't make overflow."""
    return {"low": (one & _LOW).sum().cast("int64"), "high": (one >> 32).sum().cast("int64")}


def _label(source: Source, name: str) -> str:
    """Hashes of one engine in one version are comparable; those of others have other names."""
    return f"{name} by {source.backend.name} {source.backend.version}"


def _short(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
