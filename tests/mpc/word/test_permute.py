"""Permutations: by one party's map, and by nobody's."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from scipy import stats

from mpcgov.errors import InternalError, SpecError
from mpcgov.mpc.codec import WireError
from mpcgov.mpc.word import field, permute, shuffle, stream
from mpcgov.mpc.word.permute import Roles
from mpcgov.mpc.word.stream import Stream
from tests.mpc.word import toy
from tests.mpc.word.local import make_parties, opened, run, share

ROWS = np.array([[10, 100], [11, 101], [12, 102], [13, 103], [14, 104]], np.uint64)
SOURCE = np.array([3, 0, 4])


def permuted(m, roles, rows=ROWS, source=SOURCE):
    parties = make_parties(m)

    async def program(q):
        return await permute.permute_known(
            q.channel(),
            q.prss,
            roles,
            rows if q.me == roles.sender else None,
            source if q.me == roles.programmer else None,
        )

    return run(parties, program), parties


@pytest.mark.parametrize(("m", "who"), [(3, (0, 1, 2)), (3, (2, 0, 1)), (4, (3, 1, 0))])
def test_wanted_rows_arrive_in_the_programmers_order(m, who):
    results, _ = permuted(m, Roles(*who, rows=5, wanted=3, columns=2))
    assert opened(results, 1).tolist() == ROWS[SOURCE].tolist()


def test_all_rows_and_none():
    full = Roles(0, 1, 2, rows=5, wanted=5, columns=2)
    results, _ = permuted(3, full, source=np.array([4, 3, 2, 1, 0]))
    assert opened(results, 1).tolist() == ROWS[::-1].tolist()
    results, _ = permuted(3, Roles(0, 1, 2, rows=5, wanted=0, columns=2), source=np.empty(0, np.int64))
    assert results[0].shape == (0, 2)


def test_shared_rows_too():
    roles = Roles(0, 1, 2, rows=5, wanted=3, columns=2)
    shares = share(ROWS, 3, 1)

    async def program(q):
        source = SOURCE if q.me == 1 else None
        return await permute.permute_shared(q.channel(), q.prss, roles, shares[q.me], source)

    assert opened(run(make_parties(3), program), 1).tolist() == ROWS[SOURCE].tolist()


def test_what_sender_and_receiver_get_is_what_the_enumerated_protocol_says():
    roles = Roles(0, 1, 2, rows=5, wanted=3, columns=2)
    _, parties = permuted(3, roles)
    messages = parties[0].network.messages
    to_sender = np.frombuffer(next(m for (a, b, _), m in sorted(messages.items()) if (a, b) == (1, 0)), np.uint64)
    key, order = stream.key_from(to_sender[:4]), to_sender[4:].view("<u4")[:5].astype(int)
    to_receiver = [m for (a, b, _), m in sorted(messages.items()) if (a, b) in ((0, 2), (1, 2))]
    padded = np.frombuffer(to_receiver[0], np.uint64).reshape(5, 2)
    places = np.frombuffer(to_receiver[1], "<u4")[:3]
    assert (field.add(padded, Stream(key).elements(10).reshape(5, 2)) == ROWS[order]).all()
    assert (order[places] == SOURCE).all()


def test_enumerated_the_receiver_sees_the_same_whatever_the_map_and_the_rows():
    """p = 3, three rows of one column, two of them wanted: all orders and all pads."""
    p, n = 3, 3

    def views(secret):
        rows, source = secret
        for order in itertools.permutations(range(n)):
            places = tuple(order.index(wanted) for wanted in source)
            for pads in itertools.product(range(p), repeat=n):
                padded = tuple((rows[order[j]] - pads[j]) % p for j in range(n))
                halves = [(padded[place], pads[place]) for place in places]
                assert [sum(half) % p for half in halves] == [rows[wanted] for wanted in source]
                yield places, padded

    secrets = [
        (rows, source)
        for rows in itertools.product(range(p), repeat=n)
        for source in itertools.permutations(range(n), 2)
    ]
    assert toy.same_views(views, secrets)


def test_a_map_that_repeats_a_row_would_show_it_and_is_refused():
    with pytest.raises(InternalError, match="distinct"):
        permuted(3, Roles(0, 1, 2, rows=5, wanted=3, columns=2), source=np.array([1, 1, 2]))
    with pytest.raises(InternalError, match="isn't there"):
        permuted(3, Roles(0, 1, 2, rows=5, wanted=3, columns=2), source=np.array([1, 5, 2]))


def test_places_are_uniform_over_runs_and_no_order_comes_twice():
    roles = Roles(0, 1, 2, rows=3, wanted=1, columns=1)
    seen = Counter()
    for _ in range(300):
        _, parties = permuted(3, roles, np.array([[1], [2], [3]], np.uint64), np.array([2]))
        messages = parties[0].network.messages
        seen[next(m for (a, b, _), m in sorted(messages.items()) if (a, b) == (1, 2))] += 1
    assert stats.chisquare([seen[key] for key in seen]).pvalue > 1e-6
    assert len(seen) == 3


def test_a_place_outside_the_rows_is_the_programmers_fault(monkeypatch):
    original = permute.packed
    monkeypatch.setattr(permute, "packed", lambda places: original(np.full_like(places, 5)))
    with pytest.raises(WireError) as caught:
        permuted(3, Roles(0, 1, 2, rows=5, wanted=3, columns=2))
    assert caught.value.peer == 1


def test_roles_and_thresholds_that_would_leak_are_refused():
    with pytest.raises(InternalError):
        Roles(0, 0, 2, rows=5, wanted=3, columns=2)
    parties = make_parties(5, 2)
    with pytest.raises(SpecError, match="threshold 1"):
        run(
            parties,
            lambda q: permute.permute_known(q.channel(), q.prss, Roles(0, 1, 2, 5, 3, 2), None, None),
        )


# -- shuffle


@pytest.mark.parametrize(("m", "t", "size"), [(3, 1, 3), (4, 1, 2), (5, 1, 2), (7, 1, 2), (5, 2, 10), (7, 3, 35)])
def test_families_leave_every_coalition_out_of_one_subset(m, t, size):
    family = shuffle.family_for(m, t)
    assert len(family) == size
    for coalition in itertools.combinations(range(m), t):
        assert any(not set(coalition) & set(subset) for subset in family)
    assert shuffle.missed(family[1:], m, t)


@pytest.mark.parametrize(("m", "t"), [(3, 1), (4, 1), (6, 2), (5, 2)])
def test_a_shuffle_keeps_the_rows_together(m, t):
    rows = np.column_stack([np.arange(50), 7 * np.arange(50)])
    shares = share(rows, m, t)
    results = run(make_parties(m, t), lambda q: shuffle.shuffle(q.channel(), q.prss, shares[q.me]))
    found = opened(results, t)
    assert sorted(found.tolist()) == rows.tolist()
    assert found.tolist() != rows.tolist()


@pytest.mark.by_day(1)
@pytest.mark.parametrize("m", [3, 4])
def test_every_order_is_as_likely(m):
    shares = share([[0], [1], [2]], m, 1)
    parties = make_parties(m)
    seen = Counter()
    for _ in range(400):
        results = run(parties, lambda q: shuffle.shuffle(q.channel(), q.prss, shares[q.me]))
        seen[tuple(opened(results, 1).reshape(-1))] += 1
    assert stats.chisquare([seen[order] for order in itertools.permutations(range(3))]).pvalue > 1e-6


def test_enumerated_a_party_knows_nothing_of_the_whole_order():
    """Three pairs, three rows: for what a party knows, the unknown permutation takes the whole through all orders."""
    orders = list(itertools.permutations(range(3)))
    for party in range(3):
        known = [i for i, pair in enumerate(shuffle.family_for(3, 1)) if party in pair]
        assert len(known) == 2
        for own in itertools.product(orders, repeat=2):
            whole = set()
            for unknown in orders:
                passes = dict(zip(known, own, strict=True))
                rows = [0, 1, 2]
                for i in range(3):
                    rows = [rows[k] for k in passes.get(i, unknown)]
                whole.add(tuple(rows))
            assert whole == set(orders)


def test_a_family_that_a_party_belongs_to_whole_is_refused():
    shares = share([[0], [1]], 3, 1)
    with pytest.raises(InternalError, match="coalition"):
        run(make_parties(3), lambda q: shuffle.shuffle(q.channel(), q.prss, shares[q.me], [(0, 1), (0, 2)]))


def test_two_shuffles_of_one_computation_differ():
    shares = share(np.arange(100)[:, None], 3, 1)

    async def twice(q):
        return [await shuffle.shuffle(q.channel(), q.prss, shares[q.me]) for _ in range(2)]

    results = run(make_parties(3), twice)
    first, second = (opened([result[i] for result in results], 1).tolist() for i in (0, 1))
    assert first != second
