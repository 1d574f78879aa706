"""The jobs of this node: every change of state, each by one event of the lifecycle, each with its audit record.

Daemon and operator's commands both work through here, on the same database. In memory nothing is believed but what the
database says nobody has changed since it was read there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import sqlalchemy as sql

from mpcgov import lifecycle
from mpcgov.clock import Clock
from mpcgov.errors import MpcgovError, PeerError
from mpcgov.lifecycle import TERMINAL, WAITING, Event, State
from mpcgov.node import ledger, matchers, questions, refusals
from mpcgov.node import store as table
from mpcgov.node.audit import AuditLog, Entry
from mpcgov.node.decisions import Decisions
from mpcgov.node.desk import accounts
from mpcgov.node.facts import Deny, Permit
from mpcgov.node.heads import Heads
from mpcgov.node.home import NodeHome
from mpcgov.node.releases import Releases
from mpcgov.node.room import Room
from mpcgov.node.statements import ENVELOPE_LIMIT_BYTES, make_approval, make_receipt, read_proposal
from mpcgov.node.store import JobRow, Store
from mpcgov.node.tables import APPROVALS, JOBS, RECEIPTS
from mpcgov.node.verdict import Verdict, evaluate
from mpcgov.spec.assertion import Assertion
from mpcgov.spec.envelope import Envelope
from mpcgov.spec.load import parse_json
from mpcgov.spec.order import Outcome
from mpcgov.spec.roster import Roster
from mpcgov.spec.statement import PROPOSAL_LIMIT_BYTES, SHARE_LIMIT_BYTES, Complaint, Proposal, job_id

UNDER_WAY = frozenset({State.READY, State.RUNNING})
REASON_LIMIT = 4000


class Book:
    """The record of all jobs, and the only way to change one."""

    def __init__(self, home: NodeHome, store: Store, audit: AuditLog, clock: Clock) -> None:
        self._home = home
        self._store = store
        self._audit = audit
        self._clock = clock
        self.decisions = Decisions(home, store, audit, clock, self)
        self.releases = Releases(home, audit, clock, self.moved)
        self.heads = Heads(home, store, audit)
        self._room = Room(home.party)

    @property
    def me(self) -> str:
        """This agency's name."""
        return self._home.party

    @property
    def roster(self) -> Roster:
        """Who is who."""
        return self._home.joined()[0]

    def view(self) -> AbstractContextManager[sql.Connection]:
        """A consistent view of the database, for what this agency's people are shown."""
        return self._store.read()

    def job(self, job: str) -> JobRow:
        """A job as it stands.

        Raises:
            LocalError: this node doesn't know it.
        """
        return self._store.look_up(table.require, job)

    def find(self, job: str) -> JobRow | None:
        """A job as it stands; None if this node doesn't know it."""
        return self._store.look_up(table.find, job)

    def jobs(self, states: frozenset[State]) -> Sequence[JobRow]:
        """The jobs in any of these states, oldest first."""
        return self._store.look_up(table.in_states, states)

    def proposal(self, job: str) -> Proposal:
        """The proposal of a job, its signature verified, once for the same bytes and key.

        Raises:
            PeerError: what the database holds is not what the coordinator signed.
        """
        row, body = self.job(job), self._store.look_up(table.short_proposal, job)
        if body is None:
            with self._store.read() as tx:
                body = table.proposal(tx, job)
        try:
            _, proposal = read_proposal(body, self.roster)
        except MpcgovError:
            proposal = None
        if proposal is None or proposal.job_digest != row.digest or job_id(row.digest) != job:
            raise PeerError(f"job {job}: its proposal is no longer as the coordinator signed it", code="store")
        return proposal

    def is_long(self, job: str) -> bool:
        """Whether to read a job's proposal may take long."""
        return self._store.look_up(table.short_proposal, job) is None

    def of_another_roster(self, job: str) -> bool:
        """Whether a job was proposed under a roster that isn't the present one."""
        with self._store.read() as tx:
            envelope = parse_json(table.proposal(tx, job), Envelope, "proposal", ENVELOPE_LIMIT_BYTES)
        proposal = parse_json(envelope.body, Proposal, "proposal", PROPOSAL_LIMIT_BYTES)
        return proposal.roster_digest != self._home.joined()[1]

    def proposed(self, job: str) -> Envelope:
        """The proposal of a job, as the coordinator signed it."""
        with self._store.read() as tx:
            return parse_json(table.proposal(tx, job), Envelope, "proposal", ENVELOPE_LIMIT_BYTES)

    def approvals(self, job: str) -> Mapping[str, bytes]:
        """The approvals that this node holds, its own included, as envelopes by party."""
        return self._store.look_up(table.statements, APPROVALS, job)

    def receipts(self, job: str) -> Mapping[str, bytes]:
        """The receipts that this node holds, its own included, as envelopes by party."""
        return self._store.look_up(table.statements, RECEIPTS, job)

    def layouts(self, job: str) -> Mapping[str, str]:
        """The layouts that the receipts name, by party."""
        return self._store.look_up(table.layouts, job)

    def decisions_after(self, number: int) -> Sequence[tuple[int, str]]:
        """The operator's decisions since one of them: number and job."""
        return self._store.look_up(table.decisions_after, number)

    def outcome(self, job: str) -> Outcome:
        """This party's part of a released result.

        Raises:
            PeerError: the job isn't released.
        """
        with self._store.read() as tx:
            row, body = table.require(tx, job), table.outcome(tx, job)
        if row.state is not State.RELEASED or body is None:
            raise PeerError(f"job {job}: {row.state.value}", hint="ask again later", code="too-early")
        return parse_json(body, Outcome, "outcome", SHARE_LIMIT_BYTES)

    def answers(self, job: str) -> str | None:
        """The earlier job whose result this one gives again; None if it has its own."""
        return self._store.look_up(ledger.answers, job)

    def verdict(self, proposal: Proposal, known_digest: str | None) -> Verdict:
        """The decision about a proposal, from this home's files and ledger as they are now."""
        with self._store.read() as tx:
            view = ledger.view(tx, proposal, self.me, self._clock.now())
        return evaluate(self._home, proposal, self._clock.now(), known_digest, view)

    def seen_by_matchers(self, dataset: str) -> dict[str, str]:
        """For each matcher, what the size noise of all jobs over a data set of ours adds up to."""
        with self._store.read() as tx:
            return matchers.said(matchers.seen(tx, dataset))

    def propose(self, envelope: Envelope, proposal: Proposal, verdict: Verdict) -> JobRow:
        """Takes a new proposal on record, together with the policy's decision about it.

        Raises:
            Refused: too many jobs wait already, or too much was proposed within a day.
        """
        now, job, body = self._clock.now(), job_id(proposal.job_digest), envelope.to_bytes()
        self._room.take(len(self.jobs(WAITING)), len(body), now)
        with self._audit.entry() as entry:
            entry.tx.execute(
                sql.insert(JOBS),
                {
                    "id": job,
                    "digest": proposal.job_digest,
                    "proposal": body,
                    "parties": list(proposal.parties),
                    "receivers": list(proposal.job.receivers),
                    "approve_before": proposal.approve_before,
                    "state": State.PROPOSED.value,
                    "received_at": now,
                    "changed_at": now,
                },
            )
            entry.record("proposed", job, digest=proposal.job_digest, protocol=proposal.protocol)
            if verdict.overlaps:
                questions.ask(entry.tx, job, str(proposal.job.parties[self.me].dataset), now)
            if isinstance(verdict.decision, Deny):
                self.moved(entry, job, Event.DENY, "; ".join(verdict.reasons), code="policy")
            elif verdict.decision.approve == "manual":
                self.moved(entry, job, Event.ASK)
            else:
                self.approved(entry, proposal, verdict)
        return self.job(job)

    def move(self, job: str, event: Event, reason: str = "", *, detail: str = "", code: str = "") -> JobRow:
        """What happened to a job, with what may be said about it and what only this agency may know.

        Raises:
            PeerError: the event can't happen in the state that the job is in.
        """
        with self._audit.entry() as entry:
            return self.moved(entry, job, event, reason, detail=detail, code=code)

    def approve(self, job: str, person: str | None = None, signed: Assertion | None = None) -> JobRow:
        """A person's yes; see `Decisions.approve`."""
        return self.decisions.approve(job, person, signed)

    def reject(self, job: str, reason: str, person: str | None = None, signed: Assertion | None = None) -> JobRow:
        """A person's no; see `Decisions.reject`."""
        return self.decisions.reject(job, reason, person, signed)

    def keep_approval(self, job: str, party: str, envelope: bytes) -> None:
        """Another party's approval, verified by the caller; the first one stands."""
        if party in self.approvals(job):
            return
        with self._audit.entry() as entry:
            entry.tx.execute(sql.insert(APPROVALS), {"job": job, "party": party, "envelope": envelope})
            entry.record("approval received", job, party=party)

    def keep_receipt(self, job: str, party: str, layout_digest: str, envelope: bytes) -> None:
        """Another party's receipt, verified by the caller; the first one stands."""
        if party in self.layouts(job):
            return
        values = {"job": job, "party": party, "layout_digest": layout_digest, "envelope": envelope}
        with self._audit.entry() as entry:
            entry.tx.execute(sql.insert(RECEIPTS), values)
            entry.record("receipt received", job, party=party, layout=layout_digest)

    def doubt(self, job: str, complaint: Complaint, own: str) -> None:
        """A receiver's complaint about a released result, verified by the caller; the first one of each stands.

        Args:
            own: the digest of this node's share as it is given to that receiver.
        """
        reason = f"{complaint.receiver} says: the shares of the result don't agree"
        before = self.job(job).reason
        if reason in before.split("; "):
            return
        changes = {"reason": f"{before}; {reason}" if before else reason, "code": "shares"}
        with self._audit.entry() as entry:
            table.move(entry.tx, job, State.RELEASED, changes)
            ledger.doubt(entry.tx, ledger.answers(entry.tx, job) or job)
            as_given = complaint.shares.get(self.me) == own
            entry.record("complaint", job, receiver=complaint.receiver, own_as_given=as_given, shares=complaint.shares)

    def finish(self, proposal: Proposal, outcome: Outcome) -> None:
        """Keeps this party's part of the result and signs the receipt for it; nothing is released yet."""
        job, layout = job_id(proposal.job_digest), outcome.layout.digest
        new = self.answers(job) is None
        receipt = make_receipt(self._home, proposal, layout, outcome.transcripts if new else {}).to_bytes()
        body = outcome.model_dump_json().encode() if new else None
        with self._audit.entry() as entry:
            table.move(entry.tx, job, State.RUNNING, {"outcome": body})
            values = {"job": job, "party": self._home.party, "layout_digest": layout, "envelope": receipt}
            entry.tx.execute(sql.insert(RECEIPTS), values)
            matchers.tossed(entry.tx, job, outcome.coins)
            entry.record("computed", job, layout=layout)

    def note(self, event: str, job: str = "", **facts: Any) -> None:
        """Records something that changes no job."""
        with self._audit.entry() as entry:
            entry.record(event, job, **facts)

    def approved(self, entry: Entry, proposal: Proposal, verdict: Verdict, people: tuple[str, ...] = ()) -> JobRow:
        """Signs this agency's approval, in a transaction that is open; `people`: who said yes."""
        standing = isinstance(verdict.decision, Permit) and verdict.decision.approve == "standing"
        now, job, answers = self._clock.now(), job_id(proposal.job_digest), ledger.answer(entry.tx, proposal)
        signed = accounts.of_people(accounts.kept(entry.tx, job), people)
        approval = make_approval(self._home, proposal, standing, verdict.policy_digest, now, answers, signed)
        values = {"job": job, "party": self._home.party, "envelope": approval.to_bytes()}
        entry.tx.execute(sql.insert(APPROVALS), values)
        said = {"people": ", ".join(people)} if people else {}
        return self.moved(entry, job, Event.APPROVE, policy=verdict.policy_digest, **said)

    def moved(
        self, entry: Entry, job: str, event: Event, reason: str = "", *, detail: str = "", code: str = "", **facts: str
    ) -> JobRow:
        """What happened to a job, with what else is put on record, in a transaction that is open."""
        row = table.require(entry.tx, job)
        state = lifecycle.after(row.state, event)
        changes: dict[str, Any] = {"state": state.value, "changed_at": self._clock.now()}
        reason = reason[:REASON_LIMIT]
        changes |= {"reason": reason, "detail": detail[:REASON_LIMIT], "code": code}
        if event in (Event.ABORT, Event.FAIL):
            # A share of a result that will never be released helps nobody but a thief.
            changes["outcome"] = None
        table.move(entry.tx, job, row.state, changes)
        if state in TERMINAL:
            refusals.charge(entry.tx, job, event, code, changes["changed_at"])
            ledger.settle(entry.tx, job)
        said = {"reason": reason, "code": code} if reason else {}
        entry.record(event.value, job, before=row.state.value, after=state.value, **said, **facts)
        return replace(row, state=state, **{name: changes[name] for name in ("changed_at", "reason", "detail", "code")})
