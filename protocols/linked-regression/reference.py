"""What linked-regression means, in plain Python: the ideal functionality, disclosure control included.

Exact fractions until the last step, so that nothing here depends on how well a matrix is conditioned.
"""

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

Key = tuple[str, ...]
Owner = Mapping[Key, Mapping[str, str]]
Matrix = list[list[Fraction]]

SPARE_ROWS = 10
"""There must be so many more persons than numbers released of a column."""

TOLERANCE = 5e-5
"""How far released numbers may be from these, relative: they are rounded to a job's digits, four, and these aren't."""

LARGEST_SHARE = Fraction(1, 4)
"""No person may have so much of a coefficient."""


def run(
    owners: Mapping[str, Owner],
    domains: Mapping[str, Sequence[str]],
    params: Mapping[str, Any],
    rules: Mapping[str, Any],
) -> dict[str, list[list[Any]]]:
    """The released tables: coefficients with standard errors, and how well they fit.

    All is null unless there are enough persons, on both sides of each column's division, that the numbers released
    can't tell its values (`_enough`); no person has a quarter of a coefficient (or nearly: see README.md); and the
    coefficients are determined and the outcome isn't constant. Numbers are not rounded here: those released are within
    half a unit of their last significant digit.

    Args:
        owners: by party, its rows by normalised key, in job order; numbers as text, in units.
        domains: by `party.column`, its values in order; those with none are numbers.
        params: `outcome` and `predictors`.
        rules: `min_count`, `digits` and `numbers`; the latter two with the defaults of a job.
    """
    keys = [key for key in next(iter(owners.values())) if all(key in rows for rows in owners.values())]

    def value(column: str, key: Key) -> str:
        party, _, name = column.partition(".")
        return owners[party][key][name]

    domains = {column: values for column, values in domains.items() if isinstance(values, list)}
    terms = [("(intercept)", lambda key: Fraction(1))]
    numbers = [column for column in (*params["predictors"], params["outcome"]) if column not in domains]
    sides = [_side(owners, column, keys) for column in numbers]
    for column in params["predictors"]:
        if column not in domains:
            terms.append((column, lambda key, column=column: Fraction(value(column, key))))
            continue
        sides += [sum(value(column, key) == level for key in keys) for level in domains[column]]
        terms += [
            (f"{column}={level}", lambda key, column=column, level=level: Fraction(value(column, key) == level))
            for level in domains[column][1:]
        ]
    enough = _enough(len(keys), sides, 2 * len(terms) + 1, rules)
    x = [[function(key) for _, function in terms] for key in keys]
    y = [Fraction(value(params["outcome"], key)) for key in keys]
    found = _fit(x, y) if enough else None
    if found is None:
        return {"coefficients": [[name, None, None] for name, _ in terms], "fit": [[None, None]]}
    estimates, errors, r2 = found
    rows = [[name, *numbers] for (name, _), *numbers in zip(terms, estimates, errors, strict=True)]
    return {"coefficients": rows, "fit": [[len(keys), r2]]}


def _side(owners: Mapping[str, Owner], column: str, keys: Sequence[Key]) -> int:
    """How many linked persons are on one side of a number's division: that of its owner's rows, linked or not, which is
    the most even one of those that split off the greater values or the most frequent one."""
    party, _, name = column.partition(".")
    numbers = {key: Fraction(row[name]) for key, row in owners[party].items()}
    counts = sorted(Counter(numbers.values()).items())
    half = Fraction(len(numbers), 2)
    upto = list(itertools.accumulate(count for _, count in counts))
    if not counts:
        return 0
    threshold = min(range(len(counts)), key=lambda i: (abs(upto[i] - half), i))
    frequent = max(range(len(counts)), key=lambda i: (counts[i][1], -i))
    if abs(counts[frequent][1] - half) < abs(upto[threshold] - half):
        return sum(numbers[key] == counts[frequent][0] for key in keys)
    return sum(numbers[key] <= counts[threshold][0] for key in keys)


def _enough(n: int, sides: Sequence[int], numbers: int, rules: Mapping[str, Any]) -> bool:
    """Whether the persons are so many, and so many on both sides of each division, that released numbers of a few bits
    each can't tell who is on which: 2/3 of the bits that this takes, counted by C(n, n/2) ≥ 2ⁿ/(n + 1) or by
    C(n, c) ≥ (n/c)^c for some n = 2^j·c."""
    least, numbers = rules["min_count"], max(numbers, rules.get("numbers") or 0)
    bits = min(24, math.ceil(rules.get("digits", 4) * math.log2(10)) + 1)
    needed = -(-3 * numbers * (bits + 1) // 2)
    smallest = min([min(side, n - side) for side in sides], default=n)
    if n < max(2 * least, numbers + SPARE_ROWS) or smallest < least:
        return False
    even = needed + (2 * needed).bit_length()
    if n >= even and smallest >= even // 2:
        return True
    return any(n >= -(-needed // j) << j and smallest >= -(-needed // j) for j in range(2, n.bit_length() + 1))


def _fit(x: Matrix, y: list[Fraction]) -> tuple[list[float], list[float], float] | None:
    """Estimates, standard errors and r2 of least squares; None if they aren't determined, or one person has too large a
    share of them: c² of Σ c², c the row of A⁻¹·Xᵀ, is at most that person's leverage."""
    n, d = len(x), len(x[0])
    gram = [[sum((row[i] * row[j] for row in x), Fraction()) for j in range(d)] for i in range(d)]
    right = [sum((row[i] * value for row, value in zip(x, y, strict=True)), Fraction()) for i in range(d)]
    inverse = _inverse(gram)
    mean = sum(y, Fraction()) / n
    total = sum(((value - mean) ** 2 for value in y), Fraction())
    if inverse is None or not total:
        return None
    leverages = [sum((a * b for a, b in zip(row, _times(inverse, row), strict=True)), Fraction()) for row in x]
    if max(leverages) >= LARGEST_SHARE:
        return None
    estimates = [sum((a * b for a, b in zip(row, right, strict=True)), Fraction()) for row in inverse]
    residual = sum((value**2 for value in y), Fraction()) - sum(
        (a * b for a, b in zip(estimates, right, strict=True)), Fraction()
    )
    variance = residual / (n - d)
    errors = [math.sqrt(variance * inverse[i][i]) for i in range(d)]
    return [float(value) for value in estimates], errors, float(1 - residual / total)


def _times(matrix: Matrix, vector: list[Fraction]) -> list[Fraction]:
    return [sum((a * b for a, b in zip(row, vector, strict=True)), Fraction()) for row in matrix]


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
