"""Bits in lanes, 64 to a word: kernels for arithmetic in GF(2) on rows of bits.

Row b of a matrix holds bit b of every element: bit k of word w belongs to element 64·w + k.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgov.mpc.word import field
from mpcgov.mpc.word.field import BITS, Words
from mpcgov.mpc.word.kernels import inlined, kernel

LANES = 64
BLOCK = 256
"""Words of a row that go through a kernel together: what it keeps of them fits the nearest cache."""

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
        for b in range(rows.shape[0]):
            rows[b, w] = block[b]


@kernel("void(uint64[::1], uint64[::1])")
def _from_row(row: Words, values: Words) -> None:
    for i in range(values.size):
        values[i] = (row[i >> 6] >> np.uint64(i & 63)) & np.uint64(1)


@kernel("void(uint64[:, ::1], uint64[:, ::1], uint64[:, ::1])")
def _added(a: Words, b: Words, out: Words) -> None:
    carries = np.empty(BLOCK, np.uint64)
    for start in range(0, out.shape[1], BLOCK):
        stop = min(start + BLOCK, out.shape[1])
        carries[:] = 0
        for r in range(out.shape[0]):
            for w in range(start, stop):
                x, y, carry = a[r, w], b[r, w], carries[w - start]
                out[r, w] = x ^ y ^ carry
                carries[w - start] = (x & y) | (carry & (x | y))


@kernel("void(uint64[:, :, ::1], uint64[:, :, ::1], uint64, uint64[:, ::1], uint64[:, ::1])")
def _picked(digits: Words, table: Words, least: Any, found: Words, between: Words) -> None:
    entries = table.shape[0]
    here, before = np.empty((entries + 1, BLOCK), np.uint64), np.empty((entries + 1, BLOCK), np.uint64)
    for d in range(digits.shape[0]):
        for start in range(0, digits.shape[2], BLOCK):
            used = min(BLOCK, digits.shape[2] - start)
            here[entries], before[0] = np.uint64(0), least
            for e in range(entries):
                row = table[e, d, start : start + used]
                here[e, :used], before[e + 1, :used] = row, row
            left = entries + 1
            for bit in range(digits.shape[1]):
                choice = digits[d, bit, start : start + used]
                left >>= 1
                for e in range(left):
                    for w in range(used):
                        here[e, w] = here[2 * e, w] ^ (choice[w] & (here[2 * e, w] ^ here[2 * e + 1, w]))
                    for w in range(used):
                        before[e, w] = before[2 * e, w] ^ (choice[w] & (before[2 * e, w] ^ before[2 * e + 1, w]))
            for w in range(used):
                found[d, start + w] = here[0, w]
                between[d, start + w] = here[0, w] ^ before[0, w]


@kernel("void(" + ", ".join(["uint64[:, ::1]"] * 7) + ")")
def _products(xl: Words, xr: Words, yl: Words, yr: Words, plus: Words, minus: Words, out: Words) -> None:
    for r in range(out.shape[0]):
        for w in range(out.shape[1]):
            own = (xr[r, w] & (yr[r, w] ^ yl[r, w])) ^ (xl[r, w] & yr[r, w])
            out[r, w] = own ^ plus[r, w] ^ minus[r, w]


def words_for(count: int) -> int:
    """Words for one bit of each of `count` elements."""
    return -(-count // LANES)


def to_rows(values: Words, rows: int = BITS) -> Words:
    """The lowest bits of 1-D words, as rows of words."""
    out = np.empty((rows, words_for(values.size)), np.uint64)
    _to_rows(field.flat(values), out)
    return out


def packed_bits(bits: NDArray[np.bool_]) -> Words:
    """Bits as one row of words."""
    held = np.zeros(8 * words_for(bits.size), np.uint8)
    found = np.packbits(bits, bitorder="little")
    held[: found.size] = found
    row: Words = held.view("<u8").astype(np.uint64)[None]
    return row


def added(a: Words, b: Words) -> Words:
    """Sums of numbers as rows of bits, modulo 2 to the power of how many there are."""
    out = np.empty(a.shape, np.uint64)
    _added(a, b, out)
    return out


def picked(digits: Words, table: Words, least: int) -> tuple[Words, Words]:
    """Of each digit c, the table's entry c, and what is between that and entry c − 1.

    Args:
        digits: their bits, the lowest first, of shape (count, size, words).
        table: entries 0 … 2^size − 2, of shape (2^size − 1, count, words); the next one is 0.
        least: entry −1, one word.
    """
    found, between = (np.empty((digits.shape[0], digits.shape[2]), np.uint64) for _ in range(2))
    rows, entries = (field.flat(part).reshape(part.shape) for part in (digits, table))
    _picked(rows, entries, np.uint64(least), found, between)
    return found, between


def from_row(row: Words, count: int) -> Words:
    """The bits of `count` elements, as elements 0 and 1."""
    values = np.empty(count, np.uint64)
    _from_row(field.flat(row), values)
    return values


def products(x: tuple[Words, Words], y: tuple[Words, Words], plus: Words, minus: Words) -> Words:
    """A party's terms of x · y, masked; x and y by their left and right pieces, all of one shape."""
    left, right = (np.ascontiguousarray(piece) for piece in x)
    y_left, y_right = (np.ascontiguousarray(piece) for piece in y)
    out = np.empty(left.shape, np.uint64)
    _products(left, right, y_left, y_right, np.ascontiguousarray(plus), np.ascontiguousarray(minus), out)
    return out
