"""Columns derived from judged ones, as expressions of the engine that holds the rows: built from the declaration.

A row whose operand is missing or has a fault has no derived value, and the same fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import reduce
from typing import Any

import ibis

from mpcgov.spec import arithmetic
from mpcgov.spec.derive import Derivation, steps
from mpcgov.spec.table import CategoryColumn, Column, DecimalColumn, IntegerColumn
from mpcgov.worker.advice import FINE, MISSING, OUTSIDE

Judged = tuple[Any, Any]
"""A column's value, and what is wrong with it."""


def derived(how: Derivation, column: Column, kinds: Mapping[str, Column], judged: Mapping[str, Judged]) -> Judged:
    """Value and fault of a derived column.

    Args:
        kinds: how the columns that it is derived from are declared.
        judged: their values and faults.
    """
    operands = [judged[name] for name in how.operands]
    if isinstance(column, CategoryColumn) and how.band:
        return _band(operands[0], _edges(how, kinds[how.band]), column.values)
    if isinstance(column, CategoryColumn) and how.level_of:
        return _level(operands[0], column)
    if isinstance(column, IntegerColumn | DecimalColumn) and how.compute:
        return _computed(how, column, kinds, judged)
    if isinstance(column, IntegerColumn) and how.year_of:
        return _year(operands[0], column)
    return reduce(_first, operands)


def _computed(
    how: Derivation, column: IntegerColumn | DecimalColumn, kinds: Mapping[str, Column], judged: Mapping[str, Judged]
) -> Judged:
    """In whole numbers below 2^53, as was checked when it was declared; rounded once, halves away from zero."""
    of = {name: arithmetic.Over(judged[name][0], 10 ** steps(kinds[name])[2]) for name in how.operands}
    found = arithmetic.evaluated(arithmetic.parse(how.compute or ""), of, lambda number: ibis.literal(number, "int64"))
    low, high, places = steps(column)
    twice = found.top * (2 * 10**places)
    size = ((twice.abs() + found.bottom) // (2 * found.bottom)).cast("int64")
    value = ibis.ifelse(twice < 0, -size, size)
    outside = (value < low) | (value > high)
    faults = [judged[name][1] for name in how.operands]
    fault = reduce(lambda one, other: ibis.ifelse(one == FINE, other, one), faults)
    fault = _outside_too(fault, outside)
    return ibis.ifelse(fault == FINE, value, ibis.null("int64")), fault


def _level(operand: Judged, column: CategoryColumn) -> Judged:
    value, fault = operand
    lengths = {len(coarse) for coarse in column.groups.values()}
    if len(lengths) == 1 and all(fine.startswith(coarse) for fine, coarse in column.groups.items()):
        return value.left(next(iter(lengths))), fault
    codes = ibis.map(list(column.groups), list(column.groups.values()))
    return ibis.ifelse(value.isnull(), ibis.null("string"), codes.get(value)), fault


def _edges(how: Derivation, kind: Column) -> list[int]:
    """In the steps that the operand is held in."""
    places = kind.places if isinstance(kind, DecimalColumn) else 0
    return [int(Decimal(edge).scaleb(places)) for edge in how.edges]


def _band(operand: Judged, edges: list[int], labels: tuple[str, ...]) -> Judged:
    value, fault = operand
    # From the last: a number is in the last band whose edge it reaches.
    reached = [(value >= edge, label) for edge, label in zip(edges, labels, strict=True)][::-1]
    return ibis.cases(*reached, else_=ibis.null("string")), _outside_too(fault, value < edges[0])


def _year(operand: Judged, column: IntegerColumn) -> Judged:
    value, fault = operand
    year = value.year().cast("int64")
    outside = (year < column.min) | (year > column.max)
    return ibis.ifelse(outside, ibis.null("int64"), year), _outside_too(fault, outside)


def _outside_too(fault: Any, outside: Any) -> Any:
    return ibis.ifelse((fault == FINE) & outside, OUTSIDE, fault).cast("int8")


def _first(one: Judged, other: Judged) -> Judged:
    value, fault = one
    missing = fault == MISSING
    return ibis.ifelse(missing, other[0], value), ibis.ifelse(missing, other[1], fault)
