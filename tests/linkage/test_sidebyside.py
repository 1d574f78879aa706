"""Shards by workers side by side: the sums of whole lists, also if workers die; and nothing is opened before."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from mpcgov.errors import InternalError
from mpcgov.linkage import LinkedRows
from mpcgov.linkage.sidebyside import ATTEMPTS, DIED, HEARD, OPERATIONS, Done, Part, SideBySide, WorkerDiedError
from mpcgov.linked import shards
from mpcgov.mpc import Session, SessionConfig
from mpcgov.mpc.word.engine import LinkWire
from mpcgov.mpc.word.wire import CHANNELS_PER_OPERATION, FIRST_APART, MESSAGES_PER_CHANNEL
from mpcgov.worker import partframes, partwork
from mpcgov.worker.partframes import Pipe
from mpcgov.worker.pool import Pool
from tests.linkage.linked_parties import Case, places
from tests.linkage.test_linkedrows import STATISTICS, case
from tests.mpc.parties import Outcome, Parties, forever, put, run
from tests.mpc.word.local import opened

Break = Callable[[int, int], None]


class Team:
    """A job's parties, each a process with a session of its own, and `workers` processes each."""

    def __init__(self, made: Case, workers: int | list[int], program: Any = None, breaks: Break | None = None) -> None:
        self.made, self.linked, self.program = made, made.linked(), program or LinkedRows.cell_sums
        self.workers = [workers] * made.parties if isinstance(workers, int) else workers
        self.breaks = breaks or (lambda party, worker: None)
        self.streams: list[socket.socket] = []

    def before(self, party: int) -> None:
        """In a party's process: starts its workers."""
        config = SessionConfig(tuple(self.made.names), party, self.made.threshold, bytes(32), 59, 1000)
        for number in range(self.workers[party]):
            ours, theirs = socket.socketpair()
            if os.fork() == 0:
                for stream in (ours, *self.streams):
                    stream.close()
                self.breaks(party, number)
                partwork.work(partwork.Worker(self.linked, "job", config), theirs)
            theirs.close()
            self.streams.append(ours)

    async def job(self, session: Session, party: int) -> dict[str, Any]:
        """What a party comes to: its shares of all numbers, which shards were done again, and the coins' names."""
        again: list[list[Any]] = []
        pool = Pool(self.streams, session.words.shared_wire, lambda shard, died: again.append([shard, died]))
        own = self.made.own(self.linked, self.made.names[party])
        if own is not None:
            own = replace(own, secret=bytes([party]) * 32)
        rows = LinkedRows(session.words, session.config, self.linked, "job", own, None, pool if self.streams else None)
        found = await self.program(rows)
        found = found if isinstance(found, dict) else {"count": found}
        shares = {name: [words.tolist() for words in words_] for name, words_ in (await places(found)).items()}
        return {"shares": shares, "again": again, "coins": rows.coins}

    def run(self) -> list[Outcome]:
        """All parties' outcomes."""
        parties = Parties(
            self.job,
            self.made.parties,
            before=self.before,
            change=lambda config: replace(config, parties=tuple(self.made.names)),
            threshold=self.made.threshold,
            value_bits=59,
        )
        with parties:
            found = [parties.outcome(index) for index in range(self.made.parties)]
        assert None not in found
        return [one for one in found if one is not None]


def sums(outcomes: list[Outcome], threshold: int = 1) -> dict[str, list[list[int]]]:
    """The numbers behind all parties' shares."""
    assert [outcome.message for outcome in outcomes] == [""] * len(outcomes)
    shares = [outcome.value["shares"] for outcome in outcomes]
    return {
        name: [
            opened([np.array(one[name][k], np.uint64) for one in shares], threshold).tolist()
            for k in range(len(shares[0][name]))
        ]
        for name in shares[0]
    }


@pytest.fixture(autouse=True)
def _in_eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD_KEYS", 13)  # a padded list of 100


@pytest.mark.by_day(1)
@pytest.mark.parametrize(("method", "workers"), [("matcher", 2), ("oblivious", 3)])
def test_sums_are_those_of_shards_one_after_the_other(method: str, workers: int) -> None:
    made = case(1, 90, 0.8, "linked-statistics", STATISTICS, join="left", method=method)
    outcomes, alone = Team(made, workers).run(), Team(made, 0).run()
    assert sums(outcomes) == sums(alone)
    assert outcomes[0].value["coins"] == alone[0].value["coins"]
    assert [outcome.value["again"] for outcome in outcomes] == [[]] * 3


def dies(party: int, worker: int, after: int) -> Break:
    """A worker that is gone in the middle of a part: before the message of that number."""

    def breaks(party_: int, worker_: int) -> None:
        if (party_, worker_) == (party, worker):
            post, left = partwork.PipedWire.post, iter(range(after))

            def posted(wire: partwork.PipedWire, peer: int, label: int, payload: memoryview) -> None:
                if next(left, None) is None:
                    os._exit(1)
                post(wire, peer, label, payload)

            put(partwork.PipedWire, "post", posted)

    return breaks


@pytest.mark.by_day(1)
@pytest.mark.parametrize(("method", "party", "after"), [("matcher", 0, 2), ("matcher", 2, 9), ("oblivious", 1, 20)])
def test_a_shard_whose_worker_dies_is_done_again_by_all(method: str, party: int, after: int) -> None:
    made = case(1, 90, 0.8, "linked-statistics", STATISTICS, join="left", method=method)
    outcomes = Team(made, 2, breaks=dies(party, 0, after)).run()
    assert sums(outcomes) == sums(Team(made, 0).run())
    (again,) = outcomes[0].value["again"]
    assert again[1] == [party]
    assert [outcome.value["again"] for outcome in outcomes] == [[again]] * 3


def test_two_workers_may_die_at_once() -> None:
    made = case(1, 90, 0.8, "linked-count", {"by": ["edu.level"]})

    def breaks(party: int, worker: int) -> None:
        dies(0, 0, 3)(party, worker)
        dies(1, 1, 5)(party, worker)

    outcomes = Team(made, 2, breaks=breaks).run()
    assert sums(outcomes) == sums(Team(made, 0).run())
    assert {shard for shard, _ in outcomes[2].value["again"]} <= {0, 1, 2}


def test_a_party_without_workers_left_ends_the_job_before_anything_is_opened() -> None:
    made = case(1, 90, 0.8, "linked-count", {"by": ["edu.level"]})

    def breaks(party: int, worker: int) -> None:
        dies(1, worker, 2)(party, worker)

    outcomes = Team(made, 2, breaks=breaks).run()
    assert outcomes[1].message == "all workers of this agency have died"
    assert all(outcome.message and outcome.value is None for outcome in outcomes)


def test_as_many_go_side_by_side_as_every_party_has_workers() -> None:
    made = case(1, 90, 0.8, "linked-count", {"by": ["edu.level"]})
    outcomes, alone = Team(made, [2, 3, 0]).run(), Team(made, 0).run()
    assert sums(outcomes) == sums(alone)
    assert [outcome.rounds for outcome in outcomes] == [outcome.rounds for outcome in alone]
    pairs = Team(made, 2).run()
    assert sums(pairs) == sums(alone)
    assert pairs[0].rounds < alone[0].rounds


@pytest.mark.by_day(1)
@pytest.mark.parametrize(("owners", "method"), [(2, "matcher"), (3, "oblivious")])
def test_overlaps_are_added_up_too(owners: int, method: str) -> None:
    made = case(4, 70, 0.7, "overlap", {}, owners=owners, method=method)
    team = partial(Team, made, program=LinkedRows.overlaps)
    assert sums(team(2).run()) == sums(team(0).run())


# Of workers just whether they die


class Scripted:
    """A party's workers, of which the first `deaths` die at once. `together`: in the first attempt the rest wait."""

    count = 2

    def __init__(self, deaths: int, together: bool = False) -> None:
        self._deaths, self._together, self.died = deaths, together, list[list[int]]()

    async def do(self, *_: Any) -> Done:
        """See `Workers`."""
        if self._deaths > len(self.died):
            raise WorkerDiedError
        if self._together and not self.died:
            await forever()  # for others' workers, which don't come
        return Done(np.zeros(1, np.uint64), 1, {})

    def again(self, _number: int, died: list[int]) -> None:
        """See `Workers`."""
        self.died.append(died)


PART = Part("left", True, {}, 2, "", None)
STEP = CHANNELS_PER_OPERATION * MESSAGES_PER_CHANNEL
APART = FIRST_APART * STEP
"""The labels of parts' messages, and of the parties' words on parts, are from here on."""
COME = 1 << 62
"""The label of a message that follows a party's first word: no channel has it."""


async def first_word_follows(session: Session, party: int, speaker: int) -> None:
    """The speaker sends a message behind its first word, for which the others wait here."""
    wire, mark = session.words.shared_wire, np.ones(1, np.uint8)
    if party != speaker:
        await wire.fetch(speaker, COME, memoryview(bytearray(1)))
        return
    post, others = wire.post, {0, 1, 2} - {speaker}

    def posted(peer: int, label: int, payload: memoryview) -> None:
        post(peer, label, payload)
        if peer in others and label >= APART:
            others.remove(peer)
            post(peer, COME, mark.data)

    put(wire, "post", posted)


def test_a_party_that_comes_late_finds_the_word_that_a_worker_has_died() -> None:
    async def job(session: Session, party: int) -> list[list[int]]:
        workers = Scripted(int(party == 1), together=True)
        await first_word_follows(session, party, 1)
        await SideBySide(session.words, session.words.shared_wire, workers).total(lambda _: PART, 1, 1)
        return workers.died

    outcomes = run(job, value_bits=59)
    assert [outcome.message for outcome in outcomes] == [""] * 3
    assert [outcome.value for outcome in outcomes] == [[[1]]] * 3


def test_whose_workers_die_again_and_again_is_named() -> None:
    async def job(session: Session, party: int) -> None:
        workers = Scripted(ATTEMPTS if party == 2 else 0)
        await SideBySide(session.words, session.words.shared_wire, workers).total(lambda _: PART, 1, 1)

    *others, own = run(job, value_bits=59)
    assert own.error is not None
    assert own.error["code"] == "worker"
    assert own.message == "one shard was tried 4 times, and now a worker has died"
    for other in others:
        assert "education stopped with an error of its own" in other.message


@pytest.mark.parametrize(
    ("word", "blame"),
    [
        (DIED, "education broke the protocol: its workers die again and again"),
        (HEARD, "a party broke the protocol: words on a part that contradict each other"),
        (4, "education broke the protocol: a word on a part that isn't one"),
    ],
)
def test_a_word_that_no_party_says_is_a_breach(word: int, blame: str) -> None:
    async def job(session: Session, party: int) -> None:
        wire = session.words.shared_wire
        if party == 2:
            for label in range(APART, APART + ATTEMPTS * OPERATIONS * STEP, OPERATIONS * STEP):
                for peer in range(2):
                    wire.post(peer, label, np.array([word], np.uint64).view(np.uint8).data)
            await forever()
        await SideBySide(session.words, wire, Scripted(0)).total(lambda _: PART, 1, 1)

    first, second, _ = run(job, value_bits=59)
    assert first.message.startswith(blame) or second.message.startswith(blame)


async def test_a_part_that_ends_at_once_leaves_its_worker_to_the_next() -> None:
    ours, theirs = socket.socketpair()
    pool, keys = Pool([ours], LinkWire({}), lambda shard, died: None), dict[tuple[int, ...], bytes]()
    first = asyncio.ensure_future(pool.do(PART, 0, keys))
    await asyncio.sleep(0)  # so that it has begun
    first.cancel()
    await asyncio.wait([first])
    assert first.cancelled()
    second = asyncio.ensure_future(pool.do(PART, OPERATIONS, keys))
    pipe = await Pipe.over(theirs)
    head = await pipe.head()
    assert head is not None
    assert (await partframes.told(pipe, head[3]))[0].first == OPERATIONS
    pipe.writer.close()
    with pytest.raises(WorkerDiedError):
        await second


async def test_a_worker_whose_stream_is_gone_has_died() -> None:
    ours, theirs = socket.socketpair()
    pool = Pool([ours], LinkWire({}), lambda shard, died: None)
    theirs.close()
    ours.close()
    with pytest.raises(WorkerDiedError):
        await pool.do(PART, 0, {})
    with pytest.raises(InternalError, match="all workers of this agency have died"):
        await pool.do(PART, 0, {})
