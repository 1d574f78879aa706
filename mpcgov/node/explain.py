"""What a job would do, in plain words, for the person who must say yes or no."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

from mpcgov.errors import SpecError
from mpcgov.jobs import check
from mpcgov.jobs.audience import leaks
from mpcgov.linked import counted
from mpcgov.linked.plan import faults as plan_faults
from mpcgov.linked.plan import link_plan
from mpcgov.node.store import JobRow
from mpcgov.rules.protections import sentences
from mpcgov.spec.job import COORDINATOR
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.roster import Roster
from mpcgov.spec.statement import Proposal


@dataclass(frozen=True)
class Weighed:
    """Why people are asked, and what earlier jobs have to do with it: sentences for them alone."""

    asks: tuple[str, ...] = ()
    ledger: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobView:
    """A job as its agency's operator sees it.

    `own_data`: what of this agency's data is used and what for. `others`: what each other party brings; a table that
    few bring rows to tells about those few. `reveals`: who would learn what, one sentence each.
    `links`: who matches whose rows, and what follows. `asks`: why people are asked. `ledger`: what earlier
    jobs have to do with it, and what it would take from a budget. `consent`: who has said yes, where several must.
    `detail`: what only this agency may know of why it ended.
    """

    job: str
    state: str
    reason: str
    detail: str
    waiting_for: tuple[str, ...]
    asked_by: str
    purpose: str
    legal_basis: str
    protocol: str
    parties: tuple[str, ...]
    receivers: tuple[str, ...]
    own_data: tuple[str, ...]
    others: tuple[str, ...]
    disclosure: str
    reveals: tuple[str, ...]
    links: tuple[str, ...]
    asks: tuple[str, ...]
    ledger: tuple[str, ...]
    consent: str
    approve_before: str

    def to_json(self) -> dict[str, Any]:
        """The form that programs read."""
        return asdict(self)


def explain(
    me: str,
    row: JobRow,
    proposal: Proposal,
    manifest: Manifest | None,
    roster: Roster,
    waiting_for: tuple[str, ...],
    weighed: Weighed,
    consent: str = "",
) -> JobView:
    """The view of a job.

    Args:
        manifest: of the version that the proposal pins; None if this disk doesn't have it.
    """
    job = proposal.job
    return JobView(
        job=row.id,
        state=row.state.value,
        reason=row.reason,
        detail=row.detail,
        waiting_for=waiting_for,
        asked_by=roster.coordinator.id,
        purpose=job.purpose,
        legal_basis=job.legal_basis,
        protocol=proposal.protocol,
        parties=proposal.parties,
        receivers=job.receivers,
        own_data=_own_data(me, proposal, manifest),
        others=tuple(_brings(proposal, party) for party in proposal.parties if party != me),
        disclosure="; ".join((*sentences(job, manifest), *counted_sentences(proposal, manifest))),
        reveals=_reveals(proposal, manifest),
        links=_links(proposal, manifest),
        asks=weighed.asks,
        ledger=weighed.ledger,
        consent=consent,
        approve_before=_moment(proposal.approve_before),
    )


def _own_data(me: str, proposal: Proposal, manifest: Manifest | None) -> tuple[str, ...]:
    part = proposal.job.parties[me]
    if part.dataset is None:
        return (f"no data of {me}: it only computes",)
    lines = [f"data set {part.dataset}, {'all rows' if part.where is None else f'rows where {part.where}'}"]
    if manifest is not None:
        try:
            used = check.used_columns(proposal.job, manifest, me, proposal.declarations.get(me))
        except SpecError:
            used = {}
        lines += [f"column {column}: {', '.join(sorted(uses))}" for column, uses in used.items()]
    return tuple(lines)


def _brings(proposal: Proposal, party: str) -> str:
    part = proposal.job.parties[party]
    if part.dataset is None:
        return f"{party} brings no rows, it only computes"
    return f"{party} brings {part.dataset}, {'all rows' if part.where is None else f'rows where {part.where}'}"


def _reveals(proposal: Proposal, manifest: Manifest | None) -> tuple[str, ...]:
    if manifest is None:
        return ("this machine doesn't have the protocol version that is proposed, so nothing can be said",)
    receivers = ", ".join("the coordinator" if name == COORDINATOR else name for name in proposal.job.receivers)
    lines = [f"{receivers}: {text}" for name in manifest.tables if (text := _table(proposal, manifest, name))]
    rules = proposal.job.disclosure
    if rules.margins:
        which = "noisy totals" if rules.noise else "true totals"
        unless = f"below {rules.min_count}" if rules.noise else "if that tells too much"
        lines.append(f"{receivers}: the {which} of rows, columns and the whole table, but not {unless}")
    if len(proposal.job.data_parties) == 1:
        lines.append(f"{receivers}: nobody but {proposal.job.data_parties[0]} brings rows, so the counts are its own")
    lines += leaks(proposal.job, manifest, proposal.threshold)
    return (*lines, "nobody learns anything else, as long as no more than " + _threshold(proposal))


def counted_sentences(proposal: Proposal, manifest: Manifest | None) -> tuple[str, ...]:
    """What is said of a proposal's numbers: how many there are of one row, and what follows."""
    if manifest is None:
        return ()
    try:
        return counted.sentences(proposal.job, manifest, proposal.declarations, proposal.threshold)
    except (SpecError, KeyError, IndexError):
        return ()


def _links(proposal: Proposal, manifest: Manifest | None) -> tuple[str, ...]:
    if manifest is None or not manifest.linked or plan_faults(proposal.job, manifest):
        return ()
    return link_plan(proposal.job, manifest, proposal.threshold, proposal.declarations).notes


def _table(proposal: Proposal, manifest: Manifest, name: str) -> str:
    table = manifest.tables[name]
    try:
        released = check.result_tables(proposal.job, manifest, proposal.declarations)
    except (SpecError, KeyError, IndexError):
        return f"table {name}"
    found = [layout for layout in released if layout.name == name]
    if not found:
        return ""  # the job asks for none of it
    cells = f"{found[0].rows:,} cell{'' if found[0].rows == 1 else 's'}"
    if manifest.local == "quality":
        return f"table {name}: of each named column how many of its owner's rows lack a value, and what others are like"
    measure, columns = table.measure.replace("_", " "), found[0].columns
    if manifest.local == "counts" and columns == (*proposal.job.params.get(table.by or "", ()), table.value):
        return f"table {name}: the {measure} of all parties' rows together by {', '.join(columns[:-1])}, {cells}"
    rows = "the linked rows" if manifest.linked else "all parties' rows together"
    return f"table {name}: the {measure} of {rows} ({', '.join(columns)}), {cells}"


def _threshold(proposal: Proposal) -> str:
    many = proposal.threshold != 1
    return f"{proposal.threshold} of the {len(proposal.parties)} parties {'pool' if many else 'pools'} what it sees"


def _moment(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
