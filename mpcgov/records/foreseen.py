"""How many pairs of one person are found, as far as an owner's list and the links tell: the estimate of recall.

Two records of one person that differ in two fields are often no link, and no weight tells of pairs that aren't found.
But how far the links' weights are above the least one does tell how often fields differ: where more are spelt
otherwise, more links are just above. So the columns' owner simulates pairs of one person by the model, with fields that
differ more or less often than usual. For each such intensity it knows which share of pairs is found, and how far above
the least weight these are on average. The intensity at which that average is the links' own gives recall: the method of
moments, for a truncated distribution with one parameter.

Errors come together: each simulated pair has an intensity of its own, gamma-distributed with shape 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from mpcgov.records.agreement import DIFFERS, EQUAL, MISSING, Encoded, Ints, shares
from mpcgov.records.dependence import Dependence
from mpcgov.records.prior import Prior, start

Floats = NDArray[np.float64]

INTENSITIES = (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 5, 6)
USUAL = INTENSITIES.index(0.5)
COLUMNS = 2 * len(INTENSITIES)
"""Of the table, for all odds."""
SAMPLE = 2048
"""Pairs that are weighed of each intensity."""
MOST_DIFFERING = 0.9
"""A field differs in no larger share of pairs of one person."""
USUAL_PAIRS = 30
"""The usual intensity counts as much as so many links, so that few links don't tell too much."""
STEADY = 0.5
"""So many quarters of a bit the mean excess must be off for each unit that the intensity is unusual, beside what the
model says: where all that is found is equal in all fields, excess tells nothing of it."""
EXCESS_BITS = 10
"""Mean excesses are in 2^-10 of a quarter of a bit."""
PERCENTS = 100


def foreseen(fields: Sequence[Encoded], of_level: Sequence[Ints], given: Dependence) -> Ints:
    """What pairs of one person weigh, of each intensity, by the columns' owner's list; shape (INTENSITIES, SAMPLE)."""
    records = len(fields[0])
    if not records:
        return np.zeros((len(INTENSITIES), SAMPLE), np.int64)
    record = np.arange(SAMPLE) * records // SAMPLE
    own = -np.log(_drawn(0)) / 2 - np.log(_drawn(1)) / 2
    result = np.empty((len(INTENSITIES), SAMPLE), np.int64)
    for number, intensity in enumerate(INTENSITIES):
        level = [_levels(field, record, intensity * own, 2 + 2 * f) for f, field in enumerate(fields)]
        equal = [one == EQUAL for one in level]
        total = np.zeros(SAMPLE, np.int64)
        for f, weight in enumerate(of_level):
            parent = given.parent[f]
            both = equal[f] & equal[parent] & (parent >= 0)
            total += np.where(both, given.weights[f, record], weight[record, level[f]])
        result[number] = total
    return result + start(records) + start(1)


def _levels(field: Encoded, record: Ints, intensity: Floats, stream: int) -> Ints:
    """A field's levels in pairs of one person: it differs so many times as often as usual."""
    usual = np.array([share or 0.0 for share in shares(field.type, field.equal)[:-1]])
    times = np.minimum(intensity, MOST_DIFFERING / max(usual.sum(), 1e-9))
    reached = times[:, None] * np.cumsum(usual)
    level = DIFFERS + (_drawn(stream)[:, None] >= reached).sum(axis=1)
    there = field.present[record] & (_drawn(stream + 1) < field.present.mean())
    return np.where(there, level, MISSING)


def _drawn(stream: int) -> Floats:
    """Numbers between 0 and 1 that look random and are the same everywhere: splitmix64."""
    mixed = (np.arange(SAMPLE, dtype=np.uint64) + np.uint64(1 + SAMPLE * stream)) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ mixed >> np.uint64(shift)) * np.uint64(factor)
    return ((mixed ^ mixed >> np.uint64(31)) >> np.uint64(11)).astype(np.float64) / 2**53 + 2.0**-54


def table(weights: Ints, prior: Prior, least: Fraction) -> Ints:
    """For all odds of the prior: of the usual intensity the mean excess of links; of each intensity but the first the
    one that is half-way to it; and of each the share of pairs that are found, in percent. Shape (columns, odds)."""
    excess = prior.excess(least)
    step = np.clip(np.searchsorted(prior.bounds, weights, "right") - 1, 0, None)
    found = weights >= prior.least_weights(least)[:, None, None]
    of_found = np.where(found, excess[np.arange(len(excess))[:, None, None], step], 0).sum(axis=2)
    count = found.sum(axis=2)
    mean = np.minimum.accumulate(of_found / np.maximum(count, 1), axis=1)
    percent = np.minimum.accumulate(np.rint(PERCENTS * count / SAMPLE), axis=1)
    beside = np.array(INTENSITIES) - INTENSITIES[USUAL]
    halves = (mean[:, :-1] + mean[:, 1:]) / 2 - STEADY * (beside[:-1] + beside[1:]) / 2
    scaled = np.rint(np.column_stack([mean[:, USUAL], halves]) * (1 << EXCESS_BITS))
    return np.hstack([scaled, percent]).astype(np.int64).T


def recall(columns: Ints, excess: int, right: int, scale: int) -> int:
    """Estimated recall, in percent.

    Args:
        columns: of the table, those of the odds.
        excess: the sum of excesses of links, each times its probability.
        right: the sum of these probabilities. scale: in which both are whole.
    """
    usual, halves, percent = columns[0], columns[1 : len(INTENSITIES)], columns[len(INTENSITIES) :]
    weight = right + USUAL_PAIRS * scale
    known = (excess << EXCESS_BITS) + USUAL_PAIRS * scale * int(usual)
    return int(percent[sum(known < int(half) * weight for half in halves)])
