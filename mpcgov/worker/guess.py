"""What a column could be declared as, from what its rows hold: a suggestion to its owner, who knows what is meant.

No value of a rare category comes out, and bounds are rounded outwards, so that none is a person's own number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import ibis
import pyarrow as pa

from mpcgov.spec.reading import Dialect
from mpcgov.spec.table import MAX_ABSOLUTE, CategoryColumn, Column, DateColumn, DecimalColumn, IntegerColumn, TextColumn
from mpcgov.worker.advice import CODES, MISSING
from mpcgov.worker.columns import Form, IsOneOf, from_text, from_typed
from mpcgov.worker.engine import Backend, quiet
from mpcgov.worker.readers.raw import Raw, unreadable

RARE_ROWS = 10
"""A value in fewer rows is never written out."""

MOST_VALUES = 100
"""A column with more values isn't taken for a category."""

_KEY_NAME = re.compile(r"(^|_)(id|nr|no|num|number|key|pid|uid|ssn|pin|code)$|id$", re.IGNORECASE)
_PLACES = (1, 2, 3, 4, 6, 9)
_SHAPES = {
    "whole": "^-?[0-9]+$",
    "decimal": "^-?[0-9]+([.,][0-9]+)?$",
    "date": "^([0-9]{4}-[0-9]{1,2}-[0-9]{1,2}|[0-9]{1,2}[./][0-9]{1,2}[./][0-9]{4})$",
}


@dataclass(frozen=True)
class Guess:
    """What a column could be declared as, and why; `declared` is None if it can't be read at all."""

    declared: dict[str, Any] | None
    reason: str = ""
    missing: int = 0
    codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rows:
    """The rows of a source that isn't declared yet."""

    raw: Raw
    backend: Backend
    is_one_of: IsOneOf
    dialect: Dialect = field(default_factory=Dialect)

    def guess(self, column: str, name: str) -> Guess:
        """What one column could be declared as; `name`: its name, which may tell that it is a key."""
        codes = self._codes(column)
        raw = self.raw.table[self.raw.columns[column]]
        shape, places = self.shape(column)
        for kind in _candidates(raw.type(), shape, places):
            found = self._summary(column, kind, codes)
            if found is None or found["bad"]:
                continue
            if not found["n"]:
                return Guess({"kind": "text"}, "no row has a value", found["missing"], codes)
            if isinstance(kind, TextColumn) or (
                isinstance(kind, IntegerColumn) and (found["zeros"] or _is_key(name, found))
            ):
                declared, reason = self._textual(column, name, codes, found)
            else:
                declared, reason = _bounded(kind, found["low"], found["high"]), ""
            return Guess(declared, reason, found["missing"], codes)
        return Guess(None, "its type isn't read")

    def shape(self, column: str) -> tuple[str, int]:
        """What all texts of a column look like: whole, decimal with so many places, date, or anything."""
        raw = self.raw.table[self.raw.columns[column]]
        if not raw.type().is_string():
            return "", 0
        text = self.raw.table.filter(raw.notnull() & ~raw.isin(("", *CODES))).select(t=raw)
        counts = {name: text.t.re_search(pattern).sum() for name, pattern in _SHAPES.items()}
        fraction = text.t.re_extract(r"[.,]([0-9]+)$", 1).length().max()
        found = self._query(text.aggregate(n=text.t.count(), places=fraction, **counts)).to_pylist()[0]
        fits = [name for name in _SHAPES if found["n"] and found[name] == found["n"]]
        return (fits[0] if fits else ""), found["places"] or 0

    def _query(self, expr: Any) -> pa.Table:
        return quiet(lambda: self.backend.to_pyarrow(expr), unreadable("profile"))

    def _judged(self, column: str, kind: Column, codes: tuple[str, ...]) -> tuple[Any, Any] | None:
        raw, form = self.raw.table[self.raw.columns[column]], Form(self.dialect, codes, advises=False)
        return (from_typed if self.raw.typed else from_text)(raw, kind, self.is_one_of, form)

    def _codes(self, column: str) -> tuple[str, ...]:
        raw = self.raw.table[self.raw.columns[column]]
        if not raw.type().is_string():
            return ()
        found = self._query(self.raw.table.filter(raw.isin(CODES)).select(code=raw).distinct())
        return tuple(sorted(found["code"].to_pylist()))

    def _summary(self, column: str, kind: Column, codes: tuple[str, ...]) -> dict[str, Any] | None:
        """How a column does as a kind; None if its type can't be taken."""
        judged = self._judged(column, kind, codes)
        if judged is None:
            return None
        raw = self.raw.table[self.raw.columns[column]]
        zeros = raw.re_search("^0[0-9]") if raw.type().is_string() else ibis.literal(value=False)
        table = self.raw.table.select(v=judged[0], f=judged[1], zeros=zeros)
        found = self._query(
            table.aggregate(
                n=table.v.count(),
                missing=(table.f == MISSING).sum(),
                bad=(table.f > MISSING).sum(),
                low=table.v.min(),
                high=table.v.max(),
                distinct=table.v.nunique(),
                zeros=table.zeros.any(),
            )
        ).to_pylist()[0]
        return {name: 0 if value is None and name in ("missing", "bad") else value for name, value in found.items()}

    def _textual(
        self, column: str, name: str, codes: tuple[str, ...], found: dict[str, Any]
    ) -> tuple[dict[str, Any], str]:  # fmt: skip
        if _is_key(name, found):
            return {"kind": "key"}, "its name or its values tell rows apart"
        if found["distinct"] > MOST_VALUES:
            return {"kind": "text"}, f"more than {MOST_VALUES} values"
        judged = self._judged(column, TextColumn(kind="text"), codes)
        if judged is None:
            return {"kind": "text"}, ""
        table = self.raw.table.select(v=judged[0])
        values = self._query(table.filter(table.v.notnull()).group_by("v").aggregate(n=ibis._.count()).order_by("v"))
        rare = sum(n < RARE_ROWS for n in values["n"].to_pylist())
        if rare:
            return {"kind": "text"}, (
                f"{rare} of {values.num_rows} values stand in fewer than {RARE_ROWS} rows each and aren't shown; "
                "for a category, write down its code list"
            )
        return CategoryColumn(kind="category", values=tuple(values["v"].to_pylist())).model_dump(), ""


def _candidates(dtype: Any, shape: str, places: int) -> list[Column]:
    """From what says most of a column to what says least: few, since each is a query."""
    found: list[Column] = []
    if shape == "whole" or dtype.is_integer() or dtype.is_boolean() or dtype.is_floating() or dtype.is_decimal():
        found += [IntegerColumn(kind="integer", min=-MAX_ABSOLUTE, max=MAX_ABSOLUTE)]
    if dtype.is_float32():  # all that it can tell apart
        found = [IntegerColumn(kind="integer", min=-(2**24), max=2**24)]
    fractions = [places] if shape == "decimal" else [dtype.scale or 9] if dtype.is_decimal() else _PLACES
    if shape == "decimal" or dtype.is_floating() or dtype.is_decimal():
        digits = 6 if dtype.is_float32() else 15
        limits = [(one, 10 ** max(digits - one, 0)) for one in fractions if 1 <= one <= 9]
        found += [DecimalColumn(kind="decimal", min=f"-{top}", max=f"{top}", places=one) for one, top in limits]
    if shape == "date" or dtype.is_date() or dtype.is_timestamp():
        found += [DateColumn(kind="date", min="0001-01-01", max="9999-12-31")]
    return [*found, TextColumn(kind="text")]


def _is_key(name: str, found: dict[str, Any]) -> bool:
    named = bool(_KEY_NAME.search(name))
    return (named and found["distinct"] > MOST_VALUES // 2) or (
        found["distinct"] == found["n"] >= RARE_ROWS and (named or isinstance(found["low"], str))
    )


def _bounded(kind: Column, low: Any, high: Any) -> dict[str, Any]:
    if isinstance(kind, DateColumn):
        first, last = low.year // 10 * 10, high.year // 10 * 10 + 9
        return {"kind": "date", "min": date(max(first, 1), 1, 1).isoformat(), "max": date(last, 12, 31).isoformat()}
    step = int(max(10, 10 ** (len(str(high - low)) - 1)))
    low, high = low // step * step, -(-high // step) * step
    if isinstance(kind, DecimalColumn):
        return {
            "kind": "decimal",
            "min": _text(low, kind.places),
            "max": _text(high, kind.places),
            "places": kind.places,
        }
    return {"kind": "integer", "min": max(low, -MAX_ABSOLUTE), "max": min(high, MAX_ABSOLUTE)}


def _text(steps: int, places: int) -> str:
    sign, digits = "-" if steps < 0 else "", str(abs(steps)).zfill(places + 1)
    return f"{sign}{digits[:-places]}.{digits[-places:]}"
