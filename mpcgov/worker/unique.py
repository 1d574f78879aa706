"""Whether a data set is unique by what its owner declares so: judged over all its rows, whichever a job chooses.

That makes it a fact of the data set: no job can ask by its key or its filter whether two rows are alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import pyarrow as pa
import pyarrow.compute as pc

from mpcgov.errors import DataError
from mpcgov.spec.table import DateColumn, IntegerColumn, KeyColumn, TextColumn
from mpcgov.worker import keys, manykeys
from mpcgov.worker.readers.raw import counted
from mpcgov.worker.source import Source

_MOST_COLUMNS = 8
"""So many are tried together: 92 sets at most."""

Known = tuple[Sequence[str], pa.LargeBinaryArray]
"""The columns of a key, and the encoded keys of all rows of the data set."""


def judge(source: Source, known: Known | None = None) -> None:
    """That no two rows of the whole data set agree in a set of columns that it is declared unique by.

    Rows without a value in one of these columns aren't compared.

    Args:
        known: keys that needn't be gathered once more.

    Raises:
        DataError: the data contradict the declaration; names the columns, with how many rows.
    """
    faults_found = faults(source, source.declaration.unique, known)
    if faults_found:
        hint = "correct the data; declare codes for no value by `missing`; or take what isn't so out of `unique`"
        raise DataError(f"{source.name}: {'; '.join(faults_found)}", hint=hint, code="unique")


def faults(source: Source, sets: Sequence[Sequence[str]], known: Known | None = None) -> list[str]:
    """What is wrong with each of some sets of columns by which the data set isn't unique."""
    result = []
    for key in sets:
        again = known is not None and set(known[0]) == set(key)
        several, rows = keys.repeated(known[1]) if known is not None and again else repeated(source, key)
        if several:
            said = f"{several} key{'s are' if several > 1 else ' is'} repeated, in {counted(rows)}"
            result.append(f"not unique by {', '.join(key)}: {said}")
    return result


def candidates(source: Source, missing: Mapping[str, int]) -> tuple[tuple[str, ...], ...]:
    """The smallest sets of columns by which the data happen to be unique: what an owner may declare, if it is meant so.

    A column of kind key that tells rows apart is enough; otherwise as few columns as it takes, up to three.

    Args:
        missing: by column, in how many rows a value is missing. Columns that many rows lack tell nothing.
    """
    kinds = source.declaration.columns
    telling = [
        name
        for name, kind in kinds.items()
        if isinstance(kind, KeyColumn | TextColumn | DateColumn | IntegerColumn) and 10 * missing[name] <= source.rows
    ][:_MOST_COLUMNS]
    by_key = [name for name in telling if isinstance(kinds[name], KeyColumn)]
    tries = [combinations(by_key, 1), *(combinations(telling, size) for size in (1, 2, 3))]
    # All at once: asking for each set takes ibis longer than the engine, the wider the table the longer.
    values, many = [source.value(name) for name in telling], manykeys.are_many(source)
    here = source.backend.name == "duckdb" and telling and source.rows > 1 and not many
    rows = source.query(source.table.select(*values)) if here else None
    for sets in tries if source.rows > 1 else ():
        likely = manykeys.likely(source, [*sets]) if many else sets
        found = tuple(key for key in likely if repeated(source, key, rows) == (0, 0))
        if found:
            return found
    return ()


def most_rows(source: Source) -> dict[str, int]:
    """By column of kind key, the most rows that share one key."""
    kinds = {name: kind for name, kind in source.declaration.columns.items() if isinstance(kind, KeyColumn)}
    if not kinds:
        return {}
    if manykeys.are_many(source):
        return {name: next(iter(manykeys.most(source, [name])), 0) for name in kinds}
    found, most = source.query(source.table.select(*map(source.value, kinds))), {}
    for name, kind in kinds.items():
        held = keys.encoded([(kind, found[source.value(name)])]).drop_null()
        most[name] = pc.max(pc.value_counts(held).field("counts")).as_py() or 0
    return most


def repeated(source: Source, key: Sequence[str], rows: pa.Table | None = None) -> tuple[int, int]:
    """How many keys are repeated, in how many rows; `rows`: those of the source, if they are here already."""
    values = [source.value(name) for name in key]
    kinds = [source.declaration.columns[name] for name in key]
    if source.backend.name != "duckdb" and not any(map(keys.rewrites, kinds)):
        # A database tells such keys apart as we do, so its rows can stay where they are.
        return _repeated_there(source, values)
    if rows is None and manykeys.are_many(source):
        return manykeys.repeated(source, key)
    found = source.query(source.table.select(*values)) if rows is None else rows
    encoded = keys.encoded([(kind, found[value]) for kind, value in zip(kinds, values, strict=True)])
    return keys.repeated(encoded.drop_null())


def _repeated_there(source: Source, values: Sequence[str]) -> tuple[int, int]:
    table = source.table
    with_key = table.filter(*(table[value].notnull() for value in values))
    groups = with_key.group_by(values).aggregate(n=with_key.count())
    several = groups.filter(groups.n > 1)
    found = source.query(several.aggregate(repeated=several.count(), rows=several.n.sum())).to_pylist()[0]
    return int(found["repeated"]), int(found["rows"] or 0)
