"""What is opened of a measure, or of a pair of measures, in each cell, and what receivers make of it.

For kinds whose `items` are `sums.measures` or `sums.pairs`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from mpcgov.disclosure import significant_bits
from mpcgov.figures import EXPONENT_BITS
from mpcgov.kinds.kind import JobTable, Numbers
from mpcgov.linked import released
from mpcgov.linked.qualified import Qualified
from mpcgov.linked.sums import Item
from mpcgov.spec.statement import Opened


def of_items(one: JobTable) -> Iterator[Opened]:
    """The numbers of each of a table's measures or pairs. A number of rows of their own decides about them, or with
    noise, by which they are sums, the cell's count."""
    for item in one.kind.items(one.linked) if one.kind.items else ():
        yield from _of_item(one, item)


def _of_item(one: JobTable, item: Item) -> Iterator[Opened]:
    rules, gate = one.linked.job.disclosure, one.counts
    if item.own_gate:
        gate = f"{one.name}.{item.name}.n"
        yield Opened(name=f"{item.name}.n", low=0, high=item.n.high)
    if rules.noise is None:
        for figure in released.opened(one.linked, item):
            yield from _floating(f"{item.name}.{figure.name}", gate, rules.digits)
        return
    for short, added in item.sums.items():
        yield Opened(
            name=f"{item.name}.{short}",
            low=added.low,
            high=added.high,
            gate=gate,
            places=added.places,
            radix_bits=added.radix_bits,
            offset=added.offset,
        )


def _floating(name: str, gate: str, digits: int) -> Iterator[Opened]:
    """A whole number m · 2^e of few significant digits, in steps of the columns."""
    most = 1 << significant_bits(digits)
    yield Opened(name=f"{name}.m", low=-most, high=most, gate=gate)
    yield Opened(name=f"{name}.e", low=0, high=(1 << EXPONENT_BITS) - 2, gate=gate)


@dataclass(frozen=True)
class Described:
    """A measure over the rows of a cell, in units: how many have a value, their mean, and their variance (n − 1).

    Each is None where it isn't known; the mean and the variance are as exact as what was opened.
    """

    n: int | None
    mean: Fraction | None
    variance: Fraction | None


def described(one: JobTable, column: Qualified, numbers: Numbers, cell: int) -> Described:
    """A measure without noise, in one cell of a table.

    From x, Σx, of a receiver's column n·Σx, and xx, n·Σx² − (Σx)², each rounded by itself. Weighted it is Σwx/Σw, and
    Σw(x − mean)²/Σw · n/(n − 1), from Σwx and Σw·Σwx² − (Σwx)².
    """
    linked = one.linked
    n, x, spread = (
        numbers[f"{column}.n"][cell],
        whole(numbers, f"{column}.x", cell),
        whole(numbers, f"{column}.xx", cell),
    )
    unit, weight = (
        10 ** linked.number(column).places,
        n if linked.asked.weight is None else whole(numbers, f"{column}.w", cell),
    )
    if n is None or x is None or not weight:
        return Described(n, None, None)
    mean = Fraction(x, (n if linked.of_receiver(column) else 1) * weight * unit)
    return Described(n, mean, None if spread is None else Fraction(spread * n, weight**2 * (n - 1) * unit**2))


@dataclass(frozen=True)
class Together:
    """Two measures over the rows of a cell in which both have a value, in their columns' steps: n·Σx² − (Σx)²,
    n·Σy² − (Σy)² and n·Σxy − Σx·Σy; with a weight w its total stands in for n. Each is None where it isn't known."""

    n: int | None
    xx: int | None
    yy: int | None
    xy: int | None


def together(pair: tuple[Qualified, Qualified], numbers: Numbers, cell: int) -> Together:
    """A pair of measures without noise, in one cell of a table."""
    name = f"{pair[0]},{pair[1]}"
    return Together(
        numbers[f"{name}.n"][cell], *(whole(numbers, f"{name}.{what}", cell) for what in ("xx", "yy", "xy"))
    )


def whole(numbers: Numbers, name: str, cell: int) -> int | None:
    """A number that was opened as units and exponent; None if it wasn't opened."""
    if f"{name}.m" not in numbers:
        return None
    units, exponent = numbers[f"{name}.m"][cell], numbers[f"{name}.e"][cell]
    return None if units is None or exponent is None else units << exponent
