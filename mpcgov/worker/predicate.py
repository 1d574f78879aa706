"""A `where` condition as an expression of the engine that holds the rows: built from the tree, never from text.

Numbers are compared as the whole steps that the columns hold (units, or 10^-places), so a literal is exact whatever
its digits: `age < 24.5` is `age < 25`, and a literal too large for the engine is as good as one just out of its range.
Exact it must be: the ledger takes it to be so (`mpcgov.spec.overlap`), and rounded as decimals are, to 28 digits, two
filters that are certain to choose the same rows chose others.
Missing values are null, and the engine's own three-valued logic gives SQL's meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from fractions import Fraction
from math import ceil, floor
from typing import Any

import ibis

from mpcgov.spec.condition import And, Between, Comparison, Condition, Expr, IsNull, Literal, Not, Or
from mpcgov.spec.table import Column, DateColumn, DecimalColumn, Declaration, IntegerColumn

_NEVER = 2**60
"""A step no checked column holds (all lie within ±2^53)."""


def predicate(expr: Expr, declaration: Declaration, value: Callable[[str], Any]) -> Any:
    """The boolean column that is true where the condition holds; null where it is unknown.

    `value` gives a column's values. The condition has passed `where.check` for this declaration.
    """

    def build(node: Expr) -> Any:
        if isinstance(node, Or):
            return ibis.or_(*map(build, node.terms))
        if isinstance(node, And):
            return ibis.and_(*map(build, node.terms))
        if isinstance(node, Not):
            return ~build(node.term)
        return _condition(node, value(node.column), declaration.columns[node.column])

    return build(expr)


def _condition(node: Condition, column: Any, kind: Column) -> Any:
    if isinstance(node, IsNull):
        true = column.isnull()
    elif isinstance(node, Comparison):
        return _compare(column, kind, node.op, node.value)
    elif isinstance(node, Between):
        true = _compare(column, kind, ">=", node.low) & _compare(column, kind, "<=", node.high)
    else:
        true = column.isin([_plain(literal, kind) for literal in node.values])
    return ~true if node.negated else true


def _compare(column: Any, kind: Column, op: str, literal: Literal) -> Any:
    if op == "=":
        return column == _plain(literal, kind)
    if op == "!=":
        return column != _plain(literal, kind)
    if op in ("<", ">="):
        bound = _plain(literal, kind, ceil)
        return column < bound if op == "<" else column >= bound
    bound = _plain(literal, kind, floor)
    return column > bound if op == ">" else column <= bound


def _plain(literal: Literal, kind: Column, rounded: Callable[[Fraction], int] | None = None) -> Any:
    """The literal as the column holds it; between two steps, rounded, or else a step that no row has."""
    if isinstance(kind, DateColumn):
        return date.fromisoformat(str(literal))
    if not isinstance(kind, IntegerColumn | DecimalColumn) or isinstance(literal, str):
        return literal
    places = kind.places if isinstance(kind, DecimalColumn) else 0
    steps = Fraction(literal) * 10**places
    if rounded is None and steps % 1:
        return _NEVER
    return max(-_NEVER, min(_NEVER, (rounded or int)(steps)))
