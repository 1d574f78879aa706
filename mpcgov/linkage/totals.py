"""Sums over the cells of linked rows: one matrix product of secret columns, and one conversion for all of it.

The left owner's rows fall into groups: a matrix of 0 and 1, with one column for each group. The other factor's columns
are products of columns of different owners (see `mpcgov.linked.dealing`). Both are made a piece of the rows at a time,
and nobody keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np
from numpy.typing import NDArray

from mpcgov.linked.dealing import Dealing, Product
from mpcgov.mpc.word import field, steps
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.product import reduce_degree
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sharing import deal
from mpcgov.mpc.word.wire import Channel

PIECE = 1 << 22
"""Elements of either factor that are made and multiplied at once."""
LEAST_ROWS = 16
"""Of very many cells, so that the rounds don't become as many as the rows."""


async def cell_sums(
    channel: Channel,
    prss: Prss,
    plan: Dealing,
    shares: Mapping[str, Words],
    left: int,
    groups: NDArray[np.int64] | None,
    first: Words | None = None,
) -> Words:
    """Our shares of every sum's places in every cell, shape (places of all sums, cells).

    Args:
        shares: by owner, of its columns in the left list's order, shape (rows, columns).
        groups: at the left owner, the group of each row, −1 for rows without a key. first: what `first_groups` gave.
    """
    rows = len(next(iter(shares.values())))
    total = np.zeros((plan.groups, len(plan.columns)), np.uint64)
    for start in range(0, rows, _step(plan)):
        stop = min(start + _step(plan), rows)
        of_piece = {owner: matrix[start:stop] for owner, matrix in shares.items()}
        making = [_right(channel, prss, plan, of_piece)]
        if start or first is None:
            making.append(_dealt(channel.branch(), prss, plan, left, stop - start, groups, start))
        right, *found = await steps.together(*making)
        dealt = found[0] if found or first is None else first
        total = field.add(total, field.inner_products(dealt.reshape(plan.groups, stop - start), right))
    return _in_cells(plan, await reduce_degree(channel, prss, total))


async def first_groups(
    channel: Channel, prss: Prss, plan: Dealing, left: int, rows: int, groups: NDArray[np.int64] | None
) -> Words:
    """Our shares of which of the first rows are in each group, for `cell_sums`: its left owner deals them whatever else
    comes of the rows, so that may be before they are aligned."""
    return await _dealt(channel, prss, plan, left, min(rows, _step(plan)), groups, 0)


def _step(plan: Dealing) -> int:
    return max(LEAST_ROWS, PIECE // max(plan.groups, len(plan.columns)))


async def _dealt(
    channel: Channel, prss: Prss, plan: Dealing, left: int, rows: int, groups: NDArray[np.int64] | None, start: int
) -> Words:
    piece = None if groups is None else _one_hot(groups[start : start + rows], plan.groups)
    (dealt,) = await deal(channel, prss.threshold, [left], piece, plan.groups * rows)
    return dealt


def _one_hot(groups: NDArray[np.int64], count: int) -> Words:
    """For each group, and then each row, whether it is in the group."""
    members: Words = (groups == np.arange(count)[:, None]).astype(np.uint64)
    return members.reshape(-1)


async def _right(channel: Channel, prss: Prss, plan: Dealing, shares: Mapping[str, Words]) -> Words:
    """The other factor's columns as rows: sums of products."""
    columns = {owner: np.ascontiguousarray(matrix.T) for owner, matrix in shares.items()}
    known: dict[Product, Words] = {
        ((owner, place),): row for owner, matrix in columns.items() for place, row in enumerate(matrix)
    }
    wanted = {term for column in plan.columns for term in column}
    for length in range(2, max(map(len, wanted)) + 1):
        prefixes = sorted({term[:length] for term in wanted if len(term) >= length})
        firsts = [known[prefix[:-1]] for prefix in prefixes]
        seconds = [known[prefix[-1:]] for prefix in prefixes]
        products = [field.product(a, b) for a, b in zip(firsts, seconds, strict=True)]
        known |= dict(zip(prefixes, await reduce_degree(channel, prss, np.stack(products)), strict=True))
    rows = next(iter(columns.values())).shape[1]
    right = np.empty((len(plan.columns), rows), np.uint64)
    for place, terms in enumerate(plan.columns):
        right[place] = field.combine([1] * len(terms), [known[term] for term in terms])
    return right


def _in_cells(plan: Dealing, total: Words) -> Words:
    """From (groups, columns) to (sums' places, cells); where nobody can be, 0."""
    places = total.shape[1] // prod(plan.extents)
    cube = np.moveaxis(total.reshape(plan.groups, places, *plan.extents), 1, 0)
    if plan.with_all:
        for axis in range(2, cube.ndim):
            cube = _without_match(cube, axis)
    flat = cube.reshape(places, -1)
    padded = np.concatenate([flat, np.zeros((places, 1), np.uint64)], axis=1)
    return np.ascontiguousarray(padded[:, plan.cells])


def _without_match(cube: Words, axis: int) -> Words:
    """The last along the axis, all rows, becomes those that none of the others have."""
    moved = np.moveaxis(cube, axis, 0)
    matched = field.combine([1] * (len(moved) - 1), list(moved[:-1])) if len(moved) > 1 else np.zeros_like(moved[-1])
    result = np.concatenate([moved[:-1], field.subtract(np.ascontiguousarray(moved[-1]), matched)[None]])
    return np.moveaxis(result, 0, axis)
