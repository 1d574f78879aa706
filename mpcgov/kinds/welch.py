"""Welch's t-test of each measure: whether two groups, the values of the last column of `by`, have the same mean.

Opened is what `statistics` opens of both groups' cells, under the same rules, and nothing else. Receivers compute
t = (mean₁ − mean₂)/√(variance₁/n₁ + variance₂/n₂), its degrees of freedom, and p, the probability of a t as far from 0
or farther if the means are the same. Source: B. L. Welch, Biometrika 34, 1947.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from mpcgov import figures
from mpcgov.kinds import footers, moments
from mpcgov.kinds.footers import Row, Rules
from mpcgov.kinds.kind import Computed, JobTable, Kind, Numbers, Span, counted, groups
from mpcgov.kinds.moments import Described
from mpcgov.linked import sums
from mpcgov.spec.statement import Opened, ResultTable

PRECISION = 1e-15
MOST_STEPS = 100_000
"""The fraction takes about as many steps as the root of the degrees of freedom."""


def _faults(one: JobTable) -> Iterator[str]:
    linked, place = one.linked, f"params.{one.table.by}"
    if not linked.asked.groups:
        yield f"{place}: missing; its last column says which two groups are compared"
    elif len(values := linked.values(linked.asked.groups[-1])) != 2:
        yield f"{place}: {linked.asked.groups[-1]} is last and must have two values, for two groups, not {len(values)}"
    if linked.asked.weight is not None:
        yield "params: a t-test has no weight"


def _span(one: JobTable) -> Span:
    by, domain = groups(one)
    shown = [f"{group}.{what}" for group in domain[-1] for what in (one.number, "mean", "variance")]
    return (*by[:-1], "measure", *shown, "t", "df", "p"), domain


def _opened(one: JobTable) -> Iterator[Opened]:
    yield counted(one, sums.count(one.linked).high)
    yield from moments.of_items(one)


def _rows(one: JobTable, table: ResultTable, numbers: Numbers) -> Iterator[Row]:
    digits = one.linked.job.disclosure.digits
    for place, names in enumerate(itertools.product(*table.domain[:-1])):
        for column in one.linked.asked.measures:
            cells = 2 * place, 2 * place + 1
            first, second = (moments.described(one, column, numbers, cell) for cell in cells)
            row: list[Any] = [*names, str(column)]
            for cell, group in zip(cells, (first, second), strict=True):
                row += [numbers[one.number][cell], _shown(group.mean, digits), _shown(group.variance, digits)]
            yield [*row, *(_shown(number, digits) for number in _test(first, second))]


def _shown(number: Fraction | float | None, digits: int) -> float | None:
    return None if number is None else figures.shown(float(number), digits)


def _test(first: Described, second: Described) -> tuple[float | None, float | None, float | None]:
    """t, its degrees of freedom (Welch and Satterthwaite) and p; None if a group isn't known, or neither varies."""
    unknown = None, None, None
    if first.n is None or first.mean is None or first.variance is None:
        return unknown
    if second.n is None or second.mean is None or second.variance is None:
        return unknown
    a, b = float(first.variance) / first.n, float(second.variance) / second.n
    if not a + b:
        return unknown
    t = float(first.mean - second.mean) / math.sqrt(a + b)
    df = (a + b) ** 2 / (a**2 / (first.n - 1) + b**2 / (second.n - 1))
    return t, df, _incomplete_beta(df / (df + t * t), t * t / (df + t * t), df / 2, 0.5)


def _incomplete_beta(x: float, rest: float, a: float, b: float) -> float:
    """I_x(a, b), regularized, `rest` = 1 − x: by its fraction, or its complement's, whichever converges fast."""
    return _fraction(x, rest, a, b) if x < (a + 1) / (a + b + 2) else 1 - _fraction(rest, x, b, a)


def _fraction(x: float, rest: float, a: float, b: float) -> float:
    """I_x(a, b) by the continued fraction of DLMF 8.17.22, evaluated by Lentz's method."""
    if x <= 0:
        return 0.0
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest) - math.log(a)
    value, c, d = 1.0, 1.0, 0.0
    for step in range(MOST_STEPS):
        m = step // 2
        if step % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)) if m else 1.0
        c, d = 1 + term / c, 1 / (1 + term * d)
        value *= c * d
        if abs(c * d - 1) < PRECISION:
            break
    return math.exp(front) * (value - 1)


def _footer(_columns: Sequence[str], rows: Sequence[Row], rules: Rules) -> list[str]:
    lines = ["t, df and p follow from means and variances that are rounded to significant digits; p is two-sided."]
    why = footers.of_numbers("group's number", rules)
    return [*lines, *footers.where_hidden(rows, f"{why} There is no t without both groups.")]


WELCH = Kind(
    name="welch",
    title="Welch's t-test",
    local=frozenset({"sums", "rows"}),
    params=frozenset({"measures"}),
    computed=Computed.CELLS,
    counts=True,
    items=sums.measures,
    margins=False,
    faults=_faults,
    span=_span,
    opened=_opened,
    rows=_rows,
    intervals=None,
    footer=_footer,
)
