"""What linked-regression means, in plain Python: the ideal functionality, disclosure control included.

Exact fractions until the last step, so that nothing here depends on how well a matrix is conditioned.
"""

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from mpcgov.linked import classes

Key = tuple[str, ...]
Owner = Mapping[Key, Mapping[str, str]]
Matrix = list[list[Fraction]]
Fit = tuple[list[float], list[float], float]

SPARE_ROWS = 10
"""There must be so many more persons than numbers released of a column."""

TOLERANCE = 5e-5
"""How far released numbers may be from these, relative: they are rounded to a job's digits, four, and these aren't."""

LARGEST_SHARE = Fraction(1, 4)
"""No person may have so much of a coefficient, nor of what it leaves unexplained."""

ERROR_PART = 4
COARSE_BITS = 6
R2_STEPS = 128
"""For receivers that bring rows: steps of a coefficient are a quarter of its standard error or more, squares of these
have so many bits, and r2 is a whole number of parts."""


def run(
    owners: Mapping[str, Owner],
    domains: Mapping[str, Sequence[str]],
    params: Mapping[str, Any],
    rules: Mapping[str, Any],
) -> dict[str, list[list[Any]]]:
    """The released tables: coefficients with standard errors, and how well they fit.

    All is null unless there are enough persons, on both sides of each column's division, that the numbers released
    can't tell its values (`_enough`), and in each class of a receiver's columns (`_in_classes`); no person has a
    quarter of a coefficient or of what is left unexplained (or nearly: see README.md); the coefficients are determined,
    and something is left unexplained. Numbers are not rounded here to `digits`: those released are within half a unit
    of their last one. If a receiver brings rows, they are rounded by their standard errors (`_coarse`).

    Args:
        owners: by party, its rows by normalised key, in job order; numbers as text, in units.
        domains: by `party.column`, its values in order; those with none are numbers.
        params: `outcome` and `predictors`.
        rules: `min_count`, `digits`, `numbers` and `receivers`; all but the first with the defaults of a job.
    """
    keys = [key for key in next(iter(owners.values())) if all(key in rows for rows in owners.values())]
    columns, filled = [*params["predictors"], params["outcome"]], True
    for party in set(owners) & set(rules.get("receivers", ())):
        owners, own_filled = _in_classes(owners, party, keys, domains, columns, rules["min_count"])
        filled = filled and own_filled

    def value(column: str, key: Key) -> str:
        party, _, name = column.partition(".")
        return owners[party][key][name]

    declared = domains
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
    enough = filled and _enough(len(keys), sides, 2 * len(terms) + 1, rules)
    x = [[function(key) for _, function in terms] for key in keys]
    y = [Fraction(value(params["outcome"], key)) for key in keys]
    found = _fit(x, y) if enough else None
    if found is None:
        return {"coefficients": [[name, None, None] for name, _ in terms], "fit": [[None, None]]}
    if any(name in owners for name in rules.get("receivers", ())):
        steps = [_places(declared, params["outcome"]) - _places(declared, name) for name, _ in terms]
        found = _coarse(found, steps)
    estimates, errors, r2 = found
    rows = [[name, *numbers] for (name, _), *numbers in zip(terms, estimates, errors, strict=True)]
    return {"coefficients": rows, "fit": [[len(keys), r2]]}


def _in_classes(
    owners: Mapping[str, Owner],
    party: str,
    keys: Sequence[Key],
    domains: Mapping[str, Any],
    columns: Sequence[str],
    least: int,
) -> tuple[Mapping[str, Owner], bool]:
    """The owners, a receiver's numbers as the means of classes, and whether each class has enough linked persons."""
    own = {name: domains[f"{owner}.{name}"] for owner, _, name in (c.partition(".") for c in columns) if owner == party}
    by = [name for name, domain in own.items() if isinstance(domain, list)]
    numbers = {name: domain for name, domain in own.items() if not isinstance(domain, list)}
    most = max(1, classes.MOST_JOINT // math.prod(len(own[name]) for name in by))
    cut = classes.in_classes([*owners[party].values()], numbers, by, least, most)
    rows = dict(zip(owners[party], cut, strict=True))
    linked = [rows[key] for key in keys]
    return {**owners, party: rows}, classes.of_enough(cut, linked, [*own], [], least)


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


def _fit(x: Matrix, y: list[Fraction]) -> Fit | None:
    """Estimates, standard errors and r2 of least squares; None if they aren't determined, nothing is left unexplained,
    or one person has too large a share: that of c² in Σ c², for any combination c of the predictors' and the outcome's
    columns, is at most that person's leverage in all of them."""
    n, d = len(x), len(x[0])
    inverse, whole = _inverse(_gram(x)), [[*row, value] for row, value in zip(x, y, strict=True)]
    weights = _inverse(_gram(whole))
    if inverse is None or weights is None:
        return None
    leverages = [sum((a * b for a, b in zip(row, _times(weights, row), strict=True)), Fraction()) for row in whole]
    if max(leverages) >= LARGEST_SHARE:
        return None
    right = [sum((row[i] * value for row, value in zip(x, y, strict=True)), Fraction()) for i in range(d)]
    estimates = _times(inverse, right)
    residual = 1 / weights[d][d]
    mean = sum(y, Fraction()) / n
    total = sum(((value - mean) ** 2 for value in y), Fraction())
    variance = residual / (n - d)
    errors = [math.sqrt(variance * inverse[i][i]) for i in range(d)]
    return [float(value) for value in estimates], errors, float(1 - residual / total)


def _coarse(found: Fit, places: Sequence[int]) -> Fit:
    """Of each coefficient the nearest multiple of the least power of two that is a quarter of its standard error or
    more; of the squares of these 6 bits; and r2 in 128ths.

    Args:
        places: by coefficient, by which power of ten it is more in the columns' own steps than in units.
    """
    estimates, errors = [], []
    for estimate, error, shift in zip(found[0], found[1], places, strict=True):
        unit = Fraction(10) ** shift
        step = Fraction(2) ** math.ceil(math.log2(error * unit / ERROR_PART))
        estimates.append(float(_nearest(Fraction(estimate) * unit / step) * step / unit))
        square = Fraction(error) ** 2 * unit**2
        bit = Fraction(2) ** (math.floor(math.log2(square)) + 1 - COARSE_BITS)
        errors.append(math.sqrt(_nearest(square / bit) * bit / unit**2))
    return estimates, errors, _nearest(Fraction(found[2]) * R2_STEPS) / R2_STEPS


def _nearest(number: Fraction) -> int:
    """Halves up."""
    return math.floor(number + Fraction(1, 2))


def _places(declared: Mapping[str, Any], term: str) -> int:
    """How many decimal places a term's column has; one of 0 and 1 has none."""
    column = declared.get(term)
    return column.get("places", 0) if isinstance(column, Mapping) else 0


def _gram(columns: Matrix) -> Matrix:
    size = range(len(columns[0]))
    return [[sum((row[i] * row[j] for row in columns), Fraction()) for j in size] for i in size]


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
