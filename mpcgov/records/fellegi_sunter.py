"""Probabilistic record linkage (Fellegi and Sunter, JASA 64, 1969) in plain numpy: what record-linkage's reference is
made of, and by which its design was measured.

Each record of the first list is weighed with some of the second; the best of them is its partner, unless it is a better
one's. How probable it is that a pair is one person's follows from its weight and from how many such pairs there are.
With a threshold instead, two records are linked that are each other's best by their score.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgov.linked.encoding import ONE_TO_ONE, PROBABILITIES, SCORE_STEP, USUAL_PROBABILITY, run_length
from mpcgov.linked.sizes import padded_length
from mpcgov.records import foreseen
from mpcgov.records.agreement import EQUAL, SWAPPED, Encoded, Ints, levels, weights
from mpcgov.records.dependence import NOBODY, Dependence, dependence
from mpcgov.records.prior import SCALE_BITS, Prior, start

Own = tuple[list[Ints], Dependence]
"""What the levels of a list's records weigh, by themselves and given others."""


def weighed(fields: Sequence[Encoded]) -> Own:
    """The same of these records."""
    of_level = [weights(field) for field in fields]
    return of_level, dependence(fields, of_level)


def pair_weights(
    first: Sequence[Encoded], second: Sequence[Encoded], i: Ints, j: Ints, own: Own | None = None
) -> Ints:  # fmt: skip
    """The weights of pairs of records i of the first and j of the second list, shape (pairs,).

    A field that is equal, and whose parent is, weighs what it does then: see `dependence`. If the first two names are
    in each other's place, they weigh as equal ones and SWAPPED, where that is more. `own`: of the second list.
    """
    of_level, given = own or weighed(second)
    found = [levels(a, b, i, j) for a, b in zip(first, second, strict=True)]
    each = [weight[j, level] for weight, level in zip(of_level, found, strict=True)]
    for number, parent in enumerate(given.parent):
        if parent != NOBODY:
            both = (found[number] == EQUAL) & (found[parent] == EQUAL)
            each[number] = np.where(both, given.weights[number, j], each[number])
    total: Ints = np.sum(each, axis=0)
    names = [k for k, field in enumerate(first) if field.type == "name"][:2]
    if len(names) == 2:
        p, q = names
        swapped = (first[p].values[i] == second[q].values[j]) & (first[q].values[i] == second[p].values[j])
        swapped &= first[p].present[i] & first[q].present[i]
        others = total - each[p] - each[q] + of_level[p][j, EQUAL] + of_level[q][j, EQUAL] + SWAPPED
        total = np.where(swapped, np.maximum(total, others), total)
    return total


Tables = dict[str, list[list[Any]]]

Keys = Sequence[Any]
"""Of each record what those that it is compared with have too; None: it is compared with nobody."""


def candidates(scores: Ints, blocks: tuple[Keys, Keys] | None = None, length: int | None = None) -> Ints:
    """With which records of the second list each one of the first is weighed, shape (records, candidates); −1 is none.

    The second list, or each of its blocks, falls into runs of `run_length` neighbours; of each it is the first of those
    with the greatest score.

    Args:
        scores: of every pair, how alike its filters are, not negative; shape (records of the first, of the second).
        length: of the second list, or of each of its blocks, once it is padded.
    """
    steps = scores // SCORE_STEP
    rows, columns = ([0] * count for count in scores.shape) if blocks is None else blocks
    length = length or scores.shape[1]
    step = run_length(length)
    result = np.full((len(scores), -(-length // step)), -1, np.int64)
    for key in {key for key in rows if key is not None}:
        mine, others = (np.array([k for k, own in enumerate(side) if own == key], int) for side in (rows, columns))
        for run, begin in enumerate(range(0, len(others), step)):
            some = others[begin : begin + step]
            result[mine, run] = some[steps[np.ix_(mine, some)].argmax(axis=1)]
    return result


Pass = tuple[Keys, Keys]
"""Both owners' keys in one of several ways to divide the records."""
_PART_OF_DATE = {"year": slice(4), "day": slice(5, None)}


def passes(sides: Sequence[tuple[Sequence[Mapping[str, str]], str]], blocks: Sequence[Any]) -> list[Pass]:
    """Both owners' keys in each pass of a job's `blocks`; a list of columns is one pass. Without any, all have one key.

    `sides`: each owner's rows, and who it is.
    """
    each = blocks if blocks and isinstance(blocks[0], list) else [blocks]
    return [(_keys(*sides[0], one), _keys(*sides[1], one)) for one in each]


def _keys(rows: Sequence[Mapping[str, str]], party: str, blocks: Sequence[Mapping[str, Any]]) -> Keys:
    """What must be the same in two records for them to be compared. Years begin dates, months and days end them."""
    parts = [(one["columns"][party], _PART_OF_DATE.get(one["type"], slice(None))) for one in blocks]
    return [
        tuple(row[column][part] for column, part in parts) if all(row[column] for column, _ in parts) else None
        for row in rows
    ]


def compared(
    fields: tuple[Sequence[Encoded], Sequence[Encoded]], scores: Ints, passes: Sequence[Pass], least: Fraction | None,
    match: str = ONE_TO_ONE, rows_first: bool = False,
) -> tuple[list[tuple[int, int]], Links]:  # fmt: skip
    """The linked pairs of two owners' records, and what is said of them, whichever list is the first here.

    Args:
        fields: of the owners, in the job's order. scores: of `candidates`, in that order.
        passes: a record's candidates are those of all passes, and its partner the first of the best of all.
        match: of which owner several records may be linked to one of the other's.
        rows_first: whether the first list has the rows even if it is the longer one, as of three lists or more.
    """
    lengths = [[_fullest(side) for side in keys] for keys in passes]
    alone = match == ONE_TO_ONE
    first, second = (sum(one[side] for one in lengths) for side in (0, 1))
    turned = second < first and not rows_first if alone else match == "one-to-many"
    order = (1, 0) if turned else (0, 1)
    scores = scores.T if turned else scores
    each = [
        candidates(scores, (keys[order[0]], keys[order[1]]), one[order[1]])
        for keys, one in zip(passes, lengths, strict=True)
    ]
    links = linked(fields[order[0]], fields[order[1]], np.hstack(each), least, alone)
    pairs = list(zip(links.first.tolist(), links.second.tolist(), strict=True))
    return [pair[::-1] for pair in pairs] if turned else pairs, replace(links, turned=turned)


def grouped(pairs: Sequence[Sequence[tuple[int, int]]]) -> list[tuple[int, ...]]:
    """The records of the first list that have a partner in each of the others, with these; in the first one's order."""
    if len(pairs) == 1:
        return [*pairs[0]]
    partners = [dict(each) for each in pairs]
    first = sorted(set.intersection(*(set(each) for each in partners)))
    return [(i, *(each[i] for each in partners)) for i in first]


def _fullest(keys: Keys) -> int:
    return padded_length(max(Counter(key for key in keys if key is not None).values(), default=0))


@dataclass(frozen=True)
class Links:
    """The linked pairs, by their places in the lists; and what their weights say of how good they are.

    `chance`: how probable it is that each link is right. `recall`: the estimated share of all pairs of one person that
    are linked. `weight`: of each link. `share`: which odds of the grid were taken, of those of `most` records.
    `partner`, `chances`: of each record of the first list, linked or not, and how probable that is, 2^-SCALE_BITS; 0 if
    another one weighs more with that partner. `turned`: whether the first list here is the second of the job.
    """

    first: Ints
    second: Ints
    chance: NDArray[np.float64]
    recall: float
    weight: Ints
    share: int
    most: int
    partner: Ints
    chances: Ints
    turned: bool = False

    @property
    def precision(self) -> float:
        """The estimated share of links that are right."""
        return float(self.chance.mean()) if len(self.chance) else 1.0


def linked(
    first: Sequence[Encoded],
    second: Sequence[Encoded],
    candidates: Ints,
    least: Fraction | None,
    one_to_one: bool = True,
) -> Links:
    """The links of at least that probability, none of the first list in two.

    Args:
        candidates: of each record of the first list, the records of the second that it is weighed with, shape
            (records, candidates); −1 is none.
        least: the least probability; None: see `Prior.cautious`.
        one_to_one: whether none of the second list is in two, either.
    """
    records, count = candidates.shape
    i, j = np.repeat(np.arange(records), count), candidates.reshape(-1)
    own = weighed(second)
    found = pair_weights(first, second, i, j, own) + start(1) + start(len(second[0]))
    found = np.where(j < 0, start(1), found).reshape(records, count)
    best, rows = found.argmax(axis=1), np.arange(records)
    weight, partner = found[rows, best], candidates[rows, best]
    order = np.lexsort((rows, -weight, partner))
    alone = np.ones(records, bool)  # the greatest weight of those with this partner, the first of equal ones
    if one_to_one:
        alone[order[1:]] = partner[order[1:]] != partner[order[:-1]]
    prior = Prior(records)
    steps = np.searchsorted(prior.bounds, weight, "right") - 1
    chances = np.where(alone & (steps >= 0), prior.chances[:, steps], 0)
    sums = chances.sum(axis=1)
    share = int((sums[:-1] < prior.expected(records)[:-1]).sum())
    odds = share
    if least is None:
        least = USUAL_PROBABILITY
        odds = prior.cautious(least, share, steps[alone & (steps >= 0)])
    chosen = np.flatnonzero(alone & (weight >= prior.least_weights(least)[odds]))
    chance = chances[share, chosen]
    excess = int((prior.excess(least)[odds, steps[chosen]] * chance).sum())
    told = foreseen.table(foreseen.foreseen(second, *own), prior, least)[:, odds]
    recall = foreseen.recall(told, excess, int(chance.sum()), 1 << SCALE_BITS) / foreseen.PERCENTS
    probable = chance / (1 << SCALE_BITS)
    return Links(chosen, partner[chosen], probable, recall, weight[chosen], share, records, partner, chances[share])


def mutual_best(scores: Ints) -> list[tuple[int, int]]:
    """The pairs that are the first greatest of their row and of their column."""
    of_row, of_column = scores.argmax(axis=1), scores.argmax(axis=0)
    return [(i, int(j)) for i, j in enumerate(of_row) if of_column[j] == i]


def best_in_blocks(scores: Ints, first: Sequence[Any], second: Sequence[Any]) -> list[tuple[int, int]]:
    """The pairs in each block that are each other's best in it."""
    pairs = []
    for key in dict.fromkeys(first):
        rows, columns = ([i for i, one in enumerate(side) if one == key] for side in (first, second))
        if key is not None and columns:
            pairs += [(rows[i], columns[j]) for i, j in mutual_best(scores[np.ix_(rows, columns)])]
    return pairs


def quality(found_links: Mapping[str, Links], groups: int, params: Mapping[str, Any], min_count: int) -> Tables:
    """What is released of how good the links are: estimates in percent, and links by probability if there are no cells.

    Numbers of links are those that are at least so probable, from the least probability on: `shown`. Of three lists or
    more there are estimates alone, of the first with each of the others.

    Args:
        found_links: by which two lists they are of. groups: how many records are linked in all of these.
    """
    several, (links, *_) = len(found_links) > 1, found_links.values()
    found: Tables = {
        "quality": [
            [*([two] if several else []), name, int(100 * value + 0.5) if groups >= min_count else None]
            for two, one in found_links.items()
            for name, value in (("precision", one.precision), ("recall", one.recall))
        ]
    }
    if not several and not params.get("by"):
        least = Fraction(str(params.get("min_probability", USUAL_PROBABILITY)))
        bounds = (least, *(one for one in PROBABILITIES if one > least))
        weights = [Prior(links.most).least_weights(bound)[links.share] for bound in bounds]
        numbers = shown([int((links.weight >= weight).sum()) for weight in weights], min_count)
        found["probability"] = [[f"{float(at)} or more", number] for at, number in zip(bounds, numbers, strict=True)]
    return found


def of_groups(
    links: Links, rates: Sequence[Sequence[Any]], groups: Sequence[tuple[int, Sequence[bool]]]
) -> list[list[Any]]:  # fmt: skip
    """Of each group in percent how probable its links are on average, and how much of its partners' probabilities they
    are together; shown where its match rate is. `groups`: of which list it is in the job, and who of that is in it."""
    found: list[list[Any]] = []
    for (name, records, *_), (side, members) in zip(rates, groups, strict=True):
        some = np.array(members, bool) if (side == 1) == links.turned else np.array(members, bool)[links.partner]
        chosen = links.first[some[links.first]]
        right, expected = int(links.chances[chosen].sum()), int(links.chances[some].sum())
        each = [(200 * right + whole) // max(1, 2 * whole) for whole in (len(chosen) << SCALE_BITS, expected)]
        found.append([name, *([None, None] if records is None else each)])
    return found


def shown(reached: Sequence[int], min_count: int) -> list[int | None]:
    """Of numbers of links that are more and more probable those that are enough, and enough fewer than the last one
    that is shown; None in place of the others."""
    found: list[int | None] = []
    last = None
    for number in reached:
        fine = number >= min_count and (last is None or last - number >= min_count)
        found.append(number if fine else None)
        last = number if fine else last
    return found
