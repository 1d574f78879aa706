"""What joint-statistics means, in plain Python: the ideal functionality, disclosure control included.

Numbers are exact fractions until the last step.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

Row = Mapping[str, str]


def run(
    owners: Mapping[str, Sequence[Row]],
    domains: Mapping[str, Sequence[str]],
    params: Mapping[str, Any],
    rules: Mapping[str, Any],
) -> dict[str, list[list[Any]]]:
    """The released tables: each cell's count, each measure's mean and variance, each pair's correlation.

    All is null in a cell with fewer than `min_count` rows, all owners' together or, for any of them that gets the
    result, the others', if there are others; or in which fewer than `contributors` owners have rows.

    Args:
        owners: by party, its rows; numbers as text, in units.
        domains: by column, its values in order.
        params: `by`, `measures` and `correlations`, all optional.
        rules: `min_count`, `contributors` if that is asked for, and `receivers`, those who get the result.
    """
    by, measures, pairs = (list(params.get(name, [])) for name in ("by", "measures", "correlations"))
    statistics, correlation = [], []
    for cell in itertools.product(*(domains[column] for column in by)):
        of_owners = {
            name: [row for row in rows if tuple(row[column] for column in by) == cell] for name, rows in owners.items()
        }
        own = [row for rows in of_owners.values() for row in rows]
        known = [len(of_owners[name]) for name in rules.get("receivers", ()) if name in owners and len(owners) > 1]
        enough = len(own) - max(known, default=0) >= rules["min_count"]
        enough = enough and sum(map(bool, of_owners.values())) >= rules.get("contributors", 0)
        line: list[Any] = [*cell, len(own) if enough else None]
        for column in measures:
            line += _mean_and_variance([Fraction(row[column]) for row in own]) if enough else [None, None]
        statistics.append(line)
        correlation += [[*cell, a, b, _r(own, a, b) if enough else None] for a, b in pairs]
    return {"statistics": statistics} | ({"correlation": correlation} if pairs else {})


def _mean_and_variance(x: Sequence[Fraction]) -> list[float]:
    mean = sum(x, Fraction()) / len(x)
    return [float(mean), float(sum(((value - mean) ** 2 for value in x), Fraction()) / (len(x) - 1))]


def _r(rows: Sequence[Row], a: str, b: str) -> float | None:
    """Pearson's r; None if a column has the same value in all rows."""
    x, y = ([Fraction(row[column]) for row in rows] for column in (a, b))
    n = len(rows)
    xx, yy, xy = (
        n * sum((p * q for p, q in zip(u, v, strict=True)), Fraction()) - sum(u, Fraction()) * sum(v, Fraction())
        for u, v in ((x, x), (y, y), (x, y))
    )
    return float(xy) / math.sqrt(xx * yy) if xx and yy else None
