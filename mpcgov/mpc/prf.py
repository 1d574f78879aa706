"""Pseudorandom numbers that a subset of the parties share, and private ones from the operating system.

Each subset of m−t parties has one master key per job. It is never used itself: every use has a key of its own, derived
by HKDF (RFC 5869) with the use as label, so that no two constructions ever run under one key.
"""

from __future__ import annotations

import hmac
import os
from hashlib import shake_128
from math import prod
from typing import Any

from mpcgov.mpc.codec import Elements, uniform

KEY_BYTES = 32


def derive(master: bytes, label: str) -> bytes:
    """The 32-byte key for one use: HKDF-Expand with SHA-256 of a uniform master key; one block is all we need."""
    return hmac.digest(master, b"mpcgov " + label.encode() + b"\x01", "sha256")


def private_uniform(count: int, bound: int) -> Elements:
    """Numbers in 0 … bound−1 that nobody else knows, exactly uniform, from the operating system in one call."""
    return uniform(os.urandom, count, bound)


class Prf:
    """Numbers in 0 … bound−1, exactly uniform if SHAKE128 is random: a function of key and input.

    It has the interface of MPyC's `thresha.PRF` (whose numbers are reduced instead, and take one Python call each).
    """

    def __init__(self, key: bytes, bound: int) -> None:
        self._key = key
        self.max = bound

    def __call__(self, common_input: bytes, n: int | tuple[int, ...] | None = None) -> Any:
        """One number, a list of n, or an array of shape n, for an input that is never used twice under this key."""
        state = shake_128(self._key + common_input)
        count = 1 if n is None else prod(n) if isinstance(n, tuple) else n
        values = uniform(state.digest, count, self.max)
        if isinstance(n, tuple):
            return values.reshape(n)
        return values[0] if n is None else values.tolist()
