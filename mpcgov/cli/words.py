"""Plans and protocols in plain words, as headings with lines."""

from __future__ import annotations

from collections.abc import Sequence

from mpcgov import kinds
from mpcgov.coordinator.plan import Plan, PlannedTable
from mpcgov.coordinator.propose import Draft
from mpcgov.jobs.audience import leaks
from mpcgov.linked import counted
from mpcgov.linked.cost import MEMORY_LIMIT_BYTES
from mpcgov.node.budget import DELTA, Budgets
from mpcgov.node.explain import JobView
from mpcgov.node.facts import MOST_REFUSED
from mpcgov.rules.protections import own_caveats, sentences
from mpcgov.spec.ids import short
from mpcgov.spec.manifest import Leakage, Manifest, Protocol, Table
from mpcgov.spec.policy import Policy
from mpcgov.spec.table import CategoryColumn, Column, Datasets, DateColumn, DecimalColumn, IntegerColumn

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


def describe_protocol(protocol: Protocol) -> Sections:
    """What a protocol computes, takes, opens, leaks and costs, by its manifest."""
    manifest = protocol.manifest
    params = [
        f"{name}: {param.what} ({param.min_items} to {param.max_items})" for name, param in manifest.params.items()
    ]
    tables = [f"{name}: {_released(table)}; only to the job's receivers" for name, table in manifest.tables.items()]
    return [
        (f"{manifest.id}, version {manifest.version}, {manifest.status}", [manifest.title, protocol.digest]),
        ("Computes", [manifest.summary]),
        ("Takes", params),
        ("Opens", tables),
        ("Protects", [f"by min_count; on request by {', '.join(_on_request(manifest)) or 'nothing else'}"]),
        ("Leaks besides", _leaks(manifest.leakage)),
        ("Costs", _formula(manifest)),
        ("Folder", [str(protocol.folder)]),
    ]


def describe_datasets(datasets: Datasets, policy: Policy | None) -> Sections:
    """What an agency declares, and what its policy lets be done with each column; None allows nothing."""
    sections = []
    for name, dataset in datasets.root.items():
        allowed = policy.datasets.get(name) if policy else None
        lines = [f"source {dataset.source}, at most {dataset.max_rows:,} rows, missing values: {dataset.missing}"]
        lines += [f"unique by {', '.join(one)}" for one in dataset.unique]
        for column, kind in dataset.columns.items():
            uses = sorted(allowed.uses_of(column)) if allowed else ()
            lines.append(f"{column}: {_kind(kind)}; {', '.join(uses) or 'never used'}")
        sections.append((name, lines))
    return sections


def describe_job(view: JobView) -> Sections:
    """A job as the person sees it who says yes or no to it; what has ended takes less room."""
    state = view.state if view.state != "AWAITING_APPROVAL" else "waits for this agency's yes or no"
    ended = [f"why: {text}" for text in (view.reason, view.detail) if text]
    if view.state not in ("PROPOSED", "AWAITING_APPROVAL", "APPROVED"):
        return [(f"{view.job}  {state}", [view.purpose, *ended])]
    waiting = [f"waits for {', '.join(view.waiting_for)}"] if view.waiting_for else []
    asked = f"asked by {view.asked_by}, to be approved by all before {view.approve_before}"
    lines = [
        f"purpose: {view.purpose}",
        f"legal basis: {view.legal_basis}",
        f"protocol: {view.protocol}",
        f"parties: {', '.join(view.parties)}; {asked}",
        *(f"uses {text}" for text in view.own_data),
        *view.others,
        f"protects: {view.disclosure}",
        *(f"links rows: {text}" for text in view.links),
        *(f"asks you: {text}" for text in view.asks),
        *(f"ledger: {text}" for text in view.ledger),
        *(f"reveals to {text}" if ": " in text else text for text in view.reveals),
        *([view.consent] if view.consent else []),
        *waiting,
    ]
    return [(f"{view.job}  {state}", lines)]


def budget_notes(budgets: Budgets) -> list[str]:
    """What a table of budgets can't show."""
    lines = [
        f"{dataset}: everything together tells of a {unit} at most epsilon {epsilon:.4g}, but for a chance of {DELTA:g}"
        for dataset, unit, epsilon in budgets.together
        if epsilon
    ]
    lines += [
        f"{dataset}: {matcher} has seen numbers of matches worth epsilon {epsilon}"
        + (f" of {most}" if most else "")
        + " for a key, as a matcher of tags"
        for dataset, matcher, epsilon, most in budgets.matchers
    ]
    lines += [
        f"{dataset}: job {job} was let through by a person beside {', '.join(beside)}, whose rows it overlaps"
        for dataset, job, beside in budgets.overlapping
    ]
    lines += [
        f"{dataset}: up to {count} numbers without noise are about one row's {column}; a job of such rows must say "
        f"disclosure.numbers: {count} and more"
        for dataset, column, count in budgets.numbers
    ]
    lines += [
        f"{dataset}: its data have ended {_jobs(ever)}, {lately} of them within a day; from {MOST_REFUSED} on in a day "
        "a person decides about each"
        for dataset, lately, ever in budgets.refusals
        if ever
    ]
    return lines


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"


def _kind(column: Column) -> str:
    if isinstance(column, CategoryColumn):
        return f"category of {len(column.values)} values"
    if isinstance(column, IntegerColumn | DecimalColumn | DateColumn):
        return f"{column.kind} from {column.min} to {column.max}"
    return column.kind


def _on_request(manifest: Manifest) -> list[str]:
    rounding, noise = ["round_to"] * manifest.rounding, ["noise"] * manifest.noise
    return [*rounding, *manifest.rules, *noise]


def _leaks(leakage: Sequence[Leakage]) -> list[str]:
    return [f"{_listeners(leak.to)}: {leak.what}" for leak in leakage] or ["nothing"]


def _costs(plan: Plan) -> list[str]:
    """What a run takes at most: lists are as long as max_rows allows, and the party counts that sends the most."""
    lines = [f"{plan.rounds} rounds and about {_bytes(plan.bytes_per_party)} sent by each party"]
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


def _formula(manifest: Manifest) -> list[str]:
    cost, from_job = manifest.cost, manifest.linked and not manifest.compares
    return [
        f"{cost.rounds} rounds, {cost.rounds_rounding} more with rounding",
        *([f"{cost.rounds_left} more rounds in left joins"] if cost.rounds_left else []),
        *([f"{cost.rounds_per_owner} more rounds for every owner but two"] if cost.rounds_per_owner else []),
        *([f"{cost.rounds_per_turn} more rounds for every turn of blocks but one"] if cost.rounds_per_turn else []),
        f"{cost.bytes_fixed:,} bytes from each party to each other one",
        f"{cost.bytes_per_cell:,} more bytes for each cell, and {cost.bytes_per_cell_rounding:,} with rounding",
        *([f"{cost.bytes_per_row:,} more bytes for each row of the padded lists"] if cost.bytes_per_row else []),
        *([f"{cost.bytes_per_pair:,} more bytes for each pair of their rows"] if cost.bytes_per_pair else []),
        *(["what linking rows takes, and what is made of them, job plan works out from the job"] if from_job else []),
    ]


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


def _released(table: Table) -> str:
    what = kinds.of(table).title.replace("{value}", table.value)
    return f"{what} per cell of the columns in {table.by}" if table.by else what


def _listeners(to: str) -> str:
    names = {
        "network": "whoever sees the network",
        "everyone": "all parties and the coordinator",
        "owners": "the parties with data",
        "receiving-owners": "a receiver that brings data",
    }
    return f"to {names.get(to, f'the {to}')}"


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
