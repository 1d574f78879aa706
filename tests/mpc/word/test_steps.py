"""Rounds are the longest chain of messages, whatever runs side by side: beside a clock on which each takes a second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from mpcgov.mpc.arrays import SecretArray
from mpcgov.mpc.config import SessionConfig
from mpcgov.mpc.functions import sort
from mpcgov.mpc.word import compare, product
from mpcgov.mpc.word import sort as sorting
from mpcgov.mpc.word.wire import Channel
from tests.linkage.linked_parties import engine as engine_of
from tests.mpc.word.local import Party, make_parties, opened, share
from tests.mpc.word.virtual import took

COUNT = 300
PROTOCOLS: dict[str, Callable[..., Awaitable[np.ndarray]]] = {
    "a product": lambda channel, prss, x: product.product(channel, prss, x, x),
    "a comparison": lambda channel, prss, x: compare.negative(channel, prss, x, 20),
    "a comparison of anything": compare.negative,
    "with zero": lambda channel, prss, x: compare.zero(channel, prss, x, 20),
    "a sort": lambda channel, prss, x: sorting.sort(channel, prss, x, -COUNT, COUNT),
}


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("chunk", [1 << 17, 64])
def test_a_protocols_rounds_are_its_longest_chain(name: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, constant in ((product, "CHUNK"), (compare, "LANES_CHUNK")):
        monkeypatch.setattr(module, constant, chunk)
    parties, rows = make_parties(3), share(np.arange(COUNT) - 7, 3, 1)
    _, seconds = took(parties, lambda q: PROTOCOLS[name](q.channel(), q.prss, rows[q.me]))
    assert seconds == max(party.line.rounds for party in parties)


def test_a_programs_rounds_are_its_longest_chain_and_not_the_sum_of_all() -> None:
    """Twenty comparisons side by side, then a sort of their sums: the comparisons cost what one does."""

    async def program(party: Party) -> list[np.ndarray]:
        failures: list[BaseException] = []
        config = SessionConfig(("a", "b", "c"), party.me, 1, bytes(32), 59, 0)
        engine = engine_of(party, config, failures)
        engine.prepare()
        values = np.arange(10) * 5 if party.me == 0 else None
        x = SecretArray.deal(engine, values, 0, 10, 0, 50)
        counts = [(x > k).sum() for k in range(20)]
        several = sort(sum(counts[1:], start=counts[0]) * x)
        shares = await asyncio.gather(*(array.shares() for array in (several, *counts)))
        await engine.idle()
        assert failures == []
        return list(shares)

    parties = make_parties(3)
    found, seconds = took(parties, program)
    assert opened([row[1] for row in found], 1).tolist() == [9]
    assert seconds == max(party.line.rounds for party in parties)
    assert seconds < 40


def test_what_waits_for_nobody_is_no_round() -> None:
    async def program(party: Party) -> None:
        channel: Channel = party.channel()
        if party.me == 2:
            await channel.ahead({0: np.ones(3, np.uint64)}, {})
        if party.me == 0:
            await channel.ahead({}, {2: 3})

    parties = make_parties(3)
    took(parties, program)
    assert [party.line.rounds for party in parties] == [0, 0, 0]
