"""One node's job through its real book, ledger and run, without the network: its peers are silent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mpcgov.clock import RealClock
from mpcgov.lifecycle import Event
from mpcgov.node.audit import AuditLog
from mpcgov.node.book import UNDER_WAY, Book
from mpcgov.node.home import NodeHome
from mpcgov.node.run import JobRun
from mpcgov.node.statements import agreed, make_approval, read_approval, read_proposal
from mpcgov.node.store import Store
from mpcgov.spec.order import Order, Outcome
from mpcgov.spec.statement import Proposal
from tests.node.network import PARTIES, Network, ScriptedWorker


class Dealing(ScriptedWorker):
    """A worker that tells as soon as it may deal, and then has its part of a result."""

    def __init__(self, deal: Callable[[], Any]) -> None:
        super().__init__()
        self.deal = deal

    async def run(
        self,
        order: Order,
        peers: Awaitable[Mapping[str, Any]],
        commit: Callable[[], Awaitable[None]],
        on_phase: Callable[[str], None],
        admit: Callable[[Mapping[str, str]], Awaitable[None]],
    ) -> Outcome:
        await admit(self.rows)
        await commit()
        self.deal()
        return self._outcome(order)


def started(home: NodeHome) -> tuple[Book, Store]:
    """A node's book, once it has looked through its log and ended what was under way."""
    store, clock = Store(home.state_path), RealClock()
    audit = AuditLog(store, home.identity, home.state_path, clock)
    audit.verify()
    book = Book(home, store, audit, clock)
    for row in book.jobs(UNDER_WAY):
        book.move(row.id, Event.FAIL, "its node stopped in mid-job", code="stopped")
    return book, store


def approvals(network: Network, me: str, proposal: Proposal, answers: str | None = None) -> list[bytes]:
    """What the other parties say to a proposal: yes, and, if so, that an earlier result answers it."""
    now, digest = network.clock.now(), "sha256:" + "0" * 64
    others = [network.loaded(party) for party in PARTIES if party != me]
    return [make_approval(other, proposal, True, digest, now, answers).to_bytes() for other in others]


def take_through(home: NodeHome, book: Book, proposed: bytes, theirs: list[bytes], worker: ScriptedWorker) -> str:
    """A job from its proposal to its release; its id."""
    envelope, proposal = read_proposal(proposed, book.roster)
    job = book.propose(envelope, proposal, book.verdict(proposal, None)).id
    book.approve(job)
    others = [party for party in proposal.parties if party != home.party]
    for party, approval in zip(others, theirs, strict=True):
        book.keep_approval(job, party, approval)
    now, held = RealClock().now(), book.approvals(job)
    read = {party: read_approval(held[party], book.roster.member(party), proposal, now) for party in proposal.parties}
    book.releases.reserve(proposal, agreed(home.party, read, proposal))

    async def steps() -> None:
        run = JobRun(home, book, None, worker, proposal)
        run.streams.connect = book.heads.exchange = book.heads.announce = run._receipts = silence
        await run._steps()

    asyncio.run(steps())
    return job


async def silence(*_: Any) -> dict[str, Any]:
    """What peers say."""
    return {}
