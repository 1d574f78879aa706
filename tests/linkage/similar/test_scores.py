"""Scores of all pairs, and the best of each row and column: against plain numpy, on sizes that fill no lane."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from mpcgov.errors import InternalError
from mpcgov.linkage.similar import best, bring, gates, scores, small
from mpcgov.linkage.similar.best import Cubes
from mpcgov.linkage.similar.scores import Grid, Side
from mpcgov.mpc.codec import WireError
from mpcgov.mpc.word import lanes
from mpcgov.mpc.word.stream import Stream
from tests.linkage.similar.compared import best_pairs, opened
from tests.mpc.word import toy
from tests.mpc.word.local import make_parties, run
from tests.mpc.word.local import opened as opened_words
from tests.mpc.word.test_lane_views import received

BITS = (13, 17, 19)


def random(*shape: int, seed: int = 1, bound: int = 2**17 - 1) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(seed)).integers(0, bound, shape)


# -- the small field


@pytest.mark.parametrize("bits", BITS)
def test_kernels_of_the_small_field_are_exact(bits):
    p = 2**bits - 1
    sums = random(500, bound=2**49).astype(np.float64)
    others = random(500, seed=2, bound=p).astype(np.uint32)
    edges = np.array([0, p - 1, p, p + 1, (p - 1) ** 2 * 8000])
    sums[:5], others[0] = edges, p - 1
    for factor in (3, -3, 1):
        expected = [(factor * int(x) + int(y)) % p for x, y in zip(sums, others, strict=True)]
        assert small.scaled_sum(sums, factor, others, bits).tolist() == expected
    a, b = others, others[::-1].copy()
    expected = [(5 * int(x) - 7 * int(y)) % p for x, y in zip(a, b, strict=True)]
    assert small.combined(a, 5, b, -7, bits).tolist() == expected


def test_elements_are_uniform_and_the_pattern_that_is_none_is_drawn_again():
    bits = 3
    values = small.elements(Stream(bytes(32), 1), 70_000, bits)
    counts = np.bincount(values, minlength=8)
    assert counts[7] == 0
    assert (abs(counts[:7] - 10_000) < 500).all()
    assert (small.elements(Stream(bytes(32), 1), 70_000, bits) == values).all()


@pytest.mark.parametrize("dealer", [0, 1, 2])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_dealt_elements_lie_on_lines(dealer, count):
    bits, p = 17, 2**17 - 1
    values = random(count, bound=p).astype(np.uint32)
    parties = make_parties(3)
    rows = run(
        parties, lambda q: small.deal(q.channel(), bits, dealer, values if q.me == dealer else None, count)
    )  # fmt: skip
    one, two, three = (row.astype(np.int64) for row in rows)
    assert ((2 * one - two) % p == values).all()
    assert ((2 * two - one - three) % p == 0).all()


def test_a_share_outside_the_field_is_refused():
    bad = small.packed(np.array([5, 2**17 - 1], np.uint32), 17)
    with pytest.raises(WireError):
        small.unpacked(bad, 2, 17, 1)
    assert small.unpacked(small.packed(np.array([5], np.uint32), 17), 1, 17, 1).tolist() == [5]


def test_inner_products_that_float64_could_round_are_refused():
    with pytest.raises(InternalError):
        Grid(Side(0, 1), Side(1, 1), small.MOST_TERMS + 1, 19, np.zeros(1, np.uint32))


# -- circuits


@pytest.mark.parametrize("bits", [2, 3, 5])
def test_adding_modulo_every_toy_prime_is_exact_for_all_summands(bits):
    p = 2**bits - 1
    pairs = np.array(list(itertools.product(range(p), repeat=2)), np.uint32)
    padded = np.zeros((-(-len(pairs) // 64) * 64, 2), np.uint32)
    padded[: len(pairs)] = pairs
    planes = [gates.to_planes(np.ascontiguousarray(padded[:, k]), bits) for k in (0, 1)]
    shape = planes[0].shape
    parties = make_parties(3)
    found = run(parties, lambda q: gates.added(q.channel(), q.prss, planes[q.me] if q.me < 2 else None, shape))
    assert numbers(opened(found))[: len(pairs)].tolist() == [int(u + v) % p for u, v in pairs]


@pytest.mark.parametrize("bits", [2, 3, 5])
def test_odd_sums_modulo_every_toy_prime_are_exact_but_for_their_last_bit(bits):
    p = 2**bits - 1
    pairs = np.array([(u, v) for u, v in itertools.product(range(p), repeat=2) if (u + v) % p % 2], np.uint32)
    padded = np.zeros((-(-len(pairs) // 64) * 64, 2), np.uint32)
    padded[: len(pairs)] = pairs
    planes = [gates.to_planes(np.ascontiguousarray(padded[:, k]), bits) for k in (0, 1)]
    shape = planes[0].shape
    own = dict(enumerate(planes))
    for dropped in range(1, bits):
        found = run(make_parties(3), lambda q, d=dropped: gates.added_odd(q.channel(), q.prss, own.get(q.me), shape, d))
        assert numbers(opened(found))[: len(pairs)].tolist() == [int(u + v) % p >> dropped for u, v in pairs]


def numbers(planes: np.ndarray) -> np.ndarray:
    """Rows of bits as numbers, lane by lane."""
    lanes = planes[:, :, None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)
    return (lanes.reshape(len(planes), -1) << np.arange(len(planes), dtype=np.uint64)[:, None]).sum(axis=0)


@pytest.mark.parametrize("bits", [1, 3])
def test_greater_is_exact_for_all_pairs(bits):
    pairs = np.array(list(itertools.product(range(2**bits), repeat=2)), np.uint32)
    planes = [gates.to_planes(np.ascontiguousarray(pairs[:, k]), bits) for k in (0, 1)] if bits == 3 else None
    if planes is None:
        padded = np.zeros((64, 2), np.uint32)
        padded[:4] = pairs
        planes = [gates.to_planes(np.ascontiguousarray(padded[:, k]), bits) for k in (0, 1)]

    async def compare(q):
        x, y = [
            await gates.enter(q.channel(), q.prss, owner, planes[owner] if q.me == owner else None, (bits, 1))
            for owner in (0, 1)
        ]
        meeting = gates.Meeting(q.channel(), q.prss, 1)
        bit = await gates.greater(meeting, x, y)
        return bit, await meeting.choose(bit, x, y)

    found = run(make_parties(3), compare)
    bits_found = numbers(opened([bit for bit, _ in found]))[: len(pairs)]
    assert bits_found.tolist() == [int(a > b) for a, b in pairs]
    chosen = numbers(opened([greater for _, greater in found]))[: len(pairs)]
    assert chosen.tolist() == [int(max(a, b)) for a, b in pairs]


@pytest.mark.parametrize("owner", [0, 1, 2])
def test_bits_of_any_owner_enter(owner):
    own = random(3, 5, bound=2**63).astype(np.uint64)
    found = run(
        make_parties(3), lambda q: gates.enter(q.channel(), q.prss, owner, own if q.me == owner else None, (3, 5))
    )
    assert (opened(found) == own).all()


# -- all pairs


@pytest.mark.by_day(3)
@pytest.mark.parametrize(("rows", "columns"), [(5, 7), (64, 64), (70, 130), (33, 1), (1, 3)])
@pytest.mark.parametrize("owners", [(0, 1), (2, 1)])
def test_scores_and_mutual_bests_are_those_of_numpy(rows, columns, owners, monkeypatch):
    monkeypatch.setattr(best, "CHUNK", 4)  # so that there are batches
    monkeypatch.setattr(scores, "CHUNK", 4)
    bits, p, terms = 17, 2**17 - 1, 3
    a, b = random(rows, terms, bound=3) - 1, random(columns, terms, seed=2, bound=3) - 1  # so that many are equal
    filler = np.array([0, 0, 5], np.uint32)
    grid = Grid(Side(owners[0], rows), Side(owners[1], columns), terms, bits, filler)
    labels = np.arange(1, columns + 1, dtype=np.uint64)[None]

    async def compare(q):
        own = {owners[0]: a, owners[1]: b}.get(q.me)
        found = await scores.scores(
            q.channel, q.prss, grid, None if own is None else lambda some: (own[some] % p).astype(np.uint32)
        )
        chosen = await best.mutual_best(q.channel, q.prss, found)
        mine = labels if q.me == owners[1] else None
        return found, await bring.brought(q.channel, q.prss, grid, chosen, [8], 1, mine)

    results = run(make_parties(3), compare)
    planes = opened([found for found, _ in results])
    table = np.stack([numbers(planes[:, j]) for j in range(columns)])[:, np.argsort(grid.lanes)]
    everyone = np.concatenate([a, np.tile(filler, (64 * grid.words - rows, 1))])
    whole = everyone @ b.T
    assert (table.T.astype(np.int64) == np.where(whole >= 0, whole + 2**16, whole + p - 2**16)).all()

    def of(name):
        return opened_words([np.ascontiguousarray(getattr(brought, name)) for _, brought in results], 1)

    expected = np.zeros(rows, int)
    for i, j in best_pairs(whole):
        expected[i : i + 1] = j + 1
    assert of("linked")[0].tolist() == expected.tolist()
    assert of("link").tolist() == (expected > 0).tolist()
    top = whole.argmax(axis=1)[:rows]
    mutual = whole.argmax(axis=0)[top] == np.arange(rows)
    assert of("mutual").tolist() == mutual.tolist()
    assert of("score").tolist() == (whole[np.arange(rows), top] * mutual).tolist()


def test_lanes_turned_and_turned_back_are_the_same():
    cube = random(2, 1, 130, bound=2**63).astype(np.uint64)
    there = Cubes(cube, cube).turned()
    assert there.shape == (2, 64, 3)
    bit = cube[1, 0, 77] >> np.uint64(9) & np.uint64(1)
    assert there.left[1, 9, 77 // 64] >> np.uint64(77 % 64) & np.uint64(1) == bit
    assert (there.turned_back(130).left == cube).all()


# -- views


def test_what_is_brought_is_masked_though_its_pieces_were_all_zero():
    """Without masks each party would send the pieces' products: zeros, if it has only zeros of the links."""
    rows, columns, bits = 70, 5, 9
    grid = Grid(Side(0, rows), Side(1, columns), 3, 17, np.zeros(3, np.uint32))
    none = Cubes(*(np.zeros((1, columns, grid.all_words), np.uint64) for _ in range(2)))
    own = random(bits, 1, bound=2**columns).astype(np.uint64)
    found = run(
        make_parties(3),
        lambda q: bring.linked_bits(q.channel(), q.prss, grid, none, own if q.me == 1 else None, bits),
    )
    assert not opened(found).any()
    for pieces in found:
        assert len(np.unique(pieces.right)) == pieces.right.size > bits


@pytest.mark.parametrize("party", [0, 1, 2])
def test_on_a_small_prime_the_sum_of_two_parties_shows_nobody_anything(party):
    """p = 7: all slopes, masks and values; u at party 1 and v at party 2 add up to the product."""
    p = 7

    def views(secret):
        for slope_a, slope_b, mask in itertools.product(range(p), repeat=3):
            a, b = (toy.line(p, value, slope) for value, slope in zip(secret, (slope_a, slope_b), strict=True))
            z = [weight * x * y % p for weight, x, y in zip(toy.LAMBDA, a, b, strict=True)]
            sent = (z[2] - mask) % p
            u, v = (z[0] + sent) % p, (z[1] + mask) % p
            assert (u + v) % p == secret[0] * secret[1] % p
            yield (a[party], b[party], (sent, mask, mask)[party])

    assert toy.same_views(views, list(itertools.product(range(p), repeat=2)))
    assert len(Counter(views((1, 2)))) == p**3


async def met(channel, prss, x):
    """Sums of what two owners enter, all carries at once and one place after the other; and which is the greater."""
    words = lanes.words_for(x.size)
    own = lanes.to_rows(x, 5) if prss.me < 2 else None
    first = await gates.added(channel, prss, own, (5, words))
    second = await gates.added_odd(channel, prss, own, (5, words), 3)
    meeting = gates.Meeting(channel, prss, words)
    better = await gates.greater(meeting, first[3:], second)
    return await meeting.choose(better, first[3:], second)


@pytest.mark.parametrize("few_words", [0, 1 << 12])
@pytest.mark.parametrize("party", [0, 1, 2])
def test_each_bit_that_a_party_receives_has_a_mask_bit_of_its_own_of_the_key_that_it_lacks(
    monkeypatch, party, few_words
):
    monkeypatch.setattr(gates, "FEW_WORDS", few_words)
    rows, masks = received(monkeypatch, met, party, 12345, 4)
    assert len(rows) == masks < 64 * 4 - 1
    assert (masks == 0) == (party == 2)
    own = [np.flatnonzero(row[1 : 1 + masks] != row[0])[-1] for row in rows]
    assert sorted(own) == list(range(masks))
