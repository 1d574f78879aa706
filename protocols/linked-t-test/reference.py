"""What linked-t-test means, in plain Python: the ideal functionality, disclosure control included.

Numbers are exact up to the steps that round what is opened; t follows from these.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mpcgov import figures, owngroups
from mpcgov.linked import classes
from mpcgov.t_test import Group, t_test

Key = tuple[str, ...]
Owner = Mapping[Key, Mapping[str, str]]


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
            table.append([*line, *t_test(*pair, digits)])
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
