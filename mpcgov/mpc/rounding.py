"""Rounding of secret integers to the nearest multiple of a public base, halves up, without a comparison.

With d = c + ⌊base/2⌋ the result is d − (d mod base). To get d mod base, each subset S of m − t parties has two
pseudorandom numbers that its members know: s_S uniform in 0 … base−1 and t_S uniform in 0 … 2^τ−1. Opened is
e = d + Σ_S (base·t_S + s_S), over the integers: nothing wraps. Then d mod base = (e − Σ_S s_S) mod base.

The sum of the s_S modulo base is shared as a one-hot vector. That of one s_S costs nothing: its members' shares are
s_S's one-hot vector times f_S(i), where f_S has degree t, is 1 at 0 and 0 outside S. Vectors are combined by cyclic
convolution, one reshare for each level of a tree.

Any t parties miss one subset S, whose base·t_S + s_S is uniform over base·2^τ numbers and unknown to them. So e tells
less than (range of d) / (base·2^τ) ≤ 2^-(K − ⌈log₂ C(m,t)⌉) about d, in statistical distance. Nothing else is opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcgov.errors import SpecError
from mpcgov.mpc.codec import Elements
from mpcgov.mpc.config import SessionConfig, ceil_log2
from mpcgov.mpc.runtime import JobRuntime, coroutine

Positions: TypeAlias = NDArray[np.int64]
SubsetNumbers: TypeAlias = dict[tuple[int, ...], Elements]

MAX_BASE = 10_000
CHUNK_ELEMENTS = 200_000
"""Elements of one-hot vectors that are worked on at once."""


@dataclass(frozen=True)
class Mask:
    """How d in low … high is masked: e = d − offset + Σ_S (base·t_S + s_S) with t_S below 2^tail_bits.

    `offset` is the highest multiple of base up to `low`: e is never negative, and d modulo base stays what it is.
    """

    base: int
    offset: int
    tail_bits: int


def plan_mask(low: int, high: int, base: int, config: SessionConfig, modulus: int) -> Mask:
    """The mask for d in low … high; SpecError unless the masked value fits the field whatever the numbers."""
    if not 1 < base <= MAX_BASE:
        raise SpecError(f"rounding to multiples of {base}: from 2 to {MAX_BASE} are possible")
    span = high - low + base
    tail_bits = ceil_log2(-(-(span << config.subset_bits) // base))
    if span + config.subsets * (base << tail_bits) >= modulus:
        raise SpecError("rounding: the masked value would not fit the field")
    return Mask(base, low // base * base, tail_bits)


@dataclass(frozen=True)
class OneHot:
    """Shares of one-hot vectors of positions that everyone with a weight other than 0 knows: weight · one-hot."""

    positions: Positions
    weight: int


def convolve(a: OneHot | Elements, b: OneHot | Elements, base: int, modulus: int) -> Elements:
    """Cyclic convolution of each row of a with that of b: local products, so the degrees of the sharings add up."""
    if isinstance(a, OneHot):
        if isinstance(b, OneHot):
            rows = np.zeros((len(a.positions), base), dtype=object)
            rows[np.arange(len(rows)), (a.positions + b.positions) % base] = a.weight * b.weight % modulus
            return rows
        return _rotate(b, a, base, modulus)
    if isinstance(b, OneHot):
        return _rotate(a, b, base, modulus)
    total = a[:, :1] * b
    for shift in range(1, base):
        total = total + a[:, shift : shift + 1] * np.roll(b, shift, axis=1)
    result: Elements = total % modulus
    return result


def _rotate(rows: Elements, by: OneHot, base: int, modulus: int) -> Elements:
    columns = (np.arange(base)[None, :] - by.positions[:, None]) % base
    result: Elements = np.take_along_axis(rows, columns, axis=1) * by.weight % modulus
    return result


def round_to(runtime: JobRuntime, x: Any, low: int, high: int, base: int, operation: int | None = None) -> Any:
    """MPyC array x, each element in low … high, rounded to multiples of base.

    `operation` is for a computation that took its number when it was built, and rounds once.
    """
    half = base // 2
    mask = plan_mask(low + half, high + half, base, runtime.config, int(runtime.field.modulus))
    d = x + half
    return d - _residues(runtime, d, mask, runtime.next_operation() if operation is None else operation)


@coroutine
async def _residues(runtime: JobRuntime, d: Any, mask: Mask, operation: int) -> Any:
    """Secret d mod base, elementwise."""
    await runtime.returnType((type(d), d.shape))
    values = (await runtime.gather(d)).value.reshape(-1)
    tails = runtime.subset_numbers("rounding tail", operation, len(values), 1 << mask.tail_bits)
    residues = runtime.subset_numbers("rounding residue", operation, len(values), mask.base)
    rows_at_once = max(1, CHUNK_ELEMENTS // (mask.base * runtime.config.subsets))
    parts = []
    for start in range(0, len(values), rows_at_once):
        piece = slice(start, start + rows_at_once)
        tails_here = {subset: numbers[piece] for subset, numbers in tails.items()}
        residues_here = {subset: numbers[piece] for subset, numbers in residues.items()}
        parts.append(await _residues_of(runtime, values[piece], mask, tails_here, residues_here))
    return runtime.field.array(np.concatenate(parts).reshape(d.shape), check=False)


async def _residues_of(
    runtime: JobRuntime, d: Elements, mask: Mask, tails: SubsetNumbers, residues: SubsetNumbers
) -> Elements:
    """Our shares of d mod base for one chunk."""
    field, base, modulus = runtime.field, mask.base, int(runtime.field.modulus)
    masked = d - mask.offset
    vectors: list[OneHot | Elements] = []
    for subset in runtime.subsets:
        weight = runtime.weight(subset)
        if subset in tails:
            masked = masked + (tails[subset] * base + residues[subset]) * weight
            vectors.append(OneHot(residues[subset].astype(np.int64), weight))
        else:
            vectors.append(OneHot(np.zeros(len(d), dtype=np.int64), 0))
    opening = runtime.output(field.array(masked % modulus, check=False))
    while len(vectors) > 2:
        vectors = await _halve(runtime, vectors, base, modulus)
    last = convolve(vectors[0], vectors[1], base, modulus)
    opened = ((await opening).value % base).astype(np.int64)
    factors = ((opened[:, None] - np.arange(base)[None, :]) % base).astype(object)
    products = field.array((last * factors).sum(axis=1) % modulus, check=False)
    shares: Elements = (await runtime._reshare(products)).value
    return shares


async def _halve(
    runtime: JobRuntime, vectors: list[OneHot | Elements], base: int, modulus: int
) -> list[OneHot | Elements]:
    """One level of the tree: neighbours convolved, all of them reshared in one exchange."""
    pairs = len(vectors) // 2
    products = [convolve(vectors[2 * i], vectors[2 * i + 1], base, modulus) for i in range(pairs)]
    stacked = runtime.field.array(np.stack(products), check=False)
    reshared = (await runtime._reshare(stacked)).value
    return [*(reshared[i] for i in range(pairs)), *vectors[2 * pairs :]]
