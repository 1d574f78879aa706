"""When a job that all have approved begins: once each of its nodes has a place for it, at all of them at once.

The first of a job's parties, in the order of the roster, gathers the places: it promises its own, asks all others at
once, and lets the job begin everywhere if all say yes. Otherwise it gives all back at once and tries again later, or
as soon as one that was busy has a place. So no node keeps a place for one job while it waits for another node's, and no
two jobs can wait for each other. Where two compete, the one whose time to approve is over first goes first.

A node that is busy says so, and isn't blamed for it, however long; one that doesn't answer ends the job with its name.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from mpcgov.errors import MpcgovError, Refused
from mpcgov.node.causes import Silence
from mpcgov.node.news import News
from mpcgov.node.slots import Age, Slots
from mpcgov.node.standing import EndNotice, Turn
from mpcgov.node.store import JobRow
from mpcgov.spec.load import IN_LOOP_BYTES, canonical_json, validate
from mpcgov.spec.roster import Roster
from mpcgov.trust.client import Client

ASK_S = 3.0
"""A node that takes longer to answer has the others' places given back; they are promised for longer than that."""

AGREEMENT_S = 1.0
"""How long a node that is asked waits for approvals that are on their way."""

RETRY_S, AGAIN_S, SILENCE_S = 0.5, 0.1, 8.0


class Jobs(Protocol):
    """What turns need of a node's jobs: `mpcgov.node.service.Service`."""

    def awaits_turn(self, job: str) -> bool:
        """Whether a job waits for nothing but its turn."""

    def begin(self, job: str) -> None:
        """Starts a job whose turn it is."""

    async def lost(self, job: str, silence: Silence) -> None:
        """Ends a job one of whose parties doesn't answer."""

    def ended(self, job: str, party: str, notice: EndNotice) -> None:
        """Takes a party's word that a job has ended there."""

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Starts work in the background."""


@dataclass
class _Waiting:
    row: JobRow
    leader: str
    tried_at: float = 0.0
    retry_at: float = 0.0
    busy: frozenset[str] = frozenset()
    """the parties that had no place for it the last time"""
    silent: dict[str, float] = field(default_factory=dict)
    """since when a party has given no answer that means anything"""

    @property
    def age(self) -> Age:
        return self.row.approve_before, self.row.id

    def others(self, me: str) -> list[str]:
        return [party for party in self.row.parties if party != me]


class Turns:
    """The jobs of one node that wait for their turn."""

    def __init__(self, me: str, roster: Roster, client: Client, slots: Slots, jobs: Jobs) -> None:
        self._me = me
        self._order = [card.id for card in roster.parties]
        self._client = client
        self._slots = slots
        self._jobs = jobs
        self._log = structlog.get_logger().bind(party=me)
        self._waiting: dict[str, _Waiting] = {}
        self._agreed = News()
        self._wake = asyncio.Event()
        self._gathering: asyncio.Task[None] | None = None
        self._closed = False

    def __contains__(self, job: str) -> bool:
        return job in self._waiting

    def add(self, row: JobRow) -> None:
        """From now on a job waits for its turn."""
        if row.id in self._waiting or self._slots.holds(row.id):
            return
        self._waiting[row.id] = _Waiting(row, self._leader(row))
        self._agreed.tell()
        self._go_on()

    def done(self, job: str) -> None:
        """A job is over, or waits no more; who comes next is told."""
        self._waiting.pop(job, None)
        self._slots.done(job)
        self._offer()

    def close(self) -> None:
        """From now on nothing begins: the node is being stopped, and ends what is under way."""
        self._closed = True
        if self._gathering is not None:
            self._gathering.cancel()

    async def hear(self, row: JobRow, party: str, turn: Turn) -> str:
        """Answers what a party says about a job's turn.

        Raises:
            Refused: it isn't for this party to say.
        """
        leads = party == self._leader(row)
        if turn.word in ("ask", "begin", "back") and not leads:
            raise Refused(f"job {row.id}: its places are for {self._leader(row)} to gather", code="turn")
        if turn.word == "back":
            self._slots.give_back(row.id)
            self._offer()
        elif turn.word == "free":
            self._again()
        elif turn.word == "ask":
            return await self._asked(row, party)
        elif turn.word == "begin":
            return self._begun(row, party)
        return "yes"

    def look(self) -> None:
        """Once a second: what waits for nothing any more is forgotten, and whoever gathers places is asked for one of
        its jobs whether it is still there."""
        leaders: set[str] = set()
        for job, waiting in list(self._waiting.items()):
            if not self._jobs.awaits_turn(job):
                self.done(job)
            elif waiting.leader != self._me and waiting.leader not in leaders:
                leaders.add(waiting.leader)
                # The next time it is another job's turn to be asked for.
                self._waiting[job] = self._waiting.pop(job)
                self._jobs.spawn(self._look(waiting), f"look {job}")

    def _leader(self, row: JobRow) -> str:
        return min(row.parties, key=self._order.index)

    # What the others do

    async def _asked(self, row: JobRow, party: str) -> str:
        """Whether this node has a place for a job, once it holds all approvals itself."""
        await self._agreed.until(lambda: row.id in self._waiting or self._slots.holds(row.id), AGREEMENT_S)
        if self._slots.holds(row.id):
            return "yes"
        if row.id not in self._waiting or not self._jobs.awaits_turn(row.id):
            return "later"
        return "yes" if self._slots.ask(row.id, self._waiting[row.id].age, party) else "busy"

    def _begun(self, row: JobRow, party: str) -> str:
        if self._slots.holds(row.id):
            return "yes"
        waiting = self._waiting.get(row.id)
        if self._closed or waiting is None or not self._slots.take(row.id, waiting.age, party):
            return "busy"
        self._begin(row.id)
        return "yes"

    def _begin(self, job: str) -> None:
        self._waiting.pop(job, None)
        try:
            self._jobs.begin(job)
        except MpcgovError:
            self.done(job)  # it holds no place, so that it can wait for its turn again
            raise

    async def _look(self, waiting: _Waiting) -> None:
        if not await self._say(waiting, waiting.leader, "there"):
            self._silent_too_long(waiting, waiting.leader)

    def _offer(self) -> None:
        """Tells who would get a place now that there is one."""
        self._again()
        found = self._slots.next()
        if found is not None and found[1] != self._me and found[0] in self._waiting:
            waiting = self._waiting[found[0]]
            self._jobs.spawn(self._tell(waiting, waiting.leader, "free"), f"free {found[0]}")

    # What the one does that gathers places

    def _again(self) -> None:
        for waiting in self._waiting.values():
            waiting.retry_at = min(waiting.retry_at, waiting.tried_at + AGAIN_S)
        self._go_on()

    def _go_on(self) -> None:
        self._wake.set()
        if not self._closed and self._led() and (self._gathering is None or self._gathering.done()):
            self._gathering = self._jobs.spawn(self._gather(), "turns")

    def _led(self) -> list[_Waiting]:
        return sorted((one for one in self._waiting.values() if one.leader == self._me), key=lambda one: one.age)

    async def _gather(self) -> None:
        """Gives jobs their turns as long as there are some to give one to, the oldest first."""
        loop = asyncio.get_running_loop()
        while self._led():
            self._wake.clear()
            busy, due = set[str](), [loop.time() + RETRY_S]
            for waiting in self._led():
                if busy & set(waiting.row.parties):
                    continue
                if waiting.retry_at <= loop.time():
                    try:
                        busy |= await self._try(waiting)
                    except MpcgovError as error:  # it is tried again, and holds up no other job
                        self._log.error("a job can't be given its turn", job=waiting.row.id, error=error.message)
                    waiting.tried_at, waiting.retry_at = loop.time(), loop.time() + RETRY_S
                # Until it is tried again nobody who came later gets the place that it waits for.
                busy |= waiting.busy
                due.append(waiting.retry_at)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), max(0.0, min(due) - loop.time()))

    async def _try(self, waiting: _Waiting) -> set[str]:
        """Begins a job if all its nodes have a place for it; returns those that have none."""
        job, waiting.busy = waiting.row.id, frozenset()
        if not self._jobs.awaits_turn(job):
            self.done(job)
            return set()
        if not self._slots.ask(job, waiting.age, self._me):
            waiting.busy = frozenset({self._me})
            return {self._me}
        others = waiting.others(self._me)
        answers = await asyncio.gather(*(self._say(waiting, party, "ask") for party in others))
        if all(answer == "yes" for answer in answers) and self._jobs.awaits_turn(job):
            await self._start(waiting)
            return set()
        self._slots.give_back(job)
        for party, answer in zip(others, answers, strict=True):
            if answer in ("yes", ""):
                self._jobs.spawn(self._tell(waiting, party, "back"), f"back {job}")
            if not answer:
                self._silent_too_long(waiting, party)
        waiting.busy = frozenset(party for party, answer in zip(others, answers, strict=True) if answer == "busy")
        return {party for party, answer in zip(others, answers, strict=True) if answer != "yes"}

    async def _start(self, waiting: _Waiting) -> None:
        job = waiting.row.id
        if not self._slots.take(job, waiting.age, self._me):
            return
        del self._waiting[job]
        for party in waiting.others(self._me):
            self._jobs.spawn(self._let_begin(waiting, party), f"begin {job}")
        # Their words leave before this node is busy with its own beginning.
        await asyncio.sleep(0)
        self._begin(job)

    async def _let_begin(self, waiting: _Waiting, party: str) -> None:
        """Tells a node that it has promised a place to begin; as long as the job waits for its connections."""
        until = asyncio.get_running_loop().time() + SILENCE_S
        while self._slots.holds(waiting.row.id) and asyncio.get_running_loop().time() < until:
            if await self._say(waiting, party, "begin") in ("yes", "ended"):
                return
            await asyncio.sleep(AGAIN_S)

    # What both do

    async def _tell(self, waiting: _Waiting, party: str, word: str) -> None:
        await self._say(waiting, party, word)

    async def _say(self, waiting: _Waiting, party: str, word: str) -> str:
        """What a party answers; "" if that means nothing."""
        job, body, began = waiting.row.id, canonical_json({"word": word}), asyncio.get_running_loop().time()
        try:
            path = f"/v1/jobs/{job}/turn"
            answer = await self._client.request(party, "POST", path, body, ASK_S, IN_LOOP_BYTES)
            if isinstance(answer, dict) and answer.get("ended") is not None:
                self._jobs.ended(job, party, validate(answer["ended"], EndNotice, f"{party}: end"))
                return "ended"
        except MpcgovError:
            answer = None
        said = answer.get("turn") if isinstance(answer, dict) else None
        if said not in ("yes", "busy", "later"):
            waiting.silent.setdefault(party, began)
            return ""
        waiting.silent.pop(party, None)
        return str(said)

    def _silent_too_long(self, waiting: _Waiting, party: str) -> None:
        if asyncio.get_running_loop().time() - waiting.silent[party] > SILENCE_S and waiting.row.id in self._waiting:
            silence = Silence((party,), f"no answer for {SILENCE_S:g} s", code="connect")
            self.done(waiting.row.id)
            self._jobs.spawn(self._jobs.lost(waiting.row.id, silence), f"lost {waiting.row.id}")
