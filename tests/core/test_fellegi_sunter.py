"""Probabilistic linkage in the clear: how fields agree, what that weighs, how many links are expected to be right."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from mpcgov.records import agreement
from mpcgov.records import fellegi_sunter as model
from mpcgov.records.agreement import DIFFERS, EQUAL, MISSING, NEAR, PARTLY
from mpcgov.records.prior import SCALE_BITS, Prior

ONE = np.zeros(1, np.int64)


@pytest.mark.parametrize(
    ("kind", "one", "other", "level"),
    [
        ("name", "smith", "smith", EQUAL),
        ("name", "meyer", "maier", PARTLY),
        ("name", "katherine", "catherine", NEAR),
        ("name", "smith", "jones", DIFFERS),
        ("name", "smith", "", MISSING),
        ("text", "12 long lane", "12 long lane", EQUAL),
        ("date", "19800211", "19800211", EQUAL),
        ("date", "19800211", "19800212", NEAR),
        ("date", "19800211", "19801102", NEAR),
        ("date", "19800211", "19802011", NEAR),
        ("date", "19800211", "19800311", NEAR),
        ("date", "19800211", "19800429", DIFFERS),
        ("date", "19800211", "19800229", PARTLY),
        ("date", "19800211", "19991128", DIFFERS),
        ("code", "ab1234", "ab1243", NEAR),
        ("code", "ab1234", "ab1236", NEAR),
        ("code", "ab1234", "ab4321", DIFFERS),
        ("code", "abcdefghijklmnop", "abcdefghijklmnoq", NEAR),
        ("number", "5", "15", NEAR),
        ("number", "125", "12", DIFFERS),
    ],
)
def test_levels_of_agreement(kind, one, other, level):
    a, b = (agreement.encoded(kind, [text]) for text in (one, other))
    assert agreement.levels(a, b, ONE, ONE).tolist() == [level]
    assert agreement.levels(b, a, ONE, ONE).tolist() == [level], "it doesn't matter whose is whose"


def test_a_rare_name_weighs_more_than_a_common_one_and_a_missing_one_nothing():
    found = agreement.weights(
        agreement.encoded("name", ["smith"] * 60 + ["zygmunt", "", *(f"{c}jones{c}" for c in "abcdefg")])
    )
    common, rare, missing = found[0], found[60], found[61]
    assert rare[EQUAL] > common[EQUAL] + 4 * agreement.QUARTERS
    assert common[DIFFERS] < 0
    assert missing.tolist() == [0] * agreement.LEVELS
    assert (np.diff(found[:, DIFFERS:], axis=1) >= 0).all(), "no level weighs more than a better one"


def people(count: int, seed: int) -> list[list[str]]:
    """Made-up first names, last names and dates of birth."""
    rng = np.random.default_rng(seed)
    firsts = ["anna", "bert", "carla", "dieter", "emilia", "frank", "gudrun", "hugo", "ines", "jakob"]
    heads, tails = ["berg", "stein", "wald", "feld", "haus", "bach", "sand", "licht"], ["mann", "er", "hofer", "meier"]
    lasts = [head + tail for head in heads for tail in tails]
    born = [f"{rng.integers(1940, 2010)}{rng.integers(1, 13):02}{rng.integers(1, 29):02}" for _ in range(count)]
    return [
        [firsts[i] for i in rng.integers(0, len(firsts), count)],
        [lasts[i] for i in rng.integers(0, len(lasts), count)],
        born,
    ]


@pytest.mark.parametrize("both", [150, 15])
def test_what_is_said_of_the_links_is_true_whatever_the_overlap(both):
    persons = people(600, seed=both)
    kinds = ["name", "name", "date"]
    first = [agreement.encoded(kind, texts[:300]) for kind, texts in zip(kinds, persons, strict=True)]
    second = [
        agreement.encoded(kind, texts[300 - both : 600 - both]) for kind, texts in zip(kinds, persons, strict=True)
    ]
    everyone = np.tile(np.arange(300), (300, 1))
    found = model.linked(first, second, everyone, Fraction(1, 2))
    right = (found.first - (300 - both) == found.second).sum()
    assert right / both == pytest.approx(1, abs=0.03)
    assert found.precision == pytest.approx(right / len(found.first), abs=0.07)
    assert found.recall == pytest.approx(right / both, abs=0.1), "few links tell little"


def test_names_in_each_others_place_are_found():
    first, last, born = people(100, seed=3)
    one = [agreement.encoded(kind, texts) for kind, texts in (("name", first), ("name", last), ("code", born))]
    other = [agreement.encoded(kind, texts) for kind, texts in (("name", last), ("name", first), ("code", born))]
    rows = np.arange(100)
    straight, turned = (model.pair_weights(one, second, rows, rows) for second in (one, other))
    assert (straight + model.SWAPPED == turned).all()


def test_of_two_records_with_one_partner_the_likelier_is_linked():
    names = ["annabella", "annabela", "zacharias"]
    one = [agreement.encoded("name", names), agreement.encoded("date", ["19800101", "19800101", "19701231"])]
    filler = [f"{c * 5}" for c in "bcdefghijklm"]
    second = [
        agreement.encoded("name", ["zacharias", "annabella", *filler]),
        agreement.encoded("date", ["19701231", "19800101", *(f"19{k:02}0{k % 9}1{k % 9}" for k in range(12))]),
    ]
    found = model.linked(one, second, np.tile(np.arange(14), (3, 1)), Fraction(1, 2))
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == [(0, 1), (2, 0)]


def test_candidates_are_the_first_best_of_runs_of_public_length():
    rng = np.random.default_rng(1)
    scores = rng.integers(-2000, 2000, (5, 100))
    found = model.candidates(scores)
    assert found.shape == (5, 4), "100 = three runs of 32 and one of 4"
    for first in range(0, 100, 32):
        part = scores[:, first : first + 32] // model.SCORE_STEP
        assert (found[:, first // 32] == first + part.argmax(axis=1)).all()


def test_a_field_that_is_rarely_equal_in_one_person_weighs_less_where_it_differs() -> None:
    for kind, usual in agreement.M.items():
        assert agreement.shares(kind) == usual
        for equal in (0.001, 0.5, usual[-1], 0.999):
            found = agreement.shares(kind, equal)
            assert sum(share for share in found if share is not None) == pytest.approx(1)
            assert found[-1] == equal
            assert found[0] / (1 - equal) == pytest.approx(usual[0] / (1 - usual[-1]), rel=1e-6)
    texts = [f"{k:05}" for k in range(0, 99999, 997)]
    rarely, often = (agreement.weights(agreement.encoded("code", texts, equal)) for equal in (0.1, 0.99))
    assert (rarely[:, agreement.DIFFERS] > often[:, agreement.DIFFERS]).all()
    assert (rarely[:, agreement.EQUAL] < often[:, agreement.EQUAL]).all()


@pytest.mark.parametrize(("sure", "left_out"), [(10, True), (30, True), (300, False), (900, False)])
def test_if_nothing_is_said_of_few_links_those_that_may_be_wrong_are_left_out(sure: int, left_out: bool) -> None:
    prior, least, share = Prior(2000), Fraction(7, 10), 60
    chance = prior.chances[share] / (1 << SCALE_BITS)
    doubtful, certain = int(np.searchsorted(chance, 0.85)), len(chance) - 1
    odds = prior.cautious(least, share, np.repeat([certain, doubtful], [sure, 8]))
    weight = prior.least_weights(least)[odds]
    assert (weight >= prior.bounds[doubtful + 1]) == left_out
    assert weight <= prior.bounds[certain]
    assert (odds == share) == (not left_out)


def test_a_date_that_a_list_has_once_is_rarer_than_one_in_the_list() -> None:
    dates = [f"{1900 + k % 100}{k // 100 % 12 + 1:02}{k // 1200 % 28 + 1:02}" for k in range(0, 30000, 11)]
    names = [f"n{k}" for k in range(400) for _ in range(1 + k % 2)]
    date, name = agreement.encoded("date", [*dates, *dates[:100]]), agreement.encoded("name", names)
    assert agreement.frequencies(date)[200] < 0.1 / len(date)
    assert agreement.frequencies(name)[0] == 0.5 / len(name), "as many are there twice"
    assert agreement.frequencies(name)[1] == 0.5 / len(name), "none is there three times"
