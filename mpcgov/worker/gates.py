"""Which cells of a linked job may be opened, decided on secret counts: bits, one for each number that decides.

The rules are those of the protocols' references, in the same words. Nothing is opened here and nothing depends on a
secret but secrets. All counts are of rows without weights.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from mpcgov.linked import sums
from mpcgov.linked.columns import NO_MATCH
from mpcgov.linked.facts import Linked
from mpcgov.linked.sets import owner_sets
from mpcgov.linked.sums import Item, both_name
from mpcgov.mpc import SecretArray, concatenate

Found = Mapping[str, Sequence[SecretArray]]
"""By `table.name`, a secret number for each cell, place by place."""


def of_overlaps(owners: tuple[str, ...], counts: SecretArray, least: int) -> SecretArray:
    """1 where a set's count may be opened: it is large enough, and so is, of three owners or more, the number of keys
    in exactly that set, which the difference to a larger set's count would tell."""
    enough = counts >= least
    if len(owners) == 2:
        return enough
    sets = [frozenset(owned) for owned in owner_sets(owners)]
    exactly = counts
    for place, larger in enumerate(sets):
        signs = [(-1) ** (len(larger) - len(owned)) if owned < larger else 0 for owned in sets]
        exactly = exactly + counts[place : place + 1] * np.array(signs)
    return enough * (exactly >= least)


def of_cells(linked: Linked, found: Found, least: int) -> dict[str, SecretArray]:
    """By the name of each number that decides, 1 for the cells in which it, and what hangs on it, may be opened."""
    statistics = [name for name, table in linked.manifest.tables.items() if table.measure in ("count", "statistics")]
    (table,) = statistics
    count_name = f"{table}.{linked.manifest.tables[table].value}"
    counts = found[count_name][0]
    shown = _left_groups(linked, counts, least) if linked.left is not None else counts >= least
    result = {count_name: shown}
    for item, name in _own_gates(linked):
        result[name] = shown * _item(linked, item, found, counts, least)
    return result


def _left_groups(linked: Linked, counts: SecretArray, least: int) -> SecretArray:
    """The left owner knows how many of its rows are in each of its groups. So where a cell that isn't empty is hidden,
    the group's cells (no match) are, too; and if its hidden cells then hold fewer than `least` rows, all of it is."""
    order, groups, without = _grouped(linked)
    cells = counts[order]
    shape = (groups, len(order) // groups)

    members = np.repeat(np.arange(groups), shape[1])

    large, some = cells >= least, cells >= 1
    hidden = ((1 - large) * some).reshape(shape).sum(axis=1) >= 1
    large = large * (1 - hidden[members] * without[order].astype(np.int64))
    rest = (cells * (1 - large)).reshape(shape).sum(axis=1)
    shown: SecretArray = large * (1 - (hidden * (rest < least))[members])
    return shown[np.argsort(order)]


def _grouped(linked: Linked) -> tuple[np.ndarray, int, np.ndarray]:
    """The cells' places ordered by the left owner's groups, how many groups, and which cells have a (no match)."""
    by = linked.asked.groups
    own = [place for place, column in enumerate(by) if column.party == linked.left]
    cells = list(itertools.product(*(linked.values(column) for column in by)))
    names = [tuple(cell[place] for place in own) for cell in cells]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    order = np.argsort([numbers[name] for name in names], kind="stable")
    return order, len(numbers), np.array([NO_MATCH in cell for cell in cells])


def _own_gates(linked: Linked) -> list[tuple[Item, str]]:
    """The items that run over fewer rows than their cell has, with the names of their numbers of rows."""
    result = []
    for name, table in linked.manifest.tables.items():
        items = {"statistics": sums.measures, "correlation": sums.pairs}.get(table.measure)
        result += [(item, f"{name}.{item.name}.n") for item in (items(linked) if items else []) if item.own_gate]
    return result


def _item(linked: Linked, item: Item, found: Found, counts: SecretArray, least: int) -> SecretArray:
    """There are enough rows, and enough of the cell's others or none; and wherever another item sums the same column
    over other rows, those that only one of them has are enough or none."""
    own = _rows(found, item, linked, counts)
    differences = [counts - own]
    for one, other in sums.clashes(linked):
        if one == item:
            both = found[both_name(one.n.owners | other.n.owners)][0]
            differences += [own - both, _rows(found, other, linked, counts) - both]
    allowed = own >= least
    several = concatenate(differences)
    fine = (1 - (several >= 1) * (several < least)).reshape((len(differences), len(counts)))
    for row in range(len(differences)):
        allowed = allowed * fine[row]
    return allowed


def _rows(found: Found, item: Item, linked: Linked, counts: SecretArray) -> SecretArray:
    """The number of rows that an item runs over."""
    if not item.own_gate:
        return counts
    return next(found[name][0] for other, name in _own_gates(linked) if other == item)
