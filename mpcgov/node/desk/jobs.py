"""What people are shown of jobs: lists, a page of them at a time; and one job with all that weighs on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sql

from mpcgov.errors import MpcgovError, Refused
from mpcgov.jobs import check
from mpcgov.lifecycle import WAITING
from mpcgov.node import consent, ledger, operator
from mpcgov.node.book import Book
from mpcgov.node.desk.kept import Kept
from mpcgov.node.explain import Weighed, counted_sentences
from mpcgov.node.home import NodeHome
from mpcgov.node.lines import of_dataset
from mpcgov.node.store import JobRow
from mpcgov.node.tables import JOBS
from mpcgov.rules import privacy
from mpcgov.rules.protections import sentences
from mpcgov.spec.envelope import Envelope
from mpcgov.spec.job import Job
from mpcgov.spec.load import parse_json
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.statement import Approval, Proposal, job_id

PAGE = 50
LOOK_BACK = 300
"""So many earlier jobs are looked through for one like another."""

LISTED = (JOBS.c.id, JOBS.c.digest, JOBS.c.state, JOBS.c.received_at, JOBS.c.changed_at, JOBS.c.approve_before)
MOST_KEPT = 12_000
MOST_SENTENCES = 25
OF_JOB = ("purpose", "legal_basis", "protocol", "receivers", "link", "approve_within_h", "deadline_s")


@dataclass(frozen=True)
class Gist:
    """What lists show of a job, and by what another is like it."""

    purpose: str
    protocol: str
    dataset: str
    parties: tuple[tuple[str, str | None], ...]


class Jobs:
    """The jobs of one node, for its people's eyes. What is read here changes nothing and may run in a thread."""

    def __init__(self, home: NodeHome, book: Book, kept: Kept) -> None:
        self._home = home
        self._book = book
        self._kept = kept
        self._gists: dict[str, Gist] = {}

    def listed(self, which: str, page: int, text: str) -> dict[str, Any]:
        """A page of jobs, the newest first.

        Args:
            which: `waiting` for this agency's people, or `all`.
            page: from 0.
            text: what a job's id begins with; empty for any.
        """
        wanted: list[sql.ColumnElement[bool]] = []
        wanted += [JOBS.c.state.in_([state.value for state in consent.OPEN])] if which == "waiting" else []
        wanted += [JOBS.c.id.startswith(text, autoescape=True)] if text else []
        query = sql.select(*LISTED).where(*wanted).order_by(JOBS.c.received_at.desc(), JOBS.c.id)
        with self._book.view() as tx:
            total = tx.execute(sql.select(sql.func.count(JOBS.c.id)).where(*wanted)).scalar_one()
            found = tx.execute(query.limit(PAGE).offset(page * PAGE)).all()
        rows = [self._line(row) for row in found]
        return {"jobs": rows, "page": page, "pages": max(1, -(-total // PAGE)), "total": total}

    def one(self, job: str, name: str) -> dict[str, Any]:
        """A job with all that weighs on it.

        Args:
            name: who looks at it.

        Raises:
            LocalError: unknown job. PeerError: it isn't any more what the coordinator signed.
        """
        row, proposal = self._book.job(job), self._book.proposal(job)
        view, manifest = operator.job_view(self._home, self._book, row, weigh=False), operator.manifest_of(proposal)
        weighed = self._weighed(row, proposal)
        return view.to_json() | {
            "asks": weighed.asks[:MOST_SENTENCES],
            "ledger": weighed.ledger[:MOST_SENTENCES],
            "more": {name: max(0, len(getattr(weighed, name)) - MOST_SENTENCES) for name in ("asks", "ledger")},
            "title": manifest.title if manifest is not None else proposal.job.protocol_name,
            "protects": [*sentences(proposal.job, manifest), *counted_sentences(proposal, manifest)],
            "own": self._own(proposal, manifest),
            "parties": [
                {"party": party, "dataset": part.dataset, "where": part.where, "own": party == self._home.party}
                for party, part in proposal.job.parties.items()
            ],
            "min_count": proposal.job.disclosure.min_count,
            "coordinator": self._book.roster.coordinator.id,
            "changes": self._changes(row, proposal),
            "budget": self._kept.get(("budget", job), lambda: self._budget(proposal)) if row.state in WAITING else None,
            "consent": self._consent(row, name),
            "given": list(self._given(row)),
            "approve_before": proposal.approve_before,
            "proposed_at": proposal.proposed_at,
            "changed_at": row.changed_at,
        }

    def _weighed(self, row: JobRow, proposal: Proposal) -> Weighed:
        if row.state not in WAITING:
            return Weighed()
        return self._kept.get(row.id, lambda: self._book.decisions.weighed(proposal))

    def _line(self, row: Any) -> dict[str, Any]:
        gist = self._gist(row.id, row.digest)
        return {
            "job": row.id, "state": row.state, "purpose": gist.purpose, "protocol": gist.protocol,
            "dataset": gist.dataset, "received_at": row.received_at, "changed_at": row.changed_at,
            "approve_before": row.approve_before,
        }  # fmt: skip

    def _gist(self, name: str, digest: str) -> Gist:
        if digest not in self._gists:
            while len(self._gists) >= MOST_KEPT:
                del self._gists[next(iter(self._gists))]
            self._gists[digest] = self._read(name)
        return self._gists[digest]

    def _read(self, name: str) -> Gist:
        try:
            job = self._book.proposal(name).job
        except MpcgovError:  # of a former roster, or of a form that isn't read any more
            return Gist("", "", "", ())
        parts = tuple((party, part.dataset) for party, part in job.parties.items())
        return Gist(job.purpose, job.protocol_name, str(dict(parts)[self._home.party] or ""), parts)

    def _own(self, proposal: Proposal, manifest: Manifest | None) -> dict[str, Any]:
        """This agency's part: data set, rows, and what each column serves for."""
        me = self._home.party
        part, columns = proposal.job.parties[me], dict[str, list[str]]()
        with suppress(MpcgovError):
            if manifest is not None:
                used = check.used_columns(proposal.job, manifest, me, proposal.declarations.get(me))
                columns = {name: sorted(uses) for name, uses in used.items()}
        return {"dataset": part.dataset, "where": part.where, "columns": columns}

    def _changes(self, row: JobRow, proposal: Proposal) -> dict[str, Any] | None:
        """What is other than in the last job like it: of the same protocol, with the same data sets of all parties."""
        mine = self._gist(row.id, row.digest)
        with self._book.view() as tx:
            at = tx.execute(sql.select(JOBS.c.received_at).where(JOBS.c.id == row.id)).scalar_one()
            before = sql.select(JOBS.c.id, JOBS.c.digest).where(JOBS.c.received_at < at, JOBS.c.id != row.id)
            earlier = tx.execute(before.order_by(JOBS.c.received_at.desc()).limit(LOOK_BACK)).all()
        for name, digest in earlier:
            gist = self._gist(name, digest)
            if (gist.protocol, gist.parties) == (mine.protocol, mine.parties):
                return self._compared(self._book.job(name), proposal)
        return None

    def _compared(self, other: JobRow, proposal: Proposal) -> dict[str, Any]:
        then, now = _flat(self._book.proposal(other.id).job), _flat(proposal.job)
        return {
            "job": other.id,
            "state": other.state.value,
            "at": other.changed_at,
            "lines": [
                {"what": what, "before": then.get(what, ""), "now": now.get(what, "")}
                for what in dict.fromkeys((*now, *then))
                if then.get(what) != now.get(what)
            ],
        }

    def _budget(self, proposal: Proposal) -> dict[str, str] | None:
        """What a job with noise takes from which budget; None of any other."""
        cost, me = privacy.spend(proposal.job), self._home.party
        if cost is None or proposal.job.parties[me].dataset is None:
            return None
        with self._book.view() as tx:
            dataset = str(proposal.job.parties[me].dataset)
            lines = [line for line in of_dataset(tx, dataset) if line.job != job_id(proposal.job_digest)]
            balance = ledger.balance(tx, dataset, cost.unit, cost.measure, lines)
        left = [balance.left, cost.amount, max(balance.left - cost.amount, type(cost.amount)(0)), balance.total]
        names = ("before", "takes", "after", "total")
        amounts = {name: privacy.number(amount) for name, amount in zip(names, left, strict=True)}
        return {"dataset": balance.dataset, "unit": balance.unit, "measure": balance.measure} | amounts

    def _consent(self, row: JobRow, name: str) -> dict[str, Any]:
        """How many people must say yes, who has, and whether who looks is one of them."""
        try:
            policy, _ = self._home.policy()
        except Refused:
            return {"needed": 0, "names": [], "mine": False}
        with self._book.view() as tx:
            names = consent.counted(tx, row.id, policy)
        return {"needed": policy.approvals, "names": list(names), "mine": name in names}

    def _given(self, row: JobRow) -> Iterator[dict[str, Any]]:
        """What each party has said so far, and which people's passkeys signed it; verified when it came."""
        held = self._book.approvals(row.id)
        for party in row.parties:
            people: Sequence[dict[str, str]] = ()
            by, at = "", 0
            if party in held:
                envelope = parse_json(held[party], Envelope, "approval")
                approval = parse_json(envelope.body, Approval, "approval")
                people = [{"known_as": one.known_as, "credential": one.credential} for one in approval.people]
                by, at = approval.approved_by, approval.approved_at
            yield {"party": party, "yes": party in held, "by": by, "at": at, "people": list(people)}


def _flat(job: Job) -> dict[str, str]:
    """A job as single settings, in its own order."""
    found: dict[str, str] = {}

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict) and value:
            for key, below in value.items():
                walk(below, f"{path}.{key}" if path else str(key))
        elif isinstance(value, list):
            found[path] = ", ".join(map(str, value))
        elif value is not None and value != {}:
            found[path] = str(value)

    walk(job.model_dump(mode="json", exclude={"approve_within_h", "deadline_s"}), "")
    return found
