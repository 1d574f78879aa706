"""What is opened of a measure, or of a pair of measures, in each cell: what `statistics` and `correlation` share."""

from __future__ import annotations

from collections.abc import Iterator

from mpcgov.disclosure import significant_bits
from mpcgov.figures import EXPONENT_BITS
from mpcgov.linked import released
from mpcgov.linked.facts import Linked
from mpcgov.linked.naming import table_name
from mpcgov.linked.sums import Item
from mpcgov.spec.statement import Opened


def of_item(linked: Linked, item: Item, kind: str) -> Iterator[Opened]:
    """The numbers of a measure or pair in a table of some kind. A number of rows of their own decides about them, or
    with noise, by which they are sums, the cell's count."""
    statistics = table_name(linked, "statistics")
    gate = f"{statistics}.{linked.tables[statistics].value}"
    if item.own_gate:
        gate = f"{table_name(linked, kind)}.{item.name}.n"
        yield Opened(name=f"{item.name}.n", low=0, high=item.n.high)
    if linked.job.disclosure.noise is None:
        for figure in released.opened(linked, item):
            yield from _floating(f"{item.name}.{figure.name}", gate, linked.job.disclosure.digits)
        return
    for short, one in item.sums.items():
        yield Opened(
            name=f"{item.name}.{short}",
            low=one.low,
            high=one.high,
            gate=gate,
            places=one.places,
            radix_bits=one.radix_bits,
            offset=one.offset,
        )


def _floating(name: str, gate: str, digits: int) -> Iterator[Opened]:
    """A whole number m · 2^e of few significant digits, in steps of the columns."""
    most = 1 << significant_bits(digits)
    yield Opened(name=f"{name}.m", low=-most, high=most, gate=gate)
    yield Opened(name=f"{name}.e", low=0, high=(1 << EXPONENT_BITS) - 2, gate=gate)
