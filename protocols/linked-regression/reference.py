"""What linked-regression means, in plain Python: the ideal functionality, disclosure control included.

Exact fractions until the last step, so that nothing here depends on how well a matrix is conditioned.
"""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

Key = tuple[str, ...]
Owner = Mapping[Key, Mapping[str, str]]
Matrix = list[list[Fraction]]

SPARE_ROWS = 10
"""There must be so many more persons than coefficients."""


def run(
    owners: Mapping[str, Owner],
    domains: Mapping[str, Sequence[str]],
    params: Mapping[str, Any],
    rules: Mapping[str, Any],
) -> dict[str, list[list[Any]]]:
    """The released tables: coefficients with standard errors, and how well they fit.

    All is null unless there are at least `min_count` persons and ten more than coefficients, every level of every
    category has at least `min_count`, and the coefficients are determined and the outcome isn't constant.

    Args:
        owners: by party, its rows by normalised key, in job order; numbers as text, in units.
        domains: by `party.column`, its values in order; those with none are numbers.
        params: `outcome` and `predictors`.
        rules: `min_count`.
    """
    keys = [key for key in next(iter(owners.values())) if all(key in rows for rows in owners.values())]

    def value(column: str, key: Key) -> str:
        party, _, name = column.partition(".")
        return owners[party][key][name]

    terms = [("(intercept)", lambda key: Fraction(1))]
    enough = True
    for column in params["predictors"]:
        if column not in domains:
            terms.append((column, lambda key, column=column: Fraction(value(column, key))))
            continue
        levels = [sum(value(column, key) == level for key in keys) for level in domains[column]]
        enough = enough and min(levels) >= rules["min_count"]
        terms += [
            (f"{column}={level}", lambda key, column=column, level=level: Fraction(value(column, key) == level))
            for level in domains[column][1:]
        ]
    enough = enough and len(keys) >= max(rules["min_count"], len(terms) + SPARE_ROWS)
    x = [[function(key) for _, function in terms] for key in keys]
    y = [Fraction(value(params["outcome"], key)) for key in keys]
    found = _fit(x, y) if enough else None
    if found is None:
        return {"coefficients": [[name, None, None] for name, _ in terms], "fit": [[None, None]]}
    estimates, errors, r2 = found
    rows = [[name, *numbers] for (name, _), *numbers in zip(terms, estimates, errors, strict=True)]
    return {"coefficients": rows, "fit": [[len(keys), r2]]}


def _fit(x: Matrix, y: list[Fraction]) -> tuple[list[float], list[float], float] | None:
    """Estimates, standard errors and r2 of least squares; None if they aren't determined."""
    n, d = len(x), len(x[0])
    gram = [[sum((row[i] * row[j] for row in x), Fraction()) for j in range(d)] for i in range(d)]
    right = [sum((row[i] * value for row, value in zip(x, y, strict=True)), Fraction()) for i in range(d)]
    inverse = _inverse(gram)
    mean = sum(y, Fraction()) / n
    total = sum(((value - mean) ** 2 for value in y), Fraction())
    if inverse is None or not total:
        return None
    estimates = [sum((a * b for a, b in zip(row, right, strict=True)), Fraction()) for row in inverse]
    residual = sum((value**2 for value in y), Fraction()) - sum(
        (a * b for a, b in zip(estimates, right, strict=True)), Fraction()
    )
    variance = residual / (n - d)
    errors = [math.sqrt(variance * inverse[i][i]) for i in range(d)]
    return [float(value) for value in estimates], errors, float(1 - residual / total)


def _inverse(matrix: Matrix) -> Matrix | None:
    """By Gauss and Jordan, exactly; None if there is none."""
    size = len(matrix)
    rows = [row[:] + [Fraction(i == j) for j in range(size)] for i, row in enumerate(matrix)]
    for i in range(size):
        pivot = next((k for k in range(i, size) if rows[k][i]), None)
        if pivot is None:
            return None
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for k in range(size):
            if k != i and rows[k][i]:
                rows[k] = [a - rows[k][i] * b for a, b in zip(rows[k], rows[i], strict=True)]
    return [row[size:] for row in rows]
