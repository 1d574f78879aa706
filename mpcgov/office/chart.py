"""A bar for each cell of a table, as positions in a drawing; a cell that was hidden has an empty frame, not a zero."""

from __future__ import annotations

from dataclasses import dataclass

from mpcgov.publish.table import Number, Released

WIDTH = 380
"""Of the longest bar, in the drawing's own units."""

HEIGHT = 26
MOST_BARS = 60
LONGEST_LABEL = 34


@dataclass(frozen=True)
class Bar:
    """One cell: where its bar stands, how long it is, and what stands beside it."""

    label: str
    whole: str
    value: Number
    top: int
    width: int


@dataclass(frozen=True)
class Chart:
    """The bars of one measure."""

    measure: str
    bars: tuple[Bar, ...]
    height: int


def bars(released: Released, measure: int) -> Chart | None:
    """A chart of one of a table's numbers; None where bars would say nothing or there are too many.

    Args:
        measure: which one, from 0; the first if there is no such one.
    """
    if not released.measures or not released.dimensions or len(released.rows) > MOST_BARS:
        return None
    name = released.measures[measure] if measure < len(released.measures) else released.measures[0]
    cells = [(" · ".join(names), value) for names, one, value in released.observations() if one == name]
    known = [value for _, value in cells if value is not None]
    if (
        not all(isinstance(value, int | float) for value in known)
        or min(known, default=0) < 0
        or max(known, default=0) <= 0
    ):
        return None
    most = max(known)
    drawn = tuple(
        Bar(_short(label), label, value, place * HEIGHT, 0 if value is None else max(1, round(WIDTH * value / most)))
        for place, (label, value) in enumerate(cells)
    )
    return Chart(name, drawn, len(drawn) * HEIGHT)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"
