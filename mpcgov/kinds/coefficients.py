"""A regression's coefficients, with their standard errors."""

from __future__ import annotations

from collections.abc import Iterator

from mpcgov.kinds import footers
from mpcgov.kinds.fit import real
from mpcgov.kinds.kind import Kind, Span
from mpcgov.linked.facts import Linked
from mpcgov.linked.model import model
from mpcgov.spec.manifest import Table
from mpcgov.spec.statement import Opened


def _span(linked: Linked, _: Table) -> Span:
    return ("term", "estimate", "std_error"), (model(linked).names,)


def _opened(linked: Linked, _: Table) -> Iterator[Opened]:
    for name in ("estimate", "variance"):
        yield from real(linked, name)


COEFFICIENTS = Kind(
    name="coefficients",
    of_cells=False,
    of_sets=False,
    tells_owners=False,
    of_links=False,
    span=_span,
    footer=footers.nothing,
    opened=_opened,
)
