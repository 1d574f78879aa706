"""Over how many rows a regression runs, and how much it explains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mpcgov.disclosure import significant_bits
from mpcgov.kinds import footers
from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Computed, JobTable, Kind, Numbers, Span, counted, no_faults
from mpcgov.precision import MAX_SOLVER_BITS
from mpcgov.spec.statement import Opened, ResultTable

EXPONENT_LIMIT = 4 * MAX_SOLVER_BITS
"""A coefficient is opened as a whole number of as many bits as `digits` take, and a power of two."""


def real(one: JobTable, name: str) -> Iterator[Opened]:
    """A real number m · 2^e of a regression, in steps of the columns; the number of rows decides about it."""
    bits = significant_bits(one.linked.job.disclosure.digits)
    yield Opened(name=f"{name}.m", low=-(1 << bits), high=1 << bits, gate=one.counts)
    yield Opened(name=f"{name}.e", low=-EXPONENT_LIMIT, high=EXPONENT_LIMIT, gate=one.counts)


def in_units(numbers: Numbers, name: str, cell: int, places: int) -> float | None:
    """A real number, of which a unit has 10^places steps; None if it wasn't opened."""
    mantissa, exponent = numbers[f"{name}.m"][cell], numbers[f"{name}.e"][cell]
    if mantissa is None or exponent is None:
        return None
    top, bottom = mantissa << max(0, exponent), 1 << max(0, -exponent)
    up, down = int(10 ** max(0, -places)), int(10 ** max(0, places))
    try:
        return top * up / (bottom * down)
    except OverflowError:  # beyond 10^308: not a number that anybody could use
        return None


def _span(_: JobTable) -> Span:
    return ("n", "r2"), ()


def _opened(one: JobTable) -> Iterator[Opened]:
    yield counted(one, one.linked.most_rows(frozenset(one.linked.owners)))
    yield from real(one, "r2")


def _rows(one: JobTable, _: ResultTable, numbers: Numbers) -> Iterator[Row]:
    yield [numbers[one.number][0], in_units(numbers, "r2", 0, 0)]


def _footer(_columns: Sequence[str], rows: Sequence[Row], _rules: Rules) -> list[str]:
    if rows[0][0] is not None:
        return ["Coefficients, standard errors and r2 are rounded to significant digits."]
    text = (
        f"{footers.HIDDEN} The model is suppressed: its predictors depend on each other (one is a sum or a multiple of "
        "others), or too few rows are behind it or behind a category, or a few rows make up too much of it; nobody saw "
        "which."
    )
    return [text]


FIT = Kind(
    name="fit",
    title="fit",
    local=frozenset({"rows"}),
    params=frozenset({"outcome", "predictors"}),
    computed=Computed.MODEL,
    counts=True,
    items=None,
    margins=False,
    faults=no_faults,
    span=_span,
    opened=_opened,
    rows=_rows,
    intervals=None,
    footer=_footer,
)
