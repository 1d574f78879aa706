"""One schedule: jobs, people, and what goes wrong; all of it follows from a seed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from mpcgov.errors import InternalError, LocalError, MpcgovError
from mpcgov.lifecycle import TRANSITIONS
from mpcgov.spec.load import canonical_json
from mpcgov.spec.statement import Proposal, job_id
from mpcgov.trust.client import Client
from tests.node.network import PARTIES
from tests.simulation.changes import Changes
from tests.simulation.nodes import EPOCH, MEMBERS, Consortium, Worker
from tests.simulation.wires import Way
from tests.simulation.world import World

APPROVE_S = 30
DEADLINE_S = 20
TROUBLE_S = 20.0
"""When everything that a schedule breaks is mended."""


@dataclass
class Asked:
    """A job of the schedule: who rejects it, who never answers, when; who says what isn't so."""

    proposal: Proposal
    rejects: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    cancelled: bool = False

    @property
    def id(self) -> str:
        return job_id(self.proposal.job_digest)


class Schedule(World):
    """What happens in one world."""

    def __init__(self, consortium: Consortium, seed: int, *, changes: bool) -> None:
        super().__init__(consortium, seed)
        self.jobs: list[Asked] = []
        self.changes = Changes(self) if changes else None
        self.last: Asked | None = None
        self._plots: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """The schedule, until everything is mended and every job has ended."""
        self.consortium.begin_anew()
        for party in PARTIES:
            await self.start(party)
        watching = asyncio.create_task(self.wires.watch())
        self._plan()
        await asyncio.gather(*self._plots)
        await self._mended()
        await self._at_rest()
        if self.changes is not None:
            await self._one_more()
        watching.cancel()

    def _plan(self) -> None:
        for _ in range(self.chance.choice((1, 1, 2, 3))):
            self._ask()
        faults: list[Callable[[], Awaitable[None]]] = [
            self._killed, self._dying, self._stopped, self._full, self._cut, self._cut, self._slow, self._lossy,
            self._repeated, self._wrong_clock, self._lying, self._broken, self._broken,
        ]  # fmt: skip
        for fault in self.chance.choices(faults, k=self.chance.choice((0, 1, 1, 2, 2, 3))):
            self._plots.append(asyncio.create_task(self._caught(fault())))
        for change in self.changes.plots() if self.changes is not None else ():
            self._plots.append(asyncio.create_task(self._caught(change)))

    async def _caught(self, plot: Awaitable[None]) -> None:
        with contextlib.suppress(MpcgovError):
            await plot

    def _ask(self) -> None:
        asked = self._asked(self.chance.choice(self.consortium.drafts), EPOCH)
        self._plots.append(asyncio.create_task(self._proposed(asked)))
        for party in PARTIES:
            choice = self.chance.random()
            if choice < 0.04:
                asked.rejects.add(party)
            elif choice < 0.08:
                asked.silent.add(party)
            self._plots.append(asyncio.create_task(self._decided(asked, party, self.chance.uniform(0, 6))))
        if self.chance.random() < 0.1:
            asked.cancelled = True
            self._plots.append(asyncio.create_task(self._cancelled(asked, self.chance.uniform(0, 8))))

    def _asked(self, draft: Proposal, now_s: float) -> Asked:
        nonce, now = f"{self.chance.getrandbits(128):032x}", int(now_s)
        values = {"nonce": nonce, "proposed_at": now, "approve_before": now + APPROVE_S}
        proposal = draft.model_copy(update=values | {"roster_digest": self.roster_digest})
        asked = Asked(Proposal.model_validate_json(proposal.model_dump_json()))
        self.jobs.append(asked)
        return asked

    def unanswered(self, party: str) -> set[str]:
        return {asked.id for asked in self.jobs if party in asked.silent | asked.rejects}

    async def _proposed(self, asked: Asked) -> None:
        """The coordinator asks every node, again until it has an answer."""
        body, start = self.network.envelope(asked.proposal).to_bytes(), self.chance.uniform(0, 3)
        await asyncio.sleep(start)

        async def ask(party: str) -> None:
            for _ in range(4):
                with contextlib.suppress(MpcgovError):
                    answer = await self.hq.request(party, "POST", "/v1/jobs", body, 3.0)
                    self.say(f"{asked.id} at {party}: {answer['state']} {answer['reasons']}")
                    return
                await asyncio.sleep(1)

        await asyncio.gather(*map(ask, PARTIES))

    async def _decided(self, asked: Asked, party: str, after_s: float) -> None:
        """The operator says yes or no, once the job is there."""
        await asyncio.sleep(3 + after_s)
        if party in asked.silent or party not in self.nodes:
            return
        with contextlib.suppress(MpcgovError):
            book = self.nodes[party].book
            if party in asked.rejects:
                book.reject(asked.id, "not now")
            else:
                book.approve(asked.id)
            self.say(f"{asked.id}: {party} {'rejects' if party in asked.rejects else 'approves'}")

    async def _cancelled(self, asked: Asked, at_s: float) -> None:
        await asyncio.sleep(at_s)
        self.say(f"{asked.id} is cancelled")
        for party in PARTIES:
            with contextlib.suppress(MpcgovError):
                await self.hq.request(party, "POST", f"/v1/jobs/{asked.id}/cancel", b"{}", 3.0)

    # What can go wrong

    async def _killed(self) -> None:
        party, silently = self.chance.choice(PARTIES), self.chance.random() < 0.5
        at_s, down_s = self.chance.uniform(0, 14), self.chance.uniform(0.5, 10)
        await asyncio.sleep(at_s)
        self.kill(party, silently)
        await asyncio.sleep(down_s)
        await self.start(party)

    async def _dying(self) -> None:
        party, number = self.chance.choice(PARTIES), self.chance.randint(1, 40)
        self.say(f"{party} dies at its {number}th write")
        self.guilty.add(party)
        self.nodes[party].dies_in = number
        await asyncio.sleep(self.chance.uniform(10, 18))
        await self.start(party)

    async def _stopped(self) -> None:
        party, at_s, down_s = self.chance.choice(PARTIES), self.chance.uniform(0, 14), self.chance.uniform(0.5, 5)
        await asyncio.sleep(at_s)
        if party not in self.nodes:
            return
        self.say(f"{party} is told to stop")
        self.guilty.add(party)
        await self.stop(party)
        await asyncio.sleep(down_s)
        await self.start(party)

    async def _full(self) -> None:
        party, at_s, for_s = self.chance.choice(PARTIES), self.chance.uniform(0, 14), self.chance.uniform(0.2, 12)
        await asyncio.sleep(at_s)
        if (node := self.nodes.get(party)) is not None:
            self.say(f"{party}'s disk is full")
            self.guilty.add(party)
            node.full = True
            await asyncio.sleep(for_s)
            self.say(f"{party}'s disk has room")
            node.full = False

    async def _cut(self) -> None:
        await self._way(Way(cut=True), self.chance.random() < 0.5)

    async def _slow(self) -> None:
        await self._way(Way(delay_s=self.chance.uniform(0.2, 4)), True)

    async def _lossy(self) -> None:
        await self._way(Way(loss=self.chance.uniform(0.05, 0.5)), True)

    async def _way(self, way: Way, both: bool) -> None:
        a, b = self.chance.sample(MEMBERS, 2)
        at_s, for_s = self.chance.uniform(0, 14), self.chance.uniform(0.3, 15)
        await asyncio.sleep(at_s)
        self.say(f"{a} → {b}: {way}{' and back' if both else ''}")
        self.bad_ways.add(frozenset((a, b)))
        for pair in ((a, b), (b, a))[: 2 if both else 1]:
            self.wires.ways[pair] = way
        await asyncio.sleep(for_s)
        for pair in ((a, b), (b, a)):
            self.wires.ways[pair] = Way()

    async def _repeated(self) -> None:
        """Requests arrive twice: nobody may be any the worse."""
        for way in self.wires.ways.values():
            way.repeats = 0.5

    async def _wrong_clock(self) -> None:
        party, by_s = self.chance.choice(PARTIES), self.chance.choice((-1, 1)) * self.chance.uniform(1, 90)
        self.say(f"{party}'s clock is wrong by {by_s:.0f} s")
        self.guilty.add(party)
        self.clocks[party].wrong_by_s = by_s

    async def _lying(self) -> None:
        """A member says that a job has ended because of somebody else."""
        liar, other = self.chance.sample(PARTIES, 2)
        at_s, event = self.chance.uniform(2, 12), self.chance.choice(("abort", "cancel", "reject", "deny"))
        code = self.chance.choice(("data-contract", "policy", "lost", "told", "stopped", "hearsay"))
        await asyncio.sleep(at_s)
        self.say(f"{liar} lies of {other}: {event} {code}")
        self.guilty.add(liar)
        reason = self.chance.choice((f"{other}: data contract", f"{other}'s fault", "it broke", ""))
        notice = canonical_json({"event": event, "reason": reason, "code": code})
        client = Client(self.consortium.homes[liar].identity, self.network.roster, self.wires.carrier(liar))
        for asked in self.jobs:
            for party in PARTIES:
                if party != liar:
                    with contextlib.suppress(MpcgovError):
                        await client.request(party, "POST", f"/v1/jobs/{asked.id}/end", notice, 2.0)

    async def _broken(self) -> None:
        """A worker fails, or never comes to an end."""
        party, phase = self.chance.choice(PARTIES), self.chance.choice(("hello", "ready", "deal", "compute"))
        errors = (LocalError("3 rows are out of range"), InternalError("the process that computes died"), None)
        error = self.chance.choice(errors)
        self.say(f"{party}'s worker: {phase} {error!r}")
        self.guilty.add(party)
        worker = self.workers[party]
        assert isinstance(worker, Worker)
        worker.breaks[phase] = error

    # How it ends

    async def _mended(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, TROUBLE_S - loop.time()))
        for pair in self.wires.ways:
            self.wires.ways[pair] = Way()
        for party in PARTIES:
            await self.start(party)
            self.nodes[party].full, self.nodes[party].dies_in = False, None
        self.say("all is mended")
        if self.changes is not None:
            self.changes.mend()
            await self.changes.cancel_what_waits()

    async def _at_rest(self) -> None:
        for _ in range((APPROVE_S + 90 + DEADLINE_S + 60) // 2):
            if self._ended():
                break
            await asyncio.sleep(2)
        await asyncio.sleep(5)

    def _ended(self) -> bool:
        return not any(node.book.jobs(frozenset(TRANSITIONS)) for node in self.nodes.values())

    async def _one_more(self) -> None:
        """A last job, which everybody wants and nothing disturbs."""
        for party in PARTIES:
            self.clocks[party].wrong_by_s = 0.0
            self.workers[party].breaks.clear()
        self.last = asked = self._asked(self.consortium.drafts[0], EPOCH + asyncio.get_running_loop().time())
        body = self.network.envelope(asked.proposal).to_bytes()
        for party in PARTIES:
            # Who was restored from before its keys were new can't be reached any more.
            with contextlib.suppress(MpcgovError):
                answer = await self.hq.request(party, "POST", "/v1/jobs", body)
                self.say(f"{asked.id}, the last, at {party}: {answer['state']} {answer['reasons']}")
        for party in PARTIES:
            with contextlib.suppress(MpcgovError):
                self.nodes[party].book.approve(asked.id)
        await self._at_rest()
