"""What a job must pass at the ledger on its way: once all have approved, once its rows are read, before it deals.

Everything is looked at again at each step, in the transaction that records it: other jobs may have gone ahead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import sqlalchemy as sql

from mpcgov import registry
from mpcgov.clock import Clock
from mpcgov.errors import Refused
from mpcgov.lifecycle import Event
from mpcgov.node import consent, filters, ledger, matchers, names
from mpcgov.node.audit import AuditLog, Entry
from mpcgov.node.home import NodeHome
from mpcgov.node.statements import Agreed
from mpcgov.node.store import JobRow
from mpcgov.node.verdict import evaluate, register
from mpcgov.spec.statement import Proposal, job_id

PROPOSED, YES = "proposed", (Event.APPROVE.value, "yes")
"""What stands in the audit log of a job that came in, and of each yes of this agency's people."""


class Move(Protocol):
    """How the book changes a job's state."""

    def __call__(self, entry: Entry, job: str, event: Event, reason: str = "", **facts: str) -> JobRow:
        """One event of a job, in a transaction that is open."""


class Releases:
    """The steps of one node's jobs at its ledger."""

    def __init__(self, home: NodeHome, audit: AuditLog, clock: Clock, move: Move) -> None:
        self._home = home
        self._audit = audit
        self._clock = clock
        self._move = move

    def reserve(self, proposal: Proposal, agreed: Agreed) -> None:
        """All parties have approved: takes from the budget what the job will cost, and the rows that it is about.

        Raises:
            Refused: the policy, or what was released or spent meanwhile, no longer allows it; nothing has changed.
        """
        job = job_id(proposal.job_digest)
        with self._audit.entry() as entry:
            now = self._clock.now()  # in here, where writers queue: times go as the changes do
            view = replace(ledger.view(entry.tx, proposal, self._home.party, now), answer=agreed.answers)
            verdict = evaluate(self._home, proposal, now, proposal.job_digest, view)
            if verdict.reasons:
                raise Refused("; ".join(verdict.reasons), code="policy")
            if view.asks and not agreed.by_a_person:
                text = f"{self._home.party}: {view.refused} jobs over its data have ended within a day because of them"
                raise Refused(text, hint="propose the job again: a person must decide there", code="policy")
            self._require_people(entry, job, bool(verdict.asks), agreed)
            beside = (*verdict.beside, *verdict.counted)
            later = self._since_a_yes(entry.tx, job) if agreed.by_a_person and beside else set(beside)
            if unseen := [one for one in beside if one in later]:
                text = f"{self._home.party}: job {unseen[0]} has released a related table since the approval"
                raise Refused(text, hint="propose the job again", code="policy")
            if verdict.asks and not agreed.by_a_person:
                text = f"{self._home.party}: what its policy says now needs a person's yes"
                raise Refused(text, hint="propose the job again", code="policy")
            manifest = registry.manifest_of(proposal.job.protocol_name)
            dataset = proposal.job.parties[self._home.party].dataset
            made = None if dataset is None else register(self._home, dataset).made
            ledger.reserve(entry.tx, proposal, self._home.party, manifest, agreed.answers, now, made)
            answers = {"answers": agreed.answers} if agreed.answers else {}
            self._move(entry, job, Event.ALL_APPROVED, **answers)

    def _since_a_yes(self, tx: sql.Connection, job: str) -> set[str]:
        """The jobs that went ahead after the first yes to this one, so that not everybody could weigh their tables who
        said yes. By the order of the log, whatever the clock said: it may have been set meanwhile."""
        later, unweighed = set[str](), None
        for record in self._audit.backwards(tx, job, Event.ALL_APPROVED.value):
            if record.event == Event.ALL_APPROVED.value:
                later.add(record.job)
            elif record.job == job and record.event in YES:
                unweighed = set(later)
            elif record.job == job and record.event == PROPOSED:
                break
        return later if unweighed is None else unweighed

    def _require_people(self, entry: Entry, job: str, asks: bool, agreed: Agreed) -> None:
        """Nothing, if as many people have said yes, here and at the partners, as the policy now wants."""
        policy, _ = self._home.policy()
        lacking = consent.own_lacking(entry.tx, job, policy) if asks and agreed.by_a_person else ""
        if text := lacking or consent.partners_lacking(
            policy, {p: n for p, n in agreed.signed.items() if p != self._home.party}
        ):
            raise Refused(f"{self._home.party}: {text}", hint="propose the job again", code="policy")

    def admit(self, proposal: Proposal, fingerprints: Mapping[str, str], place: str | None) -> None:
        """The rows are read, and nobody has heard of them yet: whether they are those of earlier releases.

        Args:
            place: where they are; None if nobody says.

        Raises:
            Refused: they have changed, or those of other persons may be the same ones' by now; or earlier jobs have
                used their source by another name, under which they count. That tells others just that, and is charged
                (`refusals`).
        """
        job, dataset = job_id(proposal.job_digest), str(proposal.job.parties[self._home.party].dataset)
        with self._audit.entry() as entry:
            if place is not None and (first := names.taken(entry.tx, dataset, place)) is not None:
                text = f"{self._home.party}: jobs have used the source of {dataset} as {first}, where they count"
                raise Refused(text, hint=f"datasets.yaml there must call it {first} again", code="snapshot")
            snapshot = ledger.keyed(self._home.identity, dataset, fingerprints)
            persons = register(self._home, dataset).persons
            earlier = ledger.admit(entry.tx, self._home.party, job, snapshot, persons)
            entry.record("read", job, **({"differs_from": earlier} if earlier else {}))
        if earlier is not None:
            raise Refused(
                f"{self._home.party}: the rows of {dataset} have changed since job {earlier} released them",
                hint="allowed are rows that no release is about yet, if a person there says yes now; or noise",
                code="snapshot",
            )

    def secret(self, proposal: Proposal, whole: str | None) -> str | None:
        """What the coins of our list are made from, of a job that has some, or the keys of our records' filters.

        None of any other. `whole`: the data set's fingerprint.
        """
        manifest = registry.manifest_of(proposal.job.protocol_name)
        if manifest.compares:
            return filters.secret(self._home.identity, proposal)
        if whole is None:
            return None
        return matchers.secret(self._home.identity, proposal, manifest, self._home.party, whole)

    def commit(self, job: str) -> None:
        """Every party is ready: the job's line counts from now on, whatever becomes of it.

        Raises:
            Refused: it has no line that was reserved.
        """
        with self._audit.entry() as entry:
            ledger.commit(entry.tx, job)
            self._move(entry, job, Event.COMMIT)
