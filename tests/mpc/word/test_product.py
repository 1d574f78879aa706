"""Products: right for every m and t, and, enumerated on small primes, silent about the factors."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgov.errors import InternalError
from mpcgov.mpc.codec import WireError
from mpcgov.mpc.word import field, product, sharing
from mpcgov.mpc.word.field import P
from tests.mpc.word import toy
from tests.mpc.word.local import make_parties, opened, run, share

SIZES = [(3, 1), (4, 1), (5, 1), (5, 2), (7, 3)]
EDGES = [0, 1, -1, 2**30, -(2**30), P // 2, -(P // 2)]


def signed(value: int) -> int:
    value %= P
    return value - P if value > P // 2 else value


@pytest.mark.parametrize(("m", "t"), SIZES)
def test_products_of_edges_are_right_and_of_degree_t(m, t):
    a, b = (list(column) for column in zip(*itertools.product(EDGES, EDGES), strict=True))
    shares = list(zip(share(a, m, t), share(b, m, t), strict=True))
    results = run(make_parties(m, t), lambda q: product.product(q.channel(), q.prss, *shares[q.me]))
    assert opened(results, t).tolist() == [signed(x * y) for x, y in zip(a, b, strict=True)]


@given(st.lists(st.tuples(st.integers(0, P - 1), st.integers(0, P - 1)), min_size=1, max_size=20))
@settings(max_examples=25)
def test_products_agree_with_python(pairs):
    a, b = (list(column) for column in zip(*pairs, strict=True))
    shares = list(zip(share(a, 3, 1), share(b, 3, 1), strict=True))
    results = run(make_parties(3), lambda q: product.product(q.channel(), q.prss, *shares[q.me]))
    assert opened(results, 1).tolist() == [signed(x * y) for x, y in pairs]


@pytest.mark.parametrize(("m", "t"), [(3, 1), (5, 2)])
def test_inner_and_matrix_products_are_converted_once(m, t):
    rng = np.random.default_rng(3)
    a, b = rng.integers(-1000, 1000, (4, 50)), rng.integers(-1000, 1000, (3, 50))
    a_shares, b_shares = share(a, m, t), share(b, m, t)
    parties = make_parties(m, t)
    results = run(parties, lambda q: product.matrix_product(q.channel(), q.prss, a_shares[q.me], b_shares[q.me]))
    assert (opened(results, t) == a @ b.T).all()
    assert {party.line.rounds for party in parties} == {1}
    rows = run(
        make_parties(m, t), lambda q: product.inner_product(q.channel(), q.prss, a_shares[q.me][0], b_shares[q.me][0])
    )
    assert opened(rows, t) == a[0] @ b[0]


def test_three_parties_send_one_element_each_for_a_product():
    parties = make_parties(3)
    shares = share(range(1000), 3, 1)
    run(parties, lambda q: product.product(q.channel(), q.prss, shares[q.me], shares[q.me]))
    assert [party.line.bytes_sent for party in parties] == [8000] * 3


def test_large_products_go_in_chunks(monkeypatch):
    monkeypatch.setattr(product, "CHUNK", 7)
    shares = share(range(30), 3, 1)
    parties = make_parties(3)
    results = run(parties, lambda q: product.product(q.channel(), q.prss, shares[q.me], shares[q.me]))
    assert opened(results, 1).tolist() == [x * x for x in range(30)]
    assert {party.line.rounds for party in parties} == {3}  # five chunks, of which two are under way at once


def test_the_kernels_do_what_the_enumerated_protocol_says():
    masters = {(0, 1): b"a" * 32, (0, 2): b"b" * 32, (1, 2): b"c" * 32}
    parties = make_parties(3, 1, masters)
    degree_two = share([5, -7, 0], 3, 2)
    results = run(parties, lambda q: product.reduce_degree(q.channel(), q.prss, degree_two[q.me]))
    number = (1 << 38) + 1
    f12, f31, f23 = (
        make_parties(3, 1, masters)[i].prss.stream(s, "product", number).elements(3)
        for i, s in ((0, (0, 1)), (0, (0, 2)), (1, (1, 2)))
    )
    for k in range(3):
        h = [int(row[k]) for row in degree_two]
        sent, new = toy.convert(P, h, int(f12[k]), int(f23[k]), int(f31[k]))
        assert [int(row[k]) for row in results] == new
        received = [np.frombuffer(party.view()[0], np.uint64)[k] for party in parties]
        assert received == [sent[2], sent[0], sent[1]]


@pytest.mark.parametrize("p", [5, 7])
def test_every_conversion_on_a_small_prime_is_right(p):
    for x, y, r, s in itertools.product(range(p), repeat=4):
        h = [a * b % p for a, b in zip(toy.line(p, x, r), toy.line(p, y, s), strict=True)]
        for masks in ((0, 0, 0), (1, 2, 3), (p - 1, 4, 1)):
            assert toy.at_zero(p, toy.convert(p, h, *masks)[1]) == x * y % p


@pytest.mark.by_day(1)
@pytest.mark.parametrize("party", [0, 1, 2])
def test_a_party_sees_the_same_whatever_the_factors(party):
    p = 5

    def views(secret):
        x, y = secret
        for r, s, f12, f23, f31 in itertools.product(range(p), repeat=5):
            f, g = toy.line(p, x, r), toy.line(p, y, s)
            sent, _ = toy.convert(p, [a * b for a, b in zip(f, g, strict=True)], f12, f23, f31)
            yield f[party], g[party], toy.own_keys(party, f12, f23, f31), sent[party - 1]

    assert toy.same_views(views, list(itertools.product(range(p), repeat=2)))


@pytest.mark.parametrize("p", [7, 31, 127])
def test_what_a_party_receives_is_uniform_given_all_that_it_knows(p):
    """For every own state the message runs through all elements: its mask has the one key that the party lacks."""
    for party in range(3):
        for own in ((0, 1), (3, p - 1)):
            lacks = [(0, 1, 2), (2, 0, 1), (1, 2, 0)][party]  # which of f12, f23, f31: first two known, last unknown
            seen = set()
            for unknown in range(p):
                masks = [0, 0, 0]
                known_a, missing, known_b = {0: (0, 1, 2), 1: (0, 2, 1), 2: (1, 0, 2)}[party]
                masks[known_a], masks[known_b], masks[missing] = own[0], own[1], unknown
                seen.add(toy.convert(p, [2, 4, 1], *masks)[0][party - 1])
            assert seen == set(range(p)), lacks


def test_opening_a_product_without_conversion_would_show_the_factors():
    """The trap of degree 2t: without masks the three messages determine f and g up to scale."""
    p = 5

    def views(secret):
        x, y = secret
        for r, s in itertools.product(range(p), repeat=2):
            f, g = toy.line(p, x, r), toy.line(p, y, s)
            yield f[0], g[0], tuple(a * b % p for a, b in zip(f, g, strict=True))

    assert not toy.same_views(views, [(1, 1), (2, 3)])


@pytest.mark.parametrize(("m", "t"), SIZES)
def test_dealing_gives_t_keys_and_shares_of_degree_t(m, t):
    values = np.array([3, P - 4, 0], np.uint64)
    parties = make_parties(m, t)

    async def deal(q):
        return await sharing.deal(q.channel(), t, [1], values if q.me == 1 else None, 3)

    rows = [result[0] for result in run(parties, deal)]
    assert opened(rows, t).tolist() == [3, -4, 0]
    assert parties[1].line.bytes_sent == t * 32 + (m - 1 - t) * 3 * 8


def test_two_dealings_of_the_same_value_share_nothing():
    rows = [sharing.split(np.array([5, 5], np.uint64), 0, 3, 1) for _ in range(2)]
    shares = {int(x) for _, row in rows for words in row.values() for x in words}
    assert len(shares) == 8


@pytest.mark.parametrize(("m", "t", "degree"), [(3, 1, 1), (3, 1, 2), (5, 2, 4), (7, 3, 3)])
def test_opening_gives_everyone_the_values(m, t, degree):
    rows = share([1, 2**60 - 1, 7], m, degree)
    results = run(make_parties(m, t), lambda q: sharing.open_to_all(q.channel(), rows[q.me], degree))
    assert all(result.tolist() == [1, 2**60 - 1, 7] for result in results)


def test_a_number_outside_the_field_is_the_senders_fault():
    rows = share([1], 3, 1)
    rows[2] = np.array([P], np.uint64)
    with pytest.raises(WireError) as caught:
        run(make_parties(3), lambda q: sharing.open_to_all(q.channel(), rows[q.me], 1))
    assert caught.value.peer == 2


def test_factors_of_different_shapes_are_refused():
    a, b = share([1, 2], 3, 1)[0], share([1], 3, 1)[0]
    party = make_parties(3)[0]
    with pytest.raises(InternalError):
        run([party], lambda q: product.product(q.channel(), q.prss, a, b))
    assert field.product(a, a).shape == (2,)
