"""Pseudorandom secret sharing in bulk: randomness that costs no message (Cramer, Damgård and Ishai, TCC 2005).

Every subset S of m − t parties has a key. Any t parties miss one subset whole, so what its key expands to is unknown
to them. f_S is the polynomial of degree t that is 1 at 0 and 0 at every point outside S, so a party needs only the
keys of its own subsets. Each use has a key of its own, by HKDF with the use as label; each draw has its own number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from itertools import combinations

import numpy as np

from mpcgov.errors import InternalError
from mpcgov.mpc.codec import nobodys
from mpcgov.mpc.prf import derive
from mpcgov.mpc.word import field
from mpcgov.mpc.word.field import P, Words
from mpcgov.mpc.word.sharing import open_to_all
from mpcgov.mpc.word.stream import Stream
from mpcgov.mpc.word.wire import Channel

Subset = tuple[int, ...]

ROOT = 1 << (field.BITS - 2)
"""a^ROOT is a square root of every square a: (p + 1) / 4 = 2^59."""


def subsets(parties: int, threshold: int) -> list[Subset]:
    """The subsets of m − t parties, by index, in an order that all parties have in common."""
    return list(combinations(range(parties), parties - threshold))


@cache
def weight(subset: Subset, point: int, parties: int) -> int:
    """f_S at a point."""
    value = 1
    for party in range(parties):
        if party not in subset:
            value = value * (party + 1 - point) * field.inverse(party + 1) % P
    return value


class Prss:
    """The subset keys that party `me` has, and what they expand to. `masters` are uniform, 32 bytes each."""

    def __init__(self, me: int, parties: int, threshold: int, masters: Mapping[Subset, bytes]) -> None:
        if sorted(masters) != [s for s in subsets(parties, threshold) if me in s]:
            raise InternalError("pseudorandom sharing needs exactly the keys of the own subsets")
        self.me = me
        self.parties = parties
        self.threshold = threshold
        self._masters = dict(sorted(masters.items()))
        self._keys: dict[tuple[Subset, str], bytes] = {}

    def stream(self, subset: Subset, use: str, number: int) -> Stream:
        """The words that the members of `subset` share, for one use and one draw."""
        if (subset, use) not in self._keys:
            self._keys[subset, use] = derive(self._masters[subset], f"words {use}")
        return Stream(self._keys[subset, use], number)

    def derived(self, use: str) -> dict[Subset, bytes]:
        """A key of its own for each subset, for what isn't done with these here."""
        return {subset: derive(master, use) for subset, master in self._masters.items()}

    def pair(self, other: int, use: str, number: int) -> Stream:
        """The words that we share with one other party: for m = 3, where the subsets are pairs."""
        return self.stream((min(self.me, other), max(self.me, other)), use, number)

    def random(self, channel: Channel, count: int) -> Words:
        """Our shares, of degree t, of `count` uniform elements that nobody knows: Σ_S r_S · f_S."""
        return self._sum(
            channel.draw(), "random", count, 1, lambda subset, _: weight(subset, self.me + 1, self.parties)
        )

    def zero(self, channel: Channel, count: int) -> Words:
        """Our points of `count` uniform polynomials of degree 2t that are 0 at 0: Σ_S Σ_j r_{S,j} · f_S(x) · x^j."""

        def factor(subset: Subset, j: int) -> int:
            return weight(subset, self.me + 1, self.parties) * pow(self.me + 1, j + 1, P) % P

        return self._sum(channel.draw(), "zero", count, self.threshold, factor)

    def _sum(self, number: int, use: str, count: int, terms: int, factor: Callable[[Subset, int], int]) -> Words:
        total = np.zeros(count, np.uint64)
        for subset in self._masters:
            numbers = self.stream(subset, use, number)
            for term in range(terms):
                total = field.combine([1, factor(subset, term)], [total, numbers.elements(count)])
        return total


async def random_bits(channel: Channel, prss: Prss, count: int) -> Words:
    """Our shares, of degree t, of `count` uniform bits that nobody knows. One round.

    Opened is a², with a zero sharing of degree 2t: a uniform square, which tells nothing of a's sign. With c its root
    2^59-th power, a/c is 1 or −1, each as likely. A zero is drawn again: it happens once in 2^61.
    """
    bits = np.empty(count, np.uint64)
    wanted = np.arange(count)
    while wanted.size:
        a = prss.random(channel, wanted.size)
        masked = field.add(field.product(a, a), prss.zero(channel, wanted.size))
        square = await open_to_all(channel, masked, 2 * prss.threshold)
        inverse = inverse_root(square)
        if not ((field.product(field.product(inverse, inverse), square) == 1) | (square == 0)).all():
            raise nobodys("the square of a random number that is none")
        signs = field.product(a, inverse)
        bits[wanted] = field.scale(field.add(signs, np.ones_like(signs)), field.inverse(2))
        wanted = wanted[square == 0]
    return bits


def inverse_root(square: Words) -> Words:
    """1/c for the root c = a^(2^59) of each square a that isn't 0; 0 for 0.

    1/c = a^(p − 1 − 2^59) = (b · (a·b)²)² with b = a^(2^58 − 1); b by doubling the number of ones in the exponent.
    """
    ones, power = 1, square
    for bit in bin(field.BITS - 3)[3:]:
        shifted = power
        for _ in range(ones):
            shifted = field.product(shifted, shifted)
        power, ones = field.product(shifted, power), 2 * ones
        if bit == "1":
            power, ones = field.product(field.product(power, power), square), ones + 1
    twice = field.product(square, power)
    result = field.product(power, field.product(twice, twice))
    return field.product(result, result)
