"""Charts of released tables, by Altair."""

from __future__ import annotations

from typing import Any

from mpcgov.errors import LocalError
from mpcgov.publish.table import Released


def bars(released: Released, measure: str | None) -> Any:
    """A bar for each cell: along the first dimension, coloured by the second, a panel for each value of the third.

    Raises:
        LocalError: Altair isn't installed, or there is no such column.
    """
    try:
        import altair as alt
    except ImportError:
        raise LocalError("charts need Altair", hint="pip install 'mpcgov[plot]'", code="format") from None
    if not released.measures or (measure is not None and measure not in released.measures):
        hint = f"its numbers are {', '.join(released.measures) or 'none'}"
        raise LocalError(f"table {released.name}: no number {measure or ''}".rstrip(), hint=hint, code="format")
    shown = measure or released.measures[0]
    rows = [
        {**{f"d{place}": name for place, name in enumerate(names)}, "value": number}
        for names, one, number in released.observations()
        if one == shown
    ]
    chart = alt.Chart(alt.Data(values=rows)).mark_bar().encode(x=alt.X("value:Q", title=shown))
    by = released.dimensions
    if by:
        chart = chart.encode(y=alt.Y("d0:N", title=by[0], sort=None))
    if len(by) > 1:
        chart = chart.encode(color=alt.Color("d1:N", title=by[1], sort=None), yOffset=alt.YOffset("d1:N"))
    if len(by) > 2:
        chart = chart.encode(row=alt.Row("d2:N", title=by[2], sort=None))
    return chart
