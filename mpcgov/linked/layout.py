"""What a linked job opens, number by number, with bounds: known before anything is computed.

Sums are exact integers in the columns' own steps; receivers divide in the clear. A number that could reach 2^119 can't
be computed and is refused here, before the start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

from mpcgov.errors import SpecError
from mpcgov.linked.columns import NO_MATCH, Category, Number, carried_by
from mpcgov.linked.params import Asked, Qualified, read
from mpcgov.linked.sets import owner_sets
from mpcgov.spec.job import Job
from mpcgov.spec.manifest import Manifest, Table
from mpcgov.spec.statement import Opened, ResultTable
from mpcgov.spec.table import Declaration

LIMIT_BITS = 119
"""Every opened number is below 2^119 in magnitude: what two primes of 61 bits hold, with a bit for the sign."""

MANTISSA_BITS = 31
"""A coefficient is opened as a whole number of 31 bits, which is 9 digits, and a power of two."""
EXPONENT_LIMIT = 1024


@dataclass(frozen=True)
class Linked:
    """A linked job's public facts, put together once."""

    job: Job
    manifest: Manifest
    declarations: Mapping[str, Declaration]
    asked: Asked

    @classmethod
    def of(cls, job: Job, manifest: Manifest, declarations: Mapping[str, Declaration]) -> Linked:
        """The facts of a job that has passed `check_job`."""
        return cls(job, manifest, declarations, read(job, manifest, []))

    @property
    def left(self) -> str | None:
        """The owner all of whose keys a left join keeps; None for an inner join."""
        return self.job.data_parties[0] if self.job.linking.join == "left" else None

    def most_rows(self, parties: frozenset[str]) -> int:
        """How many linked rows there may be with a match at all of some owners (all of them in an inner join)."""
        counted = set(self.job.data_parties) if self.left is None else {self.left, *parties}
        return min(self.declarations[party].max_rows for party in counted)

    def number(self, column: Qualified) -> Number:
        """A numeric column as it is dealt."""
        found = carried_by(self.job, dict(self.declarations), column)
        if not isinstance(found, Number):
            raise SpecError(f"{column} is not a number", code="job")
        return found

    def values(self, column: Qualified) -> tuple[str, ...]:
        """The values of a category column in domain order, `(no match)` last where there may be none."""
        found = carried_by(self.job, dict(self.declarations), column)
        if not isinstance(found, Category):
            raise SpecError(f"{column} is not a category", code="job")
        return (*found.values, NO_MATCH) if self.left not in (None, column.party) else found.values

    def apart(self, *columns: Qualified) -> frozenset[str]:
        """The owners, besides the left one, that must have a match for these columns to have values; inner: none."""
        return frozenset() if self.left is None else frozenset(column.party for column in columns) - {self.left}


def tables(linked: Linked) -> tuple[ResultTable, ...]:
    """The layout of everything that the job releases."""
    result = []
    for name, table in linked.manifest.tables.items():
        opened = tuple(_OPENED[table.measure](linked, table))
        if opened:
            columns, domain = _span(linked, table)
            result.append(ResultTable(name=name, columns=columns, domain=domain, opened=opened))
    return tuple(result)


def faults(linked: Linked) -> list[str]:
    """Tables that would be too large, and numbers that could be."""
    found = []
    for table in tables(linked):
        if table.rows > 1_000_000:
            found.append(f"table {table.name} would have {table.rows:,} cells; at most 1,000,000")
        for opened in table.opened:
            bits = max(abs(opened.low), abs(opened.high)).bit_length()
            if bits > LIMIT_BITS:
                found.append(
                    f"table {table.name}: {opened.name} could reach 2^{bits}; at most 2^{LIMIT_BITS} can be computed: "
                    "declare fewer max_rows, or a smaller range or fewer places for the measure"
                )
    return found


def terms(linked: Linked) -> tuple[str, ...]:
    """The coefficients' names: the intercept, each number, and each category's values but the first."""
    names = ["(intercept)"]
    for column in linked.asked.predictors:
        if isinstance(carried_by(linked.job, dict(linked.declarations), column), Category):
            names += [f"{column}={value}" for value in linked.values(column)[1:]]
        else:
            names.append(str(column))
    return tuple(names)


def _span(linked: Linked, table: Table) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The displayed columns of a table, and the values that span its cells."""
    groups = linked.asked.groups if table.by else ()
    by, domain = tuple(map(str, groups)), tuple(linked.values(column) for column in groups)
    if table.measure == "overlap":
        sets = owner_sets(linked.job.data_parties)
        return ("parties", table.value), (tuple("+".join(owners) for owners in sets),)
    if table.measure == "statistics":
        shown = [f"{column}.{what}" for column in linked.asked.measures for what in ("mean", "variance")]
        return (*by, table.value, *shown), domain
    if table.measure == "correlation":
        return (*by, "a", "b", "r"), domain
    if table.measure == "coefficients":
        return ("term", "estimate", "std_error"), (terms(linked),)
    return (("n", "r2"), ()) if table.measure == "fit" else ((*by, table.value), domain)


def _overlap(linked: Linked, table: Table) -> Iterator[Opened]:
    least = sorted(linked.declarations[party].max_rows for party in linked.job.data_parties)
    yield _count(linked, table.value, least[-2])


def _linked_count(linked: Linked, table: Table) -> Iterator[Opened]:
    yield _count(linked, table.value, linked.most_rows(frozenset()))


def _statistics(linked: Linked, table: Table) -> Iterator[Opened]:
    yield _count(linked, table.value, linked.most_rows(frozenset()))
    for column in linked.asked.measures:
        yield from _sums(linked, str(column), (column,), f"{table_name(linked, 'statistics')}.{table.value}")


def _correlation(linked: Linked, _: Table) -> Iterator[Opened]:
    statistics = table_name(linked, "statistics")
    gate = f"{statistics}.{linked.manifest.tables[statistics].value}"
    for pair in linked.asked.pairs:
        yield from _sums(linked, pair_name(pair), pair, gate)


def pair_name(pair: tuple[Qualified, Qualified]) -> str:
    """How the opened numbers of a pair are called."""
    return f"{pair[0]},{pair[1]}"


def table_name(linked: Linked, measure: str) -> str:
    """The name of the protocol's table of some measure."""
    return next(name for name, table in linked.manifest.tables.items() if table.measure == measure)


def _sums(linked: Linked, name: str, columns: tuple[Qualified, ...], gate: str) -> Iterator[Opened]:
    """Of one measure: Σx, Σx². Of two: n, Σx, Σy, Σx², Σy², Σxy. With a weight, each weighted, and Σw.

    In a left join the number n of rows that they run over decides about them, unless the cell's count is that number.
    """
    apart = linked.apart(*columns, *(() if linked.asked.weight is None else (linked.asked.weight,)))
    rows = linked.most_rows(apart)
    if apart:
        yield Opened(name=f"{name}.n", low=0, high=rows)
        gate = f"{table_name(linked, 'correlation' if len(columns) == 2 else 'statistics')}.{name}.n"
    elif len(columns) == 2:
        yield Opened(name=f"{name}.n", low=0, high=rows, gate=gate)
    weight = None if linked.asked.weight is None else linked.number(linked.asked.weight)
    if weight is not None:
        yield Opened(name=f"{name}.w", low=0, high=min(rows * weight.high, weight.total), gate=gate)
    numbers = [linked.number(column) for column in columns]
    for which, factors in zip(("x", "y"), numbers, strict=False):
        yield _sum(f"{name}.{which}", [factors], weight, rows, gate)
    for which, factors in zip(("xx", "yy"), numbers, strict=False):
        yield _sum(f"{name}.{which}", [factors, factors], weight, rows, gate)
    if len(numbers) == 2:
        yield _sum(f"{name}.xy", numbers, weight, rows, gate)


def _sum(name: str, factors: list[Number], weight: Number | None, rows: int, gate: str) -> Opened:
    """The sum over at most `rows` rows of a product: at most one factor's sum times the others' largest."""
    factors = factors if weight is None else [weight, *factors]
    everything = prod(factor.largest for factor in factors)
    bound = min(
        rows * everything,
        *(factor.total * prod(other.largest for j, other in enumerate(factors) if j != i)
          for i, factor in enumerate(factors)),
    )  # fmt: skip
    square = len(factors) >= 2 and factors[-1] == factors[-2] and name.endswith(("xx", "yy"))
    signed = not square and any(factor.low < 0 for factor in factors)
    return Opened(name=name, low=-bound if signed else 0, high=bound, gate=gate)


def _coefficients(linked: Linked, _: Table) -> Iterator[Opened]:
    for name in ("estimate", "std_error"):
        yield from _floating(linked, name)


def _fit(linked: Linked, _: Table) -> Iterator[Opened]:
    yield _count(linked, "n", linked.most_rows(frozenset()))
    yield from _floating(linked, "r2")


def _floating(linked: Linked, name: str) -> Iterator[Opened]:
    """A real number m · 2^e, in steps of the columns."""
    gate = f"{table_name(linked, 'fit')}.n"
    yield Opened(name=f"{name}.m", low=-(1 << MANTISSA_BITS), high=1 << MANTISSA_BITS, gate=gate)
    yield Opened(name=f"{name}.e", low=-EXPONENT_LIMIT, high=EXPONENT_LIMIT, gate=gate)


def _count(linked: Linked, name: str, most: int) -> Opened:
    return Opened(name=name, low=0, high=most + (linked.job.disclosure.round_to or 0))


_OPENED = {
    "overlap": _overlap,
    "count": _linked_count,
    "statistics": _statistics,
    "correlation": _correlation,
    "coefficients": _coefficients,
    "fit": _fit,
}
