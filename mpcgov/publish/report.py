"""One HTML page: the tables with bars, what was hidden and why, who learned what. It loads nothing and runs nothing."""

from __future__ import annotations

from functools import cache
from typing import Any

import jinja2

from mpcgov.kinds.footers import HIDDEN
from mpcgov.publish.about import about, title
from mpcgov.publish.footers import footers
from mpcgov.publish.learned import who_learned
from mpcgov.publish.table import Number, Released, tables_of

BAR = 120
"""The longest bar, in pixels."""


@cache
def pages() -> jinja2.Environment:
    """The pages that are filled in; all of it is escaped."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("mpcgov.publish", "pages"),
        autoescape=True,  # purposes, reasons and codes come from others
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def whole(result: dict[str, Any]) -> bytes:
    """The page."""
    page = pages().get_template("report.html")
    return page.render(**_tables(result), about=about(result), learned=who_learned(result)).encode()


def fragment(result: dict[str, Any]) -> str:
    """The tables alone, for a page of somebody else's, as a notebook's is."""
    return pages().get_template("tables.html").render(**_tables(result))


def _tables(result: dict[str, Any]) -> dict[str, Any]:
    below = footers(result)
    tables = [
        {"released": one, "rows": [_row(one, row) for row in one.rows], "below": below[one.name]}
        for one in tables_of(result)
    ]
    return {"title": title(result), "tables": tables, "result": result, "bar": BAR}


def _row(released: Released, row: tuple[Any, ...]) -> dict[str, Any]:
    first = len(released.dimensions)
    return {"names": row[:first], "numbers": [_text(one) for one in row[first:]], "bar": _bar(released, row)}


def _bar(released: Released, row: tuple[Any, ...]) -> int | None:
    """How long the bar of a row's first number is; None if the table has no bars, as not all of these are 0 or more."""
    first = len(released.dimensions)
    if not first or not released.measures:
        return None
    column = [number for _, measure, number in released.observations() if measure == released.measures[0]]
    known = [number for number in column if isinstance(number, int | float)]
    if not known or min(known) < 0 or max(known) <= 0 or len(known) < sum(one is not None for one in column):
        return None
    return round(BAR * row[first] / max(known)) if row[first] is not None else 0


def _text(number: Number | str) -> str:
    if number is None:
        return HIDDEN
    if isinstance(number, float):
        return f"{number:,.6g}" if abs(number) < 1e6 else f"{number:,.0f}"
    return f"{number:,}" if isinstance(number, int) else number
