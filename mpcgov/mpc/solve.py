"""Linear regression on a secret matrix of sums, exactly up to the last step: the normal equations, and how they fit.

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
from mpcgov.mpc.crossing import WIDEN_BITS, Crossing, check_lift
from mpcgov.mpc.quotient import SIGNIFICANT_BITS, Plan, divide
from mpcgov.mpc.runtime import MPYC, JobRuntime, coroutine
from mpcgov.mpc.word import determinant, field
from mpcgov.mpc.word.engine import WordEngine
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.lazy import LazyWords

MAX_UNKNOWNS = 32


@dataclass(frozen=True)
class Reals:
    """Secret real numbers: significand · 2^exponent, where 2^23 ≤ |significand| ≤ 2^24, or 0 · 2^0."""

    significands: SecretArray
    exponents: SecretArray


@dataclass(frozen=True)
class Coefficients:
    """Secret coefficients, relatively within 2^-24 + (C(m,t) + 1)·2^-29.

    `singular` is 1 if they aren't determined, and 0 otherwise; if it is 1, all others are 0: release null then.
    """

    estimates: Reals
    singular: SecretArray


@dataclass(frozen=True)
class Needs:
    """What a session must offer for a system: see `SessionConfig`. An upper bound of masked openings."""

    solver_bits: int
    masked_openings: int


@dataclass(frozen=True)
class Moments:
    """(X|y)ᵀ·(X|y) for columns X and an outcome y, all integers: Σ_k places[k] · 2^(k·radix_bits), words of shape
    (d + 1, d + 1) within ±2^58.

    `squares`: public bounds of the columns' sums of squares, d of X and the one of y: all else follows from them.
    """

    places: Sequence[SecretArray]
    squares: Sequence[int]
    radix_bits: int = 0

    @property
    def unknowns(self) -> int:
        """d."""
        return len(self.squares) - 1


def least_squares_needs(squares: Sequence[int], subsets: int, places: int = 1) -> Needs:
    """For `Moments` with these bounds, in a job with so many subsets of m − t parties."""
    d = len(squares) - 1
    return _needs(_plan(squares, subsets), d, d + 1, places * (d + 1) * (d + 2) // 2)


def least_squares(moments: Moments) -> Coefficients:
    """β with XᵀX·β = Xᵀy.

    Opened are M and masked values only; see docs/security/regression.md. About 85 rounds, whatever d. Raises SpecError
    if the session isn't as `least_squares_needs` says. Moments that aren't those of any X may show linear relations of
    their columns.
    """
    d = moments.unknowns
    engine = _checked(moments)
    plan = _plan(moments.squares, engine.config.subsets)
    plan.check(engine.config)
    row = engine.later((2 * d + 1,), _coefficients(_crossing(engine), moments, plan))
    return Coefficients(_reals(engine, row[:d], row[d : 2 * d], plan), SecretArray(engine, row[2 * d :], 0, 1))


def _needs(plan: Plan, quotients: int, values: int, entries: int) -> Needs:
    return Needs(plan.value_bits, plan.masked_openings(values, quotients) + entries * plan.subsets + 1)


def _checked(moments: Moments) -> WordEngine:
    """The engine that computes with them."""
    d, engine = moments.unknowns, moments.places[0]._engine
    if not isinstance(engine, WordEngine):
        raise SpecError("a linear system in a job of more than 59 bits: give it as words, place by place")
    if any(place.shape != (d + 1, d + 1) for place in moments.places) or not 1 <= d <= MAX_UNKNOWNS:
        raise SpecError(f"a linear system of {d} unknowns with moments of shape {moments.places[0].shape}")
    if any(max(-place.low, place.high) > 1 << WIDEN_BITS for place in moments.places):
        raise SpecError(f"a linear system with moments beyond 2^{WIDEN_BITS} in a place")
    check_lift(engine.config)
    return engine


def _crossing(engine: WordEngine) -> Crossing:
    runtime: JobRuntime = engine.solver
    return Crossing(runtime, engine.apart(), runtime.next_operation())


def _reals(engine: WordEngine, significands: LazyWords, exponents: LazyWords, plan: Plan) -> Reals:
    most, span = 1 << SIGNIFICANT_BITS, 2 * plan.normal_bits
    return Reals(SecretArray(engine, significands, -most, most), SecretArray(engine, exponents, -span, span))


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
async def _coefficients(crossing: Crossing, moments: Moments, plan: Plan) -> Any:
    """Words: significands, exponents, and whether A is singular."""
    await crossing.runtime.returnType(MPYC.runtime.Future)
    singular, matrix = await _system(crossing, moments)
    d = moments.unknowns
    determinants, numerators = await cramer(crossing, matrix[None, :d, :d], matrix[None, :d, d:])
    result = await divide(crossing, numerators.reshape(-1), determinants, [0] * d, plan)
    both = np.concatenate([result.significands, result.exponents])
    regular = field.subtract(np.ones(1, np.uint64), singular)
    kept = await crossing.multiply(both, np.repeat(regular, len(both)))
    return np.concatenate([kept, singular])


async def _system(crossing: Crossing, moments: Moments) -> tuple[Words, Elements]:
    """Whether A is singular, as one secret word; and wide shares of the moments, with 1 on A's diagonal if it is.

    A determinant that 2^61 − 1 divides counts as 0.
    """
    d = moments.unknowns
    places = [await place._backing.words() for place in moments.places]
    factors = [1 << (moments.radix_bits * k) for k in range(len(places))]
    matrix = np.ascontiguousarray(field.combine(factors, places)[:d, :d])
    singular = await crossing.protocol((1,), determinant.singular, matrix)
    upper = np.triu_indices(d + 1)
    wide = (await crossing.widen(np.concatenate([place[upper] for place in places]))).reshape(len(places), -1)
    whole = np.zeros((d + 1, d + 1), dtype=object)
    whole[upper] = (wide * np.array(factors, dtype=object)[:, None]).sum(axis=0)
    whole.T[upper] = whole[upper]
    diagonal = np.diag([1] * d + [0]).astype(object)
    return singular, whole + await crossing.lift(singular) * diagonal


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
