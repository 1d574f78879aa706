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


def with_pairs(rows: Sequence) -> list:
    """Bits, lowest first, then the product of each pair of neighbours."""
    return [*rows, *(rows[2 * j] & rows[2 * j + 1] for j in range(len(rows) // 2))]


def wrap(u: Sequence, v: Sequence, k13: Sequence, k23: Sequence, masks: Sequence[tuple]) -> tuple[tuple, Bits]:
    """[u + v ≥ p] as pieces, for an odd number of bits; and what the parties received on the way."""
    bits, pairs = Bits(masks), len(u) // 2
    u, v = with_pairs(u), with_pairs(v)
    u12 = [a ^ k for a, k in zip(u, k13, strict=True)]
    v12 = [b ^ k for b, k in zip(v, k23, strict=True)]
    bits.received[0], bits.received[1] = list(v12), list(u12)
    a, b = (u, u12, k13), (v12, k23, k23)
    total = [(u12[i] ^ v12[i], k23[i], k13[i]) for i in range(len(u))]
    terms_g, terms_p = [], []
    for j in range(pairs):
        low, high, both = 2 * j, 2 * j + 1, len(u) - pairs + j
        terms_p.append([(x[high] & y[low]) ^ (x[low] & y[high]) for x, y in zip(a, b, strict=True)])
        terms_g.append(
            [(x[high] & y[high]) ^ (x[both] & y[low]) ^ (x[low] & y[both]) for x, y in zip(a, b, strict=True)]
        )
    terms_g[0] = [g ^ p for g, p in zip(terms_g[0], terms_p[0], strict=True)]
    top = 2 * pairs
    generate = [bits.finish(terms) for terms in terms_g]
    generate[0] = xor(generate[0], total[len(u) - pairs])
    propagate = [None]
    propagate += [xor(bits.finish(terms), total[len(u) - pairs + j]) for j, terms in enumerate(terms_p) if j]
    generate.append(bits.finish([x[top] & y[top] for x, y in zip(a, b, strict=True)]))
    propagate.append(total[top])
    return carry(bits, generate, propagate), bits


def carry(bits: Bits, generate: list, propagate: list) -> tuple:
    """The tree: neighbours combined, level by level, the last one left alone if they are odd."""
    while len(generate) > 1:
        even = len(generate) // 2 * 2
        lows, highs = range(0, even, 2), range(1, even, 2)
        new_g = [bits.product(propagate[h], generate[low]) for low, h in zip(lows, highs, strict=True)]
        new_p = [bits.product(propagate[h], propagate[low]) for low, h in list(zip(lows, highs, strict=True))[1:]]
        generate = [xor(g, generate[h]) for g, h in zip(new_g, highs, strict=True)] + generate[even:]
        propagate = [None, *new_p, *propagate[even:]]
    return generate[0]


def bits_of(value: int, count: int) -> list[int]:
    """A number's bits, lowest first."""
    return [value >> i & 1 for i in range(count)]


def to_field(p: int, pieces: tuple, slope: int, masks: tuple[int, int, int]) -> tuple[list[int], list[tuple]]:
    """A secret bit's pieces as shares of degree 1, and what each party sees of it; p > 3."""
    b12, b23, b31 = pieces
    e = line(p, b12 ^ b31, slope)
    b = [b23 * (1 - x) % p for x in (1, 2, 3)]
    sent, both = convert(p, [x * y for x, y in zip(e, b, strict=True)], *masks)
    views = [
        (b12, b31, slope, own_keys(0, *masks), sent[2]),
        (b12, b23, e[1], own_keys(1, *masks), sent[0]),
        (b23, b31, e[2], own_keys(2, *masks), sent[1]),
    ]
    return [(x + y - 2 * xy) % p for x, y, xy in zip(e, b, both, strict=True)], views
