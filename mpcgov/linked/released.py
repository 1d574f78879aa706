"""What a job opens of a measure or a pair of measures, rounded to significant digits, and of how many rows at least.

Each number can come out in one of 2^told_bits ways at most, so it makes whatever anybody guesses of a cell's rows
2^told_bits times as likely at most. All numbers on one column's rows, of all jobs, may tell half of the bits that so
many values of this column hold; and there must be SPARE_ROWS rows more than numbers.
docs/security/disclosure.md has the argument. With noise nothing of this applies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mpcgov import figures
from mpcgov.linked import classes, coarse, sums
from mpcgov.linked.capacity import MOST_DIGITS
from mpcgov.linked.facts import Linked
from mpcgov.linked.qualified import Qualified
from mpcgov.linked.sums import Item, Sum


@dataclass(frozen=True)
class Figure:
    """One number: the sums that it is a · b − c · d of, by their short names, or a · b, or one alone; and its bounds.

    `floor`: the sum that tells what its steps are wider than, if they hide what one row adds.
    """

    name: str
    kind: str
    sums: tuple[str, ...]
    columns: frozenset[Qualified]
    low: int
    high: int
    floor: Sum | None = None


def opened(linked: Linked, item: Item) -> list[Figure]:
    """The numbers that are opened of an item: of a measure its total and its spread n·Σx² − (Σx)², of a pair both
    spreads and n·Σxy − Σx·Σy; with a weight also its total, which stands in for n."""
    weight = frozenset() if linked.asked.weight is None else frozenset({linked.asked.weight})
    columns = dict(zip("xy", item.columns, strict=False))
    found = [_one(item, "w", weight)] if weight else []
    if len(columns) == 1:
        found.append(_total(linked, item))
    if linked.job.disclosure.dominance is None:
        for name, column in columns.items():
            floor = _floor(linked, item, coarse.of_spread(linked, column))
            found.append(_product(item, 2 * name, name, name, weight | {column}, floor))
    if len(columns) == 2:
        floor = _floor(linked, item, coarse.of_product(linked, item.columns))
        found.append(_product(item, "xy", "x", "y", item.summed, floor))
    return found


def _floor(linked: Linked, item: Item, columns: tuple[Qualified, ...] | None) -> Sum | None:
    return None if columns is None else sums.sum_of(linked, columns, item.n.owners)


def _total(linked: Linked, item: Item) -> Figure:
    """Σx; of a receiver's column n·Σx, as what a row moves it by is a sum."""
    floor, one = _floor(linked, item, coarse.of_total(linked, item.columns[0])), item.sums["x"]
    if floor is None:
        return _one(item, "x", item.summed)
    return Figure("x", "total", ("n", "x"), item.summed, item.n.high * one.low, item.n.high * one.high, floor)


def _one(item: Item, name: str, columns: frozenset[Qualified]) -> Figure:
    one = item.sums[name]
    return Figure(name, "weight" if name == "w" else "total", (name,), columns, one.low, one.high)


def _product(
    item: Item, both: str, first: str, second: str, columns: frozenset[Qualified], floor: Sum | None
) -> Figure:
    rows = item.sums.get("w", item.n)
    largest = rows.high * item.sums[both].largest + item.sums[first].largest * item.sums[second].largest
    kind, low = ("spread", 0) if first == second else ("product", -largest)  # Cauchy and Schwarz
    return Figure(both, kind, ("w" if "w" in item.sums else "n", both, first, second), columns, low, largest, floor)


def own_numbers(linked: Linked) -> int:
    """How many different numbers the job opens of one column's rows, at most."""
    found = {
        (figure.kind, figure.columns, item.n.owners)
        for item in (*sums.measures(linked), *sums.pairs(linked))
        for figure in opened(linked, item)
    }
    every = {column for _, columns, _ in found for column in columns}
    return max((sum(column in columns for _, columns, _ in found) for column in every), default=0)


def numbers(linked: Linked) -> int:
    """How many numbers of one column's rows are allowed for, over all jobs."""
    return linked.job.disclosure.numbers or own_numbers(linked)


def step_bits(linked: Linked) -> int:
    """Where a receiver owns a column, how many bits wider steps are than what one row moves."""
    return figures.step_bits(numbers(linked) - own_numbers(linked))


def class_rows(linked: Linked) -> int:
    """How many rows each class of a receiver's column must have."""
    return classes.least_rows(linked.job.disclosure.min_count, 1 << step_bits(linked))


def least_rows(linked: Linked, item: Item) -> int:
    """Of how many rows an item must be at least, for what its numbers and all others allowed for can tell."""
    values = [linked.possible(column) for column in item.summed]
    return figures.least_rows(numbers(linked), linked.job.disclosure.digits, values)


def faults(linked: Linked) -> Iterator[str]:
    """More digits than there are, fewer numbers allowed for than the job itself opens, and numbers of receivers that
    can't be bounded."""
    yield from coarse.faults(linked)
    if linked.asked.numbers and linked.job.disclosure.digits > MOST_DIGITS:
        yield f"disclosure.digits: {linked.manifest.id} gives at most {MOST_DIGITS}"
    allowed, own = linked.job.disclosure.numbers, own_numbers(linked)
    if allowed is not None and linked.job.disclosure.noise is None and allowed < own:
        yield f"disclosure.numbers: {allowed}, and this job alone releases {own} numbers of one column: at least {own}"
