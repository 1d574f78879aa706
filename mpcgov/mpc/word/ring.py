"""Integers modulo 2^(32·digits), many at once: arrays whose first axis are digits of 32 bits, the lowest first.

Which digits are computed with depends on public constants and shapes alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgov.mpc.word import lanes
from mpcgov.mpc.word.field import Words

DIGIT_BITS = 32
_LOW = np.uint64(0xFFFFFFFF)
_UP = np.uint64(DIGIT_BITS)


def digits_for(bits: int) -> int:
    """Digits for so many bits."""
    return -(-bits // DIGIT_BITS)


def of_words(x: Words, digits: int) -> Words:
    """Words of any shape as integers, of two digits or more: shape (digits, …)."""
    out = np.zeros((digits, *x.shape), np.uint64)
    out[0] = x & _LOW
    out[1] = x >> _UP
    return out


def _digits_of(value: int, digits: int) -> list[int]:
    return [value >> (DIGIT_BITS * k) & int(_LOW) for k in range(digits)]


def add(a: Words, b: Words, carry: NDArray[Any] | int = 0) -> Words:
    """a + b, and what is carried in: 0 or 1."""
    out = np.empty(np.broadcast_shapes(a.shape, b.shape), np.uint64)
    rest: Any = np.uint64(carry) if isinstance(carry, int) else carry
    for k in range(len(out)):
        total = a[k] + b[k] + rest
        out[k] = total & _LOW
        rest = total >> _UP
    return out


def subtract(a: Words, b: Words) -> Words:
    """a − b."""
    return add(a, b ^ _LOW, 1)


def add_constant(a: Words, value: int) -> Words:
    """a plus a public number, any integer."""
    digits = np.array(_digits_of(value, len(a)), np.uint64)
    return add(a, digits.reshape(-1, *(1 for _ in a.shape[1:])))


def signed(a: Words, negative: Words) -> Words:
    """a, or −a where `negative`, of a's shape but for the digits, is 1."""
    flip = _LOW * negative
    return add(a ^ flip, np.zeros_like(a), negative)


def multiply(a: Words, b: Words) -> Words:
    """a · b, for the same shapes."""
    out = np.zeros(a.shape, np.uint64)
    for i in range(len(a)):
        _add_product(out, i, a[i], b)
    return out


def scale(a: Words, factor: int) -> Words:
    """a times a public number, any integer."""
    out = np.zeros(a.shape, np.uint64)
    for i, digit in enumerate(_digits_of(factor, len(a))):
        if digit:
            _add_product(out, i, np.uint64(digit), a)
    return out


def _add_product(out: Words, place: int, digit: Any, b: Words) -> None:
    """Add b times a digit to what is at a place and above. (2^32 − 1)² and two digits more fit a word."""
    rest: Any = np.uint64(0)
    for j in range(len(out) - place):
        total = digit * b[j] + out[place + j] + rest
        out[place + j] = total & _LOW
        rest = total >> _UP


def to_rows(a: Words, rows: int) -> Words:
    """The lowest bits of integers of shape (digits, n), as rows of lanes."""
    found = []
    for k in range(0, rows, 2 * DIGIT_BITS):
        place = k // DIGIT_BITS
        word = a[place] | (a[place + 1] << _UP if place + 1 < len(a) else np.uint64(0))
        found.append(lanes.to_rows(word, min(2 * DIGIT_BITS, rows - k)))
    return np.concatenate(found)


def from_rows(rows: Words, count: int, digits: int) -> Words:
    """The integers of the first `count` lanes, from rows of their bits, the lowest first: shape (digits, count)."""
    bits = np.unpackbits(rows.astype("<u8").view(np.uint8), axis=1, count=count, bitorder="little")
    octets = np.zeros((4 * digits, count), np.uint8)
    packed = np.packbits(bits, axis=0, bitorder="little")
    octets[: len(packed)] = packed
    words: Words = np.ascontiguousarray(octets.T).view("<u4").astype(np.uint64).T
    return np.ascontiguousarray(words)
