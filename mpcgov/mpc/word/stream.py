"""Random words, field elements and permutations: AES-256 in counter mode under a key and a number used once.

A stream is a function of its key and number, so everyone who has the key gets the same. Elements are exactly uniform
if the words are: 61 bits each, and the one pattern that is no element is drawn again. The words of 2^32 blocks under
one key are within 2^-65 of uniform (switching lemma: n²/2^129 for n blocks), beside AES being a random permutation.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from mpcgov.errors import InternalError
from mpcgov.mpc.word import field
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.kernels import kernel

KEY_BYTES = 32
KEY_WORDS = KEY_BYTES // 8
BLOCK_BYTES = 16

_ZEROS = bytes(1 << 18)
_P = np.uint64(field.P)
_LOW32 = np.uint64(2**32 - 1)
_S32 = np.uint64(32)


@kernel("uint64(uint64[::1])")
def _clip(words: Words) -> Any:
    """Keep the lower 61 bits of each word, in place; how many are then no elements."""
    rejected = np.uint64(0)
    for i in range(words.size):
        words[i] &= _P
        rejected += np.uint64(words[i] == _P)
    return rejected


@kernel("int64(uint64[::1], int64[::1])")
def _shuffle(words: Words, order: Any) -> Any:
    """Fisher and Yates in place, position i swapped with one of 0 … i; how many words it took, −1 if too few.

    A word w gives ⌊w · (i+1) / 2^64⌋; if the lower 64 bits of the product are below 2^64 mod (i+1) it is drawn again,
    which leaves each position exactly as many words (Lemire, 2019).
    """
    used = 0
    for i in range(order.size - 1, 0, -1):
        span = np.uint64(i + 1)
        least = (np.uint64(0) - span) % span
        while True:
            if used == words.size:
                return -1
            word = words[used]
            used += 1
            low = (word & _LOW32) * span
            high = (word >> _S32) * span + (low >> _S32)
            if ((high << _S32) | (low & _LOW32)) >= least:
                break
        j = np.int64(high >> _S32)
        order[i], order[j] = order[j], order[i]
    return used


class Stream:
    """The keystream of one key and number: a number is never used twice with one key."""

    def __init__(self, key: bytes, number: int = 0) -> None:
        nonce = number.to_bytes(8, "big") + bytes(8)
        self._cipher = Cipher(algorithms.AES256(key), modes.CTR(nonce)).encryptor()

    def words(self, count: int) -> Words:
        """The next `count` uniform 64-bit words."""
        size = 8 * count
        words = np.empty(count + BLOCK_BYTES // 8, np.uint64)
        view = words.view(np.uint8).data
        for start in range(0, size, len(_ZEROS)):
            step = min(len(_ZEROS), size - start)
            self._cipher.update_into(_ZEROS if step == len(_ZEROS) else _ZEROS[:step], view[start:])
        return words[:count]

    def elements(self, count: int) -> Words:
        """The next `count` exactly uniform field elements."""
        words = self.words(count)
        if int(_clip(words)):
            for position in np.flatnonzero(words == _P):
                words[position] = self._element()
        return words

    def _element(self) -> np.uint64:
        while True:
            word = self.words(1) & _P
            if word[0] != _P:
                return np.uint64(word[0])

    def permutation(self, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """An exactly uniform order of 0 … count−1."""
        if count >= 1 << 32:
            raise InternalError("a permutation of more than 2^32 rows")
        words = self.words(count)
        while True:
            order = np.arange(count)
            if int(_shuffle(words, order)) >= 0:
                return order
            words = np.concatenate([words, self.words(64)])


def private_key() -> bytes:
    """A fresh key from the operating system, for what nobody else shall know."""
    return os.urandom(KEY_BYTES)


def key_words(key: bytes) -> Words:
    """A key as words, to be sent."""
    return np.frombuffer(key, "<u8").copy()


def key_from(words: Words) -> bytes:
    """A key that came as words."""
    return words.astype("<u8").tobytes()
