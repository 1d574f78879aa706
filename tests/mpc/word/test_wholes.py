"""Significant bits of numbers made of whole sums, in lanes, against plain code: every edge, batches, what is sent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgov.disclosure import significand
from mpcgov.linked import lanecost, roundingcost
from mpcgov.mpc.whole import DIGIT_BITS
from mpcgov.mpc.word import helped, lanes, ring, wholes, wire
from mpcgov.mpc.word.helped import Helped
from mpcgov.mpc.word.sign import Pieces
from mpcgov.mpc.word.summands import Form, Formula, Summands
from mpcgov.mpc.word.wholes import Made
from tests.mpc.word.local import Party, make_parties, opened, run, share
from tests.mpc.word.test_ring import read
from tests.mpc.word.test_subtract import together
from tests.mpc.word.virtual import took

FORMS = [Form(1, 0, 60), Form(3, 24, 80), Form(8, 14, 119), Form(2, 28, 17), Form(4, 7, 40)]
ALONE = [Made((place,), form.bits) for place, form in enumerate(FORMS)]


def limbs(number: int, form: Form) -> list[int]:
    """Limbs that aren't digits: every other one is negative, or 0."""
    found = []
    for place in range(form.limbs - 1):
        digit = number % (1 << form.radix_bits) - (1 << form.radix_bits) * (place % 2)
        found.append(digit)
        number = (number - digit) >> form.radix_bits
    return [*found, number]


def dealt(numbers: list[list[int]], forms: list[Form]) -> list[np.ndarray]:
    """Shares of the limbs of numbers, a row for each form."""
    return share(
        [
            [limbs(number, form)[k] for number in row]
            for row, form in zip(numbers, forms, strict=True)
            for k in range(form.limbs)
        ],
        3,
        1,
    )


def rounded(numbers: list[list[int]], forms: list[Form], *more: Any) -> tuple[list[list[tuple[int, int]]], list[Party]]:
    """Units and exponents, element by element, of each number that is made."""
    shares, parties = dealt(numbers, forms), make_parties(3)
    program = run(parties, lambda q: wholes.significands(q.channel(), q.prss, shares[q.me], forms, *more))
    found = opened(program, 1)
    half = len(found) // 2
    return [list(zip(*both, strict=True)) for both in zip(found[:half], found[half:], strict=True)], parties


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
@given(numbers_of_all_forms, st.sampled_from([2, 5, 15, 16, 24]))
def test_numbers_of_different_lengths_are_rounded_together(rows: tuple[list[int], ...], bits: int) -> None:
    found, _ = rounded(list(rows), FORMS, ALONE, bits)
    assert found == [[significand(number, bits) for number in row] for row in rows]


def value(formula: Formula, sums: tuple[int, ...]) -> int:
    """What a number made of sums is."""
    a, *rest = (sums[place] for place in formula)
    return a * rest[0] - (rest[1] * rest[2] if len(rest) > 1 else 0) if rest else a


@settings(max_examples=15, deadline=None)
@given(numbers_of_all_forms, st.sampled_from([3, 15, 24]))
def test_numbers_are_made_of_sums_and_products(rows: tuple[list[int], ...], bits: int) -> None:
    formulas: list[Formula] = [(3, 4), (1,), (3, 2, 1, 1), (0, 0, 4, 3), (3, 3, 3, 3)]
    found, _ = rounded(list(rows), FORMS, [Made(formula, 170) for formula in formulas], bits)
    columns = list(zip(*rows, strict=True))
    assert found == [[significand(value(formula, sums), bits) for sums in columns] for formula in formulas]


@settings(max_examples=15, deadline=None)
@given(numbers_of_all_forms, st.lists(st.sampled_from([0, 1, 7, 2**39, 2**40 - 1]), min_size=4, max_size=4))
def test_steps_are_greater_than_floors(rows: tuple[list[int], ...], floors: list[int]) -> None:
    least, form = floors[: len(rows[0])], Form(2, 24, 41)
    made = [Made((0,), 60, floor=5), Made((1,), 80), Made((3, 4), 60, floor=5)]
    found, _ = rounded([*rows, least], [*FORMS, form], made, 15, 3)
    assert found == [
        [significand(x, 15, 8 * floor) for x, floor in zip(rows[0], least, strict=True)],
        [significand(x, 15) for x in rows[1]],
        [significand(x * y, 15, 8 * floor) for x, y, floor in zip(rows[3], rows[4], least, strict=True)],
    ]


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.integers(-(2**59), 2**59 - 1) | st.sampled_from([0, -1, 1, -(2**59), 2**59 - 1]), min_size=1),
    st.sampled_from([62, 64, 97, 128]),
)
def test_the_bits_of_a_word_are_its_twos_complement(values: list[int], rows: int) -> None:
    shares, parties = share([values], 3, 1), make_parties(3)

    async def bits(q: Party) -> Pieces:
        integers = Summands(q.channel(), q.prss, rows)
        return await integers.bits(await integers.of_limbs(shares[q.me], [Form(1, 0, 60)]))

    found = together(run(parties, bits))
    assert read(ring.from_rows(found, len(values), 4)) == [x % 2**rows for x in values]


@pytest.mark.parametrize("size", [3, 5, 7])
def test_whether_summands_wrap_is_told_by_two_bits(size: int) -> None:
    """All values and summands below the prime p = 2^size − 1: x + 2^(size − 2) = u + v − w·p, with w = 1 − a·b."""
    p, lift, limit = 2**size - 1, 1 << (size - 2), 1 << (size - 1)
    for x in range(-lift, lift):
        for u in range(p):
            v = (x + lift - u) % p
            assert x == u + v - lift - p + p * (u < limit) * (v < limit)


@pytest.mark.parametrize("count", [1, 5])
def test_inner_products_are_those_of_bits(count: int) -> None:
    """Of one pair of rows and of several, in all lanes: every combination of two or of ten bits."""
    rows = np.array([[lane >> k & 1 for lane in range(1 << (2 * count))] for k in range(2 * count)], np.uint64)
    x, y = rows[:count], rows[count:]
    packed = np.array([lanes.packed_bits(row == 1)[0] for row in rows])
    masks = np.random.default_rng(count).integers(0, 2**64, (2, *packed.shape), np.uint64)
    held = [*masks, packed ^ masks[0] ^ masks[1]]

    async def protocol(q: Party) -> Pieces:
        own = Pieces(held[q.me - 1], held[q.me])
        circuit = Helped(q.channel(), q.prss, packed.shape[1])
        return await circuit.inner_products([(own[:count], own[count:]), (own[:1], own[count : count + 1])])

    found = together(run(make_parties(3), protocol))
    assert lanes.from_row(found[0], rows.shape[1]).tolist() == ((x * y).sum(axis=0) % 2).tolist()
    assert lanes.from_row(found[1], rows.shape[1]).tolist() == (x[0] * y[0]).tolist()


def test_a_gate_of_one_neighbour_needs_nothing_dealt() -> None:
    assert helped.chain(1, lowest=True).dealt == 0


def test_batches_give_what_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[5 * k - 17 for k in range(11)], [10**20 - k * 10**18 for k in range(11)]]
    forms = [Form(1, 0, 60), Form(3, 24, 80)]
    made = [Made((0,), 60), Made((1,), 80), Made((0, 0), 20)]
    one = rounded(rows, forms, made, 5)[1][0].line.rounds
    monkeypatch.setattr(wholes, "BATCH_LIMBS", 12)
    found, parties = rounded(rows, forms, made, 5)
    assert found == [[significand(x, 5) for x in row] for row in (*rows, [x * x for x in rows[0]])]
    assert parties[0].line.rounds == 2 * one  # of four batches two are under way at once


@pytest.mark.parametrize("floors", [[], [1]])
def test_what_is_sent_depends_on_shapes_alone_and_is_what_a_plan_says(floors: list[int]) -> None:
    lengths = set()
    forms = [Form(1, 0, 60), Form(3, 24, 80), *[Form(2, 20, 50) for _ in floors]]
    made = [Made((0,), 60), Made((0, 1, 0, 0), 130, floor=2 if floors else None)]
    for number in (0, -1, 2**57, -(2**57)):
        rows = [[number] * 70] * 2 + [[abs(number) >> 12] * 70 for _ in floors]
        _, parties = rounded(rows, forms, made, 15, 2)
        messages = parties[0].network.messages
        lengths.add(tuple((a, b, len(message)) for (a, b, _), message in sorted(messages.items())))
    assert len(lengths) == 1
    limbs_of_all = sum(form.limbs for form in forms)
    batch = lanecost.Batch(limbs_of_all, 1, 2, len(floors), 130, 15)
    lines = [party.line for party in parties]
    rounds, sent = batch.cost(70)
    assert rounds == max(line.rounds for line in lines)
    assert sent == pytest.approx(max(line.bytes_sent for line in lines), rel=0.1)


def test_rounds_are_the_longest_chain() -> None:
    """Party 3 waits for nobody: beside a clock on which each message takes a second."""
    rows, made = [[7, -3], [2**70, -5]], [Made((0,), 60), Made((0, 1, 0, 0), 130)]
    shares, parties = dealt(rows, FORMS[:2]), make_parties(3)
    _, seconds = took(parties, lambda q: wholes.significands(q.channel(), q.prss, shares[q.me], FORMS[:2], made, 15))
    assert seconds == max(party.line.rounds for party in parties) == 12


def test_plans_reckon_with_the_engines_sizes() -> None:
    assert lanecost.BATCH_LIMBS == wholes.BATCH_LIMBS
    assert lanecost.FEW == wholes.FEW
    assert lanecost.SIDE_BY_SIDE == wire.OVERLAP
    assert roundingcost.DIGIT_BITS == DIGIT_BITS
