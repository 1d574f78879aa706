"""One job at this node from READY to its end: connect, compute, exchange receipts. The first cause of failure wins."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from mpcgov import registry
from mpcgov.errors import ALIKE, InternalError, LocalError, MpcgovError, PeerError, Refused
from mpcgov.lifecycle import DATA_CONTRACT, Event, told
from mpcgov.node import witnesses
from mpcgov.node.book import Book
from mpcgov.node.causes import HEARSAY, Cause, Causes, Silence, Weight
from mpcgov.node.home import NodeHome
from mpcgov.node.peers import exchange_receipt
from mpcgov.node.statements import binding, read_receipt
from mpcgov.node.streams import JobStreams
from mpcgov.node.timings import RELEASED, Stopwatch, Timings
from mpcgov.spec.order import CLUSTER, OWN_READER, PLACE, WHOLE, Order, Outcome
from mpcgov.spec.statement import Proposal, job_id, transcript_conflict
from mpcgov.trust.client import Client

GRACE_S = 1.0
"""A lost stream, or what a party says of another, waits so long before it counts: somebody may know better."""

LATE_S = 5.0
"""How long after the deadline a worker has to say for whom it still waits."""


class Computes(Protocol):
    """What runs a job's children: `mpcgov.node.supervisor.Supervisor`."""

    async def run(
        self,
        order: Order,
        peers: Awaitable[Mapping[str, socket.socket]],
        commit: Callable[[], Awaitable[str | None]],
        on_phase: Callable[[str], None],
        admit: Callable[[Mapping[str, str]], Awaitable[None]] | None = None,
    ) -> Outcome:
        """This party's part of a job."""


class _AnsweredError(Exception):
    """An earlier result is given again: the children aren't needed any further. Not a failure."""


@dataclass(frozen=True)
class Ending:
    """How a job ended that wasn't released: what all may know, and what only this agency may."""

    event: Event
    reason: str
    detail: str
    code: str


class JobRun:
    """One job, once this node holds all approvals."""

    def __init__(
        self,
        home: NodeHome,
        book: Book,
        client: Client,
        computes: Computes,
        proposal: Proposal,
        timings: Timings | None = None,
    ) -> None:
        self._timings = timings or Timings()
        self.job = job_id(proposal.job_digest)
        self._watch = Stopwatch("connect")
        self.receipt_arrived = {party: asyncio.Event() for party in proposal.parties}
        self.streams = JobStreams(self.job, home.party, proposal.parties, self._lost)
        self._home = home
        self._book = book
        self._client = client
        self._computes = computes
        self._proposal = proposal
        self._secret: str | None = None
        self._announcing: list[asyncio.Task[None]] = []
        self._computing = False
        self._ends_at = asyncio.get_running_loop().time() + proposal.job.deadline_s
        self._causes = Causes()
        self._over = asyncio.Event()

    @property
    def phase(self) -> str:
        """What the job is doing."""
        return self._watch.phase

    def abort(self, error: MpcgovError, party: str = "") -> None:
        """Ends the job, at once if it is certain why; `party`: whose word it is, or whose stream broke."""
        if self._over.is_set() or any(one.party == party != "" for one in self._causes.heard if error.code == HEARSAY):
            return
        if self._causes.add(Cause(error, party)) is Weight.KNOWN:
            self._over.set()
        else:
            asyncio.get_running_loop().call_later(GRACE_S, self._over.set)

    @property
    def heard(self) -> list[Cause]:
        """What was heard of the job's end, from this node and others."""
        return self._causes.heard

    async def run(self) -> Ending | None:
        """Runs the job to its end; the streams stay open. None if it was released; how it failed otherwise."""
        steps = asyncio.create_task(self._steps())
        steps.add_done_callback(self._stepped)
        try:
            await self._until_over(self._proposal.job.deadline_s)
            if not self._over.is_set() and self._computing:
                await self._until_over(LATE_S)
            released = steps.done() and not steps.cancelled() and steps.exception() is None
            if released:
                return self._timed(None)
            self.streams.freeze()
            return self._timed(ending(await self._judged(), self._home.party, self.phase))
        finally:
            await self._stop(steps)

    def _timed(self, end: Ending | None) -> Ending | None:
        """How the job ended, once it is told how long it took."""
        seconds = self._watch.seconds()
        structlog.get_logger().info("job's phases", party=self._home.party, job=self.job, seconds=seconds)
        self._timings.tell(RELEASED if end is None else end.event.value, seconds)
        return end

    async def _judged(self) -> MpcgovError:
        """Why the job ended, once those were asked who may know better of a party that is silent."""
        error = self._causes.first or self._late()
        if not isinstance(error, Silence):
            return error
        judged = await witnesses.judged(self._client, error, self.job, self._proposal.parties)
        return judged if self._causes.first is error else self._causes.first or judged

    async def _until_over(self, timeout_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), timeout_s)

    def _stepped(self, steps: asyncio.Task[None]) -> None:
        error = None if steps.cancelled() else steps.exception()
        if error is None:
            self._over.set()
        else:
            self.abort(
                error if isinstance(error, MpcgovError) else InternalError(f"internal error: {type(error).__name__}")
            )

    def _late(self) -> PeerError:
        others = [party for party in self._proposal.parties if party not in self._book.receipts(self.job)]
        of_whom = f"; still waiting for {', '.join(others)}" if self.phase == "receipts" and others else ""
        text = f"the deadline of {self._proposal.job.deadline_s} s has passed ({self.phase}{of_whom})"
        return PeerError(text, code="deadline")

    async def _stop(self, steps: asyncio.Task[None]) -> None:
        for task in (steps, *self._announcing):
            task.cancel()
        await asyncio.gather(steps, *self._announcing, return_exceptions=True)

    async def _steps(self) -> None:
        connected = asyncio.create_task(self._connected())
        try:
            outcome = await self._computes.run(self._order(), connected, self._commit, self._watch.enter, self._admit)
            self._computing = False
            await self._finish(outcome)
        except _AnsweredError:
            # Every party has got the receipts for the result of an earlier job; nothing was computed.
            pass
        finally:
            connected.cancel()
            await asyncio.gather(connected, return_exceptions=True)
        self._book.move(self.job, Event.RELEASE)

    async def _connected(self) -> dict[str, socket.socket]:
        """The streams, once all stand and the nodes have shown each other the heads of their logs."""
        showing = asyncio.create_task(self._book.heads.exchange(self._client, self.job, self._proposal.parties))
        try:
            sockets = await self.streams.connect(self._client)
            await showing
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)
        self._computing = True
        return sockets

    async def _finish(self, outcome: Outcome) -> None:
        self._watch.enter("receipts")
        self._book.finish(self._proposal, outcome)
        await self._receipts(outcome.layout.digest)

    def _order(self) -> Order:
        has_data = self._proposal.job.parties[self._home.party].dataset is not None
        return Order(
            proposal=self._proposal,
            party=self._home.party,
            datasets=str(self._home.datasets_path.absolute()) if has_data else None,
            folder=str(registry.folder_of(self._proposal.job.protocol_name)),
            left_s=max(0.1, self._ends_at - asyncio.get_running_loop().time()),
            binding=binding(self._proposal.parties, self._book.approvals(self.job)),
        )

    async def _admit(self, fingerprints: Mapping[str, str]) -> None:
        read = {name: value for name, value in fingerprints.items() if name not in (WHOLE, PLACE)}
        self._secret = self._book.releases.secret(self._proposal, fingerprints.get(WHOLE))
        try:
            self._book.releases.admit(self._proposal, read, fingerprints.get(PLACE))
        except Refused as error:
            # Before the peers' engines hear of it, and their nodes tell us that we broke off.
            self.abort(error)
            raise

    async def _commit(self) -> str | None:
        """All parties are ready, with the rows that they had before: either the job goes on, or an earlier result does.

        The children stay as they are while receipts go round, so that nobody sees another one's stream end too soon.
        """
        self._book.releases.commit(self.job)
        announcing = self._book.heads.announce(self._client, self.job, self._proposal.parties)
        self._announcing.append(asyncio.create_task(announcing))
        earlier = self._book.answers(self.job)
        if earlier is not None:
            await self._finish(self._book.outcome(earlier))
            raise _AnsweredError
        return self._secret

    async def _receipts(self, layout_digest: str) -> None:
        """Returns once this node holds every party's receipt, and every party this node's."""
        others = [party for party in self._proposal.parties if party != self._home.party]
        exchanges = (
            exchange_receipt(self._client, self._book, self._proposal, party, self.receipt_arrived[party])
            for party in others
        )
        await asyncio.gather(*exchanges)
        for party, layout in self._book.layouts(self.job).items():
            if layout != layout_digest:
                raise PeerError(f"{party}: its result has another layout than this node's", code="layout")
        held = self._book.receipts(self.job)
        read = {party: read_receipt(held[party], self._book.roster.member(party), self._proposal) for party in held}
        if (conflict := transcript_conflict(read)) is not None:
            raise PeerError(conflict, code="transcript")

    def _lost(self, party: str, error: PeerError) -> None:
        self.abort(error, party)


def ending(error: MpcgovError, me: str, phase: str) -> Ending:
    """What an error means for the job: whose fault, and what the others may be told.

    What is wrong with this agency's data, or with reading them, is nobody else's business: others learn just that there
    was something.
    """
    if isinstance(error, LocalError) and error.code in ALIKE:
        return Ending(Event.FAIL, error.message, error.line(), error.code)
    if error.code == CLUSTER:
        return Ending(Event.FAIL, f"{me}: has no workers now", error.line(), error.code)
    if isinstance(error, LocalError) or error.code == OWN_READER:
        return Ending(Event.FAIL, f"{me}: data contract", error.line(), DATA_CONTRACT)
    # The engine's own messages end with the phase already.
    where = "" if error.message.endswith(")") else f" (phase {phase})"
    if isinstance(error, PeerError) and error.code not in ("store", "stopped"):
        said = error.message if told(error.code) == error.code else error.message + where
        return Ending(Event.ABORT, said, error.line(), error.code)
    named = error.message if error.message.startswith(f"{me}: ") else f"{me}: {error.message}"
    return Ending(Event.FAIL, named + where, error.line(), error.code)
