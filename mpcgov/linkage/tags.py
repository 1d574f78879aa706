"""Tags: what a matcher sees of two owners' keys. Equal keys have equal tags; without the owners' secret they are noise.

A key's tag is AES-256 of a block of two polynomials, of the key's words and its length, at two secret points. The
polynomials differ wherever keys do, so two of 2·10^7 keys of at most 64 bytes have one tag with probability below
2^-67; AES makes of distinct blocks what a matcher can't tell from distinct random ones. See docs/security/linkage.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from numpy.typing import NDArray

from mpcgov.errors import InternalError
from mpcgov.mpc.word.field import P, Words, canonical, multiply
from mpcgov.mpc.word.kernels import inlined, kernel
from mpcgov.mpc.word.stream import KEY_BYTES, Stream

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]
Order = NDArray[np.int64]

TAG_WORDS = 2
WORD_BYTES = 7
"""A word of 7 bytes is below p. Of 8 bytes it needn't be, and w and w + p would be the same to a polynomial."""

# Unsigned: with a signed place, numba would look at each byte whether it is counted from the end.
_WORD_BYTES, _BYTE_BITS = np.uint64(WORD_BYTES), np.uint64(8)
_ABREAST = 64
"""Keys that are hashed side by side."""

_DUMMY = np.uint64(1 << 63)
"""The flag of a dummy's block: the top bit of its second word, which no element reaches."""


@dataclass(frozen=True)
class Texts:
    """A column of an owner's rows, keys or a field of records, as UTF-8: row i has data[offsets[i]:offsets[i + 1]]."""

    data: Bytes
    offsets: Offsets

    def __len__(self) -> int:
        return len(self.offsets) - 1


@dataclass(frozen=True)
class SpokeKeys:
    """What two owners know of one spoke and its matcher doesn't."""

    points: tuple[int, int]
    tag_key: bytes
    dummy_key: bytes


def derived(secrets: Sequence[bytes], context: Sequence[str], label: str) -> bytes:
    """A key of several owners: HKDF with SHA-256 over the fresh bytes of all of them, in an order that all know.

    Whichever of them chose its bytes at random, the key is as good as random. Context and label say what it is for,
    so that no two jobs, spokes or uses have the same.
    """
    if len(secrets) < 2 or any(len(secret) != KEY_BYTES for secret in secrets):
        raise InternalError("a key of several owners is made of 32 bytes of each")
    info = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in (*context, label))
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=info).derive(b"".join(secrets))


def spoke_keys(secrets: Sequence[bytes], job_digest: str, spoke: str, owners: Sequence[str]) -> SpokeKeys:
    """The keys of a spoke, of the left owner's bytes and then the other's."""
    derive = derivation(secrets, job_digest, spoke, owners)
    return SpokeKeys(points(derive), derive("tags"), derive("dummies"))


def derivation(secrets: Sequence[bytes], job_digest: str, spoke: str, owners: Sequence[str]) -> Callable[[str], bytes]:
    """A spoke's key for each use, by the use's label; the left owner's bytes come first."""
    if not len(owners) == len(secrets) == 2:
        raise InternalError("a spoke has two owners, who bring 32 bytes each")
    return partial(derived, secrets, (job_digest, spoke, *owners, "link"))


def points(derive: Callable[[str], bytes]) -> tuple[int, int]:
    """Two independent elements, each within 2^-195 of uniform."""
    return int.from_bytes(derive("point 1"), "big") % P, int.from_bytes(derive("point 2"), "big") % P


@inlined
def _word(data: Bytes, start: Any, stop: Any) -> Any:
    """Up to 7 bytes from `start`, lowest first; 0 if it is beyond the key's end."""
    word = np.uint64(0)
    for k in range(min(stop - start, _WORD_BYTES) if start < stop else np.uint64(0)):
        word |= np.uint64(data[start + np.uint64(k)]) << (_BYTE_BITS * np.uint64(k))
    return word


@kernel("void(uint8[::1], uint64[::1], uint64, uint64, uint64[:, ::1])")
def _hash(data: Bytes, offsets: Words, x: Any, y: Any, out: Words) -> None:
    """Σ wⱼ·x^j + length, and the same at y; wⱼ the j-th 7 bytes, lowest first, j from 1.

    Some keys at a time, word by word from the longest one's last: so their products become vector instructions. Words
    beyond a key's end come first and are 0, so they change nothing.
    """
    words, at_x, at_y = np.empty(_ABREAST, np.uint64), np.empty(_ABREAST, np.uint64), np.empty(_ABREAST, np.uint64)
    for first in range(0, out.shape[0], _ABREAST):
        keys = min(_ABREAST, out.shape[0] - first)
        start, stop = offsets[first : first + keys], offsets[first + 1 : first + keys + 1]
        longest = np.uint64(0)
        for k in range(keys):
            longest = max(longest, stop[k] - start[k])
        at_x[:], at_y[:] = 0, 0
        skipped = (longest + _WORD_BYTES - np.uint64(1)) // _WORD_BYTES * _WORD_BYTES
        while skipped:
            skipped -= _WORD_BYTES
            for k in range(keys):
                words[k] = _word(data, start[k] + skipped, stop[k])
            for k in range(_ABREAST):
                at_x[k] = canonical(multiply(canonical(at_x[k] + words[k]), x))
                at_y[k] = canonical(multiply(canonical(at_y[k] + words[k]), y))
        for k in range(keys):
            out[first + k, 0] = canonical(at_x[k] + (stop[k] - start[k]))
            out[first + k, 1] = canonical(at_y[k] + (stop[k] - start[k]))


def key_tags(texts: Texts, keys: SpokeKeys) -> Words:
    """The tags of N keys, shape (N, 2)."""
    return encrypted(key_blocks(texts, keys.points), keys.tag_key)


def key_blocks(texts: Texts, points: tuple[int, int]) -> Words:
    """The polynomials of N keys at two secret points, shape (N, 2)."""
    data, offsets = texts.data, texts.offsets
    if len(offsets) < 1 or offsets[0] < 0 or (np.diff(offsets) < 0).any() or offsets[-1] > len(data):
        raise InternalError("the bounds of the keys are damaged")
    blocks = np.empty((len(offsets) - 1, TAG_WORDS), np.uint64)
    x, y = (np.uint64(point) for point in points)
    _hash(writable(data), writable(offsets).view(np.uint64), x, y, blocks)
    return blocks


def writable(array: NDArray[Any]) -> NDArray[Any]:
    """The array in memory of a kind that kernels take, copied only if it isn't."""
    return np.require(array, requirements=["C", "W"])


def dummy_tags(count: int, keys: SpokeKeys) -> Words:
    """The tags of dummies 0 … count−1, shape (count, 2)."""
    blocks = np.zeros((count, TAG_WORDS), np.uint64)
    blocks[:, 0] = np.arange(count, dtype=np.uint64)
    blocks[:, 1] = _DUMMY
    return encrypted(blocks, keys.dummy_key)


def encrypted(blocks: Words, key: bytes) -> Words:
    """AES-256 of each block of 16 bytes: a permutation, so that distinct blocks stay distinct."""
    out = np.empty(blocks.nbytes + 15, np.uint8)
    cipher = Cipher(algorithms.AES256(key), modes.ECB()).encryptor()  # noqa: S305 - of distinct blocks, once each
    size = cipher.update_into(blocks.astype("<u8", copy=False).view(np.uint8).reshape(-1).data, out.data)
    return out[:size].view("<u8").astype(np.uint64, copy=False).reshape(blocks.shape)


def some_equal(tags: Words) -> bool:
    """Whether two of the tags are the same."""
    first = np.sort(tags[:, 0])
    if not (first[1:] == first[:-1]).any():
        return False
    ordered = tags[np.lexsort((tags[:, 1], tags[:, 0]))]
    return bool((ordered[1:] == ordered[:-1]).all(axis=1).any())


@dataclass(frozen=True)
class TagList:
    """How one owner's list for a spoke is made up, before it is put in order; only the owner knows any of it.

    `keys` rows are real; as many more as make `padded`, and the dummies that `coins` leave out, have random tags.
    """

    keys: int
    padded: int
    coins: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if not 0 <= self.keys <= self.padded:
            raise InternalError("more keys than the padded list holds")

    def __len__(self) -> int:
        return self.padded + len(self.coins)

    def tags(self, own: Words, dummies: Words, order: Order, pads: Stream) -> Words:
        """The list that the matcher gets, shape (padded + dummies, 2), in the owner's order."""
        return self.unordered(own, dummies, pads).take(order, axis=0)  # an index of rows would take ten times as long

    def unordered(self, own: Words, dummies: Words, pads: Stream) -> Words:
        """The tags of the list, keys first, as no matcher may see them.

        `pads`: private randomness. Its words are drawn for every row that might need them, whatever the coins say.
        """
        if own.shape != (self.keys, TAG_WORDS) or dummies.shape != (len(self.coins), TAG_WORDS):
            raise InternalError("the tags aren't as many as the list's rows")
        rows = pads.words(TAG_WORDS * len(self)).reshape(len(self), TAG_WORDS)
        rows[: self.keys] = own
        rows[self.padded :][self.coins] = dummies[self.coins]
        return rows

    def real(self, order: Order) -> Words:
        """1 for each row with a key, 0 for the others, in the owner's order."""
        return self.column(np.ones(self.keys, np.uint64), order)

    def column(self, values: Words, order: Order) -> Words:
        """The keys' values of a column, and 0 in all other rows, in the owner's order."""
        column = np.zeros(len(self), np.uint64)
        column[: self.keys] = values
        return column[order]


def tag_list(keys: int, padded: int, dummies: int, private: Stream) -> TagList:
    """A list with fresh fair coins."""
    words = private.words(-(-dummies // 64))
    coins = np.unpackbits(words.view(np.uint8))[:dummies].astype(bool)
    return TagList(keys, padded, coins)
