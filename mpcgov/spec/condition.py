"""A row condition as a tree: what `where` text means (see `mpcgov.spec.where`), and its one canonical text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

Literal = str | Decimal
"""Text and dates as text, numbers exactly."""


@dataclass(frozen=True)
class Comparison:
    """`column op value`; op is one of = != < <= > >=."""

    column: str
    op: str
    value: Literal
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True)
class OneOf:
    """`column [not] in (values)`."""

    column: str
    values: tuple[Literal, ...]
    negated: bool
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True)
class Between:
    """`column [not] between low and high`, both included; never true when low is above high."""

    column: str
    low: Literal
    high: Literal
    negated: bool
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True)
class IsNull:
    """`column is [not] null`; never unknown."""

    column: str
    negated: bool
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True)
class Not:
    """`not term`."""

    term: Expr


@dataclass(frozen=True)
class And:
    """Two or more terms, none of them an And."""

    terms: tuple[Expr, ...]


@dataclass(frozen=True)
class Or:
    """Two or more terms, none of them an Or."""

    terms: tuple[Expr, ...]


Condition = Comparison | OneOf | Between | IsNull
Expr = Condition | Not | And | Or


def columns(expr: Expr) -> frozenset[str]:
    """Every column the condition names."""
    return frozenset(condition.column for condition in conditions(expr))


def nullable(expr: Expr) -> frozenset[str]:
    """The columns tested by `is [not] null`: those that may have missing values."""
    return frozenset(condition.column for condition in conditions(expr) if isinstance(condition, IsNull))


def conditions(expr: Expr) -> Iterator[Condition]:
    """The single conditions, from left to right."""
    if isinstance(expr, Not):
        yield from conditions(expr.term)
    elif isinstance(expr, And | Or):
        for term in expr.terms:
            yield from conditions(term)
    else:
        yield expr


def canonical(expr: Expr) -> str:
    """The canonical text of a condition: `parse(canonical(e)) == e`, and equal trees have equal texts."""
    if isinstance(expr, Or):
        return " or ".join(canonical(term) for term in expr.terms)
    if isinstance(expr, And):
        return " and ".join(_bracketed(term, Or) for term in expr.terms)
    if isinstance(expr, Not):
        return f"not {_bracketed(expr.term, (Or, And))}"
    return _format_condition(expr)


def literals(condition: Condition) -> tuple[Literal, ...]:
    """The values that a condition compares its column with."""
    if isinstance(condition, IsNull):
        return ()
    if isinstance(condition, Comparison):
        return (condition.value,)
    return condition.values if isinstance(condition, OneOf) else (condition.low, condition.high)


def _bracketed(expr: Expr, weaker: type | tuple[type, ...]) -> str:
    return f"({canonical(expr)})" if isinstance(expr, weaker) else canonical(expr)


def _format_condition(condition: Condition) -> str:
    name = condition.column
    if isinstance(condition, Comparison):
        return f"{name} {condition.op} {format_literal(condition.value)}"
    never = "not " if condition.negated else ""
    if isinstance(condition, IsNull):
        return f"{name} is {never}null"
    if isinstance(condition, OneOf):
        return f"{name} {never}in ({', '.join(format_literal(value) for value in condition.values)})"
    return f"{name} {never}between {format_literal(condition.low)} and {format_literal(condition.high)}"


def format_literal(value: Literal) -> str:
    """A value as it stands in a condition's text."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"{value:f}"
