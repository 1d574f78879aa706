"""The condition that chooses an owner's rows: `where` as text, as a tree, and as text again.

    expr       = term { "or" term }
    term       = factor { "and" factor }
    factor     = "not" factor | "(" expr ")" | condition
    condition  = column op literal
               | column ["not"] "in" "(" literal { "," literal } ")"
               | column ["not"] "between" literal "and" literal          both ends included
               | column "is" ["not"] "null"
    op         = "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">="
    literal    = number: -?digits[.digits]  |  text or date: '…', a quote inside written twice

Keywords are read in any case; everything else exactly. A column whose name is a keyword can't be named here. A level of
a column's code list is a column of its own, `region@nuts2`.

Missing values follow SQL's three-valued logic: a comparison with a missing value is unknown, `not` of unknown is
unknown, and a row is kept only when the whole condition is true. So `not (age = 30)` doesn't keep a row without an
age. Only `is null` sees missing values, and only columns that it tests may have them (see `nullable`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from mpcgov.errors import SpecError
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
    Or,
    canonical,
    columns,
    conditions,
    format_literal,
    literals,
    nullable,
)
from mpcgov.spec.table import CategoryColumn, Column, DateColumn, DecimalColumn, Declaration, IntegerColumn

__all__ = ["LIMIT_CHARACTERS", "LIMIT_NESTING", "Expr", "canonical", "check", "columns", "nullable", "parse"]

LIMIT_CHARACTERS = 10_000
LIMIT_NESTING = 50
LIMIT_DIGITS = 40

_TOKEN = re.compile(
    r"""\s+
    | (?P<text>'(?:[^']|'')*+')
    | (?P<number>-?[0-9]+(?:\.[0-9]+)?(?![\w.]))
    | (?P<word>[^\W\d]\w*(?:@\w+)?)
    | (?P<op>==|!=|<>|<=|>=|[=<>])
    | (?P<mark>[(),])""",
    re.VERBOSE,
)
_KEYWORDS = frozenset({"or", "and", "not", "in", "between", "is", "null"})
_OPERATORS = "there are = != < <= > >=, in (…), between … and …, is null, and no patterns"
_SAME_OP = {"==": "=", "<>": "!="}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


@dataclass(frozen=True)
class _Token:
    kind: str  # text, number, word, keyword, op, mark, end
    text: str
    at: int  # character position, from 1


def parse(text: str) -> Expr:
    """The condition that a `where` text states.

    Raises:
        SpecError: anything else than the grammar above, over 10,000 characters, or nested over 50 deep; says where.
    """
    if len(text) > LIMIT_CHARACTERS:
        raise SpecError(f"where: longer than {LIMIT_CHARACTERS:,} characters", code="where")
    return _Parser(list(_tokens(text))).whole()


def check(expr: Expr, declaration: Declaration) -> None:
    """That every condition makes sense for the declared columns.

    Category, text and key columns take = != and in, with text; a category only its declared values. Integer and
    decimal columns take numbers; one with more decimal digits than the column can be compared by size but not by
    equality, which could never hold. Date columns take real dates as 'YYYY-MM-DD'.

    Raises:
        SpecError: every fault, each with its position.
    """
    faults: list[str] = []
    for condition in conditions(expr):
        column = declaration.columns.get(condition.column)
        if column is None:
            faults.append(_fault(condition.at, f"there is no column {condition.column}"))
        else:
            faults += [_fault(condition.at, text) for text in _type_faults(condition, column)]
    if faults:
        raise SpecError(faults, code="where")


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _unreadable(text, at)
        if match.lastgroup is not None:
            kind, found = match.lastgroup, match.group()
            if kind == "word" and found.lower() in _KEYWORDS:
                kind, found = "keyword", found.lower()
            yield _Token(kind, found, at + 1)
        at = match.end()
    yield _Token("end", "the end", len(text) + 1)


def _unreadable(text: str, at: int) -> SpecError:
    if text[at] == "'":
        return _error(at + 1, "this quote isn't closed", "end the text with ' and write a quote inside it twice")
    if text[at] == '"':
        return _error(at + 1, "double quotes aren't used here", "put text and dates in single quotes")
    if text[at].isdigit() or text[at] == "-":
        return _error(at + 1, "not a number", "write numbers as -12 or 12.5, with a blank after them")
    return _error(at + 1, f"unexpected {text[at]!r}")


class _Parser:
    """Recursive descent, one method per rule of the grammar."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.index = 0
        self.depth = 0

    def whole(self) -> Expr:
        expr = self.expr()
        if self.next.kind != "end":
            raise self.expected("and, or, or the end")
        return expr

    @property
    def next(self) -> _Token:
        return self.tokens[self.index]

    def accept(self, kind: str, text: str = "") -> bool:
        if self.next.kind == kind and text in ("", self.next.text):
            self.index += 1
            return True
        return False

    def require(self, kind: str, text: str, what: str) -> str:
        token = self.next
        if not self.accept(kind, text):
            raise self.expected(what)
        return token.text

    def expected(self, what: str) -> SpecError:
        found = self.next.text if self.next.kind == "end" else repr(self.next.text[:40])
        hint = _OPERATORS if what.startswith("an operator") else ""
        return _error(self.next.at, f"expected {what}, found {found}", hint)

    def expr(self) -> Expr:
        terms = [self.term()]
        while self.accept("keyword", "or"):
            terms.append(self.term())
        flat = [part for term in terms for part in (term.terms if isinstance(term, Or) else (term,))]
        return flat[0] if len(flat) == 1 else Or(tuple(flat))

    def term(self) -> Expr:
        factors = [self.factor()]
        while self.accept("keyword", "and"):
            factors.append(self.factor())
        flat = [part for factor in factors for part in (factor.terms if isinstance(factor, And) else (factor,))]
        return flat[0] if len(flat) == 1 else And(tuple(flat))

    def factor(self) -> Expr:
        at = self.next.at
        if self.accept("keyword", "not"):
            self.nest(at)
            expr: Expr = Not(self.factor())
        elif self.accept("mark", "("):
            self.nest(at)
            expr = self.expr()
            self.require("mark", ")", "a closing )")
        else:
            return self.condition()
        self.depth -= 1
        return expr

    def nest(self, at: int) -> None:
        self.depth += 1
        if self.depth > LIMIT_NESTING:
            raise _error(at, f"nested more than {LIMIT_NESTING} deep")

    def condition(self) -> Condition:
        at = self.next.at
        column = self.require("word", "", "a column")
        if self.next.kind == "op":
            op = self.require("op", "", "an operator")
            return Comparison(column, _SAME_OP.get(op, op), self.literal(), at)
        if self.accept("keyword", "is"):
            negated = self.accept("keyword", "not")
            self.require("keyword", "null", "null")
            return IsNull(column, negated, at)
        negated = self.accept("keyword", "not")
        if self.accept("keyword", "in"):
            return OneOf(column, self.literals(), negated, at)
        if self.accept("keyword", "between"):
            low = self.literal()
            self.require("keyword", "and", "and")
            return Between(column, low, self.literal(), negated, at)
        raise self.expected("in or between" if negated else "an operator, in, between or is")

    def literals(self) -> tuple[Literal, ...]:
        self.require("mark", "(", "an opening (")
        values = [self.literal()]
        while self.accept("mark", ","):
            values.append(self.literal())
        self.require("mark", ")", "a comma or a closing )")
        return tuple(values)

    def literal(self) -> Literal:
        token = self.next
        if self.accept("text"):
            return token.text[1:-1].replace("''", "'")
        if self.accept("number"):
            return _number(token)
        if token.kind == "word":
            raise _error(token.at, f"expected a value, found {token.text[:40]}", "put text and dates in single quotes")
        raise self.expected("a value")


def _number(token: _Token) -> Decimal:
    whole, _, part = token.text.removeprefix("-").partition(".")
    if len(whole) + len(part) > LIMIT_DIGITS:
        raise _error(token.at, f"a number with more than {LIMIT_DIGITS} digits")
    value = Decimal(f"{whole}.{part.rstrip('0')}")
    return value.copy_negate() if token.text.startswith("-") and value else value  # - would round it


def _fault(at: int, text: str) -> str:
    return f"where: character {at}: {text}"


def _error(at: int, text: str, hint: str = "") -> SpecError:
    return SpecError(_fault(at, text), hint=hint, code="where")


def _type_faults(condition: Condition, column: Column) -> list[str]:
    if isinstance(condition, IsNull):
        return []
    name = condition.column
    exact = isinstance(condition, OneOf) or (isinstance(condition, Comparison) and condition.op in ("=", "!="))
    if isinstance(column, IntegerColumn | DecimalColumn):
        places = column.places if isinstance(column, DecimalColumn) else 0
        faults = [_number_fault(value, name, column.kind, places, exact) for value in literals(condition)]
    elif isinstance(column, DateColumn):
        faults = [_date_fault(value, name) for value in literals(condition)]
    elif not exact:
        faults = [f"{name} is a {column.kind} column, which takes = != and in only"]
    else:
        faults = [_text_fault(value, name, column) for value in literals(condition)]
    return [fault for fault in faults if fault]


def _number_fault(value: Literal, name: str, kind: str, places: int, exact: bool) -> str:
    if isinstance(value, str):
        return f"{name} is {'an' if kind == 'integer' else 'a'} {kind} column: write a number, without quotes"
    digits = -min(0, int(value.as_tuple().exponent))
    if exact and digits > places:
        return f"{name} has {places} decimal digits, so it never equals {value:f}"
    return ""


def _date_fault(value: Literal, name: str) -> str:
    if isinstance(value, str) and _DATE.match(value):
        try:
            date.fromisoformat(value)
        except ValueError:
            return f"'{value}' is no date"
        return ""
    return f"{name} is a date column: write a date as 'YYYY-MM-DD', in single quotes"


def _text_fault(value: Literal, name: str, column: Column) -> str:
    if not isinstance(value, str):
        return f"{name} is a {column.kind} column: put {value:f} in single quotes"
    if "\0" in value:
        return f"{name}: no text has the character NUL"
    if isinstance(column, CategoryColumn) and value not in column.values:
        return f"{format_literal(value)[:80]} is not among the declared values of {name}"
    return ""
