"""How good the links are, as secret numbers: match rates of groups, and how many best pairs are near the threshold.

Dice is 4⟨a,b⟩ / D with D the weights that a score s takes off p times; so with s known to be that of a mutual best, its
Dice is at least p/q ± 1/20 where 100/q · s ∓ 5·D isn't negative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mpcgov import kinds
from mpcgov.kinds.kind import Computed
from mpcgov.linkage.similar.arranged import Arranged
from mpcgov.linkage.similar.bring import Brought
from mpcgov.linkage.similar.clk import Filters
from mpcgov.linkage.similar.scores import Grid
from mpcgov.linkage.similar.three import Operation
from mpcgov.linked.encoding import DOUBT, HUNDREDTHS
from mpcgov.linked.facts import Linked
from mpcgov.mpc.word import field
from mpcgov.mpc.word.compare import negative
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.product import reduce_degree
from mpcgov.mpc.word.sharing import deal

Numbers = Mapping[str, NDArray[np.int64]]


def weights(linked: Linked) -> int:
    """How many of `columns` say which fields a record has, and their weights: none if links have probabilities."""
    return 0 if linked.asked.threshold is None else 2 * len(linked.asked.fields) + 1


def widths(linked: Linked, owner: str) -> list[int]:
    """The bits of each of `columns`."""
    scoring = linked.scoring
    each = [segment.most.bit_length() for segment in scoring.segments]
    groups = sum(len(linked.levels(column)) for column in linked.asked.report if column.party == owner)
    found = [*([1] * len(each)), *each, scoring.nobody.bit_length()][: weights(linked)]
    return [*found, *([1] * groups)]


def columns(linked: Linked, owner: str, own: Numbers, filters: Filters, rows: Arranged) -> Words:
    """An owner's own: which fields each record has, their weights, the weight of all, and the groups of its columns."""
    found = [
        rows.numbers(own[column.column]) == np.arange(len(linked.levels(column)))[:, None]
        for column in linked.asked.report
        if column.party == owner
    ]
    if weights(linked):
        each, total = filters.weights()
        found = [each > 0, each, total[None], *found]
    none = np.zeros((0, len(rows)), np.uint64)
    return np.concatenate([none, *(part.astype(np.uint64) for part in found)])


async def tables(
    operation: Operation,
    linked: Linked,
    grid: Grid,
    brought: Brought,
    owner: tuple[Filters, Numbers, Arranged] | None,
    parties: Sequence[str],
) -> dict[str, Words]:
    """Shares of the numbers of both tables, by `table.name`."""
    left, other = (parties[side.owner] for side in (grid.rows, grid.columns))
    channel, prss = operation()
    mine = own = None
    if owner is not None:
        filters, own, arranged = owner
        if prss.me == grid.rows.owner:
            mine = columns(linked, left, own, filters, arranged).reshape(-1)
    count, rows = len(widths(linked, left)), len(brought.link)
    (dealt,) = await deal(channel, prss.threshold, [grid.rows.owner], mine, count * rows)
    ours = dealt.reshape(count, rows)
    matched = await _matched(operation, linked, brought, {left: ours, other: brought.best})
    records = await _records(operation, linked, own, parties)
    result: dict[str, Words] = {}
    for one in kinds.computed(linked, Computed.MATCH_RATES):
        result |= {f"{one.name}.records": records, f"{one.name}.linked": matched}
    if linked.asked.threshold is None:
        return result
    pairs = await _doubtful(operation, linked, brought, ours)
    return result | {f"{one.name}.pairs": pairs for one in kinds.computed(linked, Computed.DOUBTFUL)}


async def _doubtful(operation: Operation, linked: Linked, brought: Brought, ours: Words) -> Words:
    """How many mutual bests are just below the threshold, and how many just above."""
    fields, theirs = len(linked.asked.fields), brought.best
    terms = [field.product(ours[f], theirs[fields + f]) for f in range(fields)]
    terms += [field.product(ours[fields + f], theirs[f]) for f in range(fields)]
    terms.append(field.product(ours[2 * fields], brought.mutual))
    channel, prss = operation()
    products = await reduce_degree(channel, prss, field.combine([1] * len(terms), terms))
    weight = field.add(products, theirs[2 * fields])
    band = int(DOUBT * HUNDREDTHS)
    scale = HUNDREDTHS // linked.scoring.q
    near = [field.combine([scale, sign * band], [brought.score, weight]) for sign in (-1, 1)]
    channel, prss = operation()
    above, below, negatives = await negative(channel, prss, np.stack([*near, brought.score]))
    return field.sum_rows(np.stack([field.subtract(negatives, below), field.subtract(above, negatives)], axis=1))


async def _matched(operation: Operation, linked: Linked, brought: Brought, sides: Mapping[str, Words]) -> Words:
    """How many records of each group are linked."""
    start = dict.fromkeys(sides, weights(linked))
    groups = []
    for column in linked.asked.report:
        first = start[column.party]
        start[column.party] += len(linked.levels(column))
        groups.append(sides[column.party][first : start[column.party]])
    channel, prss = operation()
    sums = field.inner_products(np.concatenate(groups), brought.link[None])
    return (await reduce_degree(channel, prss, sums)).reshape(-1)


async def _records(operation: Operation, linked: Linked, own: Numbers | None, parties: Sequence[str]) -> Words:
    """How many records each group has: its owner's to know, and dealt."""
    shares = []
    for column in linked.asked.report:
        levels, owner = len(linked.levels(column)), parties.index(column.party)
        channel, prss = operation()
        counts = None
        if own is not None and prss.me == owner:
            counts = np.bincount(own[column.column], minlength=levels).astype(np.uint64)
        shares += await deal(channel, prss.threshold, [owner], counts, levels)
    return np.concatenate(shares)
