"""Sums of products of every two columns of linked rows: one matrix product, in words.

Every column is first made 0 where not all owners have a match: a product with the others' flags, one conversion for
each column and row. Then all sums over the rows are local, and are converted together, however many rows there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mpcgov import kinds
from mpcgov.disclosure import significant_bits
from mpcgov.errors import InternalError
from mpcgov.kinds.kind import Computed
from mpcgov.linked.facts import Linked
from mpcgov.linked.model import Model
from mpcgov.mpc.arrays import SecretArray
from mpcgov.mpc.coarse import coarse
from mpcgov.mpc.functions import concatenate
from mpcgov.mpc.solve import Fit
from mpcgov.mpc.word import field
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.product import reduce_degree
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.wire import Channel
from mpcgov.precision import SIGNIFICANT_BITS

PIECE = 1 << 21
"""Elements that are multiplied at once."""


async def limb_products(
    channel: Channel, prss: Prss, shares: Mapping[str, Words], left: str, batches: int, counted: Mapping[str, int]
) -> tuple[Words, Words]:
    """Our shares of Σ over the rows that all owners have, of the products of every two of these columns: 1, then each
    owner's in their order; for each batch of neighbouring rows, shape (batches, columns, columns). And of the sums of
    each owner's last columns, of which so many are counted only; shape (counted,).

    `shares`: by owner, of its flag (1 where it has a match) and its columns in the left list's order, shape
    (rows, 1 + columns), all 0 where it has no match.
    """
    rows = len(shares[left])
    is_counted = [False]
    for owner, matrix in shares.items():
        is_counted += [False] * (matrix.shape[1] - 1 - counted[owner]) + [True] * counted[owner]
    summed = np.array(is_counted)
    count, step = int((~summed).sum()), max(1, PIECE // len(summed))
    total, sums = np.zeros((batches, count, count), np.uint64), np.zeros(int(summed.sum()), np.uint64)
    for start in range(0, rows, step):
        piece = {
            owner: np.ascontiguousarray(matrix[start : min(start + step, rows)].T) for owner, matrix in shares.items()
        }
        every = await _matched(channel, prss, piece, left)
        columns = every[~summed]
        sums = field.add(sums, field.sum_rows(np.ascontiguousarray(every[summed].T)))
        ends = [start, *(end for end in _ends(rows, batches) if start < end < start + columns.shape[1])]
        for first, last in zip(ends, [*ends[1:], start + columns.shape[1]], strict=True):
            some = np.ascontiguousarray(columns[:, first - start : last - start])
            batch = first * batches // rows
            total[batch] = field.add(total[batch], field.inner_products(some, some))
    return await reduce_degree(channel, prss, total), sums


def _ends(rows: int, batches: int) -> list[int]:
    """The first row of each batch: row i is in batch ⌊i·batches/rows⌋."""
    return [-(-batch * rows // batches) for batch in range(batches)]


async def _matched(channel: Channel, prss: Prss, shares: Mapping[str, Words], left: str) -> Words:
    """The columns as rows, 0 where not all owners have a match, after one that says where all have."""
    others = [owner for owner in shares if owner != left]
    flags = await _products(channel, prss, {owner: shares[owner][0] for owner in others})
    everybody = tuple(others)
    kept, waiting = {}, []
    for owner, matrix in shares.items():
        rest = tuple(other for other in others if other != owner)
        if not rest:
            kept[owner] = matrix[1:]  # the only one besides the left owner: it is 0 where it has no match
        else:
            flag = np.broadcast_to(flags[rest], matrix[1:].shape)
            waiting.append((owner, field.product(np.ascontiguousarray(matrix[1:]), np.ascontiguousarray(flag))))
    reduced = await reduce_degree(channel, prss, np.concatenate([products for _, products in waiting]))
    at = 0
    for owner, products in waiting:
        kept[owner] = reduced[at : at + len(products)]
        at += len(products)
    return np.concatenate([flags[everybody][None], *(kept[owner] for owner in shares)])


async def _products(channel: Channel, prss: Prss, flags: Mapping[str, Words]) -> dict[tuple[str, ...], Words]:
    """The products of all flags, and of all but each one, by owners in order."""
    owners = tuple(flags)
    wanted = {owners, *(tuple(other for other in owners if other != owner) for owner in owners)} - {()}
    known: dict[tuple[str, ...], Words] = {(owner,): flag for owner, flag in flags.items()}
    for length in range(2, len(owners) + 1):
        prefixes = sorted({one[:length] for one in wanted if len(one) >= length})
        products = [field.product(known[prefix[:-1]], known[prefix[-1:]]) for prefix in prefixes]
        known |= dict(zip(prefixes, await reduce_degree(channel, prss, np.stack(products)), strict=True))
    return known


def in_places(model: Model, owners: Sequence[str], products: Words) -> list[Words]:
    """From products of limbs, shape (…, limbs, limbs), to those of columns, place by place, the outcome's last: shape
    (…, d + 1, d + 1) each."""
    limbs = model.place_of(list(owners))
    end = products.shape[-1]
    padded = np.zeros((*products.shape[:-2], end + 1, end + 1), np.uint64)
    padded[..., :end, :end] = products
    most = max(map(len, limbs))
    at = [np.array([own[k] if k < len(own) else end for own in limbs]) for k in range(most)]
    places = []
    for place in range(2 * most - 1):
        pairs = [(at[k][:, None], at[place - k]) for k in range(most) if 0 <= place - k < most]
        parts = [np.ascontiguousarray(padded[..., *pair]) for pair in pairs]
        places.append(field.combine([1] * len(parts), parts))
    return places


def _heavy(found: Fit, bits: int) -> SecretArray:
    """1 if a batch of rows has a leverage of 2^-bits or more."""
    if found.shares is None:
        raise InternalError("a regression without its rows' shares")
    large = found.shares.exponents >= 1 - bits - SIGNIFICANT_BITS
    return (large * (found.shares.significands >= 1)).sum() >= 1


def named(
    linked: Linked, model: Model, first: SecretArray, sides: SecretArray, found: Fit, subsets: int
) -> dict[str, list[SecretArray]]:
    """A model's numbers by `table.name`.

    Args:
        first: the row of moments with the column of ones. sides: how many rows are on one side of each number's
            division. subsets: of m − t parties.
    """
    levels = [first[place : place + 1] for own in model.categories for place in own]
    levels += [first[:1] - first[np.array(own)].sum() for own in model.categories]
    result = {kinds.counting(linked): [first[:1]], ":undefined": [found.undefined]}
    result[":sides"] = [concatenate([sides, *levels])]
    result[":heavy"] = [_heavy(found, model.share_bits(subsets))]
    bits = significant_bits(linked.job.disclosure.digits)
    all_reals = coarse(found, bits) if linked.job.receiving_owners else found.numbers.rounded(bits)
    d, end = model.unknowns, 2 * model.unknowns
    reals = {"estimate": all_reals[:d], "variance": all_reals[d:end], "r2": all_reals[end : end + 1]}
    for one in kinds.computed(linked, Computed.MODEL):
        opened = {number.name for number in one.kind.opened(one)}
        for name, kept in reals.items():
            if f"{name}.m" in opened:
                result |= {f"{one.name}.{name}.m": [kept.significands], f"{one.name}.{name}.e": [kept.exponents]}
    return result
