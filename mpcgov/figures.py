"""Statistics as they are released, in plain code: what the protocols' references are made of.

A number is opened as a whole number of its columns' steps, rounded to significant digits; receivers divide, and show as
many digits. Rows must be enough for what all numbers about them can tell. docs/security/disclosure.md argues for it.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from mpcgov.disclosure import significant, significant_bits

DIGITS = 4
SPARE_ROWS = 10
"""There must be so many rows more than numbers of one column that are released of them."""
EXPONENT_BITS = 8
"""A number's sign and exponent take at most so many bits more than its significant ones."""
SHARE = 2
"""One part in so many of the bits that the rows' values hold may be told."""
STEP_BITS = 2
"""Where a receiver owns a column, steps are more than 2 to the power of so many times what one row moves."""
UNIT = 8
"""What rows' values hold is counted in eighths of a bit."""
MOST_HELD = 64 * UNIT
"""No value holds more."""

PARTS = 3
FACTORS = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F
"""Odd numbers that mix the bits of a value."""
DIVISIONS = len(FACTORS) + 2
"""In so many ways all owners divide a column's values where rows are added up."""


def told_bits(digits: int, besides: int = EXPONENT_BITS) -> int:
    """log₂ of the ways in which a number of so many digits can come out, rounded up.

    Args:
        besides: the bits of its sign and exponent.
    """
    return significant_bits(digits) + besides


def least_rows(numbers: int, digits: int, values: Sequence[int]) -> int:
    """Of how many rows something must be that is made of columns with so many possible values.

    `numbers`: how many are released of one column's rows, by all jobs.
    """
    bits = SHARE * numbers * told_bits(digits)
    held = [(count**64).bit_length() - 1 for count in values if count > 1]  # by 64 rows
    return max([numbers + SPARE_ROWS, *(-(-64 * bits // one) for one in held)])


def step_bits(others: int) -> int:
    """STEP_BITS, and one more for every four times as many jobs as may have told of the same rows.

    `others`: how many numbers of one column's rows earlier jobs may have released, of which each had two at least. What
    many numbers tell together, each of them rounded, grows with their root.
    """
    earlier = -(-max(0, others) // 2)
    return STEP_BITS + (earlier.bit_length() + 1) // 2


def least_held(numbers: int, digits: int) -> int:
    """What the values of a column's rows must hold, in eighths of a bit, for so many released numbers: half as much
    again as these tell, of which the sign and the power of two, where the spread is known roughly, are two bits."""
    return -(-3 * UNIT * numbers * (significant_bits(digits) + 1) // 2)


def held(count: int, rows: int) -> int:
    """What a value holds that so many of an owner's rows have: log₂(rows/count), in eighths of a bit, rounded down."""
    return int(rows**UNIT // count**UNIT).bit_length() - 1


def shown(number: float, digits: int) -> float:
    """What receivers are shown of a number: so many significant decimal digits."""
    return float(f"{number:.{digits - 1}e}")


class Moves(NamedTuple):
    """By how much one row moves a column, for each row: where a receiver owns the column, the width of all its values;
    else the standard deviation, to hide another's values by. And how many times that steps are wider than. See
    `docs/security/disclosure.md`, designed columns."""

    of_receiver: bool
    by: Sequence[int]
    times: int = 1 << STEP_BITS


def described(
    x: Sequence[int], unit: int, digits: int, weights: Sequence[int] | None = None, moves: Moves | None = None
) -> list[float | None]:
    """`mean_and_variance` as it is shown; two times None where there is none."""
    found = mean_and_variance(x, unit, digits, weights, moves)
    return [None, None] if found is None else [shown(float(number), digits) for number in found]


def mean_and_variance(
    x: Sequence[int], unit: int, digits: int, weights: Sequence[int] | None = None, moves: Moves | None = None
) -> tuple[Fraction, Fraction] | None:
    """Mean and variance (n − 1) of two rows or more, in units, as they follow from the rounded numbers that are opened.
    Weighted: Σwx/Σw, and Σw(x − mean)²/Σw · n/(n − 1)."""
    n, w = len(x), weights or [1] * len(x)
    if moves is not None and moves.of_receiver:
        return _of_receiver(x, unit, digits, moves)
    total = n if weights is None else significant(sum(w), digits)
    if not total:
        return None
    mean = Fraction(significant(_added(w, x), digits), total * unit)
    return mean, Fraction(_spread(w, x, x, digits) * n, total**2 * (n - 1) * unit**2)


def _of_receiver(x: Sequence[int], unit: int, digits: int, moves: Moves) -> tuple[Fraction, Fraction] | None:
    """Mean and variance in steps of several times what one row moves; none if the spread is less than half a step."""
    n = len(x)
    spread = _spread([1] * n, x, x, digits, moves.times * _added(moves.by, moves.by))
    if not spread:
        return None
    mean = Fraction(significant(n * sum(x), digits, moves.times * sum(moves.by)), n * n * unit)
    return mean, Fraction(spread, n * (n - 1) * unit**2)


def correlation(
    x: Sequence[int], y: Sequence[int], digits: int, weights: Sequence[int] | None = None, moves: Sequence[Moves] = ()
) -> float | None:
    """Pearson's r; None if a column has the same value in all rows, or a receiver's one too little spread.

    `moves`: both columns', if a receiver owns one.
    """
    w = weights or [1] * len(x)
    xx, yy = (
        _spread(w, one, one, digits, own.times * _added(own.by, own.by) if own.of_receiver else 0)
        for one, own in zip((x, y), moves or [Moves(False, ())] * 2, strict=True)
    )
    xy = _spread(w, x, y, digits, moves[0].times * _added(*(own.by for own in moves)) if moves else 0)
    if not xx or not yy:
        return None
    return shown(max(-1.0, min(1.0, (xy << 64) / math.isqrt(xx * yy << 128))), digits)


def _spread(w: Sequence[int], x: Sequence[int], y: Sequence[int], digits: int, floor: int = 0) -> int:
    """Σw·Σwxy − Σwx·Σwy."""
    return significant(sum(w) * _added(w, x, y) - _added(w, x) * _added(w, y), digits, floor)


def _added(*columns: Sequence[int]) -> int:
    return sum(math.prod(row) for row in zip(*columns, strict=True))


def steps(value: str, column: Mapping[str, Any]) -> int:
    """A number as steps of its last place, of a column that is declared so."""
    return int(Fraction(value) * unit(column))


def unit(column: Mapping[str, Any]) -> int:
    """How many steps one is."""
    return int(10 ** column.get("places", 0))


def possible(column: Mapping[str, Any]) -> int:
    """How many values a number can have that is declared so."""
    return steps(column["max"], column) - steps(column["min"], column) + 1


def thirds(values: Sequence[int]) -> list[int]:
    """The part of each value, 0 to 2: from the most frequent value on, each goes to the part with the fewest rows."""
    counts, rows, found = Counter(values), [0] * PARTS, dict[int, int]()
    for value in sorted(counts, key=lambda value: (-counts[value], value)):
        found[value] = rows.index(min(rows))
        rows[found[value]] += counts[value]
    return [found[value] for value in values]


def width(values: Sequence[int]) -> int:
    """How far apart values lie."""
    return max(values) - min(values)


def deviation(values: Sequence[int]) -> int:
    """The standard deviation of values, rounded up."""
    n, total = len(values), sum(values)
    spread = n * sum(value * value for value in values) - total * total
    return -(-(math.isqrt(spread - 1) + 1) // n) if spread else 0


def part(above: int, number: int) -> int:
    """The part of a value in a division that doesn't depend on rows; `above`: by how much it is above the least."""
    if number < len(FACTORS):
        return ((above * FACTORS[number] % 2**64 >> 32) * PARTS) >> 32
    return above % PARTS if number == len(FACTORS) else min(above, PARTS - 1)


def of_enough(parts: Sequence[Sequence[int]], least: int) -> bool:
    """Whether at least so many rows are outside of every choice of one part of each column; `parts`: by column, the
    part of each row. So a product of the columns, less any constants, is of at least so many rows."""
    rows = list(zip(*parts, strict=True))
    choices = itertools.product(range(PARTS), repeat=len(parts))
    return all(
        sum(all(a != b for a, b in zip(row, choice, strict=True)) for row in rows) >= least for choice in choices
    )


class Own:
    """What an owner knows of a column of its rows, in groups by its own columns."""

    def __init__(
        self, rows: Iterable[Mapping[str, str]], name: str, by: Sequence[str], column: Mapping[str, Any]
    ) -> None:
        self._name, self._by, self._column = name, by, column
        self._values: dict[tuple[str, ...], list[int]] = {}
        self._found: dict[Any, int] = {}
        for row in rows:
            self._values.setdefault(self._group(row), []).append(self.value(row))
        self._thirds = {group: dict(zip(found, thirds(found), strict=True)) for group, found in self._values.items()}

    def value(self, row: Mapping[str, str]) -> int:
        """A row's value, in steps."""
        return steps(row[self._name], self._column)

    def third(self, row: Mapping[str, str]) -> int:
        """The part of its group's values that it is in."""
        return self._thirds[self._group(row)][self.value(row)]

    def fills(self, rows: Iterable[Mapping[str, str]], least: int) -> bool:
        """Whether so many of these rows have each value of their groups."""
        counts = Counter((self._group(row), self.value(row)) for row in rows)
        return all(counts[group, value] >= least for group, _ in set(counts) for value in self._values[group])

    def width(self, row: Mapping[str, str]) -> int:
        """How far apart its group's values lie."""
        return int(self._group_of(row, width))

    def deviation(self, row: Mapping[str, str]) -> int:
        """Its group's standard deviation, rounded up."""
        return int(self._group_of(row, deviation))

    def _group_of(self, row: Mapping[str, str], what: Callable[[Sequence[int]], Any]) -> Any:
        group = self._group(row)
        if (group, what) not in self._found:
            self._found[group, what] = what(self._values[group])
        return self._found[group, what]

    def held(self, row: Mapping[str, str]) -> int:
        """What its value holds among those of its group."""
        counts = self._group_of(row, Counter)
        return held(counts[self.value(row)], counts.total())

    def _group(self, row: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(row[name] for name in self._by)


Taken = tuple[Own, Sequence[Mapping[str, str]]]
"""A column, and its owner's rows that are looked at, in the order of all others'."""


def moves(columns: Mapping[str, Taken], receivers: Collection[str], times: int) -> list[Moves]:
    """By how much one row moves each column, by its name; nothing to say if no receiver owns one."""
    owned = [name.partition(".")[0] in receivers for name in columns]
    return [
        Moves(own, [column.width(row) if own else column.deviation(row) for row in rows], times)
        for (column, rows), own in zip(columns.values(), owned, strict=True)
        if any(owned)
    ]


def linked_of_enough(columns: Sequence[Taken], weight: Taken | None, least: int, held: int) -> bool:
    """Whether what is opened of a measure or a pair is of at least so many linked rows, whatever constants are taken
    off, and their values hold so much. A row of weight 0 is none; and the weight itself must pass, too."""
    kept = list(range(len(columns[0][1])))
    if weight is not None:
        own, rows = weight
        if not _linked_of_enough([weight], least, held):
            return False
        kept = [place for place, row in enumerate(rows) if own.value(row)]
    return _linked_of_enough([(own, [rows[place] for place in kept]) for own, rows in columns], least, held)


def _linked_of_enough(columns: Sequence[Taken], least: int, held: int) -> bool:
    enough = all(sum(map(own.held, rows)) >= held for own, rows in columns)
    return enough and of_enough([[own.third(row) for row in rows] for own, rows in columns], least)
