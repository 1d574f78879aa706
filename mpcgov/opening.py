"""What a receiver runs: signed shares into numbers, checking that all the shares agree. No part of the engine.

Shamir's scheme: each party's share is the value at its point of a polynomial of degree t whose constant term is the
secret. t + 1 shares give the polynomial; the others must lie on it. That finds faults, it doesn't prove correctness:
passive security, see docs/THREAT_MODEL.md. Source: A. Shamir, How to Share a Secret, CACM 22(11), 1979.

Modulo 2^61-1, the field of the engine's words, the sums are taken by numpy; modulo anything else on Python's integers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mpcgov.errors import PeerError

WORD_MODULUS = 2**61 - 1
BLOCK = 1 << 14

Elements = Sequence[int] | NDArray[np.uint64]
"""Field elements: words where the field is that of 2^61-1, Python's integers elsewhere."""


def lagrange(points: Sequence[int], at: int, modulus: int) -> list[int]:
    """The weights w with f(at) = Σ w[i]·f(points[i]) for every polynomial f of degree < len(points)."""
    weights = []
    for i, x in enumerate(points):
        top = bottom = 1
        for j, y in enumerate(points):
            if i != j:
                top = top * (at - y) % modulus
                bottom = bottom * (x - y) % modulus
        weights.append(top * pow(bottom, -1, modulus) % modulus)
    return weights


def open_shares(shares: Mapping[int, Elements], degree: int, modulus: int) -> list[int]:
    """The secrets behind some shares, as signed integers of least magnitude.

    Args:
        shares: by Shamir point 1…m, one sequence of field elements per party, all of one length.
        degree: t; at least t + 2 parties' shares are needed for the check to mean anything.

    Raises:
        PeerError: the shares don't lie on one polynomial of degree t.
    """
    if modulus == WORD_MODULUS:
        words = {point: np.asarray(row, dtype=np.uint64) for point, row in shares.items()}
        secrets: list[int] = open_words(words, degree).tolist()
        return secrets
    return list(_opened(shares, degree, modulus))


def open_words(shares: Mapping[int, NDArray[np.uint64]], degree: int) -> NDArray[np.int64]:
    """What `open_shares` gives modulo 2^61-1, as an array; in blocks that fit a processor's cache."""
    length = max(map(len, shares.values()), default=0)
    blocks = [slice(start, start + BLOCK) for start in range(0, max(1, length), BLOCK)]
    opened = [_opened({point: row[block] for point, row in shares.items()}, degree, WORD_MODULUS) for block in blocks]
    return np.concatenate(opened).astype(np.int64, copy=False)


def _opened(shares: Mapping[int, Elements], degree: int, modulus: int) -> Sequence[int] | NDArray[np.int64]:
    points = sorted(shares)
    base, rest = points[: degree + 1], points[degree + 1 :]
    if len(base) <= degree or not rest:
        raise PeerError("the result needs the share of every party", code="shares")
    columns = [shares[point] for point in base]
    for point in rest:
        expected = _combine(columns, lagrange(base, point, modulus), modulus)
        if not np.array_equal(expected, shares[point]):
            raise PeerError(
                "the shares don't agree",
                hint="a party computed or sent something else than the others: run the job again",
                code="shares",
            )
    secrets = _combine(columns, lagrange(base, 0, modulus), modulus)
    if isinstance(secrets, np.ndarray):
        signed = secrets.astype(np.int64)
        return np.where(signed > modulus // 2, signed - modulus, signed)
    return [value - modulus if value > modulus // 2 else value for value in secrets]


def _combine(columns: Sequence[Elements], weights: Sequence[int], modulus: int) -> Elements:
    """Σ columns[i]·weights[i] modulo the field's prime, elementwise."""
    pairs = list(zip(columns, weights, strict=True))
    if modulus != WORD_MODULUS:
        return [sum(int(column[i]) * weight for column, weight in pairs) % modulus for i in range(len(columns[0]))]
    total = np.zeros(len(columns[0]), dtype=np.uint64)
    for column, weight in pairs:
        total = _reduced(total + _scaled(np.asarray(column, dtype=np.uint64), weight))
    return total


def _scaled(x: NDArray[np.uint64], weight: int) -> NDArray[np.uint64]:
    """x·weight modulo 2^61-1 for x and weight below it, by halves of 31 bits: 2^62 is 2, and 2^61 is 1."""
    low = np.uint64(2**31 - 1)
    x1, x0 = x >> np.uint64(31), x & low
    w1, w0 = np.uint64(weight >> 31), np.uint64(weight) & low
    middle = x1 * w0 + x0 * w1
    carried = (middle >> np.uint64(30)) + ((middle & np.uint64(2**30 - 1)) << np.uint64(31))
    return _reduced(((x1 * w1) << np.uint64(1)) + carried + _reduced(x0 * w0))


def _reduced(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """x modulo 2^61-1 for any word x."""
    p = np.uint64(WORD_MODULUS)
    x = (x & p) + (x >> np.uint64(61))
    return np.where(x >= p, x - p, x)


def to_bytes(elements: Elements, width_bytes: int) -> bytes:
    """Field elements as little-endian bytes of fixed width."""
    if width_bytes == 8:
        return np.asarray(elements, dtype="<u8").tobytes()
    return b"".join(int(element).to_bytes(width_bytes, "little") for element in elements)


def from_bytes(data: bytes, width_bytes: int, modulus: int, length: int) -> Elements:
    """The inverse of `to_bytes`, checking length and range.

    Raises:
        PeerError: not `length` elements, or one that isn't below the modulus.
    """
    if len(data) != width_bytes * length:
        raise PeerError("a share of the result has the wrong length", code="shares")
    elements: Elements
    if width_bytes == 8:
        elements = np.frombuffer(data, dtype="<u8").astype(np.uint64)
    else:
        elements = [int.from_bytes(data[i : i + width_bytes], "little") for i in range(0, len(data), width_bytes)]
    if length and (elements.max() if isinstance(elements, np.ndarray) else max(elements)) >= modulus:
        raise PeerError("a share of the result holds a number that is no field element", code="shares")
    return elements
