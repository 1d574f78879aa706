"""A regression's coefficients, with their standard errors."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from mpcgov.kinds import footers
from mpcgov.kinds.fit import in_units, real
from mpcgov.kinds.footers import Row
from mpcgov.kinds.kind import Computed, JobTable, Kind, Numbers, Span, no_faults
from mpcgov.linked.facts import Linked
from mpcgov.linked.model import model
from mpcgov.spec.statement import Opened, ResultTable


def _span(one: JobTable) -> Span:
    return ("term", "estimate", "std_error"), (model(one.linked).names,)


def _opened(one: JobTable) -> Iterator[Opened]:
    for name in ("estimate", "variance"):
        yield from real(one, name)


def _rows(one: JobTable, table: ResultTable, numbers: Numbers) -> Iterator[Row]:
    for cell, (term,) in enumerate(itertools.product(*table.domain)):
        places = _places(one.linked, term)
        variance = in_units(numbers, "variance", cell, 2 * places)
        error = None if variance is None else math.sqrt(variance)
        yield [term, in_units(numbers, "estimate", cell, places), error]


def _places(linked: Linked, term: str) -> int:
    """A coefficient is in steps of the outcome per step of its predictor: by which power of ten units have less."""
    outcome = linked.asked.outcome
    places = linked.number(outcome).places if outcome is not None else 0
    for column in linked.asked.predictors:
        if str(column) == term:
            return places - linked.number(column).places
    return places


COEFFICIENTS = Kind(
    name="coefficients",
    title="coefficients",
    local=frozenset({"rows"}),
    params=frozenset({"outcome", "predictors"}),
    computed=Computed.MODEL,
    counts=False,
    items=None,
    margins=False,
    faults=no_faults,
    span=_span,
    opened=_opened,
    rows=_rows,
    intervals=None,
    footer=footers.nothing,
)
