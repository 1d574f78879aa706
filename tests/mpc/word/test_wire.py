"""Channels: numbers that never meet, pieces, and parts of an operation side by side."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from mpcgov.errors import InternalError
from mpcgov.mpc.word import wire
from mpcgov.mpc.word.wire import CHANNELS_PER_OPERATION, in_batches
from tests.mpc.word.local import make_parties, run


def test_operations_parts_and_draws_have_numbers_of_their_own():
    party = make_parties(3)[0]
    channels = [party.channel() for _ in range(3)]
    channels += [channel.branch() for channel in channels for _ in range(3)]
    draws = [channel.draw() for channel in channels for _ in range(3)]
    assert len(set(draws)) == len(draws)
    assert max(draws) < 2**62
    last = (2**24 - 1) * CHANNELS_PER_OPERATION + CHANNELS_PER_OPERATION - 1
    assert last * wire.MESSAGES_PER_CHANNEL + wire.MESSAGES_PER_CHANNEL - 1 < 2**62


def test_programs_apart_have_numbers_that_nobody_else_has():
    line = make_parties(3)[0].line
    first, second = line.apart(), line.apart()
    channels = [one.channel().number // CHANNELS_PER_OPERATION for one in (line, first, second, first, line)]
    assert len(set(channels)) == len(channels)
    assert channels[1] > wire.FIRST_APART > channels[4]
    first.operations = wire.FIRST_APART + wire.APART - 2
    last = first.channel().number // CHANNELS_PER_OPERATION
    assert last < channels[2]
    line.operations = wire.FIRST_APART - 1
    for full in (first, line):
        with pytest.raises(InternalError, match="too many operations"):
            full.channel()
    with pytest.raises(InternalError, match="one of such"):
        second.apart()
    line.parts *= wire.FIRST_APART // wire.APART // 2
    with pytest.raises(InternalError, match="too many programs"):
        line.apart()


def test_parts_have_no_parts_and_are_limited():
    channel = make_parties(3)[0].channel()
    with pytest.raises(InternalError):
        channel.branch().branch()
    channel._branches = CHANNELS_PER_OPERATION - 1
    with pytest.raises(InternalError):
        channel.branch()


def test_no_draw_or_message_takes_a_number_of_the_next_channel():
    channel = make_parties(3)[0].channel()
    channel._draws = wire.MESSAGES_PER_CHANNEL - 2
    assert channel.draw() == (channel.number + 1) * wire.MESSAGES_PER_CHANNEL - 1
    with pytest.raises(InternalError, match="too many"):
        channel.draw()
    with pytest.raises(InternalError, match="too many"):
        asyncio.run(_one_message(channel))


async def _one_message(channel):
    channel._sent[1] = wire.MESSAGES_PER_CHANNEL
    await channel.exchange({1: np.zeros(1, np.uint64)}, {})


def test_large_arrays_travel_in_pieces(monkeypatch):
    monkeypatch.setattr(wire, "PIECE", 10)

    async def program(q):
        words = np.arange(35, dtype=np.uint64) + np.uint64(100 * q.me)
        after, before = (q.me + 1) % 3, (q.me - 1) % 3
        return (await q.channel().exchange({after: words}, {before: 35}))[before]

    parties = make_parties(3)
    results = run(parties, program)
    assert [row[0] for row in results] == [200, 0, 100]
    assert [row[-1] for row in results] == [234, 34, 134]
    assert len(parties[0].network.messages) == 12
    assert [party.line.bytes_sent for party in parties] == [280] * 3


def test_batches_overlap_but_no_more_than_two_and_on_a_part_not_at_all():
    running, most = [0], [0]

    async def step(channel, piece):
        running[0] += 1
        most[0] = max(most[0], running[0])
        await asyncio.sleep(0.001)
        running[0] -= 1
        return np.arange(piece.start, piece.stop, dtype=np.uint64)

    channel = make_parties(3)[0].channel()
    assert asyncio.run(in_batches(channel, 10, 3, step)).tolist() == list(range(10))
    assert most == [2]
    most[0] = 0
    assert asyncio.run(in_batches(channel.branch(), 10, 3, step)).tolist() == list(range(10))
    assert most == [1]
    assert asyncio.run(in_batches(channel, 0, 3, step)).tolist() == []
