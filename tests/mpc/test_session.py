"""The way of a session: greetings, words, keys, costs, deadlines, and configurations that are refused."""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from blake3 import blake3

from mpcgov.errors import DataError, SpecError
from mpcgov.mpc import Session, SessionConfig
from mpcgov.mpc.frames import (
    HEADER,
    HELLO,
    KEYS,
    MAX_FRAME_BYTES,
    READY,
    SALT_BYTES,
    SMALL_BYTES,
    WORD,
    WORDS,
    Reason,
    hello_frame,
)
from mpcgov.mpc.links import Link
from tests.mpc.parties import NAMES, Parties, config_for, forever, opened, passes_when, put, run, share_list


async def add(session: Session, index: int) -> list[int]:
    """A small job: everyone's number, added and compared."""
    secret = [session.input([p + 1] if index == p else None, p, 1, 0, 10) for p in range(len(session.config.parties))]
    total = secret[0]
    for number in secret[1:]:
        total = total + number
    return await share_list(session, total * (total >= 5))


@pytest.mark.by_day(3)
@pytest.mark.parametrize(("m", "t"), [(3, 1), (4, 1), (5, 1), (5, 2), (7, 3)])
def test_a_job_runs_through_its_phases_and_ends_at_all_parties(m: int, t: int) -> None:
    outcomes = run(add, m, threshold=t)
    assert opened(outcomes, t) == [m * (m + 1) // 2]
    for outcome in outcomes:
        assert outcome.phases == ["hello", "ready", "deal", "open", "close"]
    said = [outcome.transcripts for outcome in outcomes]
    for a, b in itertools.combinations(range(m), 2):
        assert said[a][str(b)] == said[b][str(a)][::-1]
    assert len({digest for hashes in said for pair in hashes.values() for digest in pair}) == m * (m - 1)


def test_both_ends_hash_the_stream_of_frames_however_they_are_read() -> None:
    """Small frames, the largest one that is read whole, and those read in pieces; asked for before they come or not."""
    sizes = [0, 1, SMALL_BYTES, SMALL_BYTES + 1, 5_000_001, 17]
    payloads = [np.random.default_rng(size).bytes(size) for size in sizes]

    async def exchange() -> tuple[Link, Link]:
        loop, failures = asyncio.get_running_loop(), []
        links = [Link(me, 1 - me, bytes(32), 0, lambda *failure: failures.append(failure)) for me in range(2)]
        for link, stream in zip(links, socket.socketpair(), strict=True):
            stream.setblocking(False)
            await loop.create_connection(lambda link=link: link, sock=stream)
            link.write(WORD, READY)
            link.write(KEYS, bytes(SALT_BYTES))
        await asyncio.gather(*(link.keys for link in links))
        sender, receiver = links
        taken = [memoryview(bytearray(size)) for size in sizes]
        early = [receiver.fetch(label, taken[label]) for label in range(0, len(sizes), 2)]
        for label, payload in enumerate(payloads):
            sender.send_words(label, memoryview(payload))
        await asyncio.gather(*early)
        await asyncio.gather(*(receiver.fetch(label, taken[label]) for label in range(1, len(sizes), 2)))
        assert ([bytes(one) for one in taken], failures) == (payloads, [])
        for link in links:
            link.abort()
        return sender, receiver

    sender, receiver = asyncio.run(exchange())
    stream = [(HELLO, hello_frame(0, 1, bytes(32)), 0), (WORD, READY, 0), (KEYS, bytes(SALT_BYTES), 0)]
    stream += [(WORDS, payload, label) for label, payload in enumerate(payloads)]
    whole = blake3(b"".join(HEADER.pack(kind, len(data), label) + data for kind, data, label in stream))
    assert sender.sent.digest() == receiver.received.digest() == whole.digest()


@pytest.mark.parametrize(
    "change",
    [
        {"parties": NAMES[:2]},
        {"parties": ("tax", "tax", "welfare")},
        {"threshold": 0},
        {"parties": NAMES[:4], "threshold": 2},
        {"threshold": 2},
        {"me": 3},
        {"me": -1},
        {"binding": b"short"},
        {"value_bits": 0},
        {"masked_openings": -1},
    ],
)
def test_a_configuration_without_privacy_or_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(SpecError) as caught:
        replace(config_for(3, 0), **change)
    assert caught.value.code == "session-config"


def test_all_faults_of_a_configuration_are_reported_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        SessionConfig(("tax", "welfare"), 5, 1, b"", 32, 0)
    assert len(caught.value.faults) == 4


@pytest.mark.parametrize(
    ("m", "t", "masked", "bits"), [(3, 1, 0, 42), (3, 1, 40_000, 58), (4, 1, 1, 42), (7, 3, 1024, 56), (5, 2, 3, 46)]
)
def test_the_security_parameter_counts_subsets_and_masked_openings(m: int, t: int, masked: int, bits: int) -> None:
    config = config_for(m, 0, threshold=t, masked=masked)
    assert config.security_bits == bits
    assert config.subset_bits >= 40


@pytest.mark.by_day(3)
@pytest.mark.parametrize(
    "change",
    [
        {"binding": b"\x08" * 32},
        {"threshold": 2},
        {"value_bits": 33},
        {"masked_openings": 999},
        {"parties": (*NAMES[:4], "other")},
    ],
)
def test_a_party_that_agrees_to_something_else_is_named_before_any_key_is_sent(change: dict[str, Any]) -> None:
    outcomes = run(add, 5, change=lambda config: replace(config, **change) if config.me == 3 else config)
    for index, outcome in enumerate(outcomes):
        assert outcome.error is not None
        if index != 3:
            _, second_hand, said = outcome.message.rpartition(" says: ")
            assert outcome.error["code"] == ("hearsay" if second_hand else "hello-mismatch")
            assert second_hand or said == "labour doesn't agree on the job (hello)"
        assert outcome.phases == ["hello"]
        assert outcome.bytes_sent <= 4 * (13 + 44 + 13 + 5)  # greetings and goodbyes only


def test_a_party_that_never_greets_is_named_when_the_greeting_times_out() -> None:
    def others_greet(session: Session) -> bool:
        return all(link.hello.done() for peer, link in session._links.items() if peer != 1)

    over = passes_when(1.0, others_greet)

    def before(index: int) -> None:
        over(index)
        if index == 1:
            put(Session, "hello", lambda _session: forever())

    with Parties(add, before=before, change=lambda config: replace(config, hello_timeout_s=1.0)) as parties:
        outcomes = [parties.outcome(index) for index in (0, 2)]
    for outcome in outcomes:
        assert outcome is not None
        assert outcome.error is not None
        assert outcome.error["exit_status"] == 4
        assert "welfare" in outcome.message


def test_a_party_whose_data_break_their_declaration_is_named_to_the_others_and_nothing_else_is() -> None:
    async def job(_session: Session, index: int) -> None:
        if index == 2:
            raise DataError("jobseekers.age: 3 rows out of range")

    outcomes = run(job, 5, data_ok=lambda index: index != 2)
    for index, outcome in enumerate(outcomes):
        assert outcome.error is not None
        if index != 2:
            teller, second_hand, said = outcome.message.rpartition(" says: ")
            assert outcome.error["code"] == ("hearsay" if second_hand else "data-contract")
            assert outcome.error["exit_status"] == 4
            assert teller == "education" or said.startswith("education: data contract")
            assert "deal" not in outcome.phases


def test_cost_depends_on_sizes_only() -> None:
    def costs(values: list[int]) -> list[tuple[int, int]]:
        async def job(session: Session, index: int) -> list[int]:
            x = session.input(values if index == 0 else None, 0, 4, 0, 1000)
            bit = x >= 10
            return await share_list(session, (x * bit).round_to(5))

        return [(outcome.rounds, outcome.bytes_sent) for outcome in run(job)]

    first = costs([0, 0, 0, 0])
    assert first == costs([1000, 10, 9, 5])
    assert len({rounds for rounds, _ in first}) == 1
    assert first[0][0] > 8


def test_shares_masks_and_keys_differ_from_job_to_job() -> None:
    async def job(session: Session, index: int) -> list[int]:
        x = session.input([5] if index == 0 else None, 0, 1, 0, 9)
        masters = session._runtime._masters
        return [*await share_list(session, x), *(int.from_bytes(key) for key in masters.values())]

    first, second = run(job), run(job)
    for left, right in zip(first, second, strict=True):
        assert not set(left.value) & set(right.value)
    assert len({number for outcome in first for number in outcome.value[1:]}) == 3  # three pairs, each key held twice


def test_a_deadline_ends_the_job_and_says_for_whom_it_waited() -> None:
    async def job(session: Session, index: int) -> list[int]:
        if index == 1:
            await forever()
        x = session.input([5] if index == 1 else None, 1, 1, 0, 9)
        return await share_list(session, x)

    over = passes_when(1.5, lambda session: 1 in session._links and session._links[1].waiting)
    outcomes = run(job, deadline_s=1.5, before=over)
    for index in (0, 2):
        error = outcomes[index].error
        assert error is not None
        assert error["code"] == ("hearsay" if " says: " in outcomes[index].message else "deadline")
        assert error["exit_status"] == 4
    # The sleeper's own clock may ring first; then that is what the others hear.
    blamed = [outcome.message for outcome in (outcomes[0], outcomes[2])]
    assert any("welfare" in message for message in blamed)


def test_large_messages_pass_a_peer_that_reads_late() -> None:
    """Back-pressure: 8 inputs of 2.2 MB to a party that sleeps first arrive whole, in bounded buffers."""

    async def job(session: Session, index: int) -> list[int]:
        if index == 2:
            time.sleep(1.5)  # noqa: ASYNC251  the process is busy: it reads nothing
        arrays = [session.input(np.full(200_000, k) if index == 0 else None, 0, 200_000, 0, 20) for k in range(8)]
        return await share_list(session, sum((a[:1] for a in arrays[1:]), start=arrays[0][:1]))

    assert opened(run(job)) == [sum(range(8))]
    assert MAX_FRAME_BYTES <= 64 << 20


def test_parties_may_be_done_long_before_others() -> None:
    """The end of one party isn't a lost connection to those who still compute."""

    async def job(session: Session, index: int) -> list[int]:
        x = session.input([5] if index == 0 else None, 0, 1, 0, 9)
        shares = await share_list(session, x)
        await asyncio.sleep(0.4 * index)
        return shares

    assert opened(run(job)) == [5]


def test_own_faults_are_reported_by_kind_and_place_and_never_by_value() -> None:
    async def job(_session: Session, index: int) -> None:
        if index == 0:
            raise ValueError("the count is 4711")

    outcomes = run(job)
    assert outcomes[0].error is not None
    assert outcomes[0].error["exit_status"] == 1
    assert outcomes[0].message.startswith("ValueError at test_session.py:")
    assert "4711" not in str([outcome.error for outcome in outcomes])


def test_a_party_that_is_blamed_by_another_is_named_as_that_ones_word() -> None:
    """An ABORT frame can name anybody; nobody passes its blame on as its own, and it makes no fault of data."""

    async def job(session: Session, index: int) -> None:
        if index == 2:
            session._reason = (Reason.DATA_CONTRACT, 0)
            raise DataError("education: it was me all along")
        await forever()

    with Parties(job) as parties:
        outcomes = [parties.outcome(index) for index in (0, 1)]
    for index, outcome in enumerate(outcomes):
        assert outcome is not None
        assert outcome.error is not None
        assert outcome.error["code"] in ("hearsay", "peer-lost", "peer-failed")
        assert outcome.message.startswith((f"{NAMES[2]} ", f"{NAMES[1 - index]} says: {NAMES[2]} ", "lost conn")), index
        assert NAMES[2] in outcome.message or index == 0
