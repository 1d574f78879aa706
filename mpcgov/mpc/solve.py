"""Linear regression on a secret matrix of sums: the normal equations, exactly up to the last step, and how they fit.

A is XᵀX and b is Xᵀy, integers. All is computed modulo a prime beyond det A (Hadamard's bound), where A·num = det(A)·b
has the integer solution of Cramer's rule (`cramer`). That would show A's kernel if there is one. So whether A is
singular becomes a secret bit z first (`word.determinant`), and what is solved is (A + z·1)·β = b: A is positive
semidefinite, hence A + z·1 isn't singular.

A fit solves for the whole matrix M = (X|y)ᵀ·(X|y): its adjugate holds det A and −det(A)·β in its last row, its
determinant is det A times the residuals' sum of squares, and it weighs rows by the outcome as well as by X.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpcgov import precision
from mpcgov.errors import SpecError
from mpcgov.mpc.arrays import SecretArray
from mpcgov.mpc.codec import Elements
from mpcgov.mpc.cramer import cramer
from mpcgov.mpc.crossing import WIDEN_BITS, Crossing, check_lift
from mpcgov.mpc.functions import concatenate, if_else
from mpcgov.mpc.quotient import divide
from mpcgov.mpc.runtime import MPYC, JobRuntime, coroutine
from mpcgov.mpc.word import determinant, field
from mpcgov.mpc.word.engine import WordEngine
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.lazy import LazyWords
from mpcgov.precision import SIGNIFICANT_BITS, Plan

MAX_UNKNOWNS = 32


@dataclass(frozen=True)
class Reals:
    """Secret real numbers: significand · 2^exponent, where 2^23 ≤ |significand| ≤ 2^24, or 0 · 2^0."""

    significands: SecretArray
    exponents: SecretArray

    def __getitem__(self, piece: slice) -> Reals:
        """Some of them."""
        return Reals(self.significands[piece], self.exponents[piece])

    @classmethod
    def joined(cls, *numbers: Reals) -> Reals:
        """All of them, one after the other."""
        significands = concatenate([one.significands for one in numbers])
        return cls(significands, concatenate([one.exponents for one in numbers]))

    def rounded(self, bits: int) -> Reals:
        """To significands of fewer bits, halves up: 2^(bits − 1) ≤ |significand| ≤ 2^bits, or 0 with an exponent that
        means nothing but depends on nothing else."""
        if bits >= SIGNIFICANT_BITS:
            return self
        dropped = SIGNIFICANT_BITS - bits
        return Reals(self.significands._divided(1 << dropped, 0), self.exponents + dropped)


@dataclass(frozen=True)
class Coefficients:
    """Secret coefficients, relatively within 2^-24 + (C(m,t) + 1)·2^-29.

    `singular` is 1 if they aren't determined, and 0 otherwise; if it is 1, all others are 0: release null then.
    """

    estimates: Reals
    singular: SecretArray


@dataclass(frozen=True)
class Fit:
    """Secret coefficients, the squares of their standard errors, and r2, relatively within 2^-22 + (C(m,t) + 1)·2^-28.

    `undefined` is 1 if the coefficients aren't determined, or nothing is left unexplained, as of a constant outcome;
    then all others are 0. `shares`: the leverage of each batch of rows with the outcome as one of the columns, Σ
    (xᵢ|yᵢ)·M⁻¹·(xᵢ|yᵢ)ᵀ over its rows; None if there are none.
    """

    estimates: Reals
    variances: Reals
    r2: Reals
    undefined: SecretArray
    shares: Reals | None = None

    @property
    def numbers(self) -> Reals:
        """The coefficients, the squares of their standard errors, and r2, one after the other."""
        return Reals.joined(self.estimates, self.variances, self.r2)


@dataclass(frozen=True)
class Moments:
    """(X|y)ᵀ·(X|y) for columns X and an outcome y, all integers: Σ_k places[k] · 2^(k·radix_bits), words of shape
    (d + 1, d + 1) within ±2^58.

    `squares`: public bounds of the columns' sums of squares, d of X and the one of y: all else follows from them.
    `batches`: what some batches of rows bring to it, place by place; shape (batches, (d + 1)·(d + 2)/2), rows of the
    upper triangle one after the other.
    """

    places: Sequence[SecretArray]
    squares: Sequence[int]
    radix_bits: int = 0
    batches: Sequence[SecretArray] = ()

    @property
    def unknowns(self) -> int:
        """d."""
        return len(self.squares) - 1


def least_squares(moments: Moments) -> Coefficients:
    """β with XᵀX·β = Xᵀy.

    Opened are M and masked values only; see docs/security/regression.md. About 40 rounds for three parties, whatever d.
    Raises SpecError if the session isn't as `precision.system_needs` says. Moments that aren't those of any X may show
    linear relations of their columns.
    """
    d, engine = moments.unknowns, _engine(moments)
    plan = precision.system(moments.squares, engine.config.subsets)
    _check(engine, plan)
    crossing = _crossing(engine)
    row = engine.later((2 * d + 1,), _coefficients(crossing, moments, plan), crossing.words)
    return Coefficients(_reals(engine, row[:d], row[d : 2 * d], plan), SecretArray(engine, row[2 * d :], 0, 1))


def fit(moments: Moments, spare: SecretArray) -> Fit:
    """Least squares with an intercept, which is the first column of X, all ones; and how well it fits.

    `spare`, shape (1,) and at least 1: how many more rows there are than unknowns. As `least_squares`; the session must
    be as `precision.fit_needs` says.
    """
    d, engine = moments.unknowns, _engine(moments)
    plan = precision.fit(moments.squares, engine.config.subsets)
    _check(engine, plan)
    batches = len(moments.batches[0]) if moments.batches else 0
    count = 2 * d + 2 + batches
    crossing = _crossing(engine)
    row = engine.later((2 * count + 1,), _fitted(crossing, moments, spare._backing, plan), crossing.words)
    undefined = SecretArray(engine, row[2 * count :], 0, 1)
    reals = _reals(engine, row[:count], row[count : 2 * count], plan)
    variances = _product(reals[d : 2 * d], reals[2 * d : 2 * d + 1])
    shares = reals[2 * d + 2 :] if batches else None
    return Fit(reals[:d], variances, reals[2 * d + 1 : 2 * d + 2], undefined, shares)


def _product(a: Reals, b: Reals) -> Reals:
    """a · b, none negative, rounded to 24 bits again."""
    product = a.significands * b.significands  # 0, or from 2^46 to 2^48
    half, count = SIGNIFICANT_BITS - 1, len(a.significands)
    ends = concatenate([product - 1, product - ((1 << (2 * half + 1)) - (1 << (half - 1)))]) >= 0
    some, upper = ends[:count], ends[count:]
    both = concatenate([2 * product, product])._divided(1 << SIGNIFICANT_BITS, 0)
    significands = if_else(upper, both[count:], both[:count])
    return Reals(significands, (a.exponents + b.exponents + upper + half) * some)


def _engine(moments: Moments) -> WordEngine:
    """The engine that computes with them."""
    d, engine = moments.unknowns, moments.places[0]._engine
    if not isinstance(engine, WordEngine):
        raise SpecError("a linear system in a job of more than 59 bits: give it as words, place by place")
    if any(place.shape != (d + 1, d + 1) for place in moments.places) or not 1 <= d <= MAX_UNKNOWNS:
        raise SpecError(f"a linear system of {d} unknowns with moments of shape {moments.places[0].shape}")
    if any(max(-place.low, place.high) > 1 << WIDEN_BITS for place in moments.places):
        raise SpecError(f"a linear system with moments beyond 2^{WIDEN_BITS} in a place")
    return engine


def _check(engine: WordEngine, plan: Plan) -> None:
    if engine.config.solver_bits < plan.solver_bits:
        raise SpecError(f"quotients of {plan.bits} bits need a job with a solver of {plan.solver_bits} bits")
    check_lift(engine.config)


def _crossing(engine: WordEngine) -> Crossing:
    runtime: JobRuntime = engine.solver
    return Crossing(runtime, engine.apart(), runtime.next_operation())


def _reals(engine: WordEngine, significands: LazyWords, exponents: LazyWords, plan: Plan) -> Reals:
    most, span = 1 << SIGNIFICANT_BITS, 2 * plan.normal_bits
    return Reals(SecretArray(engine, significands, -most, most), SecretArray(engine, exponents, -span, span))


@coroutine
async def _coefficients(crossing: Crossing, moments: Moments, plan: Plan) -> Any:
    """Words: significands, exponents, and whether A is singular."""
    await crossing.runtime.returnType(MPYC.runtime.Future)
    d = moments.unknowns
    singular, matrix, _ = await _system(crossing, moments, d)
    determinants, numerators, _ = await cramer(crossing, matrix[None, :d, :d], matrix[None, :d, d:])
    result = await divide(crossing, numerators.reshape(-1), determinants, [0] * d, plan, _not(singular))
    return np.concatenate([result, singular])


@coroutine
async def _fitted(crossing: Crossing, moments: Moments, spare: LazyWords, plan: Plan) -> Any:
    """Words: significands and exponents of the coefficients, of the diagonal of A⁻¹, of the residuals' variance, of r2
    and of the batches' leverages; and whether they are undefined."""
    await crossing.runtime.returnType(MPYC.runtime.Future)
    parts = [await place._backing.words() for place in moments.batches]
    more = [await spare.words(), *(part.reshape(-1) for part in parts)]
    d = moments.unknowns
    singular, matrix, beside = await _system(crossing, moments, d + 1, np.concatenate(more))
    one = np.eye(d + 1, dtype=int).astype(object)
    (whole,), (adjugate,), (reciprocal,) = await cramer(crossing, matrix[None], one[None])
    det, numerators = adjugate[d, d], -adjugate[:d, d]
    yy, n, total = matrix[d, d], matrix[0, 0], matrix[0, d]
    first = np.array([(numerators * matrix[:d, d]).sum(), total * total, n * yy - total * total], dtype=object)
    minors = adjugate.diagonal()[:d] * det - numerators * numerators
    leverages = _leverages(adjugate, beside[1:], moments)
    (explained, mean, spread), minors, leverages = np.split(
        await crossing.reduce(np.concatenate([first, minors, leverages])), [len(first), len(first) + d]
    )
    second = np.array([n * explained - det * mean, det * beside[0], det * spread], dtype=object)
    second = await crossing.reduce(np.concatenate([second, minors * reciprocal]))
    (above, residual_below, below), diagonal = np.split(second, [3])
    tops = np.concatenate([numerators, diagonal, np.array([whole, above], dtype=object), leverages])
    bottoms = np.array([det, residual_below, below, whole], dtype=object)
    which = [*([0] * (2 * d)), 1, 2, *([3] * len(leverages))]
    result = await divide(crossing, tops, bottoms, which, plan, _not(singular))
    return np.concatenate([result, singular])


def _not(bit: Words) -> Words:
    return field.subtract(np.ones_like(bit), bit)


def _leverages(adjugate: Elements, words: Elements, moments: Moments) -> Elements:
    """det M · Σ (xᵢ|yᵢ)·M⁻¹·(xᵢ|yᵢ)ᵀ over each batch's rows, of degree 2t: Σ of the entries of M's adjugate times those
    of the batch's own moments, whose wide shares these are, place by place."""
    if not moments.batches:
        return np.zeros(0, dtype=object)
    upper = np.triu_indices(moments.unknowns + 1)
    twice = np.where(upper[0] == upper[1], 1, 2).astype(object)
    whole = sum(
        part * (1 << (moments.radix_bits * k)) for k, part in enumerate(words.reshape(len(moments.batches), -1))
    )
    result: Elements = np.asarray(whole).reshape(-1, len(twice)) @ (adjugate[upper] * twice)
    return result


async def _system(
    crossing: Crossing, moments: Moments, size: int, rest: Words | None = None
) -> tuple[Words, Elements, Elements]:
    """Whether the first `size` columns' moments are singular, as one secret word; wide shares of all moments, with 1
    added to these columns' diagonal if they are; and wide shares of some more words.

    A determinant that 2^61 − 1 divides counts as 0.
    """
    d = moments.unknowns
    places = [await place._backing.words() for place in moments.places]
    factors = [1 << (moments.radix_bits * k) for k in range(len(places))]
    matrix = np.ascontiguousarray(field.combine(factors, places)[:size, :size])
    found = crossing.begin((1,), determinant.singular, matrix)
    upper = np.triu_indices(d + 1)
    rest = np.empty(0, np.uint64) if rest is None else rest
    both = await crossing.widen(np.concatenate([*(place[upper] for place in places), rest]))
    wide, beside = both[: len(both) - len(rest)].reshape(len(places), -1), both[len(both) - len(rest) :]
    whole = np.zeros((d + 1, d + 1), dtype=object)
    whole[upper] = (wide * np.array(factors, dtype=object)[:, None]).sum(axis=0)
    whole.T[upper] = whole[upper]
    diagonal = np.diag([int(place < size) for place in range(d + 1)]).astype(object)
    singular = await found.words()
    return singular, whole + await crossing.lift(singular) * diagonal, beside
