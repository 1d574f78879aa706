"""Probabilistic record linkage (Fellegi and Sunter, JASA 64, 1969) in plain numpy: what record-linkage's reference is
made of, and by which its design was measured.

Each record of the first list is weighed with some of the second; the best of them is its partner, unless it is a better
one's. How probable it is that a pair is one person's follows from its weight and from how many such pairs there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from mpcgov.agreement import EQUAL, SWAPPED, Encoded, Ints, levels, weights
from mpcgov.linked.encoding import MOST_CANDIDATES, SCORE_STEP
from mpcgov.prior import SCALE_BITS, Prior


def pair_weights(first: Sequence[Encoded], second: Sequence[Encoded], i: Ints, j: Ints) -> Ints:
    """The weights of pairs of records i of the first and j of the second list, shape (pairs,).

    If the first two names are in each other's place, they weigh as equal ones and SWAPPED, where that is more.
    """
    of_level = [weights(field) for field in second]
    each = [w[j, levels(a, b, i, j)] for w, a, b in zip(of_level, first, second, strict=True)]
    total: Ints = np.sum(each, axis=0)
    names = [k for k, field in enumerate(first) if field.type == "name"][:2]
    if len(names) == 2:
        p, q = names
        swapped = (first[p].values[i] == second[q].values[j]) & (first[q].values[i] == second[p].values[j])
        swapped &= first[p].present[i] & first[q].present[i]
        others = total - each[p] - each[q] + of_level[p][j, EQUAL] + of_level[q][j, EQUAL] + SWAPPED
        total = np.where(swapped, np.maximum(total, others), total)
    return total


def candidates(scores: Ints) -> Ints:
    """With which records of the second list each one of the first is weighed, shape (records, candidates).

    The second list falls into runs of 2^k neighbours, so long that there are at most MOST_CANDIDATES runs; of each it
    is the first of those with the greatest score.

    Args:
        scores: of every pair, how alike its filters are; shape (records of the first, records of the second).
    """
    others, length = scores.shape[1], 1
    while -(-others // length) > MOST_CANDIDATES:
        length *= 2
    steps = (scores - (scores < 0)) // SCORE_STEP  # negative ones are one's complements in their field
    starts = range(0, others, length)
    return np.stack([start + steps[:, start : start + length].argmax(axis=1) for start in starts], axis=1)


@dataclass(frozen=True)
class Links:
    """The linked pairs, by their places in the lists; and what their weights say of how good they are.

    `chance`: how probable it is that each link is right. `expected`: how many pairs of one person there should be.
    """

    first: Ints
    second: Ints
    chance: NDArray[np.float64]
    expected: float

    @property
    def precision(self) -> float:
        """The estimated share of links that are right."""
        return float(self.chance.mean()) if len(self.chance) else 1.0

    @property
    def recall(self) -> float:
        """The estimated share of all pairs of one person that are linked."""
        return float(self.chance.sum()) / self.expected if self.expected else 1.0


def linked(first: Sequence[Encoded], second: Sequence[Encoded], candidates: Ints, pairs: int, least: Fraction) -> Links:
    """The links of at least that probability, nobody in two.

    Args:
        candidates: of each record of the first list, the records of the second that it is weighed with, shape
            (records, candidates).
        pairs: how many pairs there are in all, candidates or not; of padded lists.
        least: the least probability.
    """
    records, count = candidates.shape
    i, j = np.repeat(np.arange(records), count), candidates.reshape(-1)
    found = pair_weights(first, second, i, j).reshape(records, count)
    best, rows = found.argmax(axis=1), np.arange(records)
    weight, partner = found[rows, best], candidates[rows, best]
    order = np.lexsort((rows, -weight, partner))
    alone = np.ones(records, bool)  # the greatest weight of those with this partner, the first of equal ones
    alone[order[1:]] = partner[order[1:]] != partner[order[:-1]]
    prior = Prior(pairs, records)
    steps = np.searchsorted(prior.bounds, weight, "right") - 1
    chances = np.where(alone & (steps >= 0), prior.chances[:, steps], 0)
    sums = chances.sum(axis=1)
    share = int((sums[:-1] < prior.expected[:-1]).sum())
    chosen = np.flatnonzero(alone & (weight >= prior.least_weights(least)[share]))
    return Links(chosen, partner[chosen], chances[share, chosen] / (1 << SCALE_BITS), sums[share] / (1 << SCALE_BITS))
