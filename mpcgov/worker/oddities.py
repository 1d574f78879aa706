"""What is as declared and looks wrong all the same: told to the owner, never to anybody else."""

from __future__ import annotations

from collections.abc import Sequence

import ibis

from mpcgov.spec.table import KeyColumn
from mpcgov.worker.advice import CODES
from mpcgov.worker.readers.raw import counted
from mpcgov.worker.source import Source

MANY_ROWS = 10
"""A key with fewer rows isn't remarked upon, nor one that has less than so many times the rows of the next."""

_ONE_SIGN = "^(0{4,}|9{4,}|[xX]{3,}|-{2,})$"


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
            found += [f"column {name}: {said}" for said in crowded(most)]
    return found


def crowded(rows: Sequence[int]) -> list[str]:
    """What is said of a key that has far more rows than the next; `rows`: of the two that have the most."""
    if len(rows) < 2 or rows[0] < MANY_ROWS * rows[1]:
        return []
    return [f"one key has {rows[0]} rows, the next {rows[1]}; if it stands for no value, declare it by missing"]


def padded_keys(rows: int) -> str:
    """What is said of keys that begin or end with blanks, as columns of fixed length fill them up."""
    return f"{counted(rows)} with blanks around the key, which only meets one with the same: declare normalise: [trim]"


def placeholders(source: Source) -> list[str]:
    """Keys that are written as no id is: a code for "unknown", or one sign over and over. Says how many rows."""
    found = []
    for name, column in source.declaration.columns.items():
        if isinstance(column, KeyColumn):
            value = source.table[source.value(name)]
            odd = source.table.filter(value.isin(CODES) | value.re_search(_ONE_SIGN))
            rows = int(source.query(odd.aggregate(n=odd.count()))["n"][0].as_py())
            what = "like a code for no value, such as NA, 0000 or 9999; if they stand for none, declare them by missing"
            found += [f"column {name}: {counted(rows)} with a key that looks {what}"] if rows else []
            if not {"trim", "digits"} & set(column.normalise):
                padded = source.table.filter(value.re_search("^ | $"))
                rows = int(source.query(padded.aggregate(n=padded.count()))["n"][0].as_py())
                found += [f"column {name}: {padded_keys(rows)}"] if rows else []
    return found
