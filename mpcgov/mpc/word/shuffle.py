"""Secret shuffle: rows in a uniformly random order that no t parties know.

One pass per subset of t + 1 parties: its members know a permutation, uniform and drawn from a key of theirs, apply it
to their shares as an additive split (Lagrange at their points) and deal the parts afresh. Any t parties miss one of
the subsets whole, so at least one of the permutations is unknown to them, and uniform: so is the whole. What they
receive are fresh dealings.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations

from mpcgov.errors import InternalError
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.prss import Prss, Subset
from mpcgov.mpc.word.refresh import common_streams
from mpcgov.mpc.word.sharing import redeal, weights
from mpcgov.mpc.word.stream import Stream
from mpcgov.mpc.word.wire import Channel


def missed(family: Sequence[Subset], parties: int, threshold: int) -> list[Subset]:
    """The sets of t parties that meet every subset of the family: they would know the whole order."""
    return [
        coalition
        for coalition in combinations(range(parties), threshold)
        if all(set(subset) & set(coalition) for subset in family)
    ]


@cache
def family_for(parties: int, threshold: int) -> tuple[Subset, ...]:
    """Subsets of t + 1 parties such that any t parties miss one whole: three pairs for m = 3, two for m ≥ 4, t = 1.

    Chosen greedily, each time the one that the most coalitions still to be covered miss.
    """
    family: list[Subset] = []
    candidates = list(combinations(range(parties), threshold + 1))
    while left := missed(family, parties, threshold):
        family.append(max(candidates, key=lambda subset: sum(not set(subset) & set(c) for c in left)))
    return tuple(family)


async def shuffle(channel: Channel, prss: Prss, rows: Words, family: Sequence[Subset] | None = None) -> Words:
    """The rows of a matrix of degree t, shape (rows, columns), in an order that no t parties know; shares are fresh.

    One round per subset, and one for the keys of subsets that have none yet.
    """
    subsets = family_for(prss.parties, prss.threshold) if family is None else family
    if missed(subsets, prss.parties, prss.threshold):
        raise InternalError("a shuffle whose order a coalition could know")
    keys = await _streams(channel, prss, subsets)
    for subset, key in zip(subsets, keys, strict=True):
        factors = dict(zip(subset, weights(tuple(party + 1 for party in subset)), strict=True))
        if key is not None:
            rows = rows.take(key.permutation(len(rows)), axis=0)
        rows = await redeal(channel, prss.threshold, factors, rows)
    return rows


async def _streams(channel: Channel, prss: Prss, family: Sequence[Subset]) -> list[Stream | None]:
    """A fresh stream for each subset that we are in. A subset of m − t parties has a key already."""
    number = channel.draw()
    if all(len(subset) == prss.parties - prss.threshold for subset in family):
        return [prss.stream(s, f"shuffle {i}", number) if prss.me in s else None for i, s in enumerate(family)]
    return await common_streams(channel, family)
