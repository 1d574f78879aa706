"""Protocols, data sets and jobs in plain words, as headings with lines."""

from __future__ import annotations

from collections.abc import Sequence

from mpcgov import kinds
from mpcgov.coordinator.explain import Sections
from mpcgov.node.budget import DELTA, Budgets
from mpcgov.node.explain import JobView
from mpcgov.node.facts import MOST_REFUSED
from mpcgov.spec.manifest import Leakage, Manifest, Protocol, Table
from mpcgov.spec.policy import Policy
from mpcgov.spec.table import CategoryColumn, Column, Datasets, DateColumn, DecimalColumn, IntegerColumn


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
