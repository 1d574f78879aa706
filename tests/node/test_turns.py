"""Jobs at once: as many as a node has places for, the others in turn; and nobody keeps others from computing."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Any

import pytest
from structlog.testing import capture_logs

from mpcgov.errors import PeerError
from mpcgov.lifecycle import State
from mpcgov.node import slots, turns
from mpcgov.node.slots import ASKED_S, MEMORY_S, PROMISE_S, Slots
from mpcgov.node.standing import Turn
from mpcgov.node.store import JobRow
from mpcgov.node.turns import Turns
from mpcgov.spec.load import canonical_json
from mpcgov.spec.order import Outcome
from tests.node.network import DATASETS, PARTIES, FakeClock, Network, ScriptedWorker, refusal, when
from tests.node.test_jobs import approve, proposed


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Counting(ScriptedWorker):
    """Counts how many jobs run at once, and lets each take a moment."""

    def __init__(self) -> None:
        super().__init__()
        self.at_once = self.most = 0

    async def run(self, *args: Any) -> Outcome:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await asyncio.sleep(0.05)
            return await super().run(*args)
        finally:
            self.at_once -= 1

    async def _exchange(self, *args: Any) -> None:
        """Nothing: what several jobs exchange isn't kept apart here."""


def limited(network: Network, **limits: int) -> None:
    for party, limit in limits.items():
        path = network.home(party) / "node.yaml"
        path.write_text(path.read_text() + f"jobs_at_once: {limit}\n")
        policy = (network.home(party) / "policy.yaml").read_text().replace("manual", "standing")
        network.policy(party, policy + "    rows_per_unit: {person: 1}\n")
        network.workers[party] = Counting()


@pytest.mark.by_day(1)
@pytest.mark.parametrize("limits", [(1, 1, 1), (2, 1, 3)])
async def test_six_jobs_at_once_are_released_in_turn_and_nobody_is_blamed(
    network: Network, limits: tuple[int, int, int]
) -> None:
    limited(network, **dict(zip(PARTIES, limits, strict=True)))
    for party in PARTIES:
        network.datasets(party, "".join(DATASETS.replace("people", f"people{number}") for number in range(6)))
        begin, _, columns = (network.home(party) / "policy.yaml").read_text().partition("  people:")
        network.policy(party, begin + "".join(f"  people{number}:{columns}" for number in range(6)))
    await network.start()
    orders = [PARTIES, PARTIES[::-1], PARTIES[1:] + PARTIES[:1]] * 2
    jobs = []
    for number, order in enumerate(orders):
        jobs.append((await proposed(network, parties={party: {"dataset": f"people{number}"} for party in order}))[1])
    for job in jobs:
        found = await network.until(job, "RELEASED", "ABORTED", "FAILED", "CANCELLED", "DENIED")
        assert {(status["state"], status["reason"]) for status in found.values()} == {("RELEASED", "")}, found
    for party, limit in zip(PARTIES, limits, strict=True):
        assert 1 <= network.workers[party].most <= min(limits) <= limit


async def test_what_waits_for_its_turn_says_so_and_no_deadline_runs(network: Network) -> None:
    limited(network, labour=2, welfare=1, education=2)
    gates = [worker.gates.setdefault("hello", asyncio.Event()) for worker in network.workers.values()]
    await network.start()
    _, first = await proposed(network)
    await network.until(first, "READY")
    _, second = await proposed(network, parties={party: {"dataset": "people"} for party in PARTIES[::-1]})
    await when(lambda: second in network.nodes["labour"].service._turns, "the second job never waits")
    for party, status in (await network.until(second, "APPROVED")).items():
        assert (status["phase"], status["waiting_for"]) == ("queued", []), party
        # Its deadline is that of its run, which doesn't exist.
        assert second not in network.nodes[party].service._runs
    for gate in gates:
        gate.set()
    await network.until(first, "RELEASED")
    await network.until(second, "RELEASED")


async def test_a_clock_that_jumps_while_a_job_waits_for_its_turn_names_nobody(network: Network) -> None:
    """By welfare's clock nobody's approval holds any more, whichever it reads first."""
    limited(network, labour=1, welfare=1, education=1)
    network.clocks["welfare"] = FakeClock()
    network.workers["labour"].gates["hello"] = asyncio.Event()
    await network.start()
    await proposed(network)
    _, job = await proposed(network)
    await when(lambda: job in network.nodes["welfare"].service._turns, "it never waits")
    network.clocks["welfare"].offset_s = 86400.0
    network.nodes["welfare"].service.begin(job)
    status = await network.status("welfare", job)
    assert (status["state"], status["reason"]) == ("EXPIRED", "its turn didn't come in time")
    network.workers["labour"].gates["hello"].set()
    for party, status in (await network.until(job, "CANCELLED", "EXPIRED")).items():
        assert party == "welfare" or "welfare says: its turn didn't come in time" in status["reason"]


async def test_a_place_is_gathered_by_one_party_only_and_for_agreed_jobs_only(network: Network) -> None:
    await network.start()
    _, job = await proposed(network)
    path, ask = f"/v1/jobs/{job}/turn", canonical_json({"word": "ask"})
    async with network.client("education") as client:
        error = await refusal(client.request("labour", "POST", path, ask))
        assert error.code == "turn"
    async with network.client("labour") as client:
        assert await client.request("welfare", "POST", path, ask) == {"turn": "later"}
        begin = canonical_json({"word": "begin"})
        assert await client.request("welfare", "POST", path, begin) == {"turn": "busy"}
    assert network.nodes["welfare"].book.job(job).state is State.AWAITING_APPROVAL


async def test_who_gathers_places_and_answers_no_more_is_named(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "SILENCE_S", 0.5)
    limited(network, labour=1, welfare=1, education=1)
    gates = [worker.gates.setdefault("hello", asyncio.Event()) for worker in network.workers.values()]
    await network.start()
    _, first = await proposed(network)
    await network.until(first, "READY")
    _, second = await proposed(network, parties={party: {"dataset": "people"} for party in PARTIES[::-1]})
    others = ("welfare", "education")
    await when(lambda: all(second in network.nodes[party].service._turns for party in others), "it isn't agreed on")
    network.nodes["labour"].service._ends.tell = lambda row: asyncio.create_task(asyncio.sleep(0))
    await network.stop("labour")
    for gate in gates:
        gate.set()
    found = await network.until(second, "ABORTED", parties=others)
    assert {status["reason"] for status in found.values()} <= {
        "labour: no answer for 0.5 s", *(f"{party} says: labour: no answer for 0.5 s" for party in others)
    }  # fmt: skip


async def test_a_party_that_answers_nothing_when_places_are_gathered_is_named(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "SILENCE_S", 0.5)
    await network.start()
    _, job = await proposed(network)
    await approve(network, job, "welfare")
    await network.holds_approval("labour", job, "welfare")
    await network.stop("welfare")
    await approve(network, job, "labour", "education")
    found = await network.until(job, "ABORTED", parties=("labour", "education"))
    assert found["labour"]["reason"] == "welfare: no answer for 0.5 s"


class FullDisk:
    """A node's jobs, of which the first that begins can't be recorded; and a client to whom all say yes."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.parties = [Named(party) for party in PARTIES]
        self.turns = Turns("labour", self, self, Slots(2, asyncio.get_running_loop().time), self)

    def awaits_turn(self, job: str) -> bool:
        return job not in self.began

    def begin(self, job: str) -> None:
        self.began.append(job)
        if len(self.began) == 1:
            self.turns.done(job)
            raise PeerError("the node can't use its database", code="store")

    async def request(self, *_: object) -> dict[str, str]:
        return {"turn": "yes"}

    def spawn(self, work: Any, name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self.tasks.add(task)
        return task


@dataclass
class Named:
    id: str


async def test_a_job_whose_beginning_cant_be_recorded_holds_up_no_other() -> None:
    node = FullDisk()
    for job in ("aaaa", "bbbb"):
        node.turns.add(JobRow(job, "", PARTIES, (), 1, State.APPROVED, "", "", "", 0.0, 0.0))
    await when(lambda: node.began == ["aaaa", "bbbb"], "the second job never began")
    node.turns.close()
    for task in node.tasks:
        task.cancel()
    ends = await asyncio.gather(*node.tasks, return_exceptions=True)
    assert not any(isinstance(end, PeerError) for end in ends)


class OnePlace(FullDisk):
    """A node with a place for one job."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = Turns("labour", self, self, Slots(1, asyncio.get_running_loop().time), self)

    def begin(self, job: str) -> None:
        self.began.append(job)

    def add(self, job: str, approve_before: int) -> None:
        self.turns.add(JobRow(job, "", PARTIES, (), approve_before, State.APPROVED, "", "", "", 0.0, 0.0))


async def test_who_comes_just_as_a_place_is_free_doesnt_get_it_before_who_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Though the one that waits was tried a moment ago, and isn't yet again. Else some of ten wait twice as long."""
    for name in ("AGAIN_S", "RETRY_S"):
        monkeypatch.setattr(turns, name, 0.5)
    node = OnePlace()
    node.add("computes", 1)
    await when(lambda: node.began == ["computes"], "nothing ever begins")
    node.add("waits", 2)
    await when(lambda: node.turns._waiting["waits"].tried_at > 0, "it was never tried")
    node.add("comes", 3)
    node.turns.done("computes")
    await when(lambda: len(node.began) == 2, "the place stays free")
    assert node.began == ["computes", "waits"]
    node.turns.done("waits")
    await when(lambda: node.began == ["computes", "waits", "comes"], "the last one never begins")
    node.turns.close()
    for task in node.tasks:
        task.cancel()
    await asyncio.gather(*node.tasks, return_exceptions=True)


class Unreadable(FullDisk):
    """Begins nothing, as it can't even look the job up; and leaves the place to who has given it."""

    def begin(self, job: str) -> None:
        self.began.append(job)
        raise PeerError("the node can't use its database", code="store")


async def test_a_beginning_that_fails_leaves_no_place_taken_and_says_so() -> None:
    """At the node that gathers places, and at one that is told to begin."""
    node, row = Unreadable(), JobRow("aaaa", "", PARTIES, (), 1, State.APPROVED, "", "", "", 0.0, 0.0)
    with capture_logs() as logged:
        node.turns.add(row)
        await when(lambda: bool(logged), "it never began")
    node.turns.close()
    assert [(one["event"], one["error"]) for one in logged] == [
        ("a job can't be given its turn", "the node can't use its database")
    ]
    assert node.began == ["aaaa"]
    assert not node.turns._slots.holds("aaaa")
    for task in node.tasks:
        task.cancel()
    await asyncio.gather(*node.tasks, return_exceptions=True)

    other = Unreadable()
    other.turns = Turns("welfare", other, other, Slots(1, asyncio.get_running_loop().time), other)
    for _ in range(2):
        other.turns.add(row)
        with pytest.raises(PeerError, match="database"):
            await other.turns.hear(row, "labour", Turn(word="begin"))
    assert other.began == ["aaaa", "aaaa"]


def test_promises_that_arent_used_put_a_party_behind_the_others() -> None:
    time = Time()
    places = Slots(1, time)
    assert places.ask("a", (1, "a"), "hostile")
    assert not places.ask("b", (2, "b"), "honest")
    # The promise is over, and the one who didn't use it asks first.
    time.now += PROMISE_S - 1
    assert not places.ask("b", (2, "b"), "honest")
    time.now += 2
    assert not places.ask("a", (1, "a"), "hostile")
    assert places.take("b", (2, "b"), "honest")
    places.done("b")
    time.now += MEMORY_S + 1
    assert places.ask("a", (1, "a"), "hostile")


def test_one_party_is_promised_one_place_however_many_jobs_it_asks_for() -> None:
    places = Slots(3, Time())
    assert [places.ask(f"a{n}", (n, f"a{n}"), "hostile") for n in range(9)] == [True] + [False] * 8
    assert places.ask("b", (99, "b"), "honest")
    assert places.take("a0", (0, "a0"), "hostile")
    assert places.ask("a1", (1, "a1"), "hostile")


def test_who_was_turned_away_comes_before_those_behind_it_for_a_moment() -> None:
    time = Time()
    places = Slots(1, time)
    assert places.take("now", (0, "now"), "me")
    assert not places.ask("late", (2, "late"), "right")
    assert not places.ask("early", (1, "early"), "left")
    places.done("now")
    assert places.next() == ("early", "left")
    assert not places.ask("late", (2, "late"), "right")
    time.now += ASKED_S + 0.1
    assert places.ask("late", (2, "late"), "right")


class Gathering:
    """Nodes with places, and parties that gather them by the rules of `turns`, in any order of steps."""

    def __init__(self, limits: list[int], jobs: list[tuple[int, tuple[int, ...]]]) -> None:
        self.time = Time()
        self.nodes = [Slots(limit, self.time) for limit in limits]
        self.waiting = {f"j{n}": ((age, f"j{n}"), parties) for n, (age, parties) in enumerate(jobs)}
        self.running: list[str] = []

    def attempt(self, jobs: list[str]) -> None:
        """Those who gather ask for several jobs at the same time, node by node, and begin or give all back."""
        yes: dict[str, int] = dict.fromkeys(jobs, 0)
        for node in range(len(self.nodes)):
            for job in jobs:
                age, parties = self.waiting[job]
                yes[job] += node in parties and self.nodes[node].ask(job, age, str(parties[0]))
        for job in jobs:
            age, parties = self.waiting[job]
            if yes[job] == len(parties):
                assert all(self.nodes[node].take(job, age, str(parties[0])) for node in parties)
                self.running.append(job)
            else:
                for node in parties:
                    self.nodes[node].give_back(job)

    def end(self, job: str) -> None:
        for node in self.waiting.pop(job)[1]:
            self.nodes[node].done(job)
        self.running.remove(job)


@pytest.mark.parametrize("seed", range(40))
def test_every_job_gets_its_turn_and_no_node_has_more_than_its_places(seed: int) -> None:
    chance = random.Random(seed)
    jobs = [(chance.randrange(9), tuple(sorted(chance.sample(range(4), chance.choice([3, 4]))))) for _ in range(8)]
    world = Gathering(chance.choices([1, 2], k=4), jobs)
    for _ in range(200):
        if not world.waiting:
            return
        world.time.now += 0.5
        if world.running and chance.random() < 0.5:
            world.end(chance.choice(world.running))
        first: dict[int, str] = {}
        for job in sorted(set(world.waiting) - set(world.running), key=lambda job: world.waiting[job][0]):
            first.setdefault(world.waiting[job][1][0], job)
        world.attempt(chance.sample(list(first.values()), len(first)))
        for node, places in enumerate(world.nodes):
            assert sum(node in world.waiting[job][1] for job in world.running) <= places.limit
    raise AssertionError(f"still waiting: {world.waiting}")


def test_the_machine_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "_processors", lambda: 4)
    for memory, places in ((64 << 30, 4), (2 << 30, 2), (100 << 20, 1)):
        monkeypatch.setattr(slots, "_memory_bytes", lambda memory=memory: memory)
        assert slots.default_limit() == places
