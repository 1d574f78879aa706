"""Filters: their tokens and bits against plain Python, and scores as inner products of what both owners deal."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from mpcgov.errors import InternalError
from mpcgov.linkage.similar import clk
from mpcgov.linkage.similar.clk import Filters, filler, filter_keys
from mpcgov.linked.encoding import FILTER_BITS, candidate_scoring, scoring
from tests.linkage.similar.compared import dice, texts

KEYS = filter_keys([bytes(32), bytes(31) + b"1"], "fields", ["tax", "wel"], 2)
RULES = scoring(["name", "number"], Fraction(7, 10))


def made(names, numbers, first=True, padded=None, keys=KEYS):
    order = np.arange(padded or len(names))
    return Filters([texts(names), texts(numbers)], keys, RULES, np.where(order < len(names), order, -1), first)


def signed(rows):
    p = 2**RULES.prime_bits - 1
    values = rows.astype(np.int64)
    return np.where(values > p // 2, values - p, values)


@pytest.mark.parametrize("type_", ["name", "text"])
def test_tokens_of_names_are_pairs_of_neighbours_with_both_ends(type_):
    values, bounds = clk._values(*clk._characters(texts(["", "añb", "", "x"])), type_)
    pairs = [(0, ord("a")), (ord("a"), ord("ñ")), (ord("ñ"), ord("b")), (ord("b"), 0), (0, ord("x")), (ord("x"), 0)]
    assert values.tolist() == [a << 21 | b for a, b in pairs]
    assert bounds.tolist() == [0, 0, 4, 4, 6]


def test_tokens_of_dates_and_codes_have_their_place_and_those_of_numbers_from_the_end():
    characters = clk._characters(texts(["12", "", "345"]))
    values, bounds = clk._values(*characters, "date")
    assert values.tolist() == [place << 21 | ord(c) for place, c in [(0, "1"), (1, "2"), (0, "3"), (1, "4"), (2, "5")]]
    assert bounds.tolist() == [0, 2, 2, 5]
    values, _ = clk._values(*characters, "number")
    assert values.tolist() == [place << 21 | ord(c) for place, c in [(1, "1"), (0, "2"), (2, "3"), (1, "4"), (0, "5")]]


def test_inner_products_are_the_scores_that_the_encoding_says():
    names_a, names_b = ["anna", "", "peter", "", "zoë"], ["ana", "peter", "", "", "zoë", "bob"]
    numbers_a, numbers_b = ["12", "7", "", "", "3"], ["12", "", "7", "", "3", "9"]
    a, b = made(names_a, numbers_a, padded=7), made(names_b, numbers_b, first=False, padded=6)
    found = signed(a.rows(np.arange(7))) @ signed(b.rows(np.arange(6))).T
    bits_a, bits_b = (filters._filled(np.arange(7 - k))[0].astype(int) for k, filters in enumerate((a, b)))
    name = RULES.segments[0].bits
    for i in range(7):
        for j in range(6):
            parts = [(bits_a[i][s], bits_b[j][s]) for s in (slice(0, name), slice(name, None))]
            common = sum(int(x @ y) for x, y in parts)
            each = [(int(x.sum()), int(y.sum())) for x, y in parts]
            total = [sum(weights) or RULES.nobody for weights in zip(*each, strict=True)]
            weight = sum(x * (y > 0) + y * (x > 0) for x, y in each) + sum(total)
            assert found[i, j] == 4 * RULES.q * common - RULES.p * weight
    assert found[4, 4] == 4 * (RULES.q - RULES.p) * bits_a[4].sum(), "the same record in both lists has Dice 1"
    for nobody in (3, 5, 6):
        assert (found[nobody] < 0).all(), "padding and records without any field are like nobody"
    assert (found[:, 3] < 0).all()
    assert np.abs(found).max() <= RULES.largest < 2 ** (RULES.prime_bits - 1)


def test_rows_come_the_same_in_pieces_and_fillers_are_like_padding():
    filters = made(["anna", "bob", "carl"], ["1", "2", "3"], padded=5)
    whole = filters.rows(np.arange(5))
    parts = [filters.rows(np.arange(*ends)) for ends in ((0, 2), (2, 4), (4, 5))]
    assert (np.concatenate(parts) == whole).all()
    assert (whole[3:] == filler(RULES)).all()
    weights, total = filters.weights()
    assert weights.shape == (2, 5)
    assert total.tolist() == [*weights[:, :3].sum(axis=0), RULES.nobody, RULES.nobody]


def test_a_field_has_at_most_as_many_bits_as_its_segment_may():
    long = "".join(chr(97 + k % 26) for k in range(0, 600, 7))
    filters = made([long, "anna"], ["1" * 64, "2"])
    weights, _ = filters.weights()
    assert weights[0, 0] == RULES.segments[0].most
    assert (weights.max(axis=1) <= [segment.most for segment in RULES.segments]).all()


def test_filters_have_about_the_dice_of_their_tokens():
    names = ["katherine", "catherine", "kathryn", "bob"]
    a, b = made(names, [""] * 4), made(names, [""] * 4, first=False)
    found = signed(a.rows(np.arange(4))) @ signed(b.rows(np.arange(4))).T
    weights = a.weights()[0][0]
    for i, one in enumerate(names):
        for j, other in enumerate(names):
            tokens = [{*zip("^" + name, name + "$", strict=True)} for name in (one, other)]
            of_bits = found[i, j] / (2 * RULES.q * (weights[i] + weights[j])) + RULES.p / RULES.q
            assert -0.05 < of_bits - float(dice(*tokens)) < 0.4  # tokens share bits, as two fifths of them are set
    assert found[0, 1] > found[0, 2] > found[0, 3]


def test_other_fields_have_other_filters_and_each_field_its_own():
    names = ["anna", "bob"]
    other = filter_keys([bytes(32), bytes(31) + b"1"], "other fields", ["tax", "wel"], 2)
    assert (made(names, names).rows(np.arange(2)) != made(names, names, keys=other).rows(np.arange(2))).any()
    assert len({*KEYS.fields, KEYS.order}) == 3


def test_the_bits_of_all_fields_lie_in_an_order_of_the_jobs():
    other = replace(KEYS, order=bytes(32))
    one, moved = (
        made(["anna", "bob"], ["", ""], keys=keys).rows(np.arange(2))[:, : RULES.filter_bits] for keys in (KEYS, other)
    )
    assert (one != moved).any()
    assert sorted(map(tuple, one.T.tolist())) == sorted(map(tuple, moved.T.tolist()))
    assert one[:, RULES.segments[1].start :].any(), "a name's bits lie where they would without an order"


def test_every_threshold_and_number_of_fields_fits_a_prime():
    for hundredths in range(1, 101):
        for fields in (1, 2, 7, 16):
            for type_ in ("name", "number"):
                rules = scoring([type_] * fields, Fraction(hundredths, 100))
                assert rules.largest < 2 ** (rules.prime_bits - 1)
                assert rules.filter_bits <= FILTER_BITS
    assert scoring(["name"], Fraction(13, 20)).prime_bits == 17
    assert scoring(["name"], Fraction(99, 100)).prime_bits == 19


def test_fields_of_different_lengths_are_refused():
    with pytest.raises(InternalError):
        made(["anna", "bob"], ["1"])


def test_records_may_stand_in_any_rows():
    names, numbers, order = ["anna", "bob", "carl"], ["1", "22", "333"], np.array([2, -1, 0, -1, 1])
    filters = Filters([texts(names), texts(numbers)], KEYS, RULES, order, True)
    whole, plain = filters.rows(np.arange(5)), made(names, numbers).rows(np.arange(3))
    assert (whole[[2, 4, 0]] == plain).all()
    assert (whole[[1, 3]] == filler(RULES)).all()
    assert (filters.rows(np.array([4, 1, 2])) == whole[[4, 1, 2]]).all()


def test_to_the_filters_that_choose_candidates_it_is_all_the_same_which_name_is_the_first():
    rules = candidate_scoring(["name", "date", "name"])
    assert [segment.fields for segment in rules.segments] == [(0, 2), (1,)]
    assert 16 * rules.most + 1 < 2**rules.prime_bits - 1
    born, order = texts(["1980", "1990", "2000"]), np.arange(3)
    first, last = ["anna", "", "zoë"], ["smith", "jones", ""]
    one, turned = (
        Filters([texts(x), born, texts(y)], KEYS, rules, order, True).rows(order)
        for x, y in ((first, last), (last, first))
    )
    assert (one == turned).all()
    other = Filters([texts(["annas", "", "zo"]), born, texts(["mith", "jones", "ë"])], KEYS, rules, order, True)
    assert ((other.rows(order) != one).any(axis=1) == [True, False, True]).all(), "a name ends where it ends"
