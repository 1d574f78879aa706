"""An owner's rows as records to be compared, read by the engine that holds them: the counterpart of `rows.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mpcgov.errors import DataError
from mpcgov.linked.blocks import Axis, Pass
from mpcgov.linked.encoding import IDENTIFIER_BITS, IDENTIFIER_WORDS
from mpcgov.linked.facts import Linked
from mpcgov.spec.condition import Expr
from mpcgov.spec.condition import columns as tested_columns
from mpcgov.spec.table import CategoryColumn, DateColumn
from mpcgov.worker import texts
from mpcgov.worker.local import chosen
from mpcgov.worker.readers.raw import counted
from mpcgov.worker.records import Records
from mpcgov.worker.source import Source

_LONGEST_MONTH = 31
IDENTIFIER_BYTES = IDENTIFIER_WORDS * IDENTIFIER_BITS // 8


def compared_records(source: Source, linked: Linked, party: str, where: Expr | None) -> Records:
    """The chosen rows as records.

    Raises:
        DataError: a used column has a fault, or what identifies records is too long. Says of how many rows.
    """
    asked = linked.asked
    fields = [field.columns[party] for field in asked.fields]
    naming, columns = _naming(linked, party), needed(linked, party)
    tested = tested_columns(where) if where else frozenset()
    dividing = [axis.columns[party] for axes in linked.passes for axis in axes]
    optional = [name for name in (*fields, *dividing) if name not in columns and name not in tested]
    rows = chosen(source, columns, where, optional)
    wanted = dict.fromkeys([*fields, *columns, *dividing])
    found = source.query(rows.select(**{f"w{i}": rows[source.value(name)] for i, name in enumerate(wanted)}))
    values = {name: found[f"w{i}"].combine_chunks() for i, name in enumerate(wanted)}
    compared = tuple(
        texts.normalised(values[name], field.type, field.prepare).cast(pa.large_binary())
        for name, field in zip(fields, asked.fields, strict=True)
    )
    for name in naming:
        _refuse_long(source, name)
    identifiers = values[naming[0]].cast(pa.large_string()).cast(pa.large_binary()) if naming else None
    numbers = {name: _numbers(values[name], source, name) for name in asked.of(party)}
    blocks = tuple(_blocks(values, axes, party) for axes in linked.passes if axes)
    repeated = len(identifiers) - len(pc.unique(identifiers)) if identifiers is not None else 0
    note = f"{source.name}: column {', '.join(naming)}: {counted(repeated)} with a value that another has, too"
    said = [*_undated(source, linked, party), *_other_scripts(source, linked, party, values)]
    said += [
        f"{source.name}: column {name}: nothing of any value is left to compare as a {field.type}, so it tells nothing"
        for name, field, texts_left in zip(fields, asked.fields, compared, strict=True)
        if len(texts_left) and not pc.any(pc.greater(pc.binary_length(texts_left), 0)).as_py()
    ]
    notes = (*said, *((note,) if repeated else ()))
    return Records(compared, identifiers, numbers, _listed(source, linked, party, dividing), blocks, notes)


def _undated(source: Source, linked: Linked, party: str) -> list[str]:
    """What is said of texts that are compared as dates, by their digits."""
    kinds = source.declaration.columns
    names = [field.columns[party] for field in linked.asked.fields if field.type == "date"]
    return [
        f"{source.name}: column {name}: compared by its digits, which only agree where every owner writes day, month "
        "and year in the same order; declare it kind: date, with date_format"
        for name in names
        if not isinstance(kinds[name], DateColumn)
    ]


def _other_scripts(source: Source, linked: Linked, party: str, values: Mapping[str, pa.Array]) -> Iterator[str]:
    """What is said of texts that aren't in Latin letters and stay so."""
    for field in linked.asked.fields:
        name = field.columns[party]
        if field.type in ("name", "text") and "transliterate" not in field.prepare:
            found = pc.match_substring_regex(values[name].cast(pa.large_string()), texts.OTHER_LETTERS)
            if others := int(pc.sum(found).as_py() or 0):
                yield (
                    f"{source.name}: column {name}: {counted(others)} with letters that aren't Latin, which only "
                    "agree with the same letters; a job may prepare the field by transliterate"
                )


def _listed(source: Source, linked: Linked, party: str, dividing: Sequence[str]) -> tuple[int, ...]:
    """How many records the whole data set has, or its fullest block of each pass, and of exact pairs how many records
    there are to look for them among: facts that no filter changes."""
    tagged = (source.rows,) if linked.asked.exact_fields else ()
    if not dividing:
        return (source.rows, *tagged)
    found = source.query(source.table.select(*(source.value(name) for name in dict.fromkeys(dividing))))
    values = {name: found[source.value(name)].combine_chunks() for name in dividing}
    each = (_blocks(values, axes, party) for axes in linked.passes)
    return (*(int(np.bincount(blocks[blocks >= 0], minlength=1).max()) for blocks in each), *tagged)


def _blocks(values: Mapping[str, pa.Array], axes: Pass, party: str) -> NDArray[np.int64]:
    """The number of each record's block, the first axis slowest; −1 if it is in none."""
    columns = [values[axis.columns[party]] for axis in axes]
    block = np.zeros(len(columns[0]), np.int64)
    inside = np.ones(len(columns[0]), bool)
    for column, axis in zip(columns, axes, strict=True):
        step = pc.fill_null(_steps(column, axis).cast(pa.int64()), -1).to_numpy()
        inside &= (step >= 0) & (step < len(axis.values))
        block = block * len(axis.values) + step
    return np.where(inside, block, -1)


def _steps(values: pa.Array, axis: Axis) -> pa.Array:
    """Which of its values each record has, counted from 0; anything else if it has none of them."""
    if axis.type == "day":
        months = pc.multiply(pc.subtract(pc.month(values), 1), _LONGEST_MONTH)
        return pc.add(months, pc.subtract(pc.day(values), 1))
    if isinstance(axis.values, range):
        years = pc.year(values) if pa.types.is_date(values.type) else values.cast(pa.int64())
        return pc.subtract(years, axis.values.start)
    return pc.index_in(values, value_set=pa.array(axis.values, values.type))


def needed(linked: Linked, party: str) -> list[str]:
    """The columns that records must have a value in; in compared fields, and those of blocks, they may lack one."""
    return [*linked.asked.of(party), *_naming(linked, party)]


def _naming(linked: Linked, party: str) -> list[str]:
    named = linked.asked.identify if linked.asked.output == "links" else ()
    return [column.column for column in named if column.party == party]


def _refuse_long(source: Source, column: str) -> None:
    """That no row of the whole data set, chosen or not, has a value that is too long to identify a record.

    Raises:
        DataError: some do, with how many.
    """
    values = source.query(source.table.select(source.value(column)))[source.value(column)]
    lengths = pc.binary_length(values.cast(pa.large_string()))
    long = int(pc.sum(pc.greater(lengths, IDENTIFIER_BYTES)).as_py() or 0)
    if long:
        said = f"{counted(long)} with a value of more than {IDENTIFIER_BYTES} bytes"
        raise DataError(f"{source.name}: column {column}, which identifies records: {said}")


def _numbers(values: pa.Array, source: Source, column: str) -> NDArray[np.int64]:
    kind = source.declaration.columns[column]
    if isinstance(kind, CategoryColumn):
        values = pc.index_in(values, value_set=pa.array(kind.values, values.type))
    numbers: NDArray[np.int64] = values.cast(pa.int64()).to_numpy()
    return numbers
