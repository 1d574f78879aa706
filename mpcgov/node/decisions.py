"""What an agency's people say to a job, yes or no; and what they are shown before that nobody else may see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from mpcgov import lifecycle, registry
from mpcgov.clock import Clock
from mpcgov.errors import MpcgovError, PeerError, Refused
from mpcgov.lifecycle import WAITING, Event, State
from mpcgov.node import consent, differencing, ledger, overlaps, people, questions
from mpcgov.node import store as table
from mpcgov.node.audit import AuditLog, Entry
from mpcgov.node.desk import accounts
from mpcgov.node.differencing import Release
from mpcgov.node.explain import Weighed
from mpcgov.node.facts import Permit
from mpcgov.node.home import NodeHome
from mpcgov.node.store import JobRow, Store
from mpcgov.node.tables import DECISIONS
from mpcgov.node.verdict import Verdict, register_to_show
from mpcgov.spec.assertion import Assertion
from mpcgov.spec.difference import Answer
from mpcgov.spec.statement import Proposal, job_id

if TYPE_CHECKING:
    from mpcgov.node.book import Book

DONE = {
    Event.APPROVE: (State.READY, State.RUNNING, State.APPROVED, State.RELEASED),
    Event.REJECT: (State.REJECTED,),
}
"""The states in which a yes, or a no, changes nothing."""


class Decisions:
    """The questions that one node's jobs put to people."""

    def __init__(self, home: NodeHome, store: Store, audit: AuditLog, clock: Clock, book: Book) -> None:
        self._home = home
        self._store = store
        self._audit = audit
        self._clock = clock
        self._book = book

    def approve(self, job: str, person: str | None = None, signed: Assertion | None = None) -> JobRow:
        """A person's yes, if the policy still allows the job; a second one of the same person changes nothing.

        Args:
            person: who says it; None for whoever runs this process.
            signed: what that person's passkey has signed, verified by the caller.

        Raises:
            LocalError: unknown job. PeerError: too late. Refused: the policy forbids it by now, and the job is
                rejected; or its rows differ from an earlier table's in too few persons, or only passkeys count, and it
                goes on waiting.
        """
        row = self._open(job, Event.APPROVE)
        if row.state not in consent.OPEN:
            return row
        proposal = self._book.proposal(job)
        verdict = self._book.verdict(proposal, row.digest)
        if isinstance(verdict.decision, Permit) and signed is None:
            self._require_no_passkey(job)
        self._require_distance(proposal, verdict)
        with self._audit.entry() as entry:
            if isinstance(verdict.decision, Permit):
                row = self._yes(entry, proposal, verdict, person or people.current(), signed)
            else:
                self._book.moved(entry, job, Event.REJECT, "; ".join(verdict.reasons), code="policy")
                self._decided(entry, job)
        if verdict.reasons:
            hint = "the job is rejected, all parties are told"
            raise Refused(f"job {job}: {'; '.join(verdict.reasons)}", hint=hint, code="policy")
        return row

    def reject(self, job: str, reason: str, person: str | None = None, signed: Assertion | None = None) -> JobRow:
        """A person's no; a second no changes nothing.

        A no to rows that overlap an earlier table's may depend on how many they are. So it is only put on record, and
        goes out when the time to approve is over, as if nobody had answered. One that takes back a yes takes effect at
        once: the others have that yes.

        Args:
            reason: for the coordinator and the other parties.
            person: who says it; None for whoever runs this process.
            signed: what that person's passkey has signed, verified by the caller.

        Raises:
            LocalError: unknown job. PeerError: too late. Refused: a reason that could tell about rows.
        """
        row, person = self._open(job, Event.REJECT), person or people.current()
        if row.state is State.REJECTED:
            return row
        overlaps = row.state in WAITING and self._overlaps(job)
        if overlaps and reason:
            hint = "leave the reason out"
            raise Refused(f"job {job}: its rows overlap earlier ones, and a reason could tell how", hint=hint)
        if overlaps and row.state is not State.APPROVED:
            with self._audit.entry() as entry:
                self._ask(entry, self._book.proposal(job))
                questions.said(entry.tx, job, "no")
                entry.record("no", job, person=person, **_assertion(signed))
            return self._book.job(job)
        with self._audit.entry() as entry:
            if signed is not None:
                entry.record("no", job, person=person, **_assertion(signed))
            row = self._book.moved(entry, job, Event.REJECT, reason, code="rejected", person=person)
            self._decided(entry, job)
        return row

    def weighed(self, proposal: Proposal) -> Weighed:
        """What this agency's people should know of a job that waits, and nobody else."""
        verdict, me = self._book.verdict(proposal, proposal.job_digest), self._book.me
        register = register_to_show(self._home, str(proposal.job.parties[me].dataset))
        with self._store.read() as tx:
            said = tuple(ledger.notes(tx, proposal, me, register, self._clock.now()))
        return Weighed(verdict.asks, said + tuple(self._overlapping(proposal, verdict) if verdict.overlaps else ()))

    def consent(self, job: str) -> str:
        """Who has said yes so far, where more people must: `1 of 2: anna`; and that a no was said. Else empty."""
        with self._store.read() as tx:
            if questions.answer(tx, job) == "no":
                return "a no was said; it goes out when the time to approve is over, as if nobody had answered"
            try:
                policy, _ = self._home.policy()
            except Refused:
                return ""
            needed, names = policy.approvals, consent.counted(tx, job, policy)
        return (
            f"{len(names)} of {needed} people have said yes" + f": {', '.join(names)}" * bool(names)
            if needed > 1
            else ""
        )

    def _yes(self, entry: Entry, proposal: Proposal, verdict: Verdict, person: str, signed: Assertion | None) -> JobRow:
        job, policy = job_id(proposal.job_digest), self._home.policy()[0]
        if signed is not None or person not in consent.counted(entry.tx, job, policy):
            questions.yes(entry.tx, job, person, self._clock.now())
            accounts.keep(entry.tx, job, person, signed)
        names = consent.counted(entry.tx, job, policy)
        if signed is not None or len(names) < policy.approvals:
            said = {"people": len(names), "needed": policy.approvals}
            entry.record("yes", job, person=person, **said, **_assertion(signed))
        if len(names) < policy.approvals:
            return table.require(entry.tx, job)
        if verdict.overlaps:
            self._ask(entry, proposal)
            questions.said(entry.tx, job, "yes", verdict.overlaps)
        questions.keep_only(entry.tx, job, names)
        row = self._book.approved(entry, proposal, verdict, names)
        self._decided(entry, job)
        return row

    def _require_no_passkey(self, job: str) -> None:
        """Nothing, if a yes that no passkey has signed counts.

        Raises:
            Refused: it doesn't; nothing has changed.
        """
        with self._store.read() as tx:
            needed = consent.needs_passkeys(tx, self._home.policy()[0])
        if needed:
            raise Refused(
                f"job {job}: here only a yes with a passkey counts",
                hint="say it in the console; or let the policy say passkeys: optional",
                code="passkey",
            )

    def _ask(self, entry: Entry, proposal: Proposal) -> None:
        """Puts it down as a question, if an earlier job has come out since it was proposed."""
        job, dataset = job_id(proposal.job_digest), str(proposal.job.parties[self._book.me].dataset)
        if questions.answer(entry.tx, job) is None:
            questions.ask(entry.tx, job, dataset, self._clock.now())

    def _require_distance(self, proposal: Proposal, verdict: Verdict) -> None:
        """Nothing, if the job's rows differ in enough persons from those of every earlier table that they overlap.

        Raises:
            Refused: they don't, or a no was said; for this agency's people. Nothing goes out, and nothing changes.
        """
        job = job_id(proposal.job_digest)
        with self._store.read() as tx:
            if questions.answer(tx, job) == "no":
                raise Refused(f"job {job}: a no was said to it", hint="a new job is needed", code="overlap")
        if not verdict.overlaps:
            return
        _, answer = self._counted(proposal, verdict)
        least = self._min_count(proposal)
        if answer.least < least:
            raise Refused(
                f"job {job}: its rows differ from those of an earlier table in fewer than {least} persons, "
                "or have changed since",
                hint="no yes is possible; 'mpcgov node jobs' shows where. For your people only: say no without a "
                "reason, or let the time pass",
                code="overlap",
            )

    def _overlapping(self, proposal: Proposal, verdict: Verdict) -> Iterator[str]:
        try:
            jobs, answer = self._counted(proposal, verdict)
        except MpcgovError as error:
            yield f"its rows may differ in few from those of {', '.join(verdict.overlaps)}, and can't be compared: "
            yield error.line()
            return
        yield from overlaps.sentences(jobs, answer, self._min_count(proposal))

    def _counted(self, proposal: Proposal, verdict: Verdict) -> tuple[list[tuple[str, Release]], Answer]:
        with self._store.read() as tx:
            view = ledger.view(tx, proposal, self._book.me, self._clock.now())
        near = [line for line in view.earlier if line.job in verdict.counted]
        jobs = [(line.job, line.release) for line in near if line.release and line.job in verdict.overlaps]
        others = [line.release for line in near if line.release and line.job not in verdict.overlaps]
        new = differencing.release(proposal, registry.find(proposal.job.protocol_name).manifest)
        least, then = self._min_count(proposal), [line.snapshot for line in near]
        return jobs, overlaps.count(self._home, least, new, [old for _, old in jobs], others, then)

    def _min_count(self, proposal: Proposal) -> int:
        allowed = self._home.policy()[0].datasets[str(proposal.job.parties[self._book.me].dataset)]
        return max(allowed.min_count, proposal.job.disclosure.min_count)

    def _overlaps(self, job: str) -> bool:
        with self._store.read() as tx:
            if questions.answer(tx, job) is not None:
                return True
        proposal = self._book.proposal(job)
        return bool(self._book.verdict(proposal, proposal.job_digest).overlaps)

    def _open(self, job: str, event: Event) -> JobRow:
        row = self._book.job(job)
        if row.state in WAITING and self._clock.now() >= row.approve_before:
            self._book.move(job, Event.EXPIRE, "not everybody approved in time", code="expired")
            raise PeerError(f"job {job}: the time to decide is over", hint="a new job is needed", code="expired")
        if row.state not in DONE[event]:
            lifecycle.after(row.state, event)
        return row

    def _decided(self, entry: Entry, job: str) -> None:
        entry.tx.execute(sql.insert(DECISIONS).values(job=job, decided_at=self._clock.now()))


def _assertion(signed: Assertion | None) -> dict[str, Any]:
    return {} if signed is None else {"assertion": accounts.facts(signed)}
