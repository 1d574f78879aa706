"""Sums of products of every two columns of linked rows: one matrix product, in words.

Every column is first made 0 where not all owners have a match: a product with the others' flags, one conversion for
each column and row. Then all sums over the rows are local, and are converted together, however many rows there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mpcgov.linked.facts import Linked
from mpcgov.linked.layout import table_name
from mpcgov.linked.model import Model
from mpcgov.mpc.arrays import SecretArray
from mpcgov.mpc.functions import concatenate
from mpcgov.mpc.solve import Fit
from mpcgov.mpc.word import field
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.product import reduce_degree
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.wire import Channel

PIECE = 1 << 21
"""Elements that are multiplied at once."""


async def limb_products(channel: Channel, prss: Prss, shares: Mapping[str, Words], left: str) -> Words:
    """Our shares of Σ over the rows that all owners have, of the products of every two of these columns: 1, then each
    owner's in their order; shape (columns, columns).

    `shares`: by owner, of its flag (1 where it has a match) and its columns in the left list's order, shape
    (rows, 1 + columns), all 0 where it has no match.
    """
    rows, count = len(shares[left]), 1 + sum(matrix.shape[1] - 1 for matrix in shares.values())
    step = max(1, PIECE // count)
    total = np.zeros((count, count), np.uint64)
    for start in range(0, rows, step):
        piece = {
            owner: np.ascontiguousarray(matrix[start : min(start + step, rows)].T) for owner, matrix in shares.items()
        }
        columns = await _matched(channel, prss, piece, left)
        total = field.add(total, field.inner_products(columns, columns))
    return await reduce_degree(channel, prss, total)


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
    """From products of limbs to those of columns, place by place, the outcome's last: shape (d + 1, d + 1) each."""
    limbs = model.place_of(list(owners))
    end = len(products)
    padded = np.zeros((end + 1, end + 1), np.uint64)
    padded[:end, :end] = products
    most = max(map(len, limbs))
    at = [np.array([own[k] if k < len(own) else end for own in limbs]) for k in range(most)]
    places = []
    for place in range(2 * most - 1):
        parts = [padded[np.ix_(at[k], at[place - k])] for k in range(most) if 0 <= place - k < most]
        places.append(field.combine([1] * len(parts), parts))
    return places


def named(linked: Linked, model: Model, first: SecretArray, found: Fit) -> dict[str, list[SecretArray]]:
    """A model's numbers by `table.name`. `first`: the row of moments with the column of ones."""
    coefficients, summary = (table_name(linked, measure) for measure in ("coefficients", "fit"))
    levels = [first[place : place + 1] for own in model.categories for place in own]
    levels += [first[:1] - first[np.array(own)].sum() for own in model.categories]
    result = {f"{summary}.n": [first[:1]], ":undefined": [found.undefined]}
    result |= {":levels": [concatenate(levels)]} if levels else {}
    reals = {
        f"{coefficients}.estimate": found.estimates,
        f"{coefficients}.variance": found.variances,
        f"{summary}.r2": found.r2,
    }
    for name, numbers in reals.items():
        result |= {f"{name}.m": [numbers.significands], f"{name}.e": [numbers.exponents]}
    return result
