"""A plan in plain words, as headings with lines: for a terminal, and for pages."""

from __future__ import annotations

from collections.abc import Sequence

from mpcgov.coordinator.plan import Plan, PlannedTable
from mpcgov.coordinator.propose import Draft
from mpcgov.jobs.audience import leaks
from mpcgov.linked import counted
from mpcgov.linked.cost import MEMORY_LIMIT_BYTES
from mpcgov.rules.protections import own_caveats, sentences
from mpcgov.spec.ids import short

Sections = list[tuple[str, list[str]]]


def explain_plan(plan: Plan) -> Sections:
    """The plan in plain words: headings, each with its lines."""
    draft = plan.draft
    job, parties = draft.job, list(draft.job.parties)
    return [
        ("Job", [job.purpose, job.legal_basis, f"{draft.protocol.manifest.title} ({_version(draft)})"]),
        ("Reads", [_reads(draft, party) for party in parties]),
        ("Opens", [_opens(plan, table) for table in plan.tables]),
        ("Protects", _protects(draft)),
        *([("Links", list(plan.roles))] if plan.roles else []),
        *([("Noise", list(plan.noise))] if plan.noise else []),
        ("Leaks besides", [f"to {text}" for text in leaks(job, draft.protocol.manifest, draft.roster.threshold)]),
        ("Nodes would say", list(plan.forecasts)),
        ("Leaves possible", list(plan.leaves)),
        ("Must approve", [f"{', '.join(parties)}, within {job.approve_within_h} h; one no ends it for all"]),
        ("Costs", _costs(plan)),
        ("Limits", [_limits(draft.roster.threshold, parties), *own_caveats(job, draft.protocol.manifest)]),
    ]


def _protects(draft: Draft) -> list[str]:
    job, manifest = draft.job, draft.protocol.manifest
    more = counted.sentences(job, manifest, draft.declarations, draft.roster.threshold)
    return [*sentences(job, manifest), *more]


def _costs(plan: Plan) -> list[str]:
    """What a run takes at most: lists are as long as max_rows allows, and the party counts that sends the most."""
    lines = [f"about {plan.rounds} rounds, and {_bytes(plan.bytes_per_party)} sent by each party"]
    if plan.roles:
        lines[0] += " at most, with as many rows as max_rows allows"
    lines.append(
        f"about {plan.waits_s:.2g} s on the way, if parties are as far apart as the farthest is from here, "
        f"{1000 * plan.rtt_s:.3g} ms there and back"
    )
    if plan.memory_bytes:
        lines.append(f"about {_bytes(plan.memory_bytes)} of memory at each party for the linked rows")
    if plan.memory_bytes > MEMORY_LIMIT_BYTES:
        lines.append(
            f"that is more than {_bytes(MEMORY_LIMIT_BYTES)}: with so many rows the job would end before any tag is "
            "sent; declare a smaller max_rows, or ask for fewer groups of the owners but the first, or fewer measures"
        )
    return lines


def _version(draft: Draft) -> str:
    return f"{draft.protocol.manifest.id}@{short(draft.protocol.digest)}, {draft.protocol.manifest.status}"


def _reads(draft: Draft, party: str) -> str:
    part = draft.job.parties[party]
    if part.dataset is None:
        return f"{party}: brings no data, only computes"
    columns = ", ".join(draft.declarations[party].columns)
    rows = f"rows where {part.where}" if part.where else "all rows"
    return f"{party}: {part.dataset}, {rows}; uses {columns}; stays there"


def _opens(plan: Plan, table: PlannedTable) -> str:
    cells = f"{table.cells:,} cell{'' if table.cells == 1 else 's'}"
    return f"table {table.name} ({', '.join(table.columns)}), {cells}, to {_names(plan.draft.job.receivers)} only"


def _limits(threshold: int, parties: Sequence[str]) -> str:
    return (
        f"any t+1 = {threshold + 1} of the {len(parties)} parties together could read all that was shared; "
        f"up to t = {threshold} learn nothing else. A party that lies about its data or computes something else "
        "falsifies the result without anyone noticing"
    )


def _names(names: Sequence[str]) -> str:
    return " and ".join(names)


def _bytes(count: int) -> str:
    if count < 10_000:
        return f"{count:,} bytes"
    return f"{count / 1000:,.0f} kB" if count < 10_000_000 else f"{count / 1e6:,.0f} MB"
