"""Arithmetic modulo p = 2^61 − 1 on numpy arrays of 64-bit words.

Every function takes and gives canonical elements, 0 … p−1, as C-contiguous uint64 arrays. A product of two elements is
made of four 32-bit products, which the compiler turns into vector instructions: 0.2 ns where one 64 × 64 → 128-bit
multiplication per element takes 0.7 ns. 2^64 ≡ 8 and 2^61 ≡ 1, so reducing is shifting and adding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgov.errors import InternalError
from mpcgov.mpc.word.kernels import inlined, kernel

Words = NDArray[np.uint64]
"""64-bit words: field elements, or 64 bits each."""

BITS = 61
P = (1 << BITS) - 1
WORD_BYTES = 8
BLOCK = 1024
"""Terms of an inner product that are added before one reduction: 2^10 · 2^32 and 2^10 · 2^30 stay far below 2^64."""

_P = np.uint64(P)
_LOW32 = np.uint64(2**32 - 1)
_LOW29 = np.uint64(2**29 - 1)
_S3, _S29, _S32, _S61 = (np.uint64(shift) for shift in (3, 29, 32, 61))


@inlined
def fold(a: Any) -> Any:
    """a modulo p, at most p + 7, for any word a."""
    return (a & _P) + (a >> _S61)


@inlined
def canonical(a: Any) -> Any:
    """a modulo p for a < 2p: the smaller of a and a − p, which wraps round if negative."""
    return min(a, a - _P)


@inlined
def multiply(a: Any, b: Any) -> Any:
    """a · b modulo p, at most p + 3, for a, b ≤ p.

    With halves of 32 and 29 bits: the middle sum is below 2^62, and the five terms below together are below 2^63.
    """
    a_low, a_high, b_low, b_high = a & _LOW32, a >> _S32, b & _LOW32, b >> _S32
    low, middle, high = a_low * b_low, a_low * b_high + a_high * b_low, a_high * b_high
    return fold((high << _S3) + (middle >> _S29) + ((middle & _LOW29) << _S32) + (low >> _S61) + (low & _P))


@kernel("void(uint64[::1], uint64[::1], uint64[::1])")
def _add(a: Words, b: Words, out: Words) -> None:
    for i in range(a.size):
        out[i] = canonical(a[i] + b[i])


@kernel("void(uint64[::1], uint64[::1], uint64[::1])")
def _subtract(a: Words, b: Words, out: Words) -> None:
    for i in range(a.size):
        out[i] = canonical(a[i] + (_P - b[i]))


@kernel("void(uint64[::1], int64[::1], int64[::1], uint64[::1])")
def _differences(a: Words, left: Any, right: Any, out: Words) -> None:
    for i in range(out.size):
        out[i] = canonical(a[left[i]] + (_P - a[right[i]]))


@kernel("void(uint64[::1], uint64[::1], uint64[::1])")
def _multiply(a: Words, b: Words, out: Words) -> None:
    for i in range(a.size):
        out[i] = canonical(multiply(a[i], b[i]))


@kernel("void(uint64[::1], uint64, uint64[::1])")
def _scale(a: Words, factor: Any, out: Words) -> None:
    for i in range(a.size):
        out[i] = canonical(multiply(a[i], factor))


@kernel("void(uint64[::1], uint64[::1], uint64)")
def _add_scaled(total: Words, a: Words, factor: Any) -> None:
    for i in range(a.size):
        total[i] = canonical(fold(total[i] + multiply(a[i], factor)))


@inlined
def _inner(x: Any, y: Any) -> Any:
    """The inner product of at most BLOCK terms, at most p + 7: halves of the products are added up apart."""
    low, high = np.uint64(0), np.uint64(0)
    for k in range(x.size):
        product = multiply(x[k], y[k])
        low += product & _LOW32
        high += product >> _S32
    return fold(low + (high >> _S29) + ((high & _LOW29) << _S32))


@kernel("void(uint64[:, ::1], uint64[:, ::1], uint64[:, ::1])")
def _inner_products(a: Words, b: Words, out: Words) -> None:
    """out[i, j] = Σ_k a[i, k] · b[j, k]; both run along contiguous memory, a block of k at a time."""
    out[:] = 0
    for start in range(0, a.shape[1], 1024):
        stop = min(start + 1024, a.shape[1])
        for i in range(a.shape[0]):
            for j in range(b.shape[0]):
                out[i, j] = fold(out[i, j] + _inner(a[i, start:stop], b[j, start:stop]))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = canonical(out[i, j])


@kernel("void(uint64[:, ::1], uint64[::1])")
def _column_sums(a: Words, out: Words) -> None:
    out[:] = 0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            out[j] = canonical(out[j] + a[i, j])


@kernel("void(uint64[::1], uint64[::1])")
def _running_sums(a: Words, out: Words) -> None:
    total = np.uint64(0)
    for i in range(a.size):
        total = canonical(total + a[i])
        out[i] = total


@kernel("uint64(uint64[::1])")
def _outside(a: Words) -> Any:
    count = np.uint64(0)
    for i in range(a.size):
        count += np.uint64(a[i] >= _P)
    return count


@kernel("void(int64[::1], uint64[::1])")
def _from_signed(values: Any, out: Words) -> None:
    for i in range(values.size):
        out[i] = canonical(np.uint64(values[i] + P))


@kernel("void(uint64[::1], int64[::1])")
def _to_signed(a: Words, out: Any) -> None:
    for i in range(a.size):
        value = np.int64(a[i])
        out[i] = value - P if value > P // 2 else value


def flat(a: NDArray[Any]) -> NDArray[Any]:
    """The entries in one row, in memory that a kernel may have: no copy unless it must be."""
    row = np.ascontiguousarray(a).reshape(-1)
    return row if row.flags.writeable else row.copy()


def _same_shape(a: NDArray[Any], b: NDArray[Any]) -> None:
    if a.shape != b.shape:
        raise InternalError(f"arrays of different shapes: {a.shape} and {b.shape}")


def add(a: Words, b: Words) -> Words:
    """a + b, element by element."""
    _same_shape(a, b)
    out = np.empty(a.shape, np.uint64)
    _add(flat(a), flat(b), out.reshape(-1))
    return out


def subtract(a: Words, b: Words) -> Words:
    """a − b, element by element."""
    _same_shape(a, b)
    out = np.empty(a.shape, np.uint64)
    _subtract(flat(a), flat(b), out.reshape(-1))
    return out


def differences(a: Words, left: NDArray[np.int64], right: NDArray[np.int64]) -> Words:
    """a[left] − a[right] of a 1-D array, whose places these must be."""
    _same_shape(left, right)
    out = np.empty(left.shape, np.uint64)
    _differences(flat(a), flat(left), flat(right), out)
    return out


def negate(a: Words) -> Words:
    """−a, element by element."""
    return scale(a, P - 1)


def product(a: Words, b: Words) -> Words:
    """a · b, element by element."""
    _same_shape(a, b)
    out = np.empty(a.shape, np.uint64)
    _multiply(flat(a), flat(b), out.reshape(-1))
    return out


def scale(a: Words, factor: int) -> Words:
    """a times a public number, any integer, reduced."""
    out = np.empty(a.shape, np.uint64)
    _scale(flat(a), np.uint64(factor % P), out.reshape(-1))
    return out


def combine(weights: Sequence[int], rows: Sequence[Words]) -> Words:
    """Σ weights[k] · rows[k]: public weights, any integers, reduced; rows of the same shape, at least one."""
    total = scale(rows[0], weights[0])
    out = total.reshape(-1)
    for weight, row in zip(weights[1:], rows[1:], strict=True):
        _same_shape(total, row)
        _add_scaled(out, flat(row), np.uint64(weight % P))
    return total


def inner_products(a: Words, b: Words) -> Words:
    """a · bᵀ for matrices with the same number of columns: shape (rows of a, rows of b)."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise InternalError(f"matrices that don't fit: {a.shape} and {b.shape}")
    out = np.empty((a.shape[0], b.shape[0]), np.uint64)
    _inner_products(flat(a).reshape(a.shape), flat(b).reshape(b.shape), out)
    return out


def sum_rows(a: Words) -> Words:
    """The sum over the first axis of a matrix."""
    if a.ndim != 2:
        raise InternalError(f"a sum over the rows of {a.ndim} dimensions")
    out = np.empty(a.shape[1], np.uint64)
    _column_sums(flat(a).reshape(a.shape), out)
    return out


def running_sums(a: Words) -> Words:
    """The sum of each element of a 1-D array and all before it."""
    out = np.empty_like(a)
    _running_sums(flat(a), out)
    return out


def inverse(a: int) -> int:
    """1/a for one element that isn't 0."""
    if a % P == 0:
        raise InternalError("zero has no inverse")
    return pow(a, -1, P)


def power(a: Words, exponent: int) -> Words:
    """a to a public power, element by element, by squaring."""
    result, square = np.ones_like(a), a
    while exponent:
        if exponent & 1:
            result = product(result, square)
        exponent >>= 1
        square = product(square, square) if exponent else square
    return result


def all_elements(a: Words) -> bool:
    """Whether all words are canonical elements: asked of whatever a peer sent before it is used."""
    return int(_outside(flat(a))) == 0


def from_signed(values: NDArray[np.int64]) -> Words:
    """Integers −p … p−1 as elements."""
    out = np.empty(values.shape, np.uint64)
    _from_signed(flat(values), out.reshape(-1))
    return out


def to_signed(a: Words) -> NDArray[np.int64]:
    """The integers −(p−1)/2 … (p−1)/2 that the elements stand for."""
    out = np.empty(a.shape, np.int64)
    _to_signed(flat(a), out.reshape(-1))
    return out
