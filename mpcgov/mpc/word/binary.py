"""Rows of secret bits for m = 3, t = 1, as `sign` has them: what is done with them without a message."""

from __future__ import annotations

import numpy as np

from mpcgov.mpc.word import lanes
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sign import Pieces


def flipped(prss: Prss, bits: Pieces) -> Pieces:
    """1 − bit: parties 1 and 2 flip the piece that they both know."""
    left, right = (~piece if prss.me == party else piece for party, piece in ((1, bits.left), (0, bits.right)))
    return Pieces(left, right)


def repeated(bits: Pieces, count: int) -> Pieces:
    """One row so many times."""
    return Pieces(np.repeat(bits.left, count, axis=0), np.repeat(bits.right, count, axis=0))


def nothing(rows: int, words: int) -> Pieces:
    """Rows of bits 0."""
    return Pieces(np.zeros((rows, words), np.uint64), np.zeros((rows, words), np.uint64))


def unpacked(bits: Pieces, count: int) -> Pieces:
    """The first `count` lanes, a word for each bit."""
    return Pieces(*(np.stack([lanes.from_row(row, count) for row in piece]) for piece in (bits.left, bits.right)))


def packed(bits: Pieces) -> Pieces:
    """Rows of a word for each bit as rows of lanes."""
    return Pieces(_packed(bits.left), _packed(bits.right))


def _packed(bits: Words) -> Words:
    rows, count = bits.shape
    held = np.zeros((rows, 8 * lanes.words_for(count)), np.uint8)
    found = np.packbits(bits.astype(np.uint8), axis=1, bitorder="little")
    held[:, : found.shape[1]] = found
    words: Words = held.view("<u8").astype(np.uint64)
    return words
