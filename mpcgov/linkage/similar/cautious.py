"""From which weight on records are linked where the job doesn't say how probable links are at least: as few of them as
may be are expected to be wrong.

How many are expected to be wrong from a step of the weight on follows from secret counts and from the odds, a secret,
too. What is too much is compared step by step; the steps that have too much come first. All of it is on shares, and
nothing is opened. See `records.prior`.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from mpcgov.linkage.similar.three import Operation
from mpcgov.linked.encoding import FREE_LINKS, WRONG_LINKS, WRONG_SHARE
from mpcgov.mpc.word import field
from mpcgov.mpc.word.compare import negative
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.product import product, reduce_degree
from mpcgov.records.agreement import Ints
from mpcgov.records.prior import SCALE_BITS, Prior


async def cautious(operation: Operation, prior: Prior, share: Words, counts: Words, least: Fraction) -> Words:
    """A 1 at the number of the odds whose least weight links have: `share`, or later ones; shape (odds,).

    Args:
        share: a 1 at the number of the right odds.
        counts: of rows that have their partner alone, how many reach each step.
        least: the least probability, by the right odds.
    """
    of_odds = prior.steps_of(least)
    many = (await _many(operation, prior, share, counts, of_odds))[of_odds[:-1]]
    before = _after(share)[:-1]
    channel, prss = operation()
    both = await product(channel, prss, before, many)
    either = field.subtract(field.add(before, many), both)
    edges = np.concatenate([np.ones(1, np.uint64), either, np.zeros(1, np.uint64)])
    return field.subtract(edges[:-1], edges[1:])


async def _many(operation: Operation, prior: Prior, share: Words, counts: Words, of_odds: Ints) -> Words:
    """1 for each step from which on too many links are expected to be wrong."""
    chance = field.inner_products(np.ascontiguousarray(prior.chances.T).astype(np.uint64), share[None]).reshape(-1)
    rows = field.subtract(counts, np.concatenate([counts[1:], np.zeros(1, np.uint64)]))
    channel, prss = operation()
    right = await product(channel, prss, chance, rows)
    wrong = _from(field.subtract(field.scale(rows, 1 << SCALE_BITS), right))
    channel, prss = operation()
    linked = await reduce_degree(
        channel, prss, field.inner_products(share[None], _from(right)[of_odds][None]).reshape(-1)
    )
    free = np.full(1, FREE_LINKS << SCALE_BITS, np.uint64)
    beyond = np.ascontiguousarray(np.broadcast_to(field.subtract(linked, free), wrong.shape))
    some = np.full(wrong.shape, 1 << SCALE_BITS, np.uint64)
    left = [
        field.subtract(some, field.scale(wrong, WRONG_LINKS)),
        field.subtract(beyond, field.scale(wrong, WRONG_SHARE)),
    ]
    channel, prss = operation()
    over = await negative(channel, prss, np.concatenate(left))
    channel, prss = operation()
    return await product(channel, prss, over[: len(wrong)].copy(), over[len(wrong) :].copy())


def _from(values: Words) -> Words:
    """The sums of each and all later ones."""
    return field.inner_products(np.triu(np.ones((len(values), len(values)), np.uint64)), values[None]).reshape(-1)


def _after(values: Words) -> Words:
    """The sums of all later ones than each."""
    return field.subtract(_from(values), values)
