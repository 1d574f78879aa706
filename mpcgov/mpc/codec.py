"""Field elements as bytes, and bytes as field elements: all that ever travels between parties in a job.

An array of n elements modulo p is n little-endian numbers of the same width, ⌈log₂ p / 8⌉ bytes each, and nothing else:
no header, no type, no code. Length and range are checked before a number reaches the computation.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgov.errors import InternalError, PeerError

Elements = NDArray[np.object_]
"""Python integers 0 … p−1 in a numpy array: field elements wider than a word."""
Words = NDArray[np.uint64]
"""Numbers as rows of 64-bit words, least significant first."""

_WORD = np.uint64(2**64 - 1)


class WireError(Exception):
    """Bytes that aren't what the protocol says they must be; `peer` is the index of the party they came from."""

    def __init__(self, what: str, peer: int | None = None) -> None:
        super().__init__(what)
        self.peer = peer


def nobodys(what: str) -> PeerError:
    """What was opened can't be if all kept to the protocol; who didn't, one party alone can't tell."""
    return PeerError(f"a party broke the protocol: {what}", code="peer-protocol")


def width_of(modulus: int) -> int:
    """Bytes per element modulo `modulus`."""
    return ((modulus - 1).bit_length() + 7) // 8


def encode(values: Elements, modulus: int) -> bytes:
    """Elements of a 1-D array, each in 0 … modulus−1, as bytes of fixed width."""
    width = width_of(modulus)
    if width <= 8:
        words = values.astype("<u8")
        return words.tobytes() if width == 8 else words.view(np.uint8).reshape(-1, 8)[:, :width].tobytes()
    # joining int.to_bytes is as fast here as splitting into words by numpy: 115 against 127 ns for 87 bits
    return b"".join([value.to_bytes(width, "little") for value in values.tolist()])


def decode(data: object, count: int, modulus: int) -> Elements:
    """The `count` elements modulo `modulus` that `data` holds.

    Raises WireError unless the length is exactly right and every element is below the modulus.
    """
    width = width_of(modulus)
    if not isinstance(data, bytes):
        raise WireError("a message that is no byte string")
    if len(data) != count * width:
        raise WireError(f"{len(data)} bytes where {count * width} belong")
    padded = np.zeros((count, -(-width // 8) * 8), dtype=np.uint8)
    padded[:, :width] = np.frombuffer(data, dtype=np.uint8).reshape(count, width)
    words = padded.view("<u8")
    if not below(words, modulus).all():
        raise WireError("a number outside the field")
    return from_words(words)


def from_words(words: Words) -> Elements:
    """Rows of 64-bit words, least significant first, as Python integers."""
    values: Elements = words[:, -1].astype(object)
    for column in range(words.shape[1] - 2, -1, -1):
        values = (values << 64) | words[:, column].astype(object)
    return values


def below(words: Words, bound: int) -> NDArray[np.bool_]:
    """Which rows of 64-bit words are numbers less than `bound`, decided without Python integers."""
    less = np.zeros(len(words), dtype=bool)
    if bound >> (64 * words.shape[1]):
        return ~less
    same = ~less
    for column in range(words.shape[1] - 1, -1, -1):
        limit = np.uint64((bound >> (64 * column)) & (2**64 - 1))
        less |= same & (words[:, column] < limit)
        same &= words[:, column] == limit
    return less


def uniform(source: Callable[[int], bytes], count: int, bound: int) -> Elements:
    """`count` numbers, each exactly uniform in 0 … bound−1, from a source of uniform bytes.

    By rejection, without bias: top bits are masked away and numbers from `bound` on are dropped. `source(n)` gives n
    bytes; it is asked again for more, from its start, in the rare case that too many are dropped. A source that is a
    function of a key therefore gives the same numbers to everyone who has the key.
    """
    if bound < 1:
        raise InternalError("uniform numbers below nothing")
    bits = (bound - 1).bit_length()
    columns = max(1, -(-bits // 64))
    drawn = count if bound == 1 << bits else (count << bits) // bound + 8 + 8 * isqrt(count)
    while True:
        words = np.frombuffer(source(8 * columns * drawn), dtype="<u8").reshape(drawn, columns).copy()
        words[:, -1] &= _WORD >> np.uint64(64 * columns - bits) if 64 * columns - bits < 64 else np.uint64(0)
        kept = words[below(words, bound)][:count]
        if len(kept) == count:
            return from_words(kept)
        drawn *= 2


def as_elements(values: Any) -> Elements:
    """Integers of any numpy kind as a flat array of Python integers."""
    return np.asarray(values, dtype=object).reshape(-1)
