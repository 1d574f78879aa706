"""What is as declared and looks wrong all the same: told to the owner, never to anybody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ibis

from mpcgov.spec.table import DecimalColumn, IntegerColumn, KeyColumn, TextColumn
from mpcgov.worker import identity, manykeys
from mpcgov.worker.advice import BLANK, CODES, MISSING, OTHER_DIGIT, normal_form
from mpcgov.worker.readers.raw import counted
from mpcgov.worker.source import Source

MANY_ROWS = 10
"""A key with fewer rows isn't remarked upon, nor one that has less than so many times the rows of the next."""

_PADDED = "with blanks around the key, which only meets one with the same: declare normalise: [trim]"
_LIKE_NONE = "like a code for no value, such as NA, 0000 or 9999; if they stand for none, declare them by missing"
_UNSEEN = (
    r"[\x{00}-\x{08}\x{0e}-\x{1f}\x{7f}-\x{84}\x{86}-\x{9f}\x{ad}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}\x{feff}]"
)
"""Characters within a text that nobody sees: control characters, soft hyphens, marks of direction."""

_WITH_UNSEEN = "with characters in the key that nobody sees, such as NUL or a soft hyphen: take them out"
_LOST = r"\x{fffd}|[\x{c2}\x{c3}][\x{80}-\x{bf}\x{2018}-\x{203a}\x{20ac}\x{2122}ŒœŠšŸŽž]"
"""What stands for a letter that couldn't be read, and what UTF-8 looks like that was read as Windows' text."""

_WITH_LOST = (
    "with a key whose letters were lost on the way, such as Ã¶ in place of ö: write it out again in its own encoding"
)
_MARKED = r"^(\x{27}|=\")"
_WITH_MARKS = "with an apostrophe or = before the key, as workbooks write ids to keep their zeros: take it out"
_NOTHING_LEFT = "with nothing left of the key once it is normalised: they have none, and are left out"
_TAKEN_APART = (
    "with a key whose accents are characters of their own, which only meets one written so: declare normalise: [nfkc] "
    "at every owner"
)
_ALIKE = r"[\x{a0}\x{2007}\x{202f}\x{3000}\x{2010}-\x{2015}\x{2212}\x{ff01}-\x{ff5e}]|" + OTHER_DIGIT
_LOOKS_ALIKE = (
    "with a key in which a blank, a hyphen, a letter or a digit is another sign than the usual one, and looks like it: "
    "write it as the other owners do, or declare normalise: [nfkc] at every owner"
)
_ALONE = "the last row has a value there and in no other column: is it a note or a total under the table?"
_SPELT_OUT = (
    "with a key that passes its check in another writing than the shortest, such as with blanks, dots, lower case or "
    "without leading zeros; it only meets one written the same: declare normalise and zeros at every owner"
)
_COLUMNS_ENOUGH = 3
_ONE_SIGN = "^(0{4,}|9{4,}|[xX]{3,}|-{2,})$"


def crowded_keys(source: Source) -> list[str]:
    """Keys that have far more rows than any other: most likely a code for "unknown", linked as if it were a person.

    Says how many rows, never which key.
    """
    found = []
    for name, column in source.declaration.columns.items():
        if isinstance(column, KeyColumn):
            most = manykeys.most(source, [name]) if manykeys.are_many(source) else _most(source, name)
            found += [f"column {name}: {said}" for said in crowded(most)]
    return found


def _most(source: Source, name: str) -> list[int]:
    value = source.table[source.value(name)]
    rows = source.table.filter(value.notnull()).group_by(key=value).aggregate(n=ibis._.count())
    return [int(n) for n in source.query(rows.order_by(ibis.desc("n")).limit(2).select("n"))["n"].to_pylist()]


def crowded(rows: Sequence[int]) -> list[str]:
    """What is said of a key that has far more rows than the next; `rows`: of the two that have the most."""
    if len(rows) < 2 or rows[0] < MANY_ROWS * rows[1]:
        return []
    return [f"one key has {rows[0]} rows, the next {rows[1]}; if it stands for no value, declare it by missing"]


def padded_keys(rows: int) -> str:
    """What is said of keys that begin or end with blanks, as columns of fixed length fill them up."""
    return f"{counted(rows)} {_PADDED}"


def placeholders(source: Source) -> list[str]:
    """Keys and texts that are written as no id or name is: a code for "unknown", or one sign over and over."""
    found = []
    for name, column in source.declaration.columns.items():
        if isinstance(column, KeyColumn | TextColumn):
            value = source.table[source.value(name)]
            odd = source.table.filter(value.isin(CODES) | value.re_search(_ONE_SIGN))
            found += _said(source, odd, name, f"with a {column.kind} that looks {_LIKE_NONE}")
        if isinstance(column, KeyColumn):
            same = source.table.filter(value.lower() == name.lower())
            found += _said(source, same, name, "with the column's own name as a key: a header among the rows?")
            if not {"trim", "digits"} & set(column.normalise):
                padded = source.table.filter(value.re_search(f"^{BLANK}|{BLANK}$"))
                found += _said(source, padded, name, _PADDED)
            found += _unlike_others(source, name, column)
    return found


def _unlike_others(source: Source, name: str, column: KeyColumn) -> list[str]:
    """Keys that look like others and are none of them."""
    value, found = source.table[source.value(name)], list[str]()
    if column.check and source.backend.name == "duckdb":
        found += _said(source, source.table.filter(identity.is_spelt_out(value, column)), name, _SPELT_OUT)
    if "digits" in column.normalise:
        return found + _said(source, source.table.filter(~value.re_search("[0-9]")), name, _NOTHING_LEFT)
    found += _said(source, source.table.filter(value.re_search(_UNSEEN)), name, _WITH_UNSEEN)
    found += _said(source, source.table.filter(value.re_search(_LOST)), name, _WITH_LOST)
    found += _said(source, source.table.filter(value.re_search(_MARKED)), name, _WITH_MARKS)
    if source.backend.name == "duckdb" and "nfkc" not in column.normalise:
        found += _said(source, source.table.filter(normal_form(value) != value), name, _TAKEN_APART)
        found += _said(source, source.table.filter(value.re_search(_ALIKE)), name, _LOOKS_ALIKE)
    return found


def last_row(source: Source) -> list[str]:
    """Whether the last of some rows has a value in one column only, as a note or a total under a table has."""
    names = list(source.declaration.columns)
    if source.rows < MANY_ROWS or len(names) < _COLUMNS_ENOUGH or source.backend.name != "duckdb":
        return []
    faults = source.table.select(*(source.fault(name) for name in names))
    (last,) = source.query(faults.limit(1, offset=source.rows - 1)).to_pylist()
    filled = [name for name in names if last[source.fault(name)] != MISSING]
    return [f"column {filled[0]}: {_ALONE}"] if len(filled) == 1 else []


def totals(source: Source) -> list[str]:
    """Columns in which one row has the sum of all others, as a line of totals under a table has."""
    kinds = source.declaration.columns
    names = [name for name, kind in kinds.items() if isinstance(kind, IntegerColumn | DecimalColumn)]
    values = {name: source.table[source.value(name)] for name in names}
    sums = {
        f"n{n}_{what}": number
        for n, one in enumerate(values.values())
        for what, number in (("rows", (one > 0).sum()), ("all", one.cast("decimal(38, 0)").sum()), ("most", one.max()))
    }
    found = source.query(source.table.aggregate(**sums)).to_pylist()[0] if sums else {}
    telling = [
        name
        for n, name in enumerate(names)
        if (found[f"n{n}_rows"] or 0) >= MANY_ROWS and found[f"n{n}_all"] == 2 * found[f"n{n}_most"]
    ]
    return [f"column {name}: one row has the sum of all others: is it a line of totals?" for name in telling]


def empty(source: Source, missing: Mapping[str, int]) -> list[str]:
    """Columns without any value."""
    return [f"column {name}: no row has a value" for name, rows in missing.items() if rows == source.rows > 0]


def _said(source: Source, rows: Any, column: str, what: str) -> list[str]:
    number = int(source.query(rows.aggregate(n=rows.count()))["n"][0].as_py())
    return [f"column {column}: {counted(number)} {what}"] if number else []
