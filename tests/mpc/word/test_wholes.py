"""Digits and significant bits of whole numbers in lanes, against plain code: every edge, batches, what is sent."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgov.disclosure import significand
from mpcgov.linked import roundingcost
from mpcgov.mpc.whole import DIGIT_BITS
from mpcgov.mpc.word import binary, lanes, wholes, wire
from mpcgov.mpc.word.wholes import Form
from tests.mpc.word.local import Party, make_parties, opened, run, share

FORMS = [Form(1, 0, 60), Form(3, 24, 80), Form(8, 14, 119), Form(2, 28, 17), Form(4, 7, 40)]


def limbs(number: int, form: Form) -> list[int]:
    """Limbs that aren't digits: every other one is negative, or 0."""
    found = []
    for place in range(form.limbs - 1):
        digit = number % (1 << form.radix_bits) - (1 << form.radix_bits) * (place % 2)
        found.append(digit)
        number = (number - digit) >> form.radix_bits
    return [*found, number]


def worked(protocol: Any, numbers: list[list[int]], forms: list[Form], *more: Any) -> tuple[np.ndarray, list[Party]]:
    """What a protocol gives of numbers, a row for each form."""
    split = [
        [limbs(number, form)[k] for number in row]
        for row, form in zip(numbers, forms, strict=True)
        for k in range(form.limbs)
    ]
    shares, parties = share(split, 3, 1), make_parties(3)
    return opened(run(parties, lambda q: protocol(q.channel(), q.prss, shares[q.me], forms, *more)), 1), parties


def signed(form: Form) -> st.SearchStrategy[int]:
    half = 1 << min(form.bits - 1, form.radix_bits * (form.limbs - 1) + 58)
    edges = st.builds(
        lambda k, near, sign: max(-half, min(half - 1, sign * (1 << k) + near)),
        st.integers(0, half.bit_length() - 1),
        st.integers(-3, 3),
        st.sampled_from([1, -1]),
    )
    return edges | st.integers(-half, half - 1)


numbers_of_all_forms = st.integers(1, 4).flatmap(
    lambda count: st.tuples(*(st.lists(signed(form), min_size=count, max_size=count) for form in FORMS))
)


@settings(max_examples=15, deadline=None)
@given(numbers_of_all_forms, st.sampled_from([2, 5, 15, 24]))
def test_numbers_of_different_lengths_are_rounded_together(rows: tuple[list[int], ...], bits: int) -> None:
    found, _ = worked(wholes.significands, list(rows), FORMS, bits)
    pairs = list(zip(found[: len(FORMS)].reshape(-1), found[len(FORMS) :].reshape(-1), strict=True))
    assert pairs == [significand(number, bits) for row in rows for number in row]


@settings(max_examples=10, deadline=None)
@given(numbers_of_all_forms)
def test_digits_are_those_of_the_number_and_only_the_last_is_negative(rows: tuple[list[int], ...]) -> None:
    found, _ = worked(wholes.digits, list(rows), FORMS, 24)
    first = 0
    for form, row in zip(FORMS, rows, strict=True):
        own = found[first : first + form.digits(24)]
        first += form.digits(24)
        assert [sum(int(digit) << (24 * k) for k, digit in enumerate(column)) for column in own.T] == row
        assert ((own[:-1] >= 0) & (own[:-1] < 1 << 24)).all()
    assert first == len(found)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(-(2**59), 2**59) | st.sampled_from([0, -1, 1, -(2**59), 2**59]), min_size=1, max_size=130))
def test_the_bits_of_a_word_are_its_twos_complement(values: list[int]) -> None:
    shares, parties = share(values, 3, 1), make_parties(3)
    pieces = run(parties, lambda q: binary.bits_of(q.channel(), q.prss, shares[q.me]))
    assert all((pieces[i].right == pieces[(i + 1) % 3].left).all() for i in range(3))
    bits = binary.unpacked(pieces[0] ^ binary.Pieces(pieces[1].right, pieces[1].right), len(values)).left
    bits ^= binary.unpacked(pieces[0], len(values)).right
    assert [sum(int(bit) << k for k, bit in enumerate(column)) for column in bits.T] == [v % 2**61 for v in values]


@pytest.mark.parametrize("size", [3, 5, 7])
def test_carries_go_round_for_all_pairs_of_numbers(size: int) -> None:
    """All u and v below the prime 2^size − 1: u + v − w·p in bits, with w the carry out of u + v + 1."""
    p = 2**size - 1
    u, v = (numbers.reshape(-1).astype(np.uint64) for numbers in np.meshgrid(range(p), range(p)))
    both = [lanes.to_rows(bits, size) for bits in (u & v, u ^ v)]
    first = [np.random.default_rng(size).integers(0, 2**64, (2, *rows.shape), np.uint64) for rows in both]
    held = [[*masks, rows ^ masks[0] ^ masks[1]] for masks, rows in zip(first, both, strict=True)]

    def carries(q: Party) -> Awaitable[binary.Pieces]:
        own = [binary.Pieces(pieces[q.me - 1], pieces[q.me]) for pieces in held]
        return binary._around(q.channel(), q.prss, *own)

    found = run(make_parties(3), carries)
    bits = both[1] ^ np.roll(found[0].left ^ found[0].right ^ found[1].right, 1, axis=0)
    sums = sum(lanes.from_row(row, len(u)) << np.uint64(k) for k, row in enumerate(bits))
    assert sums.tolist() == ((u + v) % p).tolist()


def test_batches_give_what_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[5 * k - 17 for k in range(11)], [10**20 - k * 10**18 for k in range(11)]]
    monkeypatch.setattr(wholes, "BATCH_LIMBS", 12)
    found, parties = worked(wholes.significands, rows, [Form(1, 0, 60), Form(3, 24, 80)], 5)
    pairs = list(zip(found[:2].reshape(-1), found[2:].reshape(-1), strict=True))
    assert pairs == [significand(number, 5) for row in rows for number in row]
    assert 2 * 29 < parties[0].line.rounds < 3 * 29  # of four batches two are under way at once


@pytest.mark.parametrize("floors", [[], [1]])
def test_what_is_sent_depends_on_shapes_alone_and_is_what_a_plan_says(floors: list[int]) -> None:
    lengths = set()
    given = [Form(1, 0, 60), Form(3, 24, 80), *[Form(2, 20, 50) for _ in floors]]
    for value in (0, -1, 2**57, -(2**57)):
        rows = [[value] * 70] * 2 + [[abs(value) >> 12] * 70 for _ in floors]
        _, parties = worked(wholes.significands, rows, given, 15, floors, 2)
        messages = parties[0].network.messages
        lengths.add(tuple((a, b, len(message)) for (a, b, _), message in sorted(messages.items())))
    assert len(lengths) == 1
    forms = [roundingcost.Form(1, 60), roundingcost.Form(3, 80)]
    rounds, sent = roundingcost._together(forms, 15, 70, [roundingcost.Form(2, 50 + 17) for _ in floors])
    lines = [party.line for party in parties]
    assert rounds == max(line.rounds for line in lines)
    assert sent == pytest.approx(max(line.bytes_sent for line in lines), rel=0.1)


def test_plans_reckon_with_the_engines_sizes() -> None:
    assert roundingcost.BATCH_LIMBS == wholes.BATCH_LIMBS
    assert roundingcost.SIDE_BY_SIDE == wire.OVERLAP
    assert roundingcost.DIGIT_BITS == DIGIT_BITS
