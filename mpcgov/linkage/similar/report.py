"""How good the links are, as secret numbers: match rates of groups and estimates of each, and how many best pairs are
near the threshold.

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
from mpcgov.linkage.similar.decide import Judged, of_groups
from mpcgov.linkage.similar.scores import Grid
from mpcgov.linkage.similar.three import Operation
from mpcgov.linked.encoding import DOUBT, HUNDREDTHS
from mpcgov.linked.facts import Linked
from mpcgov.mpc.word import field
from mpcgov.mpc.word.compare import negative
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.product import product, reduce_degree
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
    judged: Judged | None,
) -> dict[str, Words]:
    """Shares of the tables' numbers, by `table.name`. `judged`: by what links are, if they have probabilities."""
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
    groups = _groups(linked, {left: ours, other: brought.best})
    records = await _records(operation, linked, own, parties)
    if judged is not None:
        return await _estimated(operation, linked, groups, records, brought.link, judged)
    channel, prss = operation()
    matched = await reduce_degree(channel, prss, field.inner_products(groups, brought.link[None]).reshape(-1))
    result = _rates(linked, records, matched)
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


def _groups(linked: Linked, sides: Mapping[str, Words]) -> Words:
    """Who is in which group: of rows that are linked it is their partner who is in one of the other owner's."""
    start = dict.fromkeys(sides, weights(linked))
    groups = []
    for column in linked.asked.report:
        first = start[column.party]
        start[column.party] += len(linked.levels(column))
        groups.append(sides[column.party][first : start[column.party]])
    return np.concatenate(groups)


def _rates(linked: Linked, records: Words, matched: Words) -> dict[str, Words]:
    """The numbers of match rates, for each table of these, and of what is shown where these are."""
    kept = Computed.MATCH_RATES, Computed.GROUP_QUALITY
    names = [one.name for one in kinds.tables(linked) if one.kind.computed in kept]
    return {f"{name}.{what}": number for name in names for what, number in (("records", records), ("linked", matched))}


async def _estimated(
    operation: Operation, linked: Linked, groups: Words, records: Words, link: Words, judged: Judged
) -> dict[str, Words]:
    """How many records of each group are linked, how probable these are, and how much of what is probable they are."""
    channel, prss = operation()
    some = await product(channel, prss, groups, np.tile(link, (len(groups), 1)))
    matched = field.inner_products(some, np.ones((1, len(link)), np.uint64)).reshape(-1)
    precision, share = await of_groups(operation, judged, groups, some)
    result = _rates(linked, records, matched)
    for one in kinds.computed(linked, Computed.GROUP_QUALITY):
        result |= {f"{one.name}.precision": precision, f"{one.name}.found": share}
    return result


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
