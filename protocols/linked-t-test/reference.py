"""What linked-t-test means, in plain Python: the ideal functionality, disclosure control included.

Numbers are exact up to the steps that round what is opened; t follows from these.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from mpcgov import figures, owngroups
from mpcgov.linked import classes

PIECES = 200
"""Into so many pieces an area is divided to be measured."""

Key = tuple[str, ...]
Owner = Mapping[Key, Mapping[str, str]]


class Group(NamedTuple):
    """What follows of a measure in one group from the numbers that are opened: how many rows, mean and variance."""

    n: int
    mean: Fraction
    variance: Fraction


class Join(NamedTuple):
    """The linked rows, and what is released of them how."""

    owners: Mapping[str, Owner]
    by: Sequence[str]
    domains: Mapping[str, Any]
    least: int
    digits: int
    receivers: Sequence[str]
    numbers: int
    times: int

    def cell(self, key: Key) -> tuple[str, ...]:
        """The cell of a linked row."""
        return tuple(self.owners[party][key][name] for party, _, name in (one.partition(".") for one in self.by))

    def taken(self, column: str, keys: Sequence[Key]) -> figures.Taken:
        """A column with all that its owner knows of it, and the owner's rows."""
        party, _, name = column.partition(".")
        rows = self.owners[party]
        own = figures.Own(rows.values(), name, classes.of_party(self.by, party), self.domains[column])
        return own, [rows[key] for key in keys]


def run(
    owners: Mapping[str, Owner],
    domains: Mapping[str, Any],
    params: Mapping[str, Any],
    rules: Mapping[str, Any],
) -> dict[str, list[list[Any]]]:
    """The released table: for each cell and measure both groups' counts, means and variances, t, df and p.

    Args:
        owners: by party, its rows by normalised key, in job order; numbers as text, in units.
        domains: by `party.column`, its values in order; of a number min, max and places.
        params: `by`, the last of which says the group, and `measures`.
        rules: `min_count`, `receivers`, those who get the result, and if that is asked for `digits` and `numbers`.
    """
    by, digits, numbers = params["by"], rules.get("digits", figures.DIGITS), rules.get("numbers", 2)
    times = 1 << figures.step_bits(numbers - 2)  # of each measure a total and a spread
    receivers, rows = rules.get("receivers", ()), {party: list(own.values()) for party, own in owners.items()}
    of_class, spanned = classes.least_rows(rules["min_count"], times), {column: len(domains[column]) for column in by}
    cut = classes.in_cells(rows, params["measures"], spanned, domains, receivers, of_class)
    owners = {party: dict(zip(own, cut[party], strict=True)) for party, own in owners.items()}
    join = Join(owners, by, domains, rules["min_count"], digits, receivers, numbers, times)
    first, *others = owners.values()
    linked = [key for key in first if all(key in other for other in others)]
    groups, table = domains[by[-1]], []
    of_cells: dict[Key, list[Key]] = {cell: [] for cell in itertools.product(*(domains[column] for column in by))}
    for key in linked:
        of_cells[join.cell(key)].append(key)
    hidden = owngroups.hidden(of_cells, by, rules, owners)
    for cell in itertools.product(*(domains[column] for column in by[:-1])):
        for column in params["measures"]:
            line, pair = [*cell, column], []
            for group_name in groups:
                keys, shown = of_cells[*cell, group_name], (*cell, group_name) not in hidden
                group = _group(join, column, keys) if shown else None
                described = [None, None] if group is None else [figures.shown(float(x), digits) for x in group[1:]]
                line += [len(keys) if shown else None, *described]
                pair.append(group)
            table.append([*line, *_test(*pair, digits)])
    return {"t_test": table}


def _group(join: Join, column: str, keys: Sequence[Key]) -> Group | None:
    """A measure of one group; None if there are too few rows, or values too much alike, for what its numbers can tell;
    or, of a receiver's own column, a class has too few."""
    declared, taken = join.domains[column], join.taken(column, keys)
    if len(keys) < figures.least_rows(join.numbers, join.digits, [figures.possible(declared)]):
        return None
    if not figures.linked_of_enough([taken], None, join.least, figures.least_held(join.numbers, join.digits)):
        return None
    own, rows = taken
    of_class = classes.least_rows(join.least, join.times)
    if column.partition(".")[0] in join.receivers and not own.fills(rows, of_class):
        return None
    moves = figures.moves({column: taken}, join.receivers, join.times)
    x = [own.value(row) for row in rows]
    found = figures.mean_and_variance(x, figures.unit(declared), join.digits, None, *moves)
    return None if found is None else Group(len(x), *found)


def _test(first: Group | None, second: Group | None, digits: int) -> list[float | None]:
    """t, its degrees of freedom (Welch and Satterthwaite) and p, as they are shown; null if neither group varies."""
    if first is None or second is None or not first.variance + second.variance:
        return [None, None, None]
    a, b = (float(group.variance) / group.n for group in (first, second))
    t = float(first.mean - second.mean) / math.sqrt(a + b)
    df = (a + b) ** 2 / (a**2 / (first.n - 1) + b**2 / (second.n - 1))
    return [figures.shown(number, digits) for number in (t, df, _p(abs(t), df))]


def _p(t: float, df: float) -> float:
    """The probability of |T| ≥ t. With T = √df · tan θ, θ has a density as cos(θ)^(df − 1): the area from θ to π/2."""
    start = math.atan2(t, math.sqrt(df))
    width = min(math.pi / 2 - start, 60 / math.sqrt(df))  # beyond, nothing is left
    nodes, weights = np.polynomial.legendre.leggauss(24)
    ends = start + width * np.arange(PIECES + 1) / PIECES
    angles = (ends[:-1, None] + ends[1:, None] + np.diff(ends)[:, None] * nodes) / 2
    area = float((np.cos(angles) ** (df - 1) * weights).sum()) * width / PIECES / 2
    return min(1.0, 2 * area * math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(math.pi))
