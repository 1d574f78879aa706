"""Determinants and solutions of linear systems with secret regular matrices, in three rounds.

After Bar-Ilan and Beaver (PODC 1989) and Cramer and Damgård (CRYPTO 2001): with R = L·D·U secret, uniform among the
products of a unit lower triangular, an invertible diagonal and a unit upper triangular matrix, M = R·A is opened; then
det A = det M / det R, 1 / det A = det R / det M and num = det(M) · M⁻¹ · (R·b / det R). The diagonal is v₁, v₂/v₁ …
v_d/v_(d−1), so that det R = v_d, whose inverse comes with the others' from one opening of v·w.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import gmpy2
import numpy as np

from mpcgov.errors import InternalError
from mpcgov.mpc.codec import Elements
from mpcgov.mpc.crossing import Crossing
from mpcgov.mpc.runtime import MPYC, JobRuntime


async def cramer(crossing: Crossing, matrices: Elements, right: Elements) -> tuple[Elements, Elements, Elements]:
    """det A, det(A) · A⁻¹ · B and 1 / det A for each A of shape (n, d, d), none singular, and B of shape (n, d, k). 3
    rounds.

    Opens R·A for an R of its own for each A: uniform among invertible matrices, within (d − 1)/p.
    """
    runtime, modulus = crossing.runtime, crossing.modulus
    n, d, k = right.shape
    strict = _random(runtime, n * d * d).reshape(n, d, d)
    v, w = _random(runtime, 2 * n * d).reshape(2, n, d)
    one = np.eye(d, dtype=int).astype(object)
    lower, upper = (np.where(side, strict, 0) + one for side in (np.tri(d, k=-1, dtype=bool), ~np.tri(d, dtype=bool)))
    local = [upper @ np.concatenate([matrices, right], axis=2), v[:, 1:] * w[:, :-1], lower * w[:, -1:, None]]
    opening = crossing.open_product(v * w)
    flat = await crossing.reduce(np.concatenate([part.reshape(-1) for part in local]))
    inverses = _inverses(await opening, modulus)
    both, ratios, lower_w = _split(flat, [part.shape for part in local])
    diagonal = np.concatenate([v[:, :1], ratios * inverses[:, :-1] % modulus], axis=1)
    both = await crossing.reduce(diagonal[:, :, None] * both)
    opening = crossing.open_product(lower @ both[:, :, :d])
    right = await crossing.reduce((lower_w @ both[:, :, d:]).reshape(n, d, k)) if k else right
    opened = await opening
    last = inverses[:, -1]
    solved = [_eliminate(opened[i], right[i] * last[i], modulus) for i in range(n)]
    determinants = np.array([part[0] for part in solved], dtype=object)
    numerators = np.stack([part[1] * part[0] % modulus for part in solved])
    reciprocals = v[:, -1] * _inverses(determinants, modulus) % modulus
    return determinants * w[:, -1] * last % modulus, numerators, reciprocals


def _random(runtime: JobRuntime, count: int) -> Elements:
    """Our shares of uniform elements that nobody knows."""
    functions, common_input = runtime.prfs(runtime.field.order), runtime._prss_uci()
    shares = MPYC.thresha.np_pseudorandom_share(
        runtime.field, len(runtime.parties), runtime.pid, functions, common_input, count
    )
    result: Elements = shares.value
    return result


def _inverses(values: Elements, modulus: int) -> Elements:
    """Inverses of public elements."""
    if not values.all():
        raise InternalError("a random element was zero, which happens once in 2^500 jobs")
    inverses = [int(gmpy2.invert(value, modulus)) for value in values.reshape(-1)]
    return np.array(inverses, dtype=object).reshape(values.shape)


def _split(flat: Elements, shapes: Sequence[tuple[int, ...]]) -> list[Elements]:
    """One row taken apart into arrays of these shapes."""
    ends = np.cumsum([prod(shape) for shape in shapes])[:-1]
    return [part.reshape(shape) for part, shape in zip(np.split(flat, ends), shapes, strict=True)]


def _eliminate(matrix: Elements, right: Elements, modulus: int) -> tuple[int, Elements]:
    """det M and M⁻¹ · right modulo a prime, by elimination; `right` are shares. InternalError if M is singular."""
    d = len(matrix)
    rows = np.frompyfunc(gmpy2.mpz, 1, 1)(np.concatenate([matrix, right % modulus], axis=1))
    product = gmpy2.mpz(1)
    for column in range(d):
        pivot = next((row for row in range(column, d) if rows[row, column]), None)
        if pivot is None:
            raise InternalError("a matrix that is no Gram matrix")
        if pivot != column:
            rows[[column, pivot]] = rows[[pivot, column]]
            product = -product
        product = product * rows[column, column] % modulus
        rows[column] = rows[column] * gmpy2.invert(rows[column, column], modulus) % modulus
        others = np.arange(d) != column
        rows[others] = (rows[others] - rows[others, column, None] * rows[column]) % modulus
    return int(product), np.frompyfunc(int, 1, 1)(rows[:, d:]).astype(object)
