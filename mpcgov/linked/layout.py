"""What a linked job opens, number by number, with bounds: known before anything is computed.

Numbers are integers in the columns' own steps, of few significant digits or with noise; receivers divide in the clear.
A sum that could reach 2^119 can't be computed and is refused here, before the start.
"""

from __future__ import annotations

from collections.abc import Iterator

from mpcgov import impossible
from mpcgov.disclosure import significant_bits
from mpcgov.figures import EXPONENT_BITS
from mpcgov.linked import blocks, released, sums
from mpcgov.linked.comparing import MOST_EXACT
from mpcgov.linked.encoding import IDENTIFIER_BITS, IDENTIFIER_WORDS
from mpcgov.linked.facts import Linked
from mpcgov.linked.model import model
from mpcgov.linked.precision import MAX_SOLVER_BITS
from mpcgov.linked.sets import owner_sets
from mpcgov.linked.sums import Item
from mpcgov.spec.manifest import Table
from mpcgov.spec.statement import Opened, ResultTable

LIMIT_BITS = 119
"""Every sum is below 2^119 in magnitude, so that a handful of words hold it."""

EXPONENT_LIMIT = 4 * MAX_SOLVER_BITS
"""A coefficient is opened as a whole number of as many bits as `digits` take, and a power of two."""


def tables(linked: Linked) -> tuple[ResultTable, ...]:
    """The layout of everything that the job releases."""
    result = []
    for name, table in linked.tables.items():
        opened = tuple(_OPENED[table.measure](linked, table))
        if opened:
            columns, domain = _span(linked, table)
            found = ResultTable(name=name, columns=columns, domain=domain, opened=opened)
            if linked.job.disclosure.margins:
                said = impossible.of_declarations(linked.declarations)
                found = impossible.marked(found, linked.job, said, linked=True)
            result += [found, *(found.margins() if linked.job.disclosure.margins else ())]
    return tuple(result)


def faults(linked: Linked) -> list[str]:
    """Tables that would be too large, numbers that could be, and more numbers than the job allows for."""
    found = list(released.faults(linked))
    found += [
        f"table {table.name} would have {table.rows:,} cells; at most 1,000,000"
        for table in tables(linked)
        if table.rows > 1_000_000
    ]
    for name, one in sums.by_name(linked).items():
        if (bits := one.largest.bit_length()) > LIMIT_BITS:
            table_name, _, sum_name = name.partition(".")
            found.append(
                f"table {table_name}: {sum_name} could reach 2^{bits}; at most 2^{LIMIT_BITS} can be computed: "
                "declare fewer max_rows, or a smaller range or fewer places for the measure"
            )
    return found


def _span(linked: Linked, table: Table) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The displayed columns of a table, and the values that span its cells."""
    groups = linked.asked.groups if table.by else ()
    by, domain = tuple(map(str, groups)), tuple(linked.values(column) for column in groups)
    if table.measure == "overlap":
        sets = owner_sets(linked.owners)
        return ("parties", table.value), (tuple("+".join(owners) for owners in sets),)
    if table.measure == "statistics":
        shown = [f"{column}.{what}" for column in linked.asked.measures for what in ("mean", "variance")]
        return (*by, table.value, *shown), domain
    if table.measure == "correlation":
        return (*by, "a", "b", "r"), domain
    if table.measure == "coefficients":
        return ("term", "estimate", "std_error"), (model(linked).names,)
    if table.measure in _COMPARED_SPAN:
        return _COMPARED_SPAN[table.measure](linked)
    return (("n", "r2"), ()) if table.measure == "fit" else ((*by, table.value), domain)


def _overlap(linked: Linked, table: Table) -> Iterator[Opened]:
    least = sorted(linked.declarations[party].max_rows for party in linked.owners)
    yield _count(linked, table.value, least[-2])


def _linked_count(linked: Linked, table: Table) -> Iterator[Opened]:
    yield _count(linked, table.value, sums.count(linked).high)


def _statistics(linked: Linked, table: Table) -> Iterator[Opened]:
    yield _count(linked, table.value, sums.count(linked).high)
    for item in sums.measures(linked):
        yield from _item(linked, item, "statistics")


def _correlation(linked: Linked, _: Table) -> Iterator[Opened]:
    for item in sums.pairs(linked):
        yield from _item(linked, item, "correlation")


def _item(linked: Linked, item: Item, measure: str) -> Iterator[Opened]:
    """The numbers of a measure or pair. A number of rows of their own decides about them, or with noise, by which they
    are sums, the cell's count."""
    statistics = table_name(linked, "statistics")
    gate = f"{statistics}.{linked.tables[statistics].value}"
    if item.own_gate:
        gate = f"{table_name(linked, measure)}.{item.name}.n"
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


def table_name(linked: Linked, measure: str) -> str:
    """The name of the protocol's table of some measure."""
    return next(name for name, table in linked.tables.items() if table.measure == measure)


def _coefficients(linked: Linked, _: Table) -> Iterator[Opened]:
    for name in ("estimate", "variance"):
        yield from _real(linked, name)


def _fit(linked: Linked, _: Table) -> Iterator[Opened]:
    yield _count(linked, "n", linked.most_rows(frozenset(linked.owners)))
    yield from _real(linked, "r2")


def _real(linked: Linked, name: str) -> Iterator[Opened]:
    """A real number m · 2^e, in steps of the columns."""
    gate = f"{table_name(linked, 'fit')}.n"
    bits = significant_bits(linked.job.disclosure.digits)
    yield Opened(name=f"{name}.m", low=-(1 << bits), high=1 << bits, gate=gate)
    yield Opened(name=f"{name}.e", low=-EXPONENT_LIMIT, high=EXPONENT_LIMIT, gate=gate)


def _count(linked: Linked, name: str, most: int) -> Opened:
    return Opened(name=name, low=0, high=most + (linked.job.disclosure.round_to or 0))


def _links(linked: Linked, _: Table) -> Iterator[Opened]:
    counts = table_name(linked, "count")
    gate = f"{counts}.{linked.tables[counts].value}"
    high = (1 << (IDENTIFIER_WORDS * IDENTIFIER_BITS)) - 1
    for column in linked.asked.identify:
        yield Opened(name=str(column), low=0, high=high, gate=gate, places=IDENTIFIER_WORDS, radix_bits=IDENTIFIER_BITS)


def _match_rate(linked: Linked, table: Table) -> Iterator[Opened]:
    most = max(linked.declarations[party].max_rows for party in linked.owners)
    yield Opened(name="records", low=0, high=most)
    yield Opened(name="linked", low=0, high=most, gate=f"{table_name(linked, table.measure)}.records")


def _doubtful(linked: Linked, _: Table) -> Iterator[Opened]:
    yield Opened(name="pairs", low=0, high=linked.most_rows(frozenset(linked.owners)))


def _links_span(linked: Linked) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    records = linked.most_rows(frozenset(linked.owners))
    most = blocks.most_matches(blocks.count(linked.blocks), records)
    most = min(records, MOST_EXACT) if linked.asked.exact else most
    return tuple(map(str, linked.asked.identify)), (tuple(map(str, range(1, most + 1))),)


def _match_rate_span(linked: Linked) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    groups = tuple(f"{column}={value}" for column in linked.asked.report for value in linked.levels(column))
    return ("group", "records", "linked", "rate"), (groups,)


def _doubtful_span(_: Linked) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    return ("dice", "pairs"), (("just below the threshold", "just above the threshold"),)


_COMPARED_SPAN = {"links": _links_span, "match_rate": _match_rate_span, "doubtful": _doubtful_span}
_OPENED = {
    "overlap": _overlap,
    "count": _linked_count,
    "statistics": _statistics,
    "correlation": _correlation,
    "coefficients": _coefficients,
    "fit": _fit,
    "links": _links,
    "match_rate": _match_rate,
    "doubtful": _doubtful,
}
