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


class Bits:
    """The lane protocol for three parties on bits of any kind that knows ^ and &: Python's 0 and 1, or numpy rows.

    Pieces are by pair, 12, 23 and 31. `received` has what each party gets, in order; `masks` the rows of the pairs'
    keys, one of each for every product.
    """

    def __init__(self, masks: Sequence[tuple]) -> None:
        self.masks = iter(masks)
        self.received: list[list] = [[], [], []]

    def finish(self, terms: Sequence) -> tuple:
        """Mask each party's terms, send them on, and call them the new pieces."""
        f12, f23, f31 = next(self.masks)
        pieces = (terms[0] ^ f12 ^ f31, terms[1] ^ f23 ^ f12, terms[2] ^ f31 ^ f23)
        for party in range(3):
            self.received[(party + 1) % 3].append(pieces[party])
        return pieces

    def product(self, x: tuple, y: tuple) -> tuple:
        """x · y: party i forms right·right, right·left and left·right; its pieces are of {i, i+1} and {i−1, i}."""
        return self.finish([(x[i] & y[i]) ^ (x[i] & y[i - 1]) ^ (x[i - 1] & y[i]) for i in range(3)])


def xor(*pieces: tuple) -> tuple:
    """The XOR of secret bits."""
    result = list(pieces[0])
    for other in pieces[1:]:
        result = [a ^ b for a, b in zip(result, other, strict=True)]
    return tuple(result)


def bits_of(value: int, count: int) -> list[int]:
    """A number's bits, lowest first."""
    return [value >> i & 1 for i in range(count)]


def on_a_line(p: int, shares: Sequence[int]) -> bool:
    """Whether three shares are of degree 1."""
    return (shares[0] - 2 * shares[1] + shares[2]) % p == 0


def to_field(p: int, pieces: tuple[int, int, int], drawn: tuple[int, int, int]) -> tuple[list[int], list[tuple]]:
    """A secret bit's pieces of {1, 2}, {1, 3}, {2, 3} as shares of degree 1, and what each party sees of it; p > 3.

    `drawn`: of the key of {1, 3} a part of the mask, and a share; of that of {2, 3} a share.
    """
    d, first, second = pieces
    part, of_first, of_second = drawn
    sign, third = 1 - 2 * d, pow(3, -1, p)
    rest = ((first ^ second) - part) % p
    summands = [d + sign * part, sign * rest]
    kept, sent = [], []
    for summand, share, own, other in zip(summands, (of_first, of_second), (1, 2), (2, 1), strict=True):
        at = [(summand * (3 - x) + share * x) * third % p for x in (own, other)]
        kept.append(at[0])
        sent.append(at[1])
    shares = [(kept[0] + sent[1]) % p, (kept[1] + sent[0]) % p, (of_first + of_second) % p]
    views = [(d, first, part, of_first, sent[1]), (d, second, of_second, rest, sent[0]), (first, second, *drawn)]
    return shares, views
