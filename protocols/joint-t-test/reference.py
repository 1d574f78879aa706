"""What joint-t-test means, in plain Python: the ideal functionality, disclosure control included.

Numbers are exact up to the steps that round what is opened; t follows from these.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from mpcgov import figures
from mpcgov.t_test import Group, t_test

Row = Mapping[str, str]
Owners = Sequence[Sequence[Row]]
"""The rows of some owners, each by itself."""


def run(
    owners: Mapping[str, Sequence[Row]],
    domains: Mapping[str, Any],
    params: Mapping[str, Any],
    rules: Mapping[str, Any],
) -> dict[str, list[list[Any]]]:
    """The released table: for each cell and measure both groups' counts, means and variances, t, df and p.

    All of a group is null if it has fewer than `min_count` rows, all owners' together or, for any of them that gets the
    result, the others', if there are others.

    Args:
        owners: by party, its rows; numbers as text, in units.
        domains: by column, its values in order; of a number min, max and places.
        params: `by`, the last of which says the group, and `measures`.
        rules: `min_count`, `receivers`, those who get the result, and if that is asked for `digits` and `numbers`.
    """
    by, measures = params["by"], params["measures"]
    digits = rules.get("digits", figures.DIGITS)
    groups, table = domains[by[-1]], []
    for cell in itertools.product(*(domains[column] for column in by[:-1])):
        chosen = [_chosen(owners, by, (*cell, group)) for group in groups]
        counts = [_others(of_owners, rules) >= rules["min_count"] for of_owners in chosen]
        for column in measures:
            line, pair = [*cell, column], []
            for of_owners, shown in zip(chosen, counts, strict=True):
                group = _group(of_owners, column, domains[column], rules) if shown else None
                described = [None, None] if group is None else [figures.shown(float(x), digits) for x in group[1:]]
                line += [sum(map(len, of_owners.values())) if shown else None, *described]
                pair.append(group)
            table.append([*line, *t_test(*pair, digits)])
    return {"t_test": table}


def _chosen(owners: Mapping[str, Sequence[Row]], by: Sequence[str], cell: tuple[str, ...]) -> dict[str, list[Row]]:
    return {party: [row for row in rows if tuple(row[one] for one in by) == cell] for party, rows in owners.items()}


def _receiving(of_owners: Mapping[str, Any], rules: Mapping[str, Any]) -> list[str]:
    """The receivers that bring rows and can take them out."""
    return [party for party in rules.get("receivers", ()) if party in of_owners and len(of_owners) > 1]


def _others(of_owners: Mapping[str, Sequence[Row]], rules: Mapping[str, Any]) -> int:
    """How many rows are left for whoever can take out most."""
    known = [len(of_owners[party]) for party in _receiving(of_owners, rules)]
    return sum(map(len, of_owners.values())) - max(known, default=0)


def _group(
    of_owners: Mapping[str, Sequence[Row]], column: str, declared: Mapping[str, Any], rules: Mapping[str, Any]
) -> Group | None:
    """A measure of one group; None if there are too few rows, or values too alike, for what its numbers can tell."""
    digits = rules.get("digits", figures.DIGITS)
    numbers = rules.get("numbers", 2)  # of each measure a total and a spread
    if _others(of_owners, rules) < figures.least_rows(numbers, digits, [figures.possible(declared)]):
        return None
    own = {party: [figures.steps(row[column], declared) for row in rows] for party, rows in of_owners.items()}
    x = [value for values in own.values() for value in values]
    views = [[values for name, values in own.items() if name != party] for party in _receiving(of_owners, rules)]
    held = figures.least_held(numbers, digits)
    low = figures.steps(declared["min"], declared)
    if not all(_of_enough(view, low, rules["min_count"], held) for view in views or [[*own.values()]]):
        return None
    found = figures.mean_and_variance(x, figures.unit(declared), digits)
    return None if found is None else Group(len(x), *found)


def _of_enough(owners: Sequence[Sequence[int]], low: int, least: int, held: int) -> bool:
    """Whether some division of the values shows that enough of them are off any one; and each owner's hold so much."""
    if sum(figures.held(own.count(value), len(own)) for own in owners for value in own) < held:
        return False
    values = [value - low for own in owners for value in own]
    return any(
        figures.of_enough([[figures.part(value, number) for value in values]], least)
        for number in range(figures.DIVISIONS)
    )
