"""Which more cells of linked rows are hidden, as owners know their own groups' sizes: on secret counts.

`mpcgov.owngroups` is the same in plain code. Groups are public; the same work is done for any counts.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mpcgov import owngroups
from mpcgov.linked.columns import NO_MATCH
from mpcgov.linked.facts import Linked
from mpcgov.mpc import SecretArray, concatenate

Bits = NDArray[np.int64]


def close(linked: Linked, counts: SecretArray, shown: SecretArray, least: int) -> SecretArray:
    """1 where a cell may still be shown.

    Args:
        counts: shape (cells,). shown: 1 for the cells that hold at least `least`.

    Leaks: nothing.
    """
    if not linked.knowing_groups and linked.left is None:
        return shown
    cells = list(itertools.product(*(linked.values(column) for column in linked.asked.groups)))
    by = [str(column) for column in linked.asked.groups]
    places = {cell: place for place, cell in enumerate(cells)}
    possible = np.array([owngroups.possible(cell, by, linked.left) for cell in cells], np.int64)
    found = (owngroups.groups(cells, by, owner, linked.left) for owner in linked.knowing_groups)
    known = [[[places[cell] for cell in group] for group in groups] for groups in found if groups]
    rows = owngroups.hidden_rows(least, len(known))
    for again in (False, True) if len(known) > 1 else (False,):
        for groups in known:
            shown = _replaced(shown, groups, _closed(counts, shown, groups, possible, rows, again))
    if len(known) > 1:
        shown = shown * _all_closed(counts, shown, known, possible, rows)
    if linked.left is None:
        return shown
    groups = [[places[cell] for cell in group] for group in owngroups.groups(cells, by, linked.left, linked.left)]
    without = np.array([NO_MATCH in cell for cell in cells], np.int64)
    return _replaced(shown, groups, _left(counts, shown, groups, possible, without, least))


def _closed(
    counts: SecretArray, shown: SecretArray, groups: Sequence[Sequence[int]], possible: Bits, rows: int, again: bool
) -> SecretArray:
    """Of groups' cells, in their order: without the last one that is shown, where others are hidden, and without all,
    where the hidden ones then hold too few. `again`: without the last one only where one other is hidden."""
    order, members = np.array(groups).reshape(-1), np.repeat(np.arange(len(groups)), len(groups[0]))
    bits, shape = shown[order], (len(groups), len(groups[0]))
    hidden = ((1 - bits) * possible[order]).reshape(shape).sum(axis=1)
    following = _from_here(bits.reshape(shape)).reshape((len(order),))
    tests = concatenate([following - 1, 1 - hidden, *([hidden - 1] if again else [])]) < 1
    last, some = tests[: len(order)], tests[len(order) : len(order) + len(groups)]
    closes = some * tests[len(order) + len(groups) :] if again else some
    kept = bits * (1 - last * closes[members])
    return _unless_few(counts[order], kept, some, shape, rows)


def _all_closed(
    counts: SecretArray, shown: SecretArray, known: Sequence[Sequence[Sequence[int]]], possible: Bits, rows: int
) -> SecretArray:
    """1 if no owner has a group, of which some is shown, with one hidden cell, or with hidden ones that hold too few;
    shape (1,)."""
    parts: tuple[list[SecretArray], ...] = ([], [], [], [])
    for groups in known:
        order, shape = np.array(groups).reshape(-1), (len(groups), len(groups[0]))
        bits = shown[order]
        hidden = ((1 - bits) * possible[order]).reshape(shape).sum(axis=1)
        held = (counts[order] * (1 - bits)).reshape(shape).sum(axis=1)
        for part, numbers in zip(
            parts, (hidden, bits.reshape(shape).sum(axis=1), 2 - hidden, rows - held), strict=True
        ):
            part.append(numbers)
    tests = concatenate([one for part in parts for one in part]) >= 1
    hidden, some, alone, few = (tests[place * len(tests) // 4 : (place + 1) * len(tests) // 4] for place in range(4))
    result: SecretArray = (hidden * some * (1 - (1 - alone) * (1 - few))).sum() < 1
    return result


def _left(
    counts: SecretArray, shown: SecretArray, groups: Sequence[Sequence[int]], possible: Bits, without: Bits, least: int
) -> SecretArray:
    """As `_closed`, without all cells (no match) where others are hidden."""
    order, members = np.array(groups).reshape(-1), np.repeat(np.arange(len(groups)), len(groups[0]))
    bits, shape = shown[order], (len(groups), len(groups[0]))
    some = ((1 - bits) * possible[order]).reshape(shape).sum(axis=1) >= 1
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
