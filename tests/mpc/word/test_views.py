"""Views of the code itself, at p = 2^61 − 1 and for every coalition: dealing, redealing, zero sharings, refreshing.

See `views`. Each check fails for a protocol that leaves out what it is about.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from mpcgov.mpc.word import product, refresh, sharing, shuffle
from tests.mpc.word.local import make_parties, run
from tests.mpc.word.views import (
    Row,
    Variables,
    combined,
    polynomial,
    rows,
    span,
    tells_nothing_but,
    unit,
    watch,
    watched,
    words,
)

SIZES = [(3, 1), (4, 1), (5, 1), (5, 2), (6, 2), (7, 3)]


def coalitions(m: int, sizes: range) -> list[tuple[int, ...]]:
    return [c for size in sizes for c in combinations(range(m), size)]


@pytest.mark.by_day(3)
@pytest.mark.parametrize(("m", "t"), SIZES)
def test_t_parties_see_nothing_of_what_is_dealt_by_keys_and_shares(monkeypatch, m, t):
    for dealer in range(m):
        variables = Variables(1, t)
        watch(monkeypatch, variables)
        secret = words(unit(0, variables.count))

        async def deal(q, dealer=dealer, secret=secret, count=variables.count):
            return await sharing.deal(q.channel(), t, [dealer], secret if q.me == dealer else None, count)

        seen = watched(variables, m, t, deal)
        for c in coalitions(m, range(1, t + 1)):
            if dealer not in c:
                assert tells_nothing_but(seen.view(c), [], 1), (dealer, c)
        others = [q for q in range(m) if q != dealer]
        assert not tells_nothing_but(seen.view(others[: t + 1]), [], 1)  # t + 1 have it


@pytest.mark.by_day(3)
@pytest.mark.parametrize(("m", "t"), SIZES)
def test_t_parties_see_nothing_of_what_is_converted_from_twice_the_degree(monkeypatch, m, t):
    """Any points of degree 2t, products among them: of the new sharing, t parties have uniform shares."""
    secrets = 2 * t + 1
    variables = Variables(secrets, 40)
    watch(monkeypatch, variables)
    coefficients = [unit(i, variables.count) for i in range(secrets)]
    own = [polynomial(coefficients, q + 1) for q in range(m)]
    seen = watched(variables, m, t, lambda q: product.reduce_degree(q.channel(), q.prss, words(own[q.me])))
    for c in coalitions(m, range(1, t + 1)):
        inputs = [own[q] for q in c]
        assert tells_nothing_but(seen.view(c, inputs), inputs, secrets), c
        results = [row for result in seen.results for row in rows(result, variables.count)]
        assert tells_nothing_but(seen.view(c, [*inputs, *results]), [*inputs, coefficients[0]], secrets), c


@pytest.mark.by_day(4)
@pytest.mark.parametrize(("m", "t"), SIZES)
@pytest.mark.parametrize("masked", [True, False])
def test_a_zero_sharing_leaves_nothing_of_an_opening_above_the_threshold_but_its_value(monkeypatch, m, t, masked):
    secrets = 2 * t + 1
    variables = Variables(secrets, 150)
    watch(monkeypatch, variables)
    coefficients = [unit(i, variables.count) for i in range(secrets)]
    own = [polynomial(coefficients, q + 1) for q in range(m)]

    async def sent(q):
        zero = q.prss.zero(q.channel(), variables.count)
        return combined([1, int(masked)], [own[q.me], [int(x) for x in zero]])

    seen = watched(variables, m, t, sent)
    found = [
        tells_nothing_but(seen.view(c, [*inputs, *seen.results]), [*inputs, coefficients[0]], secrets)
        for c in coalitions(m, range(1, t + 1))
        for inputs in [[own[q] for q in c]]
    ]
    assert all(found) if masked else not any(found)


# -- what leaves to a receiver


def leaving(monkeypatch, m, t, change=lambda protocol: protocol):
    """Three results that depend on each other leave: f, 3f + g with g of the same coefficients, and f once more.

    The secrets are both values and all coefficients: nothing is assumed of how the sharings came about.
    """
    secrets = 2 + t
    variables = Variables(secrets, 150)
    watch(monkeypatch, variables)
    first, second, *slopes = (unit(i, variables.count) for i in range(secrets))
    f = [first, *slopes]
    other = [combined([3, 1], [first, second]), *(combined([5], [slope]) for slope in slopes)]
    own = [[polynomial(f, q + 1), polynomial(other, q + 1), polynomial(f, q + 1)] for q in range(m)]
    protocol = change(refresh.refresh)

    async def leave(q):
        keys = await refresh.refreshing_keys(q.channel(), q.prss)
        return [protocol(q.channel(), q.prss, words(row), keys) for row in own[q.me]]

    seen = watched(variables, m, t, leave)
    received = [row for result in seen.results for one in result for row in rows(one, variables.count)]
    values = [first, second]

    def hidden(coalition: tuple[int, ...]) -> bool:
        """Whether a receiver and these parties learn the values and nothing else."""
        inputs = [row for q in coalition for row in own[q]]
        return tells_nothing_but(seen.view(coalition, [*inputs, *received]), [*values, *inputs], secrets)

    return hidden


@pytest.mark.by_day(3)
@pytest.mark.parametrize(("m", "t"), [*SIZES, (7, 2)])
def test_a_receiver_with_up_to_t_parties_learns_the_values_alone(monkeypatch, m, t):
    """The receiver may be one of the parties: then it is one of the coalition."""
    hidden = leaving(monkeypatch, m, t)
    assert all(hidden(c) for c in coalitions(m, range(t + 1)))


@pytest.mark.parametrize(("m", "t"), [(3, 1), (5, 2), (7, 3)])
def test_without_refreshing_or_with_a_stream_too_few_it_would_learn_more(monkeypatch, m, t):
    hidden = leaving(monkeypatch, m, t, lambda _: lambda _channel, _prss, share, _keys: share)
    assert not any(hidden(c) for c in coalitions(m, range(t)))

    def incomplete(protocol):
        def fewer(channel, prss, share, keys):
            with monkeypatch.context() as patch:
                patch.setattr(refresh, "family_for", lambda prss: family(prss)[:-1])
                return protocol(channel, prss, share, keys[:-1])

        return fewer

    family = refresh.family_for

    hidden = leaving(monkeypatch, m, t, incomplete)
    assert not all(hidden(c) for c in coalitions(m, range(t)))


# -- shuffles


def shuffled(monkeypatch, m, t, unknown_to, variant):
    """A shuffle of two rows: all orders fixed, those that a coalition lacks the keys of by `variant`."""
    secrets = 2
    passes = shuffle.family_for(m, t)
    variables = Variables(secrets, 2 * t + 2 * len(passes) * t * (t + 1))
    watch(monkeypatch, variables)
    start = [[unit(k, variables.count), *variables.random(t)] for k in range(2)]
    own = [[polynomial(row, q + 1) for row in start] for q in range(m)]
    missed = [i for i, subset in enumerate(passes) if not set(subset) & set(unknown_to)]
    orders = {
        i: [1, 0] if (variant >> missed.index(i) & 1 if i in missed else i % 2) else [0, 1] for i in range(len(passes))
    }

    async def streams(_channel, prss_, family):
        return [Fixed(orders[i]) if prss_.me in subset else None for i, subset in enumerate(family)]

    monkeypatch.setattr(shuffle, "_streams", streams)
    seen = watched(variables, m, t, lambda q: shuffle.shuffle(q.channel(), q.prss, np.array(own[q.me], np.uint64)))
    return seen.view(unknown_to, [row for q in unknown_to for row in own[q]]), missed


class Fixed:
    """A stream whose order is given."""

    def __init__(self, order: list[int]) -> None:
        self.order = order

    def permutation(self, count: int) -> np.ndarray:
        assert count == 2
        return np.array(self.order)


@pytest.mark.by_day(3)
@pytest.mark.parametrize(
    ("m", "t", "coalition"), [(3, 1, (0,)), (3, 1, (1,)), (3, 1, (2,)), (4, 1, (2,)), (5, 2, (0, 3))]
)
def test_a_coalition_sees_the_same_of_a_shuffle_whatever_the_rows_and_the_orders_that_it_lacks(
    monkeypatch, m, t, coalition
):
    spans: list[list[Row]] = []
    for variant in range(2):
        view, missed = shuffled(monkeypatch, m, t, coalition, variant)
        assert missed
        assert tells_nothing_but(view, [], 2)
        spans.append(span(view, 2))
    assert spans[0] == spans[1]


@pytest.mark.parametrize(("m", "t"), [(3, 1), (4, 1), (5, 2), (6, 2), (7, 3)])
def test_a_key_of_a_shuffle_goes_to_the_members_of_its_subset_only(m, t):
    """Keys are sent where the subsets aren't those of the pseudorandom sharing; else they are the members' own."""
    family = shuffle.family_for(m, t)

    async def streams(q):
        return [
            stream.words(1)[0] if stream else None for stream in await shuffle._streams(q.channel(), q.prss, family)
        ]

    found = run(make_parties(m, t), streams)
    for i, subset in enumerate(family):
        assert len({found[q][i] for q in subset}) == 1
        assert all(found[q][i] is None for q in range(m) if q not in subset)
    assert len({found[subset[0]][i] for i, subset in enumerate(family)}) == len(family)
