"""Comparison with zero: right at every edge, the same as the enumerated reference, and silent."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mpcgov.mpc.word import compare, field, lanes, masked, sign
from mpcgov.mpc.word.field import BITS, P
from tests.mpc.word import toy
from tests.mpc.word.local import make_parties, opened, run, share

TOP = 2**60 - 1
EDGES = [0, 1, -1, 2, -2, TOP, -TOP, TOP - 1, 1 - TOP, 2**59, -(2**59), 2**59 - 1, 2**32, -(2**32), 2**31 - 1]
SIZES = [(3, 1), (4, 1), (5, 2), (7, 3)]
MERSENNE = {7: 3, 31: 5, 127: 7}


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


def test_rounds_and_bytes_are_those_that_the_module_claims():
    parties = compare_all(sign_bit_only, list(range(6400)), 3, 1)[1]
    assert [party.line.rounds for party in parties] == [8, 8, 7]
    rows = {0: 91 + 60 + 55, 1: 91 + 60 + 55, 2: 60 + 55}
    assert [party.line.bytes_sent for party in parties] == [800 * (rows[i] + 1) for i in range(3)]
    assert [round(rows[i] / 8, 1) for i in range(3)] == [25.8, 25.8, 14.4]


async def sign_bit_only(channel, prss, x):
    bits = await sign.negative_bits(channel, prss, x)
    return lanes.from_row(await sign.open_bits(channel, prss, bits), x.size)


@pytest.mark.parametrize("m", [3, 4])
def test_opened_outcomes_and_ties_on_the_first_column(m):
    first, second = [0, 0, 0, 5, -5, TOP], [1, -1, TOP, -7, 7, 0]
    rows = list(zip(share(first, m, 1), share(second, m, 1), strict=True))
    found = run(
        make_parties(m),
        lambda q: compare.open_less(q.channel(), q.prss, 6, lambda piece: [row[piece] for row in rows[q.me]]),
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


def test_the_kernels_do_what_the_enumerated_protocol_says():
    masters = {(0, 1): b"a" * 32, (0, 2): b"b" * 32, (1, 2): b"c" * 32}
    parties = make_parties(3, 1, masters)
    values = [*EDGES, *range(-70, 70)]
    rows = share(values, 3, 1)
    results = run(parties, lambda q: sign.wrap(q.channel(), q.prss, rows[q.me]))
    words, count = lanes.words_for(len(values)), sign.TREE_ROWS + lanes.LEAF_ROWS
    first = 1 << 38  # the first channel's; its first draw is for products, its second for entering

    def stream(owner, pair, use, number, n):
        numbers = make_parties(3, 1, masters)[owner].prss.stream(pair, use, number)
        return list(numbers.words(n * words).reshape(n, words))

    keys = {pair: stream(pair[0], pair, "bits", first + 1, count) for pair in ((0, 1), (1, 2), (0, 2))}
    u, v = (lanes.to_rows(field.scale(row, factor)) for row, factor in ((rows[0], 2), (rows[1], -1)))
    pieces, bits = toy.wrap(
        list(u),
        list(v),
        stream(0, (0, 2), "enter", first + 2, lanes.INPUT_ROWS),
        stream(1, (1, 2), "enter", first + 2, lanes.INPUT_ROWS),
        list(zip(keys[0, 1], keys[1, 2], keys[0, 2], strict=True)),
    )
    for party, (found, _) in enumerate(results):
        assert (found.right[0] == pieces[party]).all()
        assert (found.left[0] == pieces[party - 1]).all()
        messages = [np.frombuffer(message, np.uint64).reshape(-1, words) for message in parties[party].view()]
        ours = {row.tobytes() for message in messages for row in message}
        assert ours == {np.ascontiguousarray(row).tobytes() for row in bits.received[party]}
    total = (2 * rows[0].astype(object) % P + -rows[1].astype(object) % P) >= P
    assert lanes.from_row(pieces[0] ^ pieces[1] ^ pieces[2], len(values)).tolist() == total.astype(int).tolist()


# -- small primes, everything enumerated


@pytest.mark.parametrize("p", MERSENNE)
def test_the_carry_of_every_two_summands_and_the_sign_of_every_value(p):
    n = MERSENNE[p]
    zero = [(0, 0, 0)] * (4 * n)
    for u, v in itertools.product(range(p), repeat=2):
        inputs = n + n // 2
        pieces, _ = toy.wrap(toy.bits_of(u, n), toy.bits_of(v, n), [0] * inputs, [1] * inputs, zero)
        assert pieces[0] ^ pieces[1] ^ pieces[2] == int(u + v >= p)
        y = (u + v) % p
        assert y & 1 == (u ^ v ^ int(u + v >= p)) & 1
    half = (p + 1) // 2
    for x in range(1 - half, half):
        assert 2 * x % p & 1 == int(x < 0)


@pytest.mark.parametrize("party", [0, 1, 2])
def test_on_a_small_prime_a_party_sees_the_same_whatever_the_value(party):
    """p = 7, three bits: all 2^17 outcomes of the keys, all seven slopes, all seven values."""
    p, n, inputs, products = 7, 3, 4, 3
    randomness = np.arange(1 << (2 * inputs + 3 * products))
    bit = [randomness >> i & 1 for i in range(2 * inputs + 3 * products)]
    k13, k23, f = bit[:inputs], bit[inputs : 2 * inputs], bit[2 * inputs :]
    masks = [(f[3 * i], f[3 * i + 1], f[3 * i + 2]) for i in range(products)]
    own = [*([k13, [], k13][party]), *([[], k23, k23][party])]
    own += [mask[i] for mask in masks for i in ((0, 2), (0, 1), (1, 2))[party]]

    def views(x):
        """How often each view occurs, for each own share: all that was known and received, as one number."""
        counts = {}
        for slope in range(p):
            shares = toy.line(p, x, slope)
            u, v = toy.bits_of(2 * shares[0] % p, n), toy.bits_of(-shares[1] % p, n)
            _, bits = toy.wrap(u, v, k13, k23, masks)
            seen = [*own, *bits.received[party]]
            code = sum(column << i for i, column in enumerate(seen))
            counts[shares[party]] = np.bincount(code, minlength=1 << len(seen))
        return counts

    first = views(0)
    assert sorted(first) == list(range(p))
    for x in range(1, p):
        for own_share, counts in views(x).items():
            assert (counts == first[own_share]).all()


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
    pieces = {b: [t for t in itertools.product((0, 1), repeat=3) if t[0] ^ t[1] ^ t[2] == b] for b in (0, 1)}

    def runs(b):
        for piece in pieces[b]:
            for slope, *masks in itertools.product(range(p), repeat=4):
                yield toy.to_field(p, piece, slope, tuple(masks))

    for b in (0, 1):
        assert all(toy.at_zero(p, shares) == b for shares, _ in runs(b))
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


@pytest.mark.parametrize("value", [0, -1, TOP])
def test_bits_that_parties_receive_are_fair_whatever_the_value(value):
    rows = share([value] * 6400, 3, 1)
    parties = make_parties(3)
    run(parties, lambda q: sign.negative_bits(q.channel(), q.prss, rows[q.me]))
    for party in parties:
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
