"""What a receiver runs: signed shares into numbers, on plain integers, checking that all the shares agree.

Shamir's scheme: each party's share is the value at its point of a polynomial of degree t whose constant term is the
secret. t + 1 shares give the polynomial; the others must lie on it. That finds faults, it doesn't prove correctness:
passive security, see docs/THREAT_MODEL.md. Source: A. Shamir, How to Share a Secret, CACM 22(11), 1979.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mpcgov.errors import PeerError


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


def open_shares(shares: Mapping[int, Sequence[int]], degree: int, modulus: int) -> list[int]:
    """The secrets behind some shares, as signed integers of least magnitude.

    Args:
        shares: by Shamir point 1…m, one sequence of field elements per party, all of one length.
        degree: t; at least t + 2 parties' shares are needed for the check to mean anything.

    Raises:
        PeerError: the shares don't lie on one polynomial of degree t.
    """
    points = sorted(shares)
    base, rest = points[: degree + 1], points[degree + 1 :]
    if len(base) <= degree or not rest:
        raise PeerError("the result needs the share of every party", code="shares")
    columns = [shares[point] for point in base]
    for point in rest:
        expected = _combine(columns, lagrange(base, point, modulus), modulus)
        if any(a != b for a, b in zip(expected, shares[point], strict=True)):
            raise PeerError(
                "the shares don't agree",
                hint="a party computed or sent something else than the others: run the job again",
                code="shares",
            )
    half = modulus // 2
    secrets = _combine(columns, lagrange(base, 0, modulus), modulus)
    return [value - modulus if value > half else value for value in secrets]


def _combine(columns: Sequence[Sequence[int]], weights: Sequence[int], modulus: int) -> list[int]:
    pairs = list(zip(columns, weights, strict=True))
    return [sum(column[i] * weight for column, weight in pairs) % modulus for i in range(len(columns[0]))]


def to_bytes(elements: Sequence[int], width_bytes: int) -> bytes:
    """Field elements as little-endian bytes of fixed width."""
    return b"".join(int(element).to_bytes(width_bytes, "little") for element in elements)


def from_bytes(data: bytes, width_bytes: int, modulus: int, length: int) -> list[int]:
    """The inverse of `to_bytes`, checking length and range.

    Raises:
        PeerError: not `length` elements, or one that isn't below the modulus.
    """
    if len(data) != width_bytes * length:
        raise PeerError("a share of the result has the wrong length", code="shares")
    elements = [int.from_bytes(data[i : i + width_bytes], "little") for i in range(0, len(data), width_bytes)]
    if any(element >= modulus for element in elements):
        raise PeerError("a share of the result holds a number that is no field element", code="shares")
    return elements
