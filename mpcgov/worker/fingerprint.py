"""Which rows a job has read, in a few numbers: the same rows give the same ones, in whatever order they are stored.

Each column's values are hashed in the engine that holds them, and the hashes of all rows added up; so are hashes of
whole rows. Other rows give other sums, but for chances of about 2^-64. The hashes are not cryptographic: they show that
data have changed, not that somebody changed them back to the same sums on purpose. They stay in this process and its
parent, which keeps them under a key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from types import MappingProxyType
from typing import Any

import ibis

from mpcgov.spec.condition import Expr
from mpcgov.spec.order import UNITS
from mpcgov.worker.local import filtered
from mpcgov.worker.source import Source

ROWS = "rows"
"""The name of the fingerprint that is just the number of rows."""

_LOW = 0xFFFFFFFF
_NOTHING = 0x6E6F7468
"""The hash of a missing value, in engines that have none of it."""


def _any(value: Any) -> Any:
    return value


_hash_any: Any = ibis.udf.scalar.builtin(_any, name="hash", signature=((None,), "uint64"))
"""DuckDB's own hash, of 64 bits without a sign."""


def fingerprints_of(
    source: Source,
    used: Collection[str],
    needed: Collection[str],
    where: Expr | None,
    together: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> dict[str, str]:
    """Fingerprints of the rows that a job chose, whose columns were judged: of their number, of each column that the
    job uses, of the columns together, and of some of them together, by name.

    Args:
        used: the columns that the job uses; the source may have been opened with others.
        needed: the columns that the job chose its rows by, besides those that `where` tests. It may use others, which
            some of these rows lack.
        together: by name, columns of which it matters which values stand in one row.

    Raises:
        DataError: the engine can't compute them.
    """
    names = [name for name in source.declaration.columns if name in used]
    rows = filtered(source, needed, where)
    hashes = {name: _hash(source, rows[source.value(name)]) for name in names}
    hashes[",".join(sorted(names)) + "="] = reduce(
        lambda whole, one: _hash(source, whole) ^ one, (hashes[name] for name in sorted(names))
    )
    for label, columns in together.items():
        each = (_hash(source, rows[source.value(name)]) for name in columns)
        hashes[label] = _hash(source, reduce(lambda whole, one: _hash(source, whole) ^ one, each))
    number, prints = _summed(source, rows, hashes)
    return {ROWS: str(number)} | {_label(source, name): _short(value) for name, value in prints.items()}


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
