"""Comparison with zero: right at every edge, the same as the enumerated reference, and silent."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mpcgov.mpc.word import compare, lanes, less, masked
from mpcgov.mpc.word.field import BITS, P
from mpcgov.mpc.word.helped import Helped, chain, every
from mpcgov.mpc.word.sign import Pieces
from tests.mpc.word import toy
from tests.mpc.word.local import make_parties, opened, run, share

TOP = 2**60 - 1
EDGES = [0, 1, -1, 2, -2, TOP, -TOP, TOP - 1, 1 - TOP, 2**59, -(2**59), 2**59 - 1, 2**32, -(2**32), 2**31 - 1]
SIZES = [(3, 1), (4, 1), (5, 2), (7, 3)]
MERSENNE = {7: 3, 31: 5, 127: 7}
LONG_ROW = lanes.LANES * (2 * lanes.BLOCK + 1) + 7


def compare_all(operation, values, m, t):
    rows = share(values, m, t)
    parties = make_parties(m, t)
    results = run(parties, lambda q: operation(q.channel(), q.prss, rows[q.me]))
    return opened(results, t).tolist(), parties


@pytest.mark.parametrize(("m", "t"), SIZES)
def test_signs_at_the_edges_of_the_range(m, t):
    found, _ = compare_all(compare.negative, EDGES, m, t)
    assert found == [int(x < 0) for x in EDGES]


@pytest.mark.parametrize(("m", "t"), SIZES)
def test_zeros_at_the_edges_of_the_range(m, t):
    found, _ = compare_all(compare.zero, EDGES, m, t)
    assert found == [int(x == 0) for x in EDGES]


@pytest.mark.parametrize("m", [3, 4])
@given(values=st.lists(st.integers(-TOP, TOP), min_size=1, max_size=200))
@settings(max_examples=15)
def test_signs_agree_with_python(m, values):
    assert compare_all(compare.negative, values, m, 1)[0] == [int(x < 0) for x in values]


@pytest.mark.parametrize("count", [1, 63, 64, 65, 1000])
def test_lanes_hold_any_number_of_elements(count):
    values = [(-1) ** k * k for k in range(count)]
    assert compare_all(compare.negative, values, 3, 1)[0] == [int(x < 0) for x in values]


@pytest.mark.parametrize(("m", "size"), [(3, "LANES_CHUNK"), (4, "MASKED_CHUNK")])
def test_batches_are_cut_and_shapes_kept(monkeypatch, m, size):
    monkeypatch.setattr(compare, size, 5)
    values = np.arange(-6, 6).reshape(3, 4)
    for operation, expected in ((compare.negative, values < 0), (compare.zero, values == 0)):
        assert compare_all(operation, values, m, 1)[0] == expected.astype(int).tolist()


@pytest.mark.by_day(6)
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 8, 9, 16, 31, 32, 47, 48, 49, 57, 58, 59, 60])
def test_numbers_within_bounds_at_both_ends(bits):
    top = (1 << bits) - 1
    values = [-top - (bits < 60), -top, -1, 0, 1, top - 1, top, *(x * 0x9E3779B97F4A7C15 % top for x in range(100))]
    for operation, expected in ((compare.negative, lambda x: x < 0), (compare.zero, lambda x: x == 0)):
        found, _ = compare_all(partial(operation, bits=bits), values, 3, 1)
        assert found == [int(expected(x)) for x in values]


def test_bounds_become_bits():
    assert [less.width(*both) for both in ((0, 0), (-1, 1), (-2, 1), (-3, 1), (0, 4), (-(2**32), 2**32 - 1))] == [
        *(1, 1, 1, 2, 3, 32)
    ]


@pytest.mark.parametrize(("bits", "rounds", "sent"), [(32, 4, 239 + 4), (60, 4, 497 + 4)])
def test_rounds_and_bytes_are_those_that_the_module_claims(bits, rounds, sent):
    async def opened_sign(channel, prss, x):
        return lanes.from_row(await less.open_negative(channel, prss, x, bits), x.size)

    parties = compare_all(opened_sign, list(range(6400)), 3, 1)[1]
    assert [party.line.rounds for party in parties] == [rounds, rounds, 1]
    assert sum(party.line.bytes_sent for party in parties) == 800 * sent


@pytest.mark.parametrize("borrow", [False, True])
def test_digits_hold_all_bits_and_four_only_where_that_saves_a_round(borrow):
    for bits in range(4, 62):
        found = less.sizes(bits, borrow)
        assert sum(size * count for size, count in found) == bits
        leaves = sum(count for _, count in found) + borrow
        if any(size == 4 for size, _ in found):
            assert len(less.arities(leaves, chain)) < len(less.arities(-(-bits // 3) + borrow, chain))
        for arity in less.arities(leaves, chain):
            assert arity <= leaves
            leaves = -(-leaves // arity)
        assert leaves == 1


@pytest.mark.parametrize("m", [3, 4])
def test_opened_outcomes_and_ties_on_the_first_column(m):
    first, second = [0, 0, 0, 5, -5, TOP], [1, -1, TOP, -7, 7, 0]
    rows = list(zip(share(first, m, 1), share(second, m, 1), strict=True))
    found = run(
        make_parties(m),
        lambda q: compare.open_less(q.channel(), q.prss, 6, [60, 60], lambda piece: [row[piece] for row in rows[q.me]]),
    )
    assert [row.tolist() for row in found] == [[0, 1, 0, 0, 1, 0]] * m


@pytest.mark.parametrize("m", [3, 4])
def test_choosing_between_two_arrays(m):
    bit, a, b = ([1, 0, 1], [2**59, 3, -4], [-(2**59), 8, 9])
    rows = list(zip(share(bit, m, 1), share(a, m, 1), share(b, m, 1), strict=True))
    found = run(make_parties(m), lambda q: compare.choose(q.channel(), q.prss, *rows[q.me]))
    assert opened(found, 1).tolist() == [2**59, 8, -4]


# -- the lanes against the reference


def test_rows_of_bits_and_back():
    values = np.array([*range(100), P - 1, 2**60], np.uint64)
    rows = lanes.to_rows(values)
    assert rows.shape == (BITS, 2)
    for b in range(BITS):
        assert lanes.from_row(rows[b], values.size).tolist() == [int(v) >> b & 1 for v in values]


# -- small primes, everything enumerated


@pytest.mark.parametrize("p", MERSENNE)
def test_the_sign_of_every_value_behind_every_mask(p):
    half = (p + 1) // 2
    for x, r in itertools.product(range(1 - half, half), range(p)):
        c = (2 * x + r) % p
        assert int(x < 0) == (c ^ r ^ (c < r)) & 1


@pytest.mark.parametrize("p", [31, 127])
def test_the_sign_of_every_value_within_bounds_of_every_two_summands_behind_every_mask(p):
    """And what is left of them, and that they are 0: all from the lowest bits."""
    for bits in range(1, MERSENNE[p] - 2):
        limit = 1 << (bits + 1)
        for x, u in itertools.product(range(-limit // 2, limit // 2), range(p)):
            v = (x + limit // 2 - u) % p
            both = u < limit and v < limit
            assert both == (u + v < p)
            for r in range(limit):
                c = (u + v + 1 + r) % limit
                assert (c - r - both) % limit == x + limit // 2
                borrow = c % (limit // 2) < r % (limit // 2) + both
                assert int(x < 0) == 1 ^ (c >> bits) ^ (r >> bits) ^ borrow
            assert (x == 0) == ((u - (u - x) % p) % limit == 0)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_digit_is_picked_from_what_is_dealt(size):
    """All c and r at once, in rows of more than a block: [c < r] and [c = r], from shares of which one is 0."""
    count = LONG_ROW
    numbers = np.arange(count, dtype=np.uint64) * np.uint64(5)
    both = [numbers & np.uint64((1 << size) - 1), (numbers >> size) & np.uint64((1 << size) - 1)]
    c, r = (lanes.to_rows(digit.astype(np.uint64), size)[None] for digit in both)
    table = less.thresholds(r)
    smaller, same = (lanes.from_row(row[0], count) for row in less.picked(0, c, table))
    assert smaller.tolist() == (both[0] < both[1]).astype(int).tolist()
    assert same.tolist() == (both[0] == both[1]).astype(int).tolist()


def test_numbers_in_rows_of_more_than_a_block_are_added_with_their_carries():
    x, y = np.random.default_rng(3).integers(0, 2**50, (2, LONG_ROW), np.uint64)
    rows = lanes.added(lanes.to_rows(x, 50), lanes.to_rows(y, 50))
    assert np.array_equal(rows, lanes.to_rows(x + y, 50))


@pytest.mark.parametrize("gate", [chain(2), chain(3), chain(4), chain(2, True), chain(4, True), every(3), every(4)])
def test_a_gate_gives_sums_of_products_for_all_bits_and_all_masks(gate):
    """All bits and, for each, other masks; what is dealt is drawn."""
    rng = np.random.default_rng(gate.wires)
    wires = [np.array([word], np.uint64) for word in rng.integers(0, 2**64, gate.wires, np.uint64)]
    pieces = [[rng.integers(0, 2**64, (1, 1), np.uint64) for _ in range(2)] for _ in wires]
    sides = []
    for me in range(3):
        held = []
        for wire, (first, second) in zip(wires, pieces, strict=True):
            both = wire ^ first ^ second
            held.append(Pieces(*((first, both), (both, second), (second, first))[me]))
        sides.append(held)

    def one(q):
        async def program():
            circuit = Helped(q.channel(), q.prss, 1)
            ((*outputs,),) = await circuit.layer([(gate, sides[q.me])])
            return outputs

        return program()

    results = run(make_parties(3), one)
    for place, output in enumerate(gate.outputs):
        expected = np.zeros(1, np.uint64)
        for monomial in output:
            expected ^= np.bitwise_and.reduce([wires[wire] for wire in monomial])
        found = [result[place] for result in results]
        assert (found[0].right ^ found[0].left ^ found[1].right == expected).all()
        assert all((found[k].right == found[(k + 1) % 3].left).all() for k in range(3))


def test_masking_both_summands_with_one_key_would_show_their_xor():
    def views(secret):
        u, v = secret
        for k in (0, 1):
            yield u ^ k, v ^ k

    assert not toy.same_views(views, [(0, 0), (0, 1)])


def test_propagating_by_or_would_be_wrong():
    p, n = 7, 3

    def carry(u, v, propagate):
        g = (u & 1) | (v & 1)
        for i in range(1, n):
            a, b = u >> i & 1, v >> i & 1
            g = (a & b) ^ (propagate(a, b) & g)
        return g

    everything = list(itertools.product(range(p), repeat=2))
    assert all(carry(u, v, lambda a, b: a ^ b) == int(u + v >= p) for u, v in everything)
    assert any(carry(u, v, lambda a, b: a | b) != int(u + v >= p) for u, v in everything)


@pytest.mark.parametrize("p", [5, 7])
def test_bits_become_shares_and_nobody_sees_more(p):
    """All pieces, all outcomes of the keys with party 3."""

    def runs(b):
        for d, first in itertools.product((0, 1), repeat=2):
            for drawn in itertools.product(range(p), repeat=3):
                yield toy.to_field(p, (d, first, d ^ first ^ b), drawn)

    for b in (0, 1):
        assert all(toy.at_zero(p, shares) == b and toy.on_a_line(p, shares) for shares, _ in runs(b))
    for party in range(3):
        assert toy.same_views(lambda b, party=party: (views[party] for _, views in runs(b)), [0, 1])


@pytest.mark.parametrize("p", MERSENNE)
def test_a_mask_of_random_bits_is_uniform_to_one_part_in_two_to_the_bits(p):
    n = MERSENNE[p]
    for y in range(p):
        opened_values = [(y + r) % p for r in range(1 << n)]
        distance = sum(abs(opened_values.count(c) / (1 << n) - 1 / p) for c in range(p)) / 2
        assert distance <= 2**-n
        for r, c in enumerate(opened_values):
            assert y == c - r + p * (c < r)
            assert y & 1 == (c & 1) ^ (r & 1) ^ (c < r)


# -- views of the real thing


@pytest.mark.parametrize("value", [0, -1, TOP])
def test_what_a_mask_opens_is_uniform_whatever_the_value(monkeypatch, value):
    seen = []
    original = masked.open_to_all

    async def record(channel, share_of, degree):
        result = await original(channel, share_of, degree)
        if channel.line.me == 0:
            seen.append(result)
        return result

    monkeypatch.setattr(masked, "open_to_all", record)
    compare_all(compare.negative, [value] * 2000, 4, 1)
    counts = np.bincount((np.concatenate(seen) // (P // 32 + 1)).astype(int), minlength=32)
    assert stats.chisquare(counts).pvalue > 1e-6


@pytest.mark.parametrize("value", [0, -1, 2**32 - 1])
def test_bits_that_parties_receive_are_fair_whatever_the_value(value):
    rows = share([value] * 6400, 3, 1)
    parties = make_parties(3)
    run(parties, lambda q: less.negative_bits(q.channel(), q.prss, rows[q.me], 32))
    for party in parties[:2]:
        words = np.concatenate([np.frombuffer(message, np.uint64) for message in party.view()])
        assert stats.binomtest(int(np.bitwise_count(words).sum()), 64 * words.size).pvalue > 1e-6


def test_three_parties_open_nothing_for_a_comparison(monkeypatch):
    async def refuse(*_args):
        raise AssertionError

    for module in (compare, masked):
        monkeypatch.setattr(module, "open_to_all", refuse)
    for operation in (compare.negative, compare.zero):
        assert len(compare_all(operation, EDGES, 3, 1)[0]) == len(EDGES)


def test_a_repeated_comparison_sends_other_bits():
    rows = share(list(range(640)), 3, 1)
    parties = make_parties(3)

    async def twice(q):
        return [await compare.negative(q.channel(), q.prss, rows[q.me]) for _ in range(2)]

    run(parties, twice)
    messages = [message for party in parties for message in party.view()]
    assert len(set(messages)) == len(messages)


@pytest.mark.parametrize("m", [3, 4])
def test_nothing_is_compared_with_nothing(m: int) -> None:
    for operation in (compare.negative, compare.zero):
        assert compare_all(operation, [], m, 1)[0] == []
