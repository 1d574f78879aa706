"""One HTML page about an owner's data sets, for its own eyes: what is wrong, and how each column's rows spread.

It loads nothing and runs nothing. It holds counts, and of values only what is declared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mpcgov.publish.report import pages

MOST_BARS = 20
_HEIGHT = 40
_MOST_LETTERS = 120


def page(reports: Sequence[Mapping[str, Any]]) -> bytes:
    """The page.

    Args:
        reports: as `python -m mpcgov.worker.judge` gives them.
    """
    shown = [{**one, "columns": _columns(one)} for one in reports]
    return pages().get_template("quality.html").render(reports=shown).encode()


def folded(rows: Sequence[int]) -> list[int]:
    """Counts in at most `MOST_BARS` parts, neighbours put together."""
    size = -(-len(rows) // MOST_BARS) or 1
    return [sum(rows[start : start + size]) for start in range(0, len(rows), size)]


def _columns(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    both = zip(report["columns"], report.get("spreads", ()), strict=True)
    return [
        {
            "name": column["column"],
            "kind": spread["kind"],
            "numbers": [column["missing"], column["malformed"], column["outside"], spread["different"]],
            "bars": _bars(spread["bins"]),
            "declared": _short(spread["bins"]["declared"]) if spread["bins"] else "",
        }
        for column, spread in both
    ]


def _bars(bins: Mapping[str, Any] | None) -> list[int]:
    rows = folded(bins["rows"]) if bins else []
    most = max(rows, default=0)
    # One that has a row is seen.
    return [max(1, round(_HEIGHT * number / most)) if number else 0 for number in rows] if most else []


def _short(text: str) -> str:
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]} …"
