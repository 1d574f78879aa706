"""Products of an owner's columns, exactly, in limbs that fit a word: in the clear, a whole column at a time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mpcgov.errors import InternalError
from mpcgov.linked.dealing import Dealt

Numbers = NDArray[np.int64]

_PIECE_BITS = 28
"""Products of two pieces, and sums of a few of them, fit a word."""


def limb_of(columns: Mapping[str, Numbers], one: Dealt) -> Numbers:
    """One limb of a product, with the product's sign: Σ limbs · 2^(radix_bits · k) is the product."""
    factors = [columns[name] for name in one.factor]
    if one.radix_bits == 0:
        product: Numbers = np.prod(factors, axis=0)
        return product
    negative = np.logical_xor.reduce([factor < 0 for factor in factors])
    pieces = _pieces(np.abs(factors[0]))
    for factor in factors[1:]:
        pieces = _times(pieces, _pieces(np.abs(factor)))
    limb = _bits(pieces, one.limb * one.radix_bits, one.radix_bits)
    return np.where(negative, -limb, limb)


def _pieces(magnitude: Numbers) -> list[Numbers]:
    """Numbers below 2^63 in pieces, lowest first."""
    mask = (1 << _PIECE_BITS) - 1
    return [magnitude >> (k * _PIECE_BITS) & mask for k in range(3)]


def _times(a: list[Numbers], b: list[Numbers]) -> list[Numbers]:
    result = [np.zeros_like(a[0]) for _ in range(len(a) + len(b))]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            result[i + j] += x * y
    for k in range(len(result) - 1):
        result[k + 1] += result[k] >> _PIECE_BITS
        result[k] &= (1 << _PIECE_BITS) - 1
    return result


def _bits(pieces: list[Numbers], start: int, count: int) -> Numbers:
    """`count` bits of a number from bit `start` up; at most 57, so that three pieces hold them."""
    if count > 2 * _PIECE_BITS:
        raise InternalError(f"limbs of {count} bits")
    first, shift = divmod(start, _PIECE_BITS)
    zero = np.zeros_like(pieces[0])
    low, middle, high = (pieces[first + k] if first + k < len(pieces) else zero for k in range(3))
    value = (low >> shift) | (middle << (_PIECE_BITS - shift)) | (high << (2 * _PIECE_BITS - shift))
    return value & ((1 << count) - 1)
