"""A measure's mean and variance from noisy sums, and the intervals that they are in."""

from __future__ import annotations

from mpcgov.kinds.kind import Intervals, JobTable, Numbers
from mpcgov.linked.columns import Number
from mpcgov.linked.qualified import Qualified


def described(one: JobTable, column: Qualified, numbers: Numbers, cell: int) -> list[float | None]:
    """Mean and variance (n − 1), in units."""
    number = one.linked.number(column)
    n, x, xx = _values(one, column, numbers, cell)
    unit = 10**number.places
    if not n or x is None or xx is None:
        return [None, None]
    mean = x / (n * unit) + number.middle / unit
    if n < 2:
        return [mean, None]
    variance = (n * xx - x * x) / (n * (n - 1) * unit**2)
    noise = one.linked.job.disclosure.noise
    return [*_possible(number, n, mean, variance)] if noise is not None and noise.consistent else [mean, variance]


def _possible(number: Number, n: int, mean: float, variance: float) -> tuple[float, float]:
    """The nearest mean and variance that n numbers of this range can have (Bhatia and Davis, 2000)."""
    low, high = ((end + number.middle) / 10**number.places for end in (number.low, number.high))
    mean = min(max(mean, low), high)
    return mean, min(max(variance, 0.0), (high - mean) * (mean - low) * n / (n - 1))


def intervals(
    noise: Intervals, one: JobTable, column: Qualified, numbers: Numbers, cell: int
) -> list[list[float] | None]:
    """The intervals of mean and variance: what the quotients can be, while all their parts are in their intervals."""
    number, names = one.linked.number(column), _names(one, column, numbers)
    n, x, xx = _values(one, column, numbers, cell)
    if n is None or x is None or xx is None:
        return [None, None]

    def around(what: str, value: int, together: int) -> tuple[int, int]:
        return noise.around(f"{one.name}.{names[what]}", value, together)

    unit = 10.0**number.places
    (n0, n1), x01 = around("n", n, 2), around("x", x, 2)
    means = [total / rows for total in x01 for rows in (max(1, n0), n1)]
    mean = [(min(max(end, number.low), number.high) + number.middle) / unit for end in (min(means), max(means))]
    (n0, n1), x01, xx01 = around("n", n, 3), around("x", x, 3), around("xx", xx, 3)
    squares = [0.0 if x01[0] <= 0 <= x01[1] else float(min(end**2 for end in x01)), float(max(end**2 for end in x01))]
    most = (number.high - number.low) ** 2 / 2
    low = max(0.0, xx01[0] - squares[1] / max(1, n0)) / max(1, n1 - 1)
    high = max(0.0, xx01[1] - squares[0] / max(1, n1)) / (n0 - 1) if n0 > 1 else most
    return [mean, [min(low, most) / unit**2, min(high, most) / unit**2]]


def _names(one: JobTable, column: Qualified, numbers: Numbers) -> dict[str, str]:
    """What the sums are called: of rows of their own if it has them, else of the cell's."""
    own = f"{column}.n"
    return {"n": own if own in numbers else one.number, "x": f"{column}.x", "xx": f"{column}.xx"}


def _values(one: JobTable, column: Qualified, numbers: Numbers, cell: int) -> list[int | None]:
    return [numbers[name][cell] if name in numbers else None for name in _names(one, column, numbers).values()]
