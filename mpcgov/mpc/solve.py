"""Linear systems with a secret symmetric matrix, exactly up to the last step: the normal equations of a regression.

A is XᵀX and b is Xᵀy, integers. All is computed modulo a prime beyond det A (Hadamard's bound), where A·num = det(A)·b
has the integer solution of Cramer's rule. det A and num come in three rounds (after Bar-Ilan and Beaver, PODC 1989, and
Cramer and Damgård, CRYPTO 2001): with R = L·D·U secret, uniform among the products of a unit lower triangular, an
invertible diagonal and a unit upper triangular matrix, M = R·A is opened; then det A = det M / det R and
num = det(M) · M⁻¹ · (R·b / det R). The diagonal is v₁, v₂/v₁ … v_d/v_(d−1), so that det R = v_d, whose inverse comes
with the others' from one opening of v·w.

M would show A's kernel if there is one. So whether A is singular becomes a secret bit z first (`word.determinant`),
and what is solved is (A + z·1)·β = b: A is positive semidefinite, hence A + z·1 isn't singular.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt, prod
from typing import Any

import gmpy2
import numpy as np

from mpcgov.errors import InternalError, SpecError
from mpcgov.mpc.arrays import SecretArray
from mpcgov.mpc.codec import Elements
from mpcgov.mpc.crossing import Crossing, check_lift
from mpcgov.mpc.quotient import SIGNIFICANT_BITS, Plan, divide
from mpcgov.mpc.runtime import MPYC, JobRuntime, coroutine
from mpcgov.mpc.wide import WideEngine
from mpcgov.mpc.word import determinant

MAX_UNKNOWNS = 32


@dataclass(frozen=True)
class Coefficients:
    """Secret coefficients: significand · 2^exponent, relatively within 2^-24 + (C(m,t) + 1)·2^-29.

    A significand is 0, with exponent 0, or 2^23 ≤ |s| ≤ 2^24. `singular` is 1 or 0; if it is 1, all others are 0:
    release null then.
    """

    significands: SecretArray
    exponents: SecretArray
    singular: SecretArray


@dataclass(frozen=True)
class Needs:
    """What a session must offer for a system: see `SessionConfig`. An upper bound of masked openings."""

    value_bits: int
    masked_openings: int


def least_squares_needs(squares: Sequence[int], subsets: int) -> Needs:
    """For bounds as `least_squares` takes them, in a job with so many subsets of m − t parties."""
    plan, d = _plan(squares, subsets), len(squares) - 1
    return Needs(plan.value_bits, plan.masked_openings(d) + d * (d + 1) // 2 + 1)


def least_squares(a: SecretArray, b: SecretArray, squares: Sequence[int]) -> Coefficients:
    """β with A·β = b for a positive semidefinite A = XᵀX of shape (d, d) and b = Xᵀy of shape (d,), both integers.

    `squares` are public bounds of the columns' sums of squares, d of X and the one of y: all else follows from them.
    Opened are M and masked values only; see docs/security/regression.md. About 85 rounds, whatever d.
    Raises SpecError if the session isn't as `least_squares_needs` says. An A that isn't positive semidefinite may show
    linear relations of its columns.
    """
    d = b.size
    engine = a._engine
    if not isinstance(engine, WideEngine):
        raise SpecError("a linear system needs a job of more than 59 bits")
    if a.shape != (d, d) or b.shape != (d,) or len(squares) != d + 1 or not 1 <= d <= MAX_UNKNOWNS:
        raise SpecError(f"a linear system of shapes {a.shape} and {b.shape} with {len(squares)} bounds")
    plan = _plan(squares, engine.config.subsets)
    plan.check(engine.config)
    check_lift(engine.config)
    crossing = Crossing(engine.runtime, engine.words, engine.runtime.next_operation())
    shares = _solve(crossing, *engine.turn(), a._backing, b._backing, plan, max(squares).bit_length())
    most = 1 << SIGNIFICANT_BITS
    span = 2 * plan.normal_bits
    return Coefficients(
        SecretArray(engine, shares[:d], -most, most),
        SecretArray(engine, shares[d : 2 * d], -span, span),
        SecretArray(engine, shares[2 * d :], 0, 1),
    )


def _plan(squares: Sequence[int], subsets: int) -> Plan:
    """Sizes from bounds. Minors of a positive semidefinite matrix: |M[I,J]|² ≤ M[I,I] · M[J,J] ≤ their diagonals'."""
    if any(square < 1 for square in squares):
        raise SpecError("a bound of a sum of squares must be at least 1")
    *columns, outcome = squares
    d = len(columns)
    numerators = prod(n + 1 for n in columns) * outcome * prod(sorted(n + 1 for n in columns)[1:])
    greatest = max(prod(n + d for n in columns), isqrt(numerators) + 1)
    return Plan.of(greatest.bit_length() + 1, subsets)


@coroutine
async def _solve(crossing: Crossing, before: Any, after: Any, a: Any, b: Any, plan: Plan, entry_bits: int) -> Any:
    """Significands, exponents, and whether A is singular, in one array."""
    runtime, d = crossing.runtime, b.shape[0]
    await runtime.returnType((runtime.array_type, (2 * d + 1,)))
    matrix, right = (await runtime.gather(a)).value, (await runtime.gather(b)).value
    await before.wait()
    singular = await _singular(crossing, matrix, entry_bits)
    regular = matrix + singular[0] * np.eye(d, dtype=int).astype(object)
    denominator, numerators = await cramer(crossing, regular[None], right[None, :, None])
    result = await divide(crossing, numerators.reshape(-1), denominator, plan)
    both = np.concatenate([result.significands, result.exponents])
    kept = await crossing.reduce(both * (1 - singular[0]))
    after.set()
    return runtime.field.array(np.concatenate([kept, singular]), check=False)


async def _singular(crossing: Crossing, matrix: Elements, entry_bits: int) -> Elements:
    """Whether det A = 0, as one secret bit; a determinant that 2^61 − 1 divides counts as 0."""
    d = len(matrix)
    upper = np.triu_indices(d)
    masked = await crossing.mask(matrix[upper], entry_bits)
    words = np.zeros((d, d), dtype=np.uint64)
    words[upper] = masked.shifted_words(0)
    words.T[upper] = words[upper]
    return await crossing.lift(await crossing.protocol((1,), determinant.singular, words))


async def cramer(crossing: Crossing, matrices: Elements, right: Elements) -> tuple[Elements, Elements]:
    """det A and det(A) · A⁻¹ · B for each A of shape (n, d, d), none singular, and B of shape (n, d, k). 3 rounds.

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
    inverses = _inverses((await opening).value, modulus)
    both, ratios, lower_w = _split(flat, [part.shape for part in local])
    diagonal = np.concatenate([v[:, :1], ratios * inverses[:, :-1] % modulus], axis=1)
    both = await crossing.reduce(diagonal[:, :, None] * both)
    opening = crossing.open_product(lower @ both[:, :, :d])
    right = await crossing.reduce((lower_w @ both[:, :, d:]).reshape(n, d, k)) if k else right
    opened = (await opening).value
    last = inverses[:, -1]
    solved = [_eliminate(opened[i], right[i] * last[i], modulus) for i in range(n)]
    determinants = np.array([part[0] for part in solved], dtype=object)
    numerators = np.stack([part[1] * part[0] % modulus for part in solved])
    return determinants * w[:, -1] * last % modulus, numerators


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
