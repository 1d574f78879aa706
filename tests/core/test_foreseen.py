"""Estimated recall says how many pairs of one person aren't found, though nothing of theirs is among the links."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from mpcgov.records import agreement, foreseen
from mpcgov.records import fellegi_sunter as model
from mpcgov.records.prior import Prior

TYPES = ("name", "name", "date", "code")
HALF = Fraction(1, 2)
Rows = list[tuple[str, ...]]


def persons(count: int, rng: np.random.Generator) -> Rows:
    """Made-up persons, with names of eight letters, of which some are frequent."""
    words = ["".join(one) for one in rng.choice([*"abcdefghijklmnopqrstuvwxyz"], (300, 8)).tolist()]
    picks = (300 * rng.random((count, 2)) ** 2).astype(int).tolist()
    return [
        (words[a], words[b], f"{rng.integers(1950, 2020)}{rng.integers(1, 13):02}{rng.integers(1, 29):02}", "mf"[a % 2])
        for a, b in picks
    ]


def spelt(row: tuple[str, ...], share: float, rng: np.random.Generator) -> tuple[str, ...]:
    """That share of persons have one or more fields quite otherwise."""
    word = "".join(rng.choice([*"abcdefghijklmnopqrstuvwxyz"], 8))
    others = (word, word[::-1], f"{rng.integers(1950, 2020)}{rng.integers(1, 13):02}{rng.integers(1, 29):02}", "x")
    wrong = rng.random(3) < (0.25 if rng.random() < share else 0.0)
    return (*(other if bad else own for own, other, bad in zip(row, others, wrong, strict=False)), row[3])


def linked(overlap: int, share: float, seed: int) -> tuple[float, model.Links]:
    """True recall, and the links, of two lists of 900."""
    rng = np.random.default_rng(seed)
    rows = persons(1800 - overlap, rng)
    lists = [rows[:900], [spelt(row, share, rng) for row in rows[900 - overlap :]]]
    first, second = (
        [agreement.encoded(type_, [row[f] for row in one]) for f, type_ in enumerate(TYPES)] for one in lists
    )
    alike = sum((a.values[:, None] == b.values).astype(np.int64) for a, b in zip(first, second, strict=True))
    links = model.linked(first, second, np.argsort(-alike, axis=1, kind="stable")[:, :8], HALF)
    return float((links.first - (900 - overlap) == links.second).sum()) / overlap, links


@pytest.mark.parametrize(("overlap", "share"), [(300, 0.0), (300, 0.6), (600, 0.6), (600, 0.3)])
def test_estimated_recall_is_near_the_true_one_however_much_is_spelt_otherwise(overlap: int, share: float) -> None:
    right, links = linked(overlap, share, 1)
    assert right > 0.5
    assert links.recall == pytest.approx(right, abs=0.07)


def test_the_more_links_are_just_above_the_least_weight_the_lower_is_recall() -> None:
    rng = np.random.default_rng(2)
    fields = [agreement.encoded(type_, [row[f] for row in persons(500, rng)]) for f, type_ in enumerate(TYPES)]
    weights = foreseen.foreseen(fields, *model.weighed(fields))
    columns = foreseen.table(weights, Prior(500), HALF)[:, 60]
    said = [foreseen.recall(columns, excess * 100, 100, 1) for excess in range(49)]
    assert said == sorted(said)
    assert said[0] < said[-1]
    assert foreseen.recall(columns, 0, 0, 1) == columns[len(foreseen.INTENSITIES) + foreseen.USUAL]


def test_a_list_without_records_foresees_nothing() -> None:
    fields = [agreement.encoded(type_, []) for type_ in TYPES]
    weights = foreseen.foreseen(fields, *model.weighed(fields))
    assert (foreseen.table(weights, Prior(1), HALF)[len(foreseen.INTENSITIES) :] == 0).all()
