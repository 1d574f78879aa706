"""What a node does about a job, one method per thing that can happen. The book records it before it takes effect."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from mpcgov.clock import Clock
from mpcgov.errors import MpcgovError, PeerError, Refused, SpecError
from mpcgov.lifecycle import WAITING, Event, State, told
from mpcgov.node import peers, standing
from mpcgov.node.book import UNDER_WAY, Book
from mpcgov.node.ends import TELL_S, Ends
from mpcgov.node.home import NodeHome
from mpcgov.node.peers import PeerClient
from mpcgov.node.run import Computes, Ending, JobRun
from mpcgov.node.standing import EndNotice
from mpcgov.node.statements import (
    agreed,
    make_share,
    read_approval,
    read_proposal,
    read_receipt,
    receiver_name,
)
from mpcgov.node.store import JobRow
from mpcgov.spec.envelope import Envelope
from mpcgov.spec.load import parse_json, validate
from mpcgov.spec.roster import Card
from mpcgov.spec.statement import job_id

GOSSIP_EVERY = 5
"""Peers that have this node's approval and owe theirs are asked at every so manieth tick."""

GIVEN = UNDER_WAY | {State.APPROVED}
"""The states in which this agency's approval is given, and the others may still lack it."""


class Service:
    """The jobs of a running node."""

    def __init__(self, home: NodeHome, book: Book, client: PeerClient, computes: Computes, clock: Clock) -> None:
        self._home = home
        self._book = book
        self._client = client
        self._computes = computes
        self._clock = clock
        self._log = structlog.get_logger().bind(party=home.party)
        self._runs: dict[str, JobRun] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._ends = Ends(book, client, self._runs, self._spawn)
        self._pushing: set[tuple[str, str]] = set()
        self._delivered: set[tuple[str, str]] = set()
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
        held = self._book.approvals(row.id)
        return standing.status(self._home.party, row, held, run.phase if run is not None else "")

    def share(self, job: str, caller: Card) -> dict[str, Any]:
        """This party's share of a released result, made for the receiver that asks."""
        row, receiver = self._book.job(job), receiver_name(caller)
        if receiver not in row.receivers:
            hint = f"it goes to {', '.join(row.receivers)}"
            raise Refused(f"job {job}: {receiver} is not a receiver", hint=hint, code="receiver")
        if row.state is not State.RELEASED:
            raise standing.no_result(row)
        given = self._book.answers(job) or job
        envelope = make_share(self._home, self._book.proposal(given), receiver, self._book.outcome(given))
        return envelope.model_dump(mode="json")

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
        ended = standing.end(row)
        if ended is not None:
            return {"ended": ended.model_dump(mode="json")}
        return {"approval": parse_json(own, Envelope, "approval").model_dump(mode="json") if own is not None else None}

    def ended(self, job: str, party: str, notice: EndNotice) -> None:
        """A party's word that the job has ended there, and why. It ends here too."""
        self._ends.heard(job, party, notice)

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

    def run_awaiting(self, job: str, party: str) -> JobRun:
        """The run that awaits a stream of this party, which from now on has one.

        Raises:
            PeerError: the job isn't under way here. Refused: it doesn't await a stream from this party.
        """
        self._book.job(job)
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

    @property
    def idle(self) -> bool:
        """Whether no job is under way."""
        return not self._runs

    def decided(self, job: str) -> None:
        """The operator has said yes or no."""
        self._moved(self._book.job(job))

    def tick(self) -> None:
        """Once a second: lets jobs expire, gives approvals to peers that lack them, ends what nothing runs."""
        self._ticks += 1
        for row in self._book.jobs(WAITING | UNDER_WAY):
            try:
                self._looked_after(row)
            except MpcgovError as error:
                self._log.error("a job can't be looked after", job=row.id, error=error.message)

    def _looked_after(self, row: JobRow) -> None:
        if row.state in WAITING and self._clock.now() >= row.approve_before:
            self._moved(self._book.move(row.id, Event.EXPIRE, "not everybody approved in time", code="expired"))
        elif row.state in UNDER_WAY and row.id not in self._runs:
            self._ends.settle(row)
        elif row.state in GIVEN:
            self._push_approvals(row)

    async def stop(self) -> None:
        """Ends what is under way, tells the peers, and lets nothing run on."""
        for run in self._runs.values():
            run.abort(PeerError(f"{self._home.party}: its node was stopped", code="stopped"))
        running = [task for task in self._background if task.get_name().startswith("job ")]
        if running:
            await asyncio.wait(running, timeout=3 * TELL_S)
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    def _moved(self, row: JobRow) -> None:
        """Does what a job's new state asks for."""
        if row.state in GIVEN:
            # Under way already, if the last of the others' approvals came just before this was taken up.
            self._push_approvals(row)
            self._start_if_agreed(row.id)
        elif standing.end(row) is not None and row.state is not State.EXPIRED:
            self._ends.tell(row)

    def _push_approvals(self, row: JobRow) -> None:
        held = self._book.approvals(row.id)
        for party in row.parties:
            key = (row.id, party)
            settled = key in self._delivered and (party in held or self._ticks % GOSSIP_EVERY)
            if party != self._home.party and key not in self._pushing and not settled:
                self._pushing.add(key)
                self._spawn(self._push(row.id, party, held[self._home.party]), f"push {row.id}")

    async def _push(self, job: str, party: str, own: bytes) -> None:
        try:
            answer = await peers.send_approval(self._client, job, party, own)
            self._delivered.add((job, party))
            if answer.get("ended") is not None:
                self.ended(job, party, validate(answer["ended"], EndNotice, f"{party}: end"))
            elif answer.get("approval") is not None:
                theirs = validate(answer["approval"], Envelope, f"{party}: approval")
                self.approval(job, self._book.roster.member(party), theirs.to_bytes())
        except MpcgovError as error:
            self._log.debug("approval not delivered", job=job, peer=party, error=error.message)
        finally:
            self._pushing.discard((job, party))

    def _start_if_agreed(self, job: str) -> None:
        """Starts a job if this node holds every party's valid approval, and its own policy still stands."""
        row, held = self._book.job(job), self._book.approvals(job)
        if row.state is not State.APPROVED or set(held) != set(row.parties) or job in self._runs:
            return
        proposal, now = self._book.proposal(job), self._clock.now()
        try:
            members = {party: self._book.roster.member(party) for party in row.parties}
            approvals = {party: read_approval(held[party], members[party], proposal, now) for party in row.parties}
            self._book.releases.reserve(proposal, agreed(self._home.party, approvals, proposal))
        except (SpecError, PeerError, Refused) as error:
            if error.code == "store":
                raise
            code = error.code if isinstance(error, Refused) else "agreement"
            self._moved(self._book.move(job, Event.ABORT, error.message, code=code))
            return
        self._runs[job] = JobRun(self._home, self._book, self._client, self._computes, proposal)
        self._spawn(self._run(self._runs[job]), f"job {job}")

    async def _run(self, run: JobRun) -> None:
        self._log.info("job started", job=run.job)
        end: Ending | None = None
        try:
            end = await run.run()
            if end is not None:
                await self._ends.failed(run, end)
            else:
                self._log.info("job released", job=run.job)
        finally:
            await run.streams.close(PeerError(end.reason, code=end.code) if end is not None else None)
            del self._runs[run.job]

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task
