"""Over how many rows a regression runs, and how much it explains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mpcgov.disclosure import significant_bits
from mpcgov.kinds import footers
from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Kind, Span, counted
from mpcgov.linked.facts import Linked
from mpcgov.linked.naming import table_name
from mpcgov.linked.precision import MAX_SOLVER_BITS
from mpcgov.spec.manifest import Table
from mpcgov.spec.statement import Opened

EXPONENT_LIMIT = 4 * MAX_SOLVER_BITS
"""A coefficient is opened as a whole number of as many bits as `digits` take, and a power of two."""

_NAME = "fit"


def real(linked: Linked, name: str) -> Iterator[Opened]:
    """A real number m · 2^e of a regression, in steps of the columns; the number of rows decides about it."""
    gate = f"{table_name(linked, _NAME)}.n"
    bits = significant_bits(linked.job.disclosure.digits)
    yield Opened(name=f"{name}.m", low=-(1 << bits), high=1 << bits, gate=gate)
    yield Opened(name=f"{name}.e", low=-EXPONENT_LIMIT, high=EXPONENT_LIMIT, gate=gate)


def _span(_: Linked, __: Table) -> Span:
    return ("n", "r2"), ()


def _opened(linked: Linked, _: Table) -> Iterator[Opened]:
    yield counted(linked, "n", linked.most_rows(frozenset(linked.owners)))
    yield from real(linked, "r2")


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
    name=_NAME,
    of_cells=False,
    of_sets=False,
    tells_owners=False,
    of_links=False,
    span=_span,
    footer=_footer,
    opened=_opened,
)
