"""Arithmetic that an owner derives a column by: as text, as a tree, and what its result may be.

    sum     = product { ("+" | "-") product }
    product = factor { "*" factor | "/" number }
    factor  = "-" factor | "(" sum ")" | number | column
    number  = digits[.digits]

Everything is exact: whole numbers over a constant denominator, below 2^53 whatever the rows hold, as the bounds
of the columns tell. Only the result is rounded, to the places of its column, halves away from zero.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

LIMIT_CHARACTERS = 1000
LIMIT_NESTING = 20
LIMIT_OPERANDS = 50
"""Numbers and columns. What writes queries calls itself for each, and Python ends that at about eighty."""
_LARGEST = 2**53
"""Engines divide whole numbers as floats: below this, the floor of a quotient is exact."""
_TOKEN = re.compile(r"\s*(?:(?P<number>[0-9]+(?:\.[0-9]+)?)(?![\w.])|(?P<column>[^\W\d]\w*)|(?P<mark>[-+*/()]))")


@dataclass(frozen=True)
class Number:
    """A number as written."""

    value: Fraction


@dataclass(frozen=True)
class Name:
    """A column's value."""

    column: str


@dataclass(frozen=True)
class Both:
    """`left op right`, op one of + - *; a division is a product with the reciprocal of its number."""

    op: str
    left: Tree
    right: Tree


Tree = Number | Name | Both


@dataclass(frozen=True)
class Over:
    """A whole number over a constant: `top` is anything that adds and multiplies like one."""

    top: Any
    bottom: int


@dataclass(frozen=True)
class Interval:
    """Whole numbers from low to high, all of them below 2^53."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if max(abs(self.low), abs(self.high)) >= _LARGEST:
            raise ValueError("its numbers may reach 2^53: narrow the bounds of its columns")

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Interval) -> Interval:
        return Interval(self.low - other.high, self.high - other.low)

    def __mul__(self, other: Interval | int) -> Interval:
        factors = (other, other) if isinstance(other, int) else (other.low, other.high)
        products = [a * b for a in (self.low, self.high) for b in factors]
        return Interval(min(products), max(products))


def parse(text: str) -> Tree:
    """The tree of a text.

    Raises:
        ValueError: anything else than the grammar above; says where.
    """
    if len(text) > LIMIT_CHARACTERS:
        raise ValueError(f"compute: longer than {LIMIT_CHARACTERS} characters")
    tokens = list(_tokens(text))
    if sum(kind != "mark" for kind, _, _ in tokens) > LIMIT_OPERANDS:
        raise ValueError(f"compute: more than {LIMIT_OPERANDS} columns and numbers")
    parser = _Parser([*tokens, ("end", "the end", len(text) + 1)])
    tree = parser.sum(0)
    parser.take("end")
    return tree


def columns(tree: Tree) -> tuple[str, ...]:
    """The columns that a tree names, each once, in order."""
    return tuple(dict.fromkeys(_columns(tree)))


def _columns(tree: Tree) -> Iterator[str]:
    if isinstance(tree, Name):
        yield tree.column
    elif isinstance(tree, Both):
        yield from _columns(tree.left)
        yield from _columns(tree.right)


def evaluated(tree: Tree, of: Mapping[str, Over], number: Callable[[int], Any]) -> Over:
    """The value of a tree, from those of its columns; `number`: makes a whole number one of their kind."""
    if isinstance(tree, Number):
        return Over(number(tree.value.numerator), tree.value.denominator)
    if isinstance(tree, Name):
        return of[tree.column]
    left, right = evaluated(tree.left, of, number), evaluated(tree.right, of, number)
    if tree.op == "*":
        return Over(left.top * right.top, left.bottom * right.bottom)
    bottom = math.lcm(left.bottom, right.bottom)
    a, b = left.top * (bottom // left.bottom), right.top * (bottom // right.bottom)
    return Over(a + b if tree.op == "+" else a - b, bottom)


def fault(tree: Tree, of: Mapping[str, Over], places: int) -> str | None:
    """Why a tree can't be computed exactly; None if it can.

    Args:
        of: by column, the interval of its values.
        places: of the column that it makes.
    """
    try:
        found = evaluated(tree, of, lambda value: Interval(value, value))
        if found.bottom >= _LARGEST:
            return "compute: its numbers have too many digits"
        # What rounding adds up: see `worker.derived`.
        _ = found.top * (2 * 10**places) + Interval(-found.bottom, found.bottom)
    except ValueError as error:
        return f"compute: {error}"
    return None


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(
                f"compute: can't be read at character {at + 1}: there are columns, numbers, + - * / and ()"
            )
        kind = str(match.lastgroup)
        yield kind, match.group(kind), match.start(kind) + 1
        at = match.end()


@dataclass
class _Parser:
    tokens: list[tuple[str, str, int]]
    at: int = 0

    def take(self, *wanted: str) -> str:
        """The next token's text, if it is of this kind or one of these marks."""
        kind, text, position = self.tokens[self.at]
        if kind not in wanted and text not in wanted:
            raise ValueError(f"compute: expected {' or '.join(wanted)} at character {position}, found {text}")
        self.at += 1
        return text

    def _next_is(self, *marks: str) -> bool:
        return self.tokens[self.at][1] in marks and self.tokens[self.at][0] == "mark"

    def sum(self, depth: int) -> Tree:
        found = self._product(depth)
        while self._next_is("+", "-"):
            found = Both(self.take("+", "-"), found, self._product(depth))
        return found

    def _product(self, depth: int) -> Tree:
        found = self._factor(depth)
        while self._next_is("*", "/"):
            if self.take("*", "/") == "*":
                found = Both("*", found, self._factor(depth))
            else:
                divisor = Fraction(self.take("number"))
                if not divisor:
                    raise ValueError("compute: divides by zero")
                found = Both("*", found, Number(1 / divisor))
        return found

    def _factor(self, depth: int) -> Tree:
        if depth > LIMIT_NESTING:
            raise ValueError(f"compute: nested over {LIMIT_NESTING} deep")
        if self._next_is("-"):
            self.take("-")
            return Both("*", Number(Fraction(-1)), self._factor(depth + 1))
        if self._next_is("("):
            self.take("(")
            inner = self.sum(depth + 1)
            self.take(")")
            return inner
        kind = self.tokens[self.at][0]
        text = self.take("number", "column", "(", "-")
        return Number(Fraction(text)) if kind == "number" else Name(text)
