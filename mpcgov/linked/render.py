"""From the opened numbers of a linked job to the tables that people read: receivers divide in the clear.

What is divided are integers, rounded before they were opened or noisy; quotients are shown to as many digits as they
are good for. Nothing here hides anything: a number that may not be known wasn't opened, and stands here as None.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mpcgov import figures
from mpcgov.linked.columns import Number
from mpcgov.linked.encoding import IDENTIFIER_BITS, IDENTIFIER_WORDS
from mpcgov.linked.facts import Linked
from mpcgov.linked.qualified import Qualified
from mpcgov.spec.statement import ResultTable

Numbers = Mapping[str, Sequence[int | None]]
"""By name, one opened number for each cell; None where it was suppressed."""

Row = list[Any]
Get = Callable[[str], int | None]


def rows(linked: Linked, table: ResultTable, opened: Numbers) -> list[Row]:
    """The rows of one table, in domain order."""
    return list(_ROWS[linked.manifest.tables[table.name].measure](linked, table, opened))


def _cells(table: ResultTable) -> Iterator[tuple[int, tuple[str, ...]]]:
    return enumerate(itertools.product(*table.domain))


def _counts(_: Linked, table: ResultTable, opened: Numbers) -> Iterator[Row]:
    (counts,) = opened.values()
    for i, names in _cells(table):
        yield [*names, counts[i]]


def _statistics(linked: Linked, table: ResultTable, opened: Numbers) -> Iterator[Row]:
    count, measure = table.opened[0].name, _noisy if linked.job.disclosure.noise else _described
    for i, names in _cells(table):
        row: Row = [*names, opened[count][i]]
        for column in linked.asked.measures:
            rows_used = opened.get(f"{column}.n", opened[count])[i]
            row += measure(linked, column, _getter(opened, str(column), i), rows_used)
        yield row


def _described(linked: Linked, column: Qualified, get: Get, n: int | None) -> list[float | None]:
    """Mean and variance (n − 1), in units. Weighted: Σwx/Σw, and Σw(x − mean)²/Σw · n/(n − 1).

    From x, Σwx, of a receiver's column n·Σx, and xx, Σw·Σwx² − (Σwx)², each rounded by itself.
    """
    unit, digits = 10 ** linked.number(column).places, linked.job.disclosure.digits
    x, spread = _whole(get, "x"), _whole(get, "xx")
    weight = n if linked.asked.weight is None else _whole(get, "w")
    if n is None or x is None or not weight:
        return [None, None]
    rows = n if linked.of_receiver(column) else 1
    mean = figures.shown(x / (rows * weight * unit), digits)
    if spread is None:
        return [mean, None]
    return [mean, figures.shown(spread * n / (weight**2 * (n - 1) * unit**2), digits)]


def _noisy(linked: Linked, column: Qualified, get: Get, n: int | None) -> list[float | None]:
    """Mean and variance (n − 1), in units, from noisy sums."""
    number = linked.number(column)
    x, xx, unit = get("x"), get("xx"), 10**number.places
    if not n or x is None or xx is None:
        return [None, None]
    mean = x / (n * unit) + number.middle / unit
    if n < 2:
        return [mean, None]
    variance = (n * xx - x * x) / (n * (n - 1) * unit**2)
    noise = linked.job.disclosure.noise
    return [*_possible(number, n, mean, variance)] if noise is not None and noise.consistent else [mean, variance]


def _possible(number: Number, n: int, mean: float, variance: float) -> tuple[float, float]:
    """The nearest mean and variance that n numbers of this range can have (Bhatia and Davis, 2000)."""
    low, high = ((end + number.middle) / 10**number.places for end in (number.low, number.high))
    mean = min(max(mean, low), high)
    return mean, min(max(variance, 0.0), (high - mean) * (mean - low) * n / (n - 1))


def _getter(opened: Numbers, name: str, cell: int) -> Get:
    return lambda what: opened[f"{name}.{what}"][cell] if f"{name}.{what}" in opened else None


def _whole(get: Get, name: str) -> int | None:
    """A number that was opened as units and exponent."""
    units, exponent = get(f"{name}.m"), get(f"{name}.e")
    return None if units is None or exponent is None else units << exponent


def _correlation(linked: Linked, table: ResultTable, opened: Numbers) -> Iterator[Row]:
    for i, names in _cells(table):
        for pair in linked.asked.pairs:
            r = _r(_getter(opened, f"{pair[0]},{pair[1]}", i))
            shown = None if r is None else figures.shown(r, linked.job.disclosure.digits)
            yield [*names, str(pair[0]), str(pair[1]), shown]


def _r(get: Get) -> float | None:
    """Pearson's r; None if it isn't known, or a measure has the same value in all rows."""
    xx, yy, xy = (_whole(get, what) for what in ("xx", "yy", "xy"))
    if not xx or not yy or xy is None:
        return None
    return max(-1.0, min(1.0, (xy << 64) / math.isqrt(xx * yy << 128)))


def _coefficients(linked: Linked, table: ResultTable, opened: Numbers) -> Iterator[Row]:
    for i, (term,) in _cells(table):
        places = _places(linked, term)
        variance = _real(_getter(opened, "variance", i), 2 * places)
        error = None if variance is None else math.sqrt(variance)
        yield [term, _real(_getter(opened, "estimate", i), places), error]


def _fit(_: Linked, table: ResultTable, opened: Numbers) -> Iterator[Row]:
    yield [opened[table.opened[0].name][0], _real(_getter(opened, "r2", 0), 0)]


def _links(linked: Linked, table: ResultTable, opened: Numbers) -> Iterator[Row]:
    """The pairs, sorted; where there is none, both numbers are 0, or weren't opened."""
    pairs = [[opened[one.name][row] for one in table.opened] for row in range(table.rows)]
    found = [[_identifier(value) for value in pair] for pair in pairs if all(pair)]
    kinds = [linked.declarations[column.party].columns[column.column].kind for column in linked.asked.identify]
    for pair in sorted(found):
        yield [int(text) if kind == "integer" and text else text for kind, text in zip(kinds, pair, strict=True)]


def _identifier(value: int | None) -> str:
    return (
        (value or 0).to_bytes(IDENTIFIER_WORDS * IDENTIFIER_BITS // 8, "little").rstrip(b"\0").decode(errors="replace")
    )


def _match_rate(_: Linked, table: ResultTable, opened: Numbers) -> Iterator[Row]:
    for i, (group,) in _cells(table):
        records, linked = opened["records"][i], opened["linked"][i]
        yield [group, records, linked, None if records is None or linked is None else linked / records]


def _places(linked: Linked, term: str) -> int:
    """A coefficient is in steps of the outcome per step of its predictor: by which power of ten units have less."""
    outcome = linked.asked.outcome
    places = linked.number(outcome).places if outcome is not None else 0
    for column in linked.asked.predictors:
        if str(column) == term:
            return places - linked.number(column).places
    return places


def _real(get: Get, places: int) -> float | None:
    mantissa, exponent = get("m"), get("e")
    if mantissa is None or exponent is None:
        return None
    top, bottom = mantissa << max(0, exponent), 1 << max(0, -exponent)
    up, down = int(10 ** max(0, -places)), int(10 ** max(0, places))
    try:
        return top * up / (bottom * down)
    except OverflowError:  # beyond 10^308: not a number that anybody could use
        return None


_ROWS = {
    "count": _counts,
    "overlap": _counts,
    "statistics": _statistics,
    "correlation": _correlation,
    "coefficients": _coefficients,
    "fit": _fit,
    "links": _links,
    "match_rate": _match_rate,
    "doubtful": _counts,
}
