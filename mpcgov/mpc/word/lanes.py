"""Bits in lanes, 64 to a word: kernels for arithmetic in GF(2) on rows of bits.

Row b of a matrix holds bit b of every element: bit k of word w belongs to element 64·w + k.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mpcgov.mpc.word import field
from mpcgov.mpc.word.field import BITS, Words
from mpcgov.mpc.word.kernels import inlined, kernel

LANES = 64
PAIRS = BITS // 2
"""Bits 0 … 59 make 30 pairs, the lower one first; bit 60 is left alone."""
INPUT_ROWS = BITS + PAIRS
LEAF_ROWS = 2 * PAIRS
LEAVES = PAIRS + 1

_STEPS = (
    (np.uint64(32), np.uint64(0x00000000FFFFFFFF)),
    (np.uint64(16), np.uint64(0x0000FFFF0000FFFF)),
    (np.uint64(8), np.uint64(0x00FF00FF00FF00FF)),
    (np.uint64(4), np.uint64(0x0F0F0F0F0F0F0F0F)),
    (np.uint64(2), np.uint64(0x3333333333333333)),
    (np.uint64(1), np.uint64(0x5555555555555555)),
)


@inlined
def _transpose(block: Any) -> None:
    """The 64 × 64 bit matrix in `block`, in place: bit i of word b becomes bit b of word i (Warren, 2012, §7-3)."""
    for shift, mask in _STEPS:
        step = np.int64(shift)
        for base in range(0, 64, 2 * step):
            low, high = block[base : base + step], block[base + step : base + 2 * step]
            for k in range(step):
                swapped = ((low[k] >> shift) ^ high[k]) & mask
                high[k] ^= swapped
                low[k] ^= swapped << shift


@kernel("void(uint64[::1], uint64[:, ::1])")
def _to_rows(values: Words, rows: Words) -> None:
    block = np.empty(64, np.uint64)
    for w in range(rows.shape[1]):
        used = min(64, values.size - 64 * w)
        for k in range(64):
            block[k] = values[64 * w + k] if k < used else np.uint64(0)
        _transpose(block)
        for b in range(61):
            rows[b, w] = block[b]


@kernel("void(uint64[::1], uint64[::1])")
def _from_row(row: Words, values: Words) -> None:
    for i in range(values.size):
        values[i] = (row[i >> 6] >> np.uint64(i & 63)) & np.uint64(1)


@kernel("void(uint64[:, ::1])")
def _pair_products(rows: Words) -> None:
    for j in range(30):
        low, high, both = rows[2 * j], rows[2 * j + 1], rows[61 + j]
        for w in range(rows.shape[1]):
            both[w] = low[w] & high[w]


@kernel("void(uint64[:, ::1], uint64[:, ::1], uint64[:, ::1], uint64[:, ::1], uint64[:, ::1])")
def _leaf_products(a: Words, b: Words, plus: Words, minus: Words, out: Words) -> None:
    """Row j: generate of pair j; rows 30 … 58: propagate of pairs 1 … 29; row 59: generate of bit 60."""
    for j in range(30):
        a_low, a_high, a_both = a[2 * j], a[2 * j + 1], a[61 + j]
        b_low, b_high, b_both = b[2 * j], b[2 * j + 1], b[61 + j]
        generate, propagate = out[j], out[29 + j]
        for w in range(a.shape[1]):
            g = (a_high[w] & b_high[w]) ^ (a_both[w] & b_low[w]) ^ (a_low[w] & b_both[w])
            p = (a_high[w] & b_low[w]) ^ (a_low[w] & b_high[w])
            if j == 0:
                generate[w] = g ^ p ^ plus[j, w] ^ minus[j, w]
            else:
                generate[w] = g ^ plus[j, w] ^ minus[j, w]
                propagate[w] = p ^ plus[29 + j, w] ^ minus[29 + j, w]
    for w in range(a.shape[1]):
        out[59, w] = (a[60, w] & b[60, w]) ^ plus[59, w] ^ minus[59, w]


@kernel("void(" + ", ".join(["uint64[:, ::1]"] * 7) + ")")
def _products(xl: Words, xr: Words, yl: Words, yr: Words, plus: Words, minus: Words, out: Words) -> None:
    for r in range(out.shape[0]):
        for w in range(out.shape[1]):
            own = (xr[r, w] & (yr[r, w] ^ yl[r, w])) ^ (xl[r, w] & yr[r, w])
            out[r, w] = own ^ plus[r, w] ^ minus[r, w]


def words_for(count: int) -> int:
    """Words for one bit of each of `count` elements."""
    return -(-count // LANES)


def to_rows(values: Words, extra: int = 0) -> Words:
    """The 61 bits of 1-D elements as rows of words, with room for `extra` rows more after them."""
    rows = np.empty((BITS + extra, words_for(values.size)), np.uint64)
    _to_rows(field.flat(values), rows)
    return rows


def from_row(row: Words, count: int) -> Words:
    """The bits of `count` elements, as elements 0 and 1."""
    values = np.empty(count, np.uint64)
    _from_row(field.flat(row), values)
    return values


def with_pair_products(values: Words) -> Words:
    """The 61 bits of 1-D elements, then for each pair of bits its product: what the leaves of a carry need."""
    rows = to_rows(values, PAIRS)
    _pair_products(rows)
    return rows


def leaf_products(a: Words, b: Words, plus: Words, minus: Words) -> Words:
    """A party's terms of generate and propagate of all pairs, masked: see `sign`."""
    out = np.empty((LEAF_ROWS, a.shape[1]), np.uint64)
    _leaf_products(a, b, plus, minus, out)
    return out


def products(x: tuple[Words, Words], y: tuple[Words, Words], plus: Words, minus: Words) -> Words:
    """A party's terms of x · y, masked; x and y by their left and right pieces, all of one shape."""
    left, right = (np.ascontiguousarray(piece) for piece in x)
    y_left, y_right = (np.ascontiguousarray(piece) for piece in y)
    out = np.empty(left.shape, np.uint64)
    _products(left, right, y_left, y_right, np.ascontiguousarray(plus), np.ascontiguousarray(minus), out)
    return out
