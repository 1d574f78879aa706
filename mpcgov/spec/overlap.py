"""How the rows that two conditions choose relate, as far as the conditions and the declaration alone tell.

Each column's values fall into a few kinds that no single condition tells apart; all combinations of kinds are tried.
Missing values are one more kind of every column, and comparisons with them are unknown, as in `mpcgov.spec.where`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from fractions import Fraction

from mpcgov.spec.condition import (
    And,
    Between,
    Comparison,
    Condition,
    Expr,
    IsNull,
    Literal,
    Not,
    OneOf,
    conditions,
    literals,
)
from mpcgov.spec.table import CategoryColumn, Column, DateColumn, DecimalColumn, IntegerColumn

COMBINATIONS_LIMIT = 4096
"""More kinds of rows than that aren't tried: then nothing is certain."""

Value = Fraction | str | None
Truth = bool | None


class Relation(Enum):
    """What is certain of two choices of rows, whatever the data."""

    SAME = "same"
    """every row is in both or in neither"""
    APART = "apart"
    """no row is in both"""
    UNCLEAR = "unclear"


def relation(a: Expr | None, b: Expr | None, columns: Mapping[str, Column]) -> Relation:
    """How the rows of two conditions relate; None chooses all rows.

    Args:
        columns: of every column that either names, a declaration that all rows meet.
    """
    found = [*(conditions(a) if a else ()), *(conditions(b) if b else ())]
    names = sorted({condition.column for condition in found})
    if not set(names) <= set(columns):
        return Relation.UNCLEAR
    kinds = [_kinds(columns[name], [one for one in found if one.column == name]) for name in names]
    if math.prod(map(len, kinds)) > COMBINATIONS_LIMIT:
        return Relation.UNCLEAR
    same, apart = True, True
    for combination in itertools.product(*kinds):
        truths = {key: truth for kind in combination for key, truth in kind.items()}
        in_a, in_b = (expr is None or _truth(expr, truths) is True for expr in (a, b))
        same, apart = same and in_a == in_b, apart and not (in_a and in_b)
        if not same and not apart:
            return Relation.UNCLEAR
    return Relation.SAME if same else Relation.APART


Kind = dict[int, Truth]
"""What the conditions on one column say of some of its values; conditions by identity."""


def _kinds(column: Column, found: list[Condition]) -> list[Kind]:
    values: Iterable[Value] = (None, *_values(column, [value for one in found for value in literals(one)]))
    distinct = {}
    for value in values:
        truths = tuple(_holds(one, value, column) for one in found)
        distinct[truths] = {id(one): truth for one, truth in zip(found, truths, strict=True)}
    return list(distinct.values())


def _values(column: Column, named: list[Literal]) -> set[Value]:
    """Values of which there is one of every kind: at, just below and just above each that is named; the outermost."""
    if isinstance(column, IntegerColumn | DecimalColumn | DateColumn):
        low, high = _bounds(column)
        points = {low, high}
        for literal in named:
            at = _number(literal, column)
            points |= {
                Fraction(near) for edge in (math.floor(at), math.ceil(at)) for near in (edge - 1, edge, edge + 1)
            }
        return {point for point in points if low <= point <= high}
    texts = {str(literal) for literal in named}
    if isinstance(column, CategoryColumn):
        other = next((value for value in column.values if value not in texts), None)
        return {*(texts & set(column.values)), *(() if other is None else (other,))}
    other = "-"
    while other in texts:
        other += "-"
    return {*texts, other}


def _holds(condition: Condition, value: Value, column: Column) -> Truth:
    if isinstance(condition, IsNull):
        return (value is None) != condition.negated
    if value is None:
        return None
    at = [_comparable(literal, column) for literal in literals(condition)]
    if isinstance(condition, Comparison):
        return _OPS[condition.op](value, at[0])
    if isinstance(condition, OneOf):
        return (value in at) != condition.negated
    return (_OPS[">="](value, at[0]) and _OPS["<="](value, at[1])) != condition.negated


_OPS: Mapping[str, Callable[..., bool]] = {
    "=": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip


def _comparable(literal: Literal, column: Column) -> Fraction | str:
    numeric = isinstance(column, IntegerColumn | DecimalColumn | DateColumn)
    return _number(literal, column) if numeric else str(literal)


def _number(literal: Literal, column: Column) -> Fraction:
    """A number in the column's steps, so that its values are the whole ones; a date as its day."""
    if isinstance(column, DateColumn):
        return Fraction(date.fromisoformat(str(literal)).toordinal())
    steps: int = 10**column.places if isinstance(column, DecimalColumn) else 1
    return Fraction(Decimal(literal)) * steps


def _bounds(column: IntegerColumn | DecimalColumn | DateColumn) -> tuple[Fraction, Fraction]:
    if isinstance(column, IntegerColumn):
        return Fraction(column.min), Fraction(column.max)
    if isinstance(column, DecimalColumn):
        return Fraction(column.low), Fraction(column.high)
    return _number(column.min, column), _number(column.max, column)


def _truth(expr: Expr, truths: Mapping[int, Truth]) -> Truth:
    """True, False, or None for unknown."""
    if isinstance(expr, Not):
        inner = _truth(expr.term, truths)
        return None if inner is None else not inner
    if isinstance(expr, Comparison | OneOf | Between | IsNull):
        return truths[id(expr)]
    of_terms = [_truth(term, truths) for term in expr.terms]
    decisive = not isinstance(expr, And)
    if decisive in of_terms:
        return decisive
    return None if None in of_terms else not decisive
