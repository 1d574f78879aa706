"""A source's raw columns as checked ones, as their declaration and their owner say; or why one can't be read."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import ibis
import pyarrow as pa

from mpcgov.errors import DataError
from mpcgov.spec.reading import Dialect
from mpcgov.spec.table import CategoryColumn, Column, KeyColumn
from mpcgov.worker.columns import TAKES, TAKES_TEXT, Form, IsOneOf, from_text, from_typed
from mpcgov.worker.engine import quiet
from mpcgov.worker.readers.raw import Raw, Wanted, unreadable

_ZEROS = (
    "its ids stand in a number column, so leading zeros are lost, while normalise: [digits] says that they are texts: "
    "declare zeros: strip, or zeros: pad N, at every owner"
)
_NUMBERS = (
    "its ids stand in a number column, so none has leading zeros: where another owner has them as texts, they only "
    "meet with zeros: strip, or zeros: pad N, at every owner"
)
_BOOLEANS = "booleans are read as true and false: declare these, or say by recode what is meant"
_SIGNS = "implied and sign are said of texts, and it holds numbers: derive: {compute: column / 100}"
_VERY_FEW = 32
"""The engine joins what is tested against more than five literals: a plan of a hundred joins takes it half a minute."""
_FEW = 1000
"""Up to so many values stand in the query itself; writing more there takes the engine longer than joining them."""


def checked(raw: Raw, wanted: Wanted, among: IsOneOf, how: Dialect) -> Any:
    """The rows with v0, f0, v1, f1, …: value and fault of each column that is asked for.

    Args:
        among: how the engine tests a text against many values.
        how: the dialect of texts.

    Raises:
        DataError: a column is of a type that its kind can't be read from.
    """
    selected, wrong = {}, []
    for position, (column, kind) in enumerate(wanted.declaration.columns.items()):
        form = _form(raw, wanted, column, how, among is is_one_of)
        read = partial(from_typed if raw.typed else from_text, raw.table[raw.columns[column]], kind, among, form)
        judged = quiet(read, unreadable(wanted.name))
        if column in _without_zeros(raw, wanted) and "digits" in getattr(kind, "normalise", ()):
            wrong.append(f"column {column}: {_ZEROS}")
        elif form.reading.signs and raw.holds_numbers(column):
            wrong.append(f"column {column}: {_SIGNS}")
        elif judged is None:
            wrong.append(f"column {column}: {_not_taken(raw, column, kind)}")
        else:
            selected[f"v{position}"], selected[f"f{position}"] = judged
        if wanted.as_read:
            selected[f"r{position}"] = raw.table[raw.columns[column]].cast("string")
    if wrong:
        hint = "change the type there, or the kind in datasets.yaml"
        raise DataError(f"{wanted.name}: {'; '.join(wrong)}", hint=hint)
    return raw.table.select(**selected)


def _form(raw: Raw, wanted: Wanted, column: str, how: Dialect, advises: bool) -> Form:
    reading, labels = wanted.reading(column), (raw.labels or {}).get(column, {})
    absent = tuple(code for code, label in labels.items() if label in reading.missing)
    reading = reading.model_copy(update={"missing": (*reading.missing, *absent)}) if absent else reading
    plain = Dialect(date_format=how.date_format) if how.dates_are_digits and raw.holds_numbers(column) else Dialect()
    return Form(
        plain if column in raw.plain else how,
        reading,
        {**labels, **reading.recode},
        advises=advises,
        header=reading.source or column,
        written=not raw.typed or column in raw.numbers,
        of_workbook=raw.of_workbook,
    )


def _without_zeros(raw: Raw, wanted: Wanted) -> list[str]:
    """Keys that are numbers in the source, whose leading zeros nothing brings back."""
    kinds = wanted.declaration.columns.items()
    keys = [name for name, kind in kinds if isinstance(kind, KeyColumn) and kind.zeros == "keep"]
    return [name for name in keys if raw.typed and raw.holds_numbers(name)]


def remarks(raw: Raw, wanted: Wanted) -> tuple[str, ...]:
    """What the owner should know of how columns are read."""
    ids = [f"column {name}: {_NUMBERS}" for name in _without_zeros(raw, wanted)]
    return (*raw.remarks, *ids, *(f"column {name}: {_BOOLEANS}" for name in _named_otherwise(raw, wanted)))


def _named_otherwise(raw: Raw, wanted: Wanted) -> list[str]:
    """Booleans that are declared by other words."""
    kinds = wanted.declaration.columns.items()
    words = [
        name for name, kind in kinds if isinstance(kind, CategoryColumn) and not {*kind.values} & {"true", "false"}
    ]
    booleans = (name for name in words if raw.table[raw.columns[name]].type().is_boolean())
    return [name for name in booleans if not wanted.reading(name).recode]


def _not_taken(raw: Raw, column: str, kind: Column) -> str:
    found = (raw.types or {}).get(column) or _type_name(raw.table[raw.columns[column]].type())
    article = "an" if kind.kind == "integer" else "a"
    if found.endswith("with time zone"):
        return (
            f"type {found} can't be read as {article} {kind.kind} column, as its day depends on the zone: cast it there"
        )
    return f"type {found} can't be read as {article} {kind.kind} column, which takes {TAKES.get(kind.kind, TAKES_TEXT)}"


def _type_name(dtype: Any) -> str:
    if dtype.is_timestamp() and dtype.timezone is not None:
        return "timestamp with time zone"
    if dtype.is_unknown():
        found = re.search(r"DType\.(\w+)", str(dtype)) or re.search(r"DataType\(\s*(\w+)", str(dtype))
        return found[1].lower() if found else "unknown"
    return type(dtype).__name__.lower() if dtype.is_nested() else str(dtype.copy(nullable=True))


def is_one_of(raw: Any, values: tuple[str, ...]) -> Any:
    """Whether each text is among some values, however many these are."""
    if len(values) <= _VERY_FEW:
        return ibis.array(list(values)).contains(raw)
    if len(values) <= _FEW:
        return raw.isin(values)
    return raw.isin(ibis.memtable(pa.table({"value": values})).value)


def is_one_of_literals(raw: Any, values: tuple[str, ...]) -> Any:
    """The same in a database that may only be read, which takes no table of values."""
    return raw.isin(values)
