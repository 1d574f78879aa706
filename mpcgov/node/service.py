"""What a node does about a job, one method per thing that can happen. The book records it before it takes effect."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from mpcgov.clock import Clock
from mpcgov.errors import MpcgovError, PeerError, Refused, SpecError
from mpcgov.lifecycle import TERMINAL, WAITING, Event, State, told
from mpcgov.node import standing
from mpcgov.node.book import UNDER_WAY, Book
from mpcgov.node.causes import Silence
from mpcgov.node.ends import TELL_S, Ends
from mpcgov.node.gossip import Gossip
from mpcgov.node.home import NodeHome
from mpcgov.node.news import News
from mpcgov.node.peers import PeerClient
from mpcgov.node.run import Computes, Ending, JobRun
from mpcgov.node.slots import Slots
from mpcgov.node.standing import QUEUED, EndNotice, Turn
from mpcgov.node.statements import Agreed, agreed, read_approval, read_complaint, read_proposal, read_receipt
from mpcgov.node.store import JobRow
from mpcgov.node.timings import Timings
from mpcgov.node.turns import Turns
from mpcgov.node.witnesses import Witness, judged
from mpcgov.spec.envelope import Envelope
from mpcgov.spec.load import parse_json, validate
from mpcgov.spec.roster import Card
from mpcgov.spec.statement import Proposal, job_id

GIVEN = UNDER_WAY | {State.APPROVED}
"""The states in which this agency's approval is given, and the others may still lack it."""

BEGIN_S = 1.0
"""How long a stream waits for a job that is about to begin."""


class Service:
    """The jobs of a running node."""

    def __init__(
        self, home: NodeHome, book: Book, client: PeerClient, computes: Computes, clock: Clock, slots: Slots
    ) -> None:
        self._home = home
        self._book = book
        self._client = client
        self._computes = computes
        self._clock = clock
        self._log = structlog.get_logger().bind(party=home.party)
        self._runs: dict[str, JobRun] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._ends = Ends(book, client, self._runs, self.spawn)
        self._turns = Turns(home.party, book.roster, client, slots, self)
        self._gossip = Gossip(book, client, self.spawn, self._approval_answered)
        self.witness, self.timings = Witness(client), Timings()
        self._news = News()
        self._ticks = 0

    # What the coordinator asks

    async def submit(self, body: bytes) -> dict[str, Any]:
        """Takes a proposal and decides about it; the same one again gets the same answer."""
        envelope, proposal = await asyncio.to_thread(read_proposal, body, self._book.roster)
        job = job_id(proposal.job_digest)
        row = self._book.find(job)
        if row is None:
            if self._home.party not in proposal.parties:
                raise Refused(f"job {job}: {self._home.party} is no party of it", code="job")
            row = self._book.propose(envelope, proposal, self._book.verdict(proposal, None))
            self._log.info("job proposed", job=job, state=row.state.value, reason=row.reason)
            self._moved(row)
        elif row.digest != proposal.job_digest:
            raise Refused(f"job {job}: {self._home.party} already knows another job under this id", code="replay")
        return {"job": job, "state": row.state.value, "reasons": row.reason.split("; ") if row.reason else []}

    async def cancel(self, job: str) -> dict[str, Any]:
        """Ends a job that still waits; a second time changes nothing."""
        row = self._book.job(job)
        if row.state is not State.CANCELLED:
            row = self._book.move(job, Event.CANCEL, "cancelled by the coordinator", code="cancelled")
            self._moved(row)
        return self.status(row)

    def status(self, row: JobRow) -> dict[str, Any]:
        """How a job stands here."""
        run = self._runs.get(row.id)
        held, queued = self._book.approvals(row.id), QUEUED if row.id in self._turns else ""
        phase, sent_bytes = (run.phase, run.streams.sent_bytes) if run is not None else (queued, 0)
        return standing.status(self._home.party, row, held, phase, sent_bytes)

    def complaint(self, job: str, caller: Card, body: bytes, own: Envelope) -> None:
        """A receiver's signed word that the result's shares don't agree goes on record; `own`: its share from here."""
        self._book.doubt(job, read_complaint(body, caller, self._book.proposal(job)), own.digest)
        self._log.warning("a receiver says that the result's shares don't agree", job=job, receiver=caller.id)

    # What the other parties' nodes say

    def approval(self, job: str, caller: Card, body: bytes) -> dict[str, Any]:
        """A party's approval; answered by this node's own, or by how the job ended here."""
        row = self._book.job(job)
        if row.state in WAITING:
            read_approval(body, caller, self._book.proposal(job), self._clock.now())
            self._book.keep_approval(job, caller.id, body)
            self._start_if_agreed(job)
            row = self._book.job(job)
        own = self._book.approvals(job).get(self._home.party)
        if (ended := standing.end(row)) is not None:
            return {"ended": ended.model_dump(mode="json")}
        return {"approval": parse_json(own, Envelope, "approval").model_dump(mode="json") if own is not None else None}

    def ended(self, job: str, party: str, notice: EndNotice) -> None:
        """A party's word that the job has ended there, and why. It ends here too."""
        self._ends.heard(job, party, notice)

    async def turn(self, job: str, party: str, turn: Turn) -> dict[str, Any]:
        """What a party says about a job's turn; answered, or told how the job ended here."""
        answer = await self._turns.hear(self._book.job(job), party, turn)
        ended = standing.end(self._book.job(job))
        return {"turn": answer} if ended is None else {"ended": ended.model_dump(mode="json")}

    def receipt(self, job: str, caller: Card, body: bytes) -> dict[str, Any]:
        """A party's receipt; answered by this node's own, if it has come so far."""
        row = self._book.job(job)
        if row.state in (State.RUNNING, State.RELEASED):
            receipt = read_receipt(body, caller, self._book.proposal(job))
            self._book.keep_receipt(job, caller.id, receipt.layout_digest, body)
            if job in self._runs:
                self._runs[job].receipt_arrived[caller.id].set()
        elif standing.end(row) is not None:
            raise PeerError(row.reason, code=told(row.code))
        own = self._book.receipts(job).get(self._home.party)
        return {"receipt": parse_json(own, Envelope, "receipt").model_dump(mode="json") if own is not None else None}

    async def ended_within(self, job: str, wait_s: float) -> dict[str, Any]:
        """How a job stands here, once it has ended, or after a while."""
        await self._news.until(lambda: self._book.job(job).state in TERMINAL, wait_s)
        return self.status(self._book.job(job))

    async def run_awaiting(self, job: str, party: str) -> JobRun:
        """The run that awaits a stream of this party, which from now on has one; it may be about to begin.

        Raises:
            PeerError: the job isn't under way here. Refused: it doesn't await a stream from this party.
        """
        if self.awaits_turn(job):
            await self._news.until(lambda: job in self._runs, BEGIN_S)
        if job not in self._runs:
            raise PeerError(f"job {job}: not under way at this node", code="state")
        self._runs[job].streams.claim(party)
        return self._runs[job]

    # What happens by itself

    def recover(self) -> None:
        """Ends what was under way when the node stopped, before anything else: a job is never resumed."""
        for row in self._book.jobs(UNDER_WAY):
            self._log.warning("job was under way when the node stopped", job=row.id)
            reason = f"{self._home.party}: its node stopped in mid-job"
            self._moved(self._book.move(row.id, Event.FAIL, reason, code="stopped"))
        for row in self._book.jobs(WAITING):
            if self._book.of_another_roster(row.id):
                why = "the consortium has a new roster: propose the job again"
                self._moved(self._book.move(row.id, Event.EXPIRE, why, code="roster"))

    @property
    def under_way(self) -> int:
        """How many jobs are under way."""
        return len(self._runs)

    def decided(self, job: str) -> None:
        """The operator has said yes or no."""
        self._moved(self._book.job(job))

    def tick(self) -> None:
        """Once a second: lets jobs expire, gives approvals to peers that lack them, ends what nothing runs."""
        self._ticks += 1
        self._turns.look()
        self._gossip.forget(but=(rows := self._book.jobs(WAITING | UNDER_WAY)))
        for row in rows:
            try:
                self._looked_after(row)
            except MpcgovError as error:
                self._log.error("a job can't be looked after", job=row.id, error=error.message)

    def _looked_after(self, row: JobRow) -> None:
        if row.state in WAITING and self._clock.now() >= row.approve_before:
            why = "its turn didn't come in time" if row.id in self._turns else "not everybody approved in time"
            self._moved(self._book.move(row.id, Event.EXPIRE, why, code="expired"))
        elif row.state in UNDER_WAY and row.id not in self._runs:
            self._ends.settle(row)
        elif row.state in GIVEN:
            self._gossip.push(row, self._ticks)
            self._start_if_agreed(row.id)

    async def stop(self) -> None:
        """Ends what is under way, tells the peers, and lets nothing run on."""
        self._turns.close()
        for run in self._runs.values():
            run.abort(PeerError(f"{self._home.party}: its node was stopped", code="stopped"))
        if running := [task for task in self._background if task.get_name().startswith("job ")]:
            await asyncio.wait(running, timeout=3 * TELL_S)
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    def _moved(self, row: JobRow) -> None:
        """Does what a job's new state asks for."""
        if row.state in GIVEN:
            # Under way already, if the last of the others' approvals came just before this was taken up.
            self._gossip.push(row, self._ticks)
            self._start_if_agreed(row.id)
        elif standing.end(row) is not None and row.state is not State.EXPIRED:
            self._ends.tell(row)
        if row.state in TERMINAL:
            self._news.tell()

    def _approval_answered(self, job: str, party: str, answer: dict[str, Any]) -> None:
        if answer.get("ended") is not None:
            self.ended(job, party, validate(answer["ended"], EndNotice, f"{party}: end"))
        elif answer.get("approval") is not None:
            theirs = validate(answer["approval"], Envelope, f"{party}: approval")
            self.approval(job, self._book.roster.member(party), theirs.to_bytes())

    def _start_if_agreed(self, job: str) -> None:
        """Lets a job wait for its turn if this node holds every party's valid approval."""
        if job not in self._turns and self.awaits_turn(job) and self._agreement(job) is not None:
            self._turns.add(self._book.job(job))

    def awaits_turn(self, job: str) -> bool:
        """Whether this node holds every party's approval of a job that hasn't begun."""
        row = self._book.job(job)
        waits = row.state is State.APPROVED and job not in self._runs
        return waits and set(self._book.approvals(job)) == set(row.parties)

    def begin(self, job: str) -> None:
        """Starts a job whose turn it is, if its own policy still stands."""
        found = self._agreement(job) if self.awaits_turn(job) else None
        try:
            if found is None:
                self._turns.done(job)
                return
            self._book.releases.reserve(*found)
        except (SpecError, PeerError, Refused) as error:
            self._turns.done(job)
            self._disagree(job, error)
            return
        self._runs[job] = JobRun(self._home, self._book, self._client, self._computes, found[0], self.timings)
        self._news.tell()
        self.spawn(self._run(self._runs[job]), f"job {job}")

    async def lost(self, job: str, silence: Silence) -> None:
        """Ends a job one of whose parties doesn't answer when its turn is sought."""
        error = await judged(self._client, silence, job, self._book.job(job).parties)
        if self.awaits_turn(job):
            self._moved(self._book.move(job, Event.ABORT, error.message, code=error.code))

    def _agreement(self, job: str) -> tuple[Proposal, Agreed] | None:
        """What all approvals of a job come to; None if they don't agree, which ends the job."""
        held, now = self._book.approvals(job), self._clock.now()
        try:
            proposal = self._book.proposal(job)
            members = {party: self._book.roster.member(party) for party in proposal.parties}
            approvals = {party: read_approval(held[party], card, proposal, now) for party, card in members.items()}
            return proposal, agreed(self._home.party, approvals, proposal)
        except (SpecError, PeerError, Refused) as error:
            if now >= self._book.job(job).approve_before and error.code != "store":  # no approval holds any more
                self._moved(self._book.move(job, Event.EXPIRE, "its turn didn't come in time", code="expired"))
            else:
                self._disagree(job, error)
            return None

    def _disagree(self, job: str, error: MpcgovError) -> None:
        if error.code == "store":
            raise error
        code = error.code if isinstance(error, Refused) else "agreement"
        self._moved(self._book.move(job, Event.ABORT, error.message, code=code))

    async def _run(self, run: JobRun) -> None:
        self._log.info("job started", job=run.job)
        end: Ending | None = None
        try:
            if (end := await run.run()) is not None:
                await self._ends.failed(run, end)
            else:
                self._log.info("job released", job=run.job)
            self._news.tell()
        finally:
            await run.streams.close(PeerError(end.reason, code=end.code) if end is not None else None)
            del self._runs[run.job]
            self._turns.done(run.job)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task
