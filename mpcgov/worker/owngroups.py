"""Which more cells of linked rows are hidden, as owners know their own groups' sizes: on secret counts.

`mpcgov.owngroups` is the same in plain code. Groups are public; the same work is done for any counts.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mpcgov import owngroups
from mpcgov.linked.columns import NO_MATCH
from mpcgov.linked.facts import Linked
from mpcgov.mpc import SecretArray, concatenate
from mpcgov.mpc.functions import every
from mpcgov.mpc.whole import within

Bits = NDArray[np.int64]

FEW = 8
"""Of a group of so few cells, whether one is hidden is found by products in fewer exchanges than a comparison takes."""


def close(linked: Linked, counts: SecretArray, shown: SecretArray, least: int) -> SecretArray:
    """1 where a cell may still be shown.

    Args:
        counts: shape (cells,). shown: 1 for the cells that hold at least `least`.

    Leaks: nothing.
    """
    if not linked.knowing_groups and linked.left is None:
        return shown
    by, left = [str(column) for column in linked.asked.groups], linked.left
    cells = list(itertools.product(*(linked.values(column) for column in linked.asked.groups)))
    able = np.array([place for place, cell in enumerate(cells) if owngroups.possible(cell, by, left)])
    possible = [cells[place] for place in able]
    places = {cell: place for place, cell in enumerate(possible)}

    def numbered(groups: Sequence[Sequence[owngroups.Cell]]) -> list[list[int]]:
        return [[places[cell] for cell in group] for group in groups]

    held, bits = counts[able], shown[able]
    known = [numbered(groups) for groups in owngroups.knowing(possible, by, linked.knowing_groups, left)]
    if len(known) > 1:
        bits = _closed_together(held, bits, known, least)
    elif known:
        bits = _replaced(bits, known[0], _closed(held, bits, known[0], least))
    if left is not None and len(known) < 2:
        groups = numbered(owngroups.groups(possible, by, left, left))
        without = np.array([NO_MATCH in cell for cell in possible], np.int64)
        bits = _replaced(bits, groups, _left(held, bits, groups, without, least))
    return _replaced(shown, [able.tolist()], bits)


def _closed(counts: SecretArray, shown: SecretArray, groups: Sequence[Sequence[int]], least: int) -> SecretArray:
    """Of groups' cells, in their order: without the last one that is shown, where others are hidden, and without all,
    where the hidden ones then hold too few."""
    order, members = np.array(groups).reshape(-1), np.repeat(np.arange(len(groups)), len(groups[0]))
    bits, shape = shown[order], (len(groups), len(groups[0]))
    hidden = (1 - bits).reshape(shape).sum(axis=1)
    following = _from_here(bits.reshape(shape)).reshape((len(order),))
    tests = concatenate([following - 1, 1 - hidden]) < 1
    last, some = tests[: len(order)], tests[len(order) :]
    return _unless_few(counts[order], bits * (1 - last * some[members]), some, shape, 2 * least - 1)


def _closed_together(
    counts: SecretArray, shown: SecretArray, known: Sequence[Sequence[Sequence[int]]], least: int
) -> SecretArray:
    """As `mpcgov.owngroups` closes the groups of several owners: the same steps whatever is hidden."""
    owners = [_Groups(groups) for groups in known]
    sizes = [of_owner.size for of_owner in owners]
    hidden = [of_owner.sums(1 - shown) for of_owner in owners]
    *some, every = _parts(concatenate([*hidden, (1 - shown).sum()]) >= 1, [*sizes, 1])
    following = [_from_here((1 - few).reshape((1, len(few)))).reshape((len(few),)) for few in some]
    lasts = _parts(concatenate(following) < 2, sizes)
    spare = [(1 - few) * last for few, last in zip(some, lasts, strict=True)]
    of_cells = [(few[own.at], free[own.at]) for few, free, own in zip(some, spare, owners, strict=True)]
    ends = _ends(owners)
    corner = _product([free for _, free in of_cells]) * every * ends
    closing = [_product([pair[owner != k] for k, pair in enumerate(of_cells)]) * ends for owner in range(len(owners))]
    kept = shown * _product([1 - bits for bits in (*closing, corner)])
    held = [of_owner.sums(counts * (1 - kept)) - (2 * least - 1) for of_owner in owners]
    left = (counts * corner).sum() - (counts * (1 - shown)).sum() * (len(owners) - 1) - least
    *fine, room = _parts(concatenate([*held, left]) >= 0, [*sizes, 1])
    faults = [few * (1 - enough) for few, enough in zip((*some, every), (*fine, room), strict=True)]
    return kept * (concatenate(faults).sum() < 1)


class _Groups:
    """An owner's groups of one size: `size` of them, and at which each cell is (`at`)."""

    def __init__(self, groups: Sequence[Sequence[int]]) -> None:
        self.size, self._order = len(groups), np.array(groups).reshape(-1)
        self.at = np.repeat(np.arange(self.size), len(groups[0]))[np.argsort(self._order)]

    def sums(self, of_cells: SecretArray) -> SecretArray:
        """What the cells of each group add up to."""
        return of_cells[self._order].reshape((self.size, len(self._order) // self.size)).sum(axis=1)


def _ends(owners: Sequence[_Groups]) -> Bits:
    """1 for the last of the cells that are in the same groups of all owners."""
    last = {places: cell for cell, places in enumerate(zip(*(own.at.tolist() for own in owners), strict=True))}
    bits = np.zeros(len(owners[0].at), np.int64)
    bits[list(last.values())] = 1
    return bits


def _product(bits: Sequence[SecretArray]) -> SecretArray:
    return functools.reduce(operator.mul, bits)


def _parts(bits: SecretArray, sizes: Sequence[int]) -> list[SecretArray]:
    ends = np.cumsum(sizes).tolist()
    return [bits[end - size : end] for size, end in zip(sizes, ends, strict=True)]


def _left(
    counts: SecretArray, shown: SecretArray, groups: Sequence[Sequence[int]], without: Bits, least: int
) -> SecretArray:
    """As `_closed`, without all cells (no match) where others are hidden."""
    order, members = np.array(groups).reshape(-1), np.repeat(np.arange(len(groups)), len(groups[0]))
    bits, shape = shown[order], (len(groups), len(groups[0]))
    if shape[1] <= FEW:
        columns = bits.reshape(shape).transpose()
        some = within(1 - every([columns[place].reshape(shape[:1]) for place in range(shape[1])]), 0, 1)
    else:
        some = (1 - bits).reshape(shape).sum(axis=1) >= 1
    return _unless_few(counts[order], bits * (1 - some[members] * without[order]), some, shape, least)


def _unless_few(
    counts: SecretArray, kept: SecretArray, some: SecretArray, shape: tuple[int, int], least: int
) -> SecretArray:
    """What is kept of groups, but for those whose hidden cells hold fewer than `least`."""
    few = (counts * (1 - kept)).reshape(shape).sum(axis=1) < least
    return kept * (1 - (some * few)[np.repeat(np.arange(shape[0]), shape[1])])


def _from_here(bits: SecretArray) -> SecretArray:
    """How many ones there are in a row from each place on; shape (rows, places)."""
    total, step = bits, 1
    while step < bits.shape[1]:
        total = total + concatenate([total[:, step:], 0 * total[:, :step]], axis=1)
        step *= 2
    return total


def _replaced(shown: SecretArray, groups: Sequence[Sequence[int]], by: SecretArray) -> SecretArray:
    """All cells' bits, of which those of some groups are others now."""
    order = np.array(groups).reshape(-1)
    others = np.setdiff1d(np.arange(len(shown)), order)
    every = by if not others.size else concatenate([by, shown[others]])
    return every[np.argsort(np.concatenate([order, others]))]
