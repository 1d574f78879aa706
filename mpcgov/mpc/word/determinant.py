"""Whether a secret square matrix is singular: nobody learns it, nor anything of its kernel.

R·A for a random R would show the kernel of a singular A. So A itself is never masked, but A + x·1 for d successive x
from a random public one on, of which none is singular but with probability d²/p. det(A + x·1) is a monic polynomial of
degree d in x: these d values give det A. Each comes in three rounds, as in `solve.cramer`.
"""

from __future__ import annotations

from math import prod

import numpy as np

from mpcgov.mpc.word import compare, field, steps
from mpcgov.mpc.word.field import P, Words
from mpcgov.mpc.word.product import reduce_degree
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sharing import open_to_all, weights
from mpcgov.mpc.word.wire import Channel


async def singular(channel: Channel, prss: Prss, a: Words) -> Words:
    """1 if det A is 0 modulo p and 0 otherwise, shape (1,); A of shape (d, d), degree t."""
    return await compare.zero(channel, prss, await determinant(channel, prss, a))


async def determinant(channel: Channel, prss: Prss, a: Words) -> Words:
    """det A of shape (1,), A of shape (d, d) and degree t. 3 rounds."""
    points, values = await _determinants(channel, prss, a)
    monic = prod(-x for x in points) % P
    total = field.combine(weights(points), [values[i : i + 1] for i in range(len(a))])
    return field.add(total, np.array([monic], dtype=np.uint64))


async def _determinants(channel: Channel, prss: Prss, a: Words) -> tuple[tuple[int, ...], Words]:
    """d public points x, and det(A + x·1) for each, none of them 0: opens R·(A + x·1), R = L·D·U with det R = v_d.

    U·(A + x·1) is U·A + x·U: the first x is opened while U·A is reshared.
    """
    d = len(a)
    one = np.eye(d, dtype=np.uint64)
    strict = prss.random(channel, d * d * d).reshape(d, d, d)
    lower, upper = (np.where(side, strict, one) for side in (np.tri(d, k=-1, dtype=bool), ~np.tri(d, dtype=bool)))
    products = _products(upper, np.broadcast_to(a, (d, d, d)))
    c = np.zeros((d, d), dtype=np.uint64)
    while not c.all():  # once but for 2^-50
        v, w = prss.random(channel, 2 * d * d).reshape(2, d, d)
        ratios = field.product(np.ascontiguousarray(v[:, 1:]), np.ascontiguousarray(w[:, :-1]))
        row = np.concatenate([products.reshape(-1), ratios.reshape(-1)])
        c, reduced, start = await steps.together(
            _open_product(channel.branch(), prss, field.product(v, w)),
            reduce_degree(channel.branch(), prss, row),
            open_to_all(channel.branch(), prss.random(channel, 1), prss.threshold),
        )
    points = tuple((int(start[0]) + i) % P for i in range(d))
    inverses = np.array([field.inverse(int(x)) for x in c.reshape(-1)], dtype=np.uint64).reshape(d, d)
    ratios = field.product(reduced[d**3 :].reshape(d, d - 1), np.ascontiguousarray(inverses[:, :-1]))
    shifted = [field.scale(one, x) for one, x in zip(upper, points, strict=True)]
    right = field.add(reduced[: d**3].reshape(d, d, d), np.stack(shifted))
    diagonal = np.concatenate([v[:, :1], ratios], axis=1)
    both = np.ascontiguousarray(np.broadcast_to(diagonal[:, :, None], (d, d, d)))
    both = await reduce_degree(channel, prss, field.product(both, right))
    opened = await _open_product(channel, prss, _products(lower, both))
    public = np.array([_public_determinant(matrix) for matrix in opened], dtype=np.uint64)
    last = field.product(np.ascontiguousarray(w[:, -1]), np.ascontiguousarray(inverses[:, -1]))
    return points, field.product(last, public)


async def _open_product(channel: Channel, prss: Prss, products: Words) -> Words:
    """Open what has degree 2t, behind a zero sharing."""
    zero = prss.zero(channel, products.size).reshape(products.shape)
    return await open_to_all(channel, field.add(products, zero), 2 * prss.threshold)


def _products(left: Words, right: Words) -> Words:
    """Matrix products one by one, (n, d, d) each."""
    pairs = zip(left, right, strict=True)
    return np.stack([field.inner_products(np.ascontiguousarray(a), np.ascontiguousarray(b.T)) for a, b in pairs])


def _public_determinant(matrix: Words) -> int:
    """By elimination."""
    rows, result = matrix.copy(), 1
    for column in range(len(rows)):
        candidates = np.flatnonzero(rows[column:, column])
        if not candidates.size:
            return 0
        pivot = column + int(candidates[0])
        if pivot != column:
            rows[[column, pivot]] = rows[[pivot, column]]
            result = -result
        head = int(rows[column, column])
        result = result * head % P
        factors = field.scale(np.ascontiguousarray(rows[column + 1 :, column]), field.inverse(head))
        below = np.ascontiguousarray(rows[column + 1 :])
        taken = np.ascontiguousarray(np.broadcast_to(factors[:, None], below.shape))
        row = np.ascontiguousarray(np.broadcast_to(rows[column], below.shape))
        rows[column + 1 :] = field.subtract(below, field.product(taken, row))
    return result % P
