"""What joint-statistics means, in plain Python: the ideal functionality, disclosure control included.

Numbers are exact up to the last step, which rounds them.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from mpcgov import figures

Row = Mapping[str, str]
Owners = Sequence[Sequence[Row]]
"""The rows of some owners, each by itself."""


def run(
    owners: Mapping[str, Sequence[Row]],
    domains: Mapping[str, Any],
    params: Mapping[str, Any],
    rules: Mapping[str, Any],
) -> dict[str, list[list[Any]]]:
    """The released tables: each cell's count, each measure's mean and variance, each pair's correlation.

    All is null in a cell with fewer than `min_count` rows, all owners' together or, for any of them that gets the
    result, the others', if there are others; or in which fewer than `contributors` owners have
    `min_count` rows themselves.

    Args:
        owners: by party, its rows; numbers as text, in units.
        domains: by column, its values in order; of a number min, max and places.
        params: `by`, `measures` and `correlations`, all optional.
        rules: `min_count`, `receivers`, those who get the result, and if that is asked for `contributors`, `digits` and
            `numbers`.
    """
    by, measures, pairs = (list(params.get(name, [])) for name in ("by", "measures", "correlations"))
    digits = rules.get("digits", figures.DIGITS)
    numbers = rules.get("numbers", _own_numbers(measures, pairs))
    statistics, correlation = [], []
    for cell in itertools.product(*(domains[column] for column in by)):
        of_owners = {
            name: [row for row in rows if tuple(row[column] for column in by) == cell] for name, rows in owners.items()
        }
        own = [row for rows in of_owners.values() for row in rows]
        known = [len(of_owners[name]) for name in rules.get("receivers", ()) if name in owners and len(owners) > 1]
        enough = len(own) - max(known, default=0) >= rules["min_count"]
        full = sum(len(rows) >= rules["min_count"] for rows in of_owners.values())
        enough = enough and full >= rules.get("contributors", 0)
        line: list[Any] = [*cell, len(own) if enough else None]
        unknown = len(own) - max(known, default=0) if enough else 0

        receiving = [name for name in rules.get("receivers", ()) if name in owners and len(owners) > 1]
        others = [[rows for name, rows in of_owners.items() if name != r] for r in receiving] or [[*of_owners.values()]]

        def may(*columns: str, others: Sequence[Owners] = others, unknown: int = unknown) -> bool:
            values = [figures.possible(domains[column]) for column in columns]
            if unknown < figures.least_rows(numbers, digits, values):
                return False
            held = figures.least_held(numbers, digits)
            return all(_of_enough(of, columns, domains, rules["min_count"], held) for of in others)

        for column in measures:
            x, unit = _steps(own, column, domains), figures.unit(domains[column])
            line += figures.described(x, unit, digits) if may(column) else [None, None]
        statistics.append(line)
        for pair in pairs:
            both = [_steps(own, column, domains) for column in pair]
            correlation.append([*cell, *pair, figures.correlation(*both, digits) if may(*pair) else None])
    return {"statistics": statistics} | ({"correlation": correlation} if pairs else {})


def _of_enough(owners: Owners, columns: Sequence[str], domains: Mapping[str, Any], least: int, held: int) -> bool:
    """Whether some division of the columns' values shows that what is opened is of enough rows; and their values, each
    among its owner's, hold so much."""
    rows = [row for own in owners for row in own]
    for column in columns:
        of_owners = [_steps(own, column, domains) for own in owners]
        if sum(figures.held(own.count(value), len(own)) for own in of_owners for value in own) < held:
            return False
    above = []
    for column in columns:
        low = figures.steps(domains[column]["min"], domains[column])
        above.append([value - low for value in _steps(rows, column, domains)])
    return any(
        figures.of_enough([[figures.part(value, number) for value in values] for values in above], least)
        for number in range(figures.DIVISIONS)
    )


def _steps(rows: Sequence[Row], column: str, domains: Mapping[str, Any]) -> list[int]:
    return [figures.steps(row[column], domains[column]) for row in rows]


def _own_numbers(measures: Sequence[str], pairs: Sequence[Sequence[str]]) -> int:
    """How many numbers are opened of one column's rows, at most: a total if it is a measure, its spread, and a product
    with each other that it is paired with."""
    paired = {frozenset(pair) for pair in pairs}
    columns = {*measures, *(column for pair in pairs for column in pair)}
    return max((1 + (column in measures) + sum(column in pair for pair in paired) for column in columns), default=0)
