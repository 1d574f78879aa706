"""Which fields go together among persons who aren't the same, as an owner counts in its own list, in the clear.

Twins have one last name and one date of birth, a household one address: of two such fields that are equal the second
tells little. So each field may have a parent, another field, and where both are equal its u is the one given that: the
fields are a tree (Chow and Liu, IEEE Trans. Inf. Theory 14, 1968), the one of those pairs of fields that are equal
together most often beyond chance. That fields depend, and that models which forget it overrate their links: Thibaudeau,
Survey Methodology 19 (1993); Winkler, ASA Proc. Survey Research Methods (1993).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mpcgov.records.agreement import (
    DIFFERS,
    EQUAL,
    MOST_WEIGHT,
    QUARTERS,
    Encoded,
    Ints,
    frequencies,
    levels,
    shares,
)

Floats = NDArray[np.float64]

LEAST_FIELDS = 3
"""With fewer there is none in which pairs that are equal in two could differ."""
NOBODY = -1
LEAST_LIFT = 0.25
"""Fields that are equal together less than so many bits more often than by chance go with no other."""
ERRORS = 2
"""Numbers of pairs within so many standard errors of what chance brings are taken for chance."""
TWINS = 0.01
"""So many records have at least a twin's in the other list, of whom this one may have none: in the United States three
births in a hundred are twins'."""
SAMPLE = 1024
"""Of the pairs that are equal in two fields so many, evenly spread, are looked at for a third that differs."""


@dataclass(frozen=True)
class Dependence:
    """`parent`: of each field the one that it goes with, or NOBODY. `weights`: what being equal weighs where the parent
    is equal, too, for each record; shape (fields, records), of use where a field has a parent and a record has both."""

    parent: tuple[int, ...]
    weights: Ints

    def holds(self, fields: Sequence[Encoded], number: int) -> NDArray[np.bool_]:
        """For which records a field and its parent are there."""
        parent = self.parent[number]
        return fields[number].present & fields[parent].present if parent != NOBODY else np.zeros(len(fields[0]), bool)


def dependence(fields: Sequence[Encoded], of_level: Sequence[Ints]) -> Dependence:
    """What an owner's list tells of it. `of_level`: the weights of its levels, as if fields were independent."""
    shared = np.zeros((len(fields), len(fields)))
    alone = [_agreeing(field.values[field.present]) for field in fields]
    for f, g in combinations(range(len(fields)), 2) if len(fields) >= LEAST_FIELDS else ():
        count, pairs = _relatives(fields, f, g)
        beyond = count - pairs * alone[f] * alone[g]
        if beyond > ERRORS * np.sqrt(count):
            shared[f, g] = shared[g, f] = beyond / pairs
    _twins(fields, shared)
    parent = _tree(np.log2(1 + shared / np.outer(alone, alone)))
    found = [_given(fields, number, parent[number], shared, of_level) for number in range(len(fields))]
    return Dependence(parent, np.array(found))


def _twins(fields: Sequence[Encoded], shared: Floats) -> None:
    """Raise what a last name and a date share to what twins have at least. The last name is that of the first two which
    relatives in the list share more often; if none do, the second."""
    names, dates = ([k for k, field in enumerate(fields) if field.type == type_] for type_ in ("name", "date"))
    if len(fields) >= LEAST_FIELDS and names and dates:
        last = max(names[:2], key=lambda name: (shared[name, dates[0]], name))
        least = TWINS / max(1, len(fields[last]))
        shared[last, dates[0]] = shared[dates[0], last] = max(shared[last, dates[0]], least)


def _agreeing(values: NDArray[np.uint64]) -> float:
    """The share of pairs of these that are equal; of half a pair, if none are."""
    _, counts = np.unique(values, return_counts=True)
    pairs = max(1, len(values) * (len(values) - 1))
    return max(1, int((counts * (counts - 1)).sum())) / pairs


def _relatives(fields: Sequence[Encoded], f: int, g: int) -> tuple[float, int]:
    """How many pairs of records are equal in two fields and differ in a third, so are two persons'; and of how many."""
    known = np.flatnonzero(fields[f].present & fields[g].present)
    both = fields[f].values[known] * np.uint64(0x9E3779B97F4A7C15) ^ fields[g].values[known]
    order = np.argsort(both, kind="stable")
    _, counts = np.unique(both, return_counts=True)
    pairs = counts * (counts - 1) // 2
    ends, starts = np.cumsum(pairs), np.cumsum(counts) - counts
    total = int(pairs.sum())
    size = min(SAMPLE, total)
    every = max(1, len(known) * (len(known) - 1) // 2)
    if not size:
        return 0.0, every
    ranks = np.arange(size) * total // size
    group = np.searchsorted(ends, ranks, "right")
    rank = ranks - (ends - pairs)[group]
    later = np.floor((1 + np.sqrt(1 + 8 * rank.astype(np.float64))) / 2).astype(np.int64)
    i, j = (known[order[starts[group] + one]] for one in (later, rank - later * (later - 1) // 2))
    differ = np.zeros(size, bool)
    for number, field in enumerate(fields):
        if number not in (f, g):
            differ |= levels(field, field, i, j) == DIFFERS
    return float(differ.mean()) * total, every


def _tree(lift: Floats) -> tuple[int, ...]:
    """Each field's parent: the spanning tree of greatest lift (Prim), less what is below LEAST_LIFT."""
    parent = [NOBODY] * len(lift)
    within, rest = [0], list(range(1, len(lift)))
    while rest:
        _, child, of = max((lift[g, f], -f, -g) for g in within for f in rest)
        if lift[-of, -child] >= LEAST_LIFT:
            parent[-child] = -of
        within.append(-child)
        rest.remove(-child)
    return tuple(parent)


def _given(fields: Sequence[Encoded], number: int, parent: int, shared: Floats, of_level: Sequence[Ints]) -> Ints:
    """What equal values weigh where the parent is equal: never more than without it."""
    equal = of_level[number][:, EQUAL]
    if parent == NOBODY:
        return equal
    field = fields[number]
    often = np.minimum(1, frequencies(field) + shared[number, parent] / frequencies(fields[parent]))
    m = shares(field.type, field.equal)[-1] or 0.0
    weight = np.rint(QUARTERS * np.log2(m / often)).astype(np.int64)
    return np.where(field.present, np.clip(np.minimum(weight, equal), -MOST_WEIGHT, MOST_WEIGHT), 0)
