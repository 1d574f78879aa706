"""Which records of one list are probably one person's, in the clear: for the list's owner, by the weights of linkage.

One owner's list needs no other party. Every pair is weighed, or every pair in a block; how many pairs are one person's
is estimated by expectation maximisation, and with it how probable each pair is. Records that are linked, if through
others, are one group.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpcgov.records.agreement import EQUAL, QUARTERS, SWAPPED, Encoded, Ints, levels_of_all, weights

Floats = NDArray[np.float64]

ROWS_AT_ONCE = 64
FLOOR_BITS = 10
"""Pairs so many bits below even odds can't matter even if there are as many duplicates as records; they aren't kept."""
ROUNDS = 100
OWN = 1.5
"""Two records of one person have a value twice: that tells nothing of how often others do."""


@dataclass(frozen=True)
class Duplicates:
    """Pairs of records by their places in the list, the first one the smaller, and how probable each is."""

    first: Ints
    second: Ints
    chance: Floats
    expected: float

    @property
    def precision(self) -> float:
        """The estimated share of these pairs that are right."""
        return float(self.chance.mean()) if len(self.chance) else 1.0

    @property
    def recall(self) -> float:
        """The estimated share of all pairs of one person that are here."""
        return float(self.chance.sum()) / self.expected if self.expected else 1.0


def duplicates(fields: Sequence[Encoded], least: float, blocks: Sequence[Ints] | None = None) -> Duplicates:
    """The pairs of at least that probability.

    Args:
        fields: of the list.
        least: the least probability.
        blocks: passes: of each record the number of its block, −1 if it is in none. Two records are compared if any
            pass has them in one block; None: all are.
    """
    records = len(fields[0])
    pairs = max(1.0, records * (records - 1) / 2)
    lowest = QUARTERS * (np.log2(pairs / max(1, records)) - FLOOR_BITS)
    of_level = [weights(field, OWN) for field in fields]
    kept = [np.zeros((3, 0), np.int64)]
    for some, others in _tasks(records, blocks):
        found = _weights(fields, of_level, some, others)
        i, j = np.nonzero((found > lowest) & (some[:, None] < others))
        kept.append(np.stack([some[i], others[j], found[i, j]]))
    first, second, weight = np.concatenate(kept, axis=1)
    _, once = np.unique(first * records + second, return_index=True)
    chance, expected = _chances(weight[once], pairs)
    chosen = once[chance >= least]
    return Duplicates(first[chosen], second[chosen], chance[chance >= least], expected)


def compared_pairs(records: int, blocks: Sequence[Ints] | None) -> int:
    """How many pairs all passes have."""
    if blocks is None:
        return records * (records - 1) // 2
    sizes = [np.bincount(numbers[numbers >= 0]) for numbers in blocks]
    return sum(int((size * (size - 1) // 2).sum()) for size in sizes)


def _tasks(records: int, blocks: Sequence[Ints] | None) -> Iterator[tuple[Ints, Ints]]:
    """Some records, ascending, and all that they are to be compared with: those after the first of them."""
    for numbers in [np.zeros(records, np.int64)] if blocks is None else blocks:
        order = np.argsort(numbers, kind="stable")
        _, starts = np.unique(numbers[order], return_index=True)
        for block in np.split(order, starts[1:]):
            if len(block) > 1 and numbers[block[0]] >= 0:
                for at in range(0, len(block) - 1, ROWS_AT_ONCE):
                    yield block[at : at + ROWS_AT_ONCE], block[at + 1 :]


def _weights(fields: Sequence[Encoded], of_level: Sequence[Ints], some: Ints, others: Ints) -> Ints:
    """What pairs weigh, shape (some, others): of a level the mean of what it weighs for either record's value."""
    each = []
    for field, own in zip(fields, of_level, strict=True):
        level = levels_of_all(field, some, others)
        each.append((own[some[:, None], level] + own[others, level]) // 2)
    total: Ints = np.sum(each, axis=0)
    names = [k for k, field in enumerate(fields) if field.type == "name"][:2]
    if len(names) == 2:
        p, q = names
        (x, y), both = (fields[k].values for k in names), fields[p].present & fields[q].present
        swapped = (x[some][:, None] == y[others]) & (y[some][:, None] == x[others]) & both[some][:, None]
        equal = of_level[p][others, EQUAL] + of_level[q][others, EQUAL] + SWAPPED
        total = np.where(swapped, np.maximum(total, total - each[p] - each[q] + equal), total)
    return total


def _chances(weight: Ints, pairs: float) -> tuple[Floats, float]:
    """How probable each pair is, and how many are one person's."""
    bits, expected = weight / QUARTERS, float(max(1, (weight > QUARTERS * np.log2(max(2.0, pairs))).sum()))
    chance = np.zeros(len(bits))
    for _ in range(ROUNDS):
        odds = bits + np.log2(expected / max(1.0, pairs))
        chance = 1 / (1 + 2.0 ** -np.clip(odds, -200, 200))
        expected, before = max(1.0, float(chance.sum())), expected
        if abs(expected - before) < 1e-6 * before:
            break
    return chance, expected


def groups(found: Duplicates) -> list[list[int]]:
    """Records of one person together, if through others: each group ascending, and the groups by their first."""
    root: dict[int, int] = {}

    def of(one: int) -> int:
        while (above := root.setdefault(one, one)) != one:
            root[one] = one = root[above]
        return one

    for one, other in zip(found.first.tolist(), found.second.tolist(), strict=True):
        low, high = sorted((of(one), of(other)))
        root[high] = low
    result: dict[int, list[int]] = {}
    for one in sorted(root):
        result.setdefault(of(one), []).append(one)
    return [result[key] for key in sorted(result)]
