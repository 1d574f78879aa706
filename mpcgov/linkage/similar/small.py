"""Shares modulo a small prime, 2^13 − 1, 2^17 − 1 or 2^19 − 1: so small that products of matrices are exact in float64.

A sum of n products of two elements is below n · 2^38, and exact while that is at most 2^53. Elements are uint32; on the
wire two to a word, or four if they are so small.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgov.errors import InternalError
from mpcgov.mpc.codec import WireError
from mpcgov.mpc.word import stream
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.kernels import inlined, kernel
from mpcgov.mpc.word.stream import Stream
from mpcgov.mpc.word.wire import Channel

Small = NDArray[np.uint32]
"""Elements modulo 2^bits − 1."""

MOST_TERMS = 1 << 14
"""Terms of an inner product that stay exact: 2^14 · 2^38 < 2^53."""


@inlined
def _reduced(x: Any, bits: Any, p: Any) -> Any:
    """x modulo p = 2^bits − 1 for x < 2^57: 2^bits is 1."""
    x = (x & p) + (x >> bits)
    x = (x & p) + (x >> bits)
    x = (x & p) + (x >> bits)
    x = (x & p) + (x >> bits)
    return x - p if x >= p else x


@kernel("void(float64[::1], uint64, uint32[::1], uint64, uint32[::1])")
def _scaled_sum(sums: Any, factor: Any, others: Small, bits: Any, out: Small) -> None:
    p = (np.uint64(1) << bits) - np.uint64(1)
    for i in range(out.size):
        x = _reduced(np.uint64(sums[i]), bits, p) * factor + np.uint64(others[i])
        out[i] = np.uint32(_reduced(x, bits, p))


@kernel("void(uint32[::1], uint64, uint32[::1], uint64, uint64, uint32[::1])")
def _combined(a: Small, of_a: Any, b: Small, of_b: Any, bits: Any, out: Small) -> None:
    p = (np.uint64(1) << bits) - np.uint64(1)
    for i in range(out.size):
        out[i] = np.uint32(_reduced(np.uint64(a[i]) * of_a + np.uint64(b[i]) * of_b, bits, p))


def scaled_sum(sums: NDArray[np.float64], factor: int, others: Small, bits: int) -> Small:
    """factor · sums + others modulo p; `sums` whole numbers from 0 to 2^53, any shape."""
    out = np.empty(sums.size, np.uint32)
    _scaled_sum(sums.reshape(-1), np.uint64(factor % modulus(bits)), others, np.uint64(bits), out)
    return out


def combined(a: Small, of_a: int, b: Small, of_b: int, bits: int) -> Small:
    """of_a · a + of_b · b modulo p, 1-D."""
    out, p = np.empty(a.size, np.uint32), modulus(bits)
    _combined(a, np.uint64(of_a % p), b, np.uint64(of_b % p), np.uint64(bits), out)
    return out


def modulus(bits: int) -> int:
    """p."""
    return (1 << bits) - 1


def elements(numbers: Stream, count: int, bits: int) -> Small:
    """The next `count` exactly uniform elements of a stream: the one pattern of `bits` bits that is none is redrawn."""
    kind = _on_the_wire(bits)
    p = kind.type(modulus(bits))

    def patterns(wanted: int) -> NDArray[np.unsignedinteger[Any]]:
        found: NDArray[np.unsignedinteger[Any]] = numbers.words(-(-wanted * kind.itemsize // 8)).view(kind)[:wanted] & p
        return found

    drawn = patterns(count)
    while len(wanted := np.flatnonzero(drawn == p)):
        drawn[wanted] = patterns(len(wanted))
    return drawn.astype(np.uint32, copy=False)


def packed(values: Small, bits: int) -> Words:
    """Elements for the wire."""
    kind = _on_the_wire(bits)
    padded = np.zeros(packed_words(values.size, bits) * (8 // kind.itemsize), kind)
    padded[: values.size] = values
    return padded.view(np.uint64)


def packed_words(count: int, bits: int) -> int:
    """The words that `count` elements take."""
    return -(-count * _on_the_wire(bits).itemsize // 8)


def _on_the_wire(bits: int) -> np.dtype[np.unsignedinteger[Any]]:
    return np.dtype(np.uint16 if bits <= 16 else np.uint32)


def unpacked(words: Words, count: int, bits: int, sender: int) -> Small:
    """Elements from the wire; WireError, naming the sender, if one isn't."""
    parts = words.view(_on_the_wire(bits))
    values = parts[:count]
    if (count and int(values.max()) >= modulus(bits)) or parts[count:].any():
        raise WireError("a number outside the field", sender)
    return values.astype(np.uint32, copy=False)


async def deal(channel: Channel, bits: int, dealer: int, values: Small | None, count: int) -> Small:
    """Our share, of degree 1, of `count` elements that the dealer knows, the others passing None; three parties.

    The party after the dealer gets a key and expands its share, the other one the share that follows from it: each sees
    uniform elements.
    """
    me = channel.line.me
    by_key, by_share = (dealer + 1) % 3, (dealer + 2) % 3
    if me == by_key:
        words = (await channel.exchange({}, {dealer: stream.KEY_WORDS}))[dealer]
        return elements(Stream(stream.key_from(words)), count, bits)
    if me == by_share:
        words = (await channel.exchange({}, {dealer: packed_words(count, bits)}))[dealer]
        return unpacked(words, count, bits, dealer)
    if values is None or values.shape != (count,):
        raise InternalError("a dealer without the values that it deals")
    key = stream.private_key()
    drawn = elements(Stream(key), count, bits)

    def at(point: int) -> Small:
        slope = point * pow(by_key + 1, -1, modulus(bits))
        return combined(values, 1 - slope, drawn, slope, bits)

    await channel.exchange({by_key: stream.key_words(key), by_share: packed(at(by_share + 1), bits)}, {})
    return at(dealer + 1)
