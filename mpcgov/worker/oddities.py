"""What is as declared and looks wrong all the same: told to the owner by `dataset check`, never to anybody else."""

from __future__ import annotations

import ibis

from mpcgov.spec.table import KeyColumn
from mpcgov.worker.source import Source

MANY_ROWS = 10
"""A key with fewer rows isn't remarked upon, nor one that has less than so many times the rows of the next."""


def crowded_keys(source: Source) -> list[str]:
    """Keys that have far more rows than any other: most likely a code for "unknown", linked as if it were a person.

    Says how many rows, never which key.
    """
    found = []
    for name, column in source.declaration.columns.items():
        if isinstance(column, KeyColumn):
            value = source.table[source.value(name)]
            rows = source.table.filter(value.notnull()).group_by(key=value).aggregate(n=ibis._.count())
            most = [int(n) for n in source.query(rows.order_by(ibis.desc("n")).limit(2).select("n"))["n"].to_pylist()]
            if len(most) == 2 and most[0] >= MANY_ROWS * most[1]:
                found.append(
                    f"column {name}: one key has {most[0]} rows, the next {most[1]}; "
                    "if it stands for no value, declare it by missing"
                )
    return found
