"""The protocols in plain Python, modulo any prime, with all randomness as arguments: to enumerate every view.

What a party sees is everything it knows at the end: its shares, the pseudorandom numbers of its own keys, and what it
received. A protocol hides the secrets from it if, for every two secrets, these are equally often the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence

LAMBDA = (3, -3, 1)


def line(p: int, value: int, slope: int) -> list[int]:
    """The shares at points 1, 2, 3 of the line with this value at 0."""
    return [(value + slope * x) % p for x in (1, 2, 3)]


def at_zero(p: int, shares: Sequence[int]) -> int:
    """The value of three shares, which must lie on a line."""
    value = (2 * shares[0] - shares[1]) % p
    assert (value + 3 * (shares[1] - shares[0]) - shares[2]) % p == 0, "not on a line"
    return value


def same_views(views: Callable[[Hashable], Iterable[Hashable]], secrets: Sequence[Hashable]) -> bool:
    """Whether the views, over all randomness, are equally often the same for every secret."""
    counts = [Counter(views(secret)) for secret in secrets]
    return all(count == counts[0] for count in counts[1:])


def convert(p: int, h: Sequence[int], f12: int, f23: int, f31: int) -> tuple[list[int], list[int]]:
    """The product's conversion for m = 3: what party i sends to party i + 1, and the new shares. p > 3."""
    z1 = (LAMBDA[0] * h[0] + f12 - f31) % p
    z2 = (LAMBDA[1] * h[1] + f23 - f12) % p
    z3 = (LAMBDA[2] * h[2] + f31 - f23) % p
    half, third = pow(2, -1, p), pow(3, -1, p)
    new = [2 * third * z1 + half * z3, third * z1 - z2, -2 * z2 - half * z3]
    return [z1, z2, z3], [share % p for share in new]


def own_keys(party: int, f12: int, f23: int, f31: int) -> tuple[int, int]:
    """The outputs of the two pair keys that a party has."""
    return ((f12, f31), (f12, f23), (f23, f31))[party]
