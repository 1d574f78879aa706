"""The result that people and programs read, put together by a receiver from the nodes' signed shares."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from mpcgov import disclosure, kinds, opening
from mpcgov.errors import PeerError
from mpcgov.jobs import accuracy, check, noising
from mpcgov.jobs.accuracy import Accuracy
from mpcgov.jobs.audience import audience
from mpcgov.kinds.columns import not_applicable
from mpcgov.kinds.kind import Computed
from mpcgov.linked import counted, render
from mpcgov.linked.stacked import facts
from mpcgov.results import estimates
from mpcgov.rules import protections
from mpcgov.spec.job import COORDINATOR, Disclosure
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.statement import Layout, Proposal, ResultShare, job_id
from mpcgov.spec.statement import Opened as OneOpened

Opened = dict[str, list[int | None]]
"""Opened numbers by name, cell by cell; None where they were suppressed."""


def open_result(proposal: Proposal, manifest: Manifest, shares: Sequence[ResultShare]) -> dict[str, Any]:
    """The result as JSON, opened from all parties' shares for one receiver.

    The shares' signatures have been verified, and their party and receiver names with them.

    Raises:
        PeerError: a share is missing, is of another job or layout, or the shares don't agree.
    """
    layout = _common_layout(proposal, manifest, shares)
    modulus = int(layout.modulus)
    columns = {share.point: _elements(share, modulus) for share in shares}
    values = opening.open_shares(columns, layout.degree, modulus)
    opened = numbers_by_name(layout, values)
    never = _not_applicable(proposal, manifest, layout)
    settled = _disclosure(proposal.job.disclosure, manifest, layout, opened, never)
    return {
        "job": job_id(proposal.job_digest),
        "protocol": proposal.protocol,
        "parties": list(proposal.parties),
        "tables": _tables(proposal, manifest, layout, opened, max(settled["total"], settled["min_count"])),
        "disclosure": {
            **settled,
            **({"not_applicable": never} if never else {}),
            **_least_rows(proposal, manifest),
            **_noise(proposal, manifest, layout),
        },
        "learned": learned(proposal, manifest),
        "cost": {
            "seconds": round(max(share.cost.seconds for share in shares), 3),
            "rounds": max(share.cost.rounds for share in shares),
            "bytes_sent": {share.party: share.cost.bytes_sent for share in shares},
        },
        "protection": protections.described(proposal.job, manifest, proposal.threshold),
        "request": _request(proposal),
    }


def _request(proposal: Proposal) -> dict[str, Any]:
    """What was asked: why, over which rows, with which parameters, when, in which consortium."""
    job = proposal.job
    return {
        "purpose": job.purpose,
        "legal_basis": job.legal_basis,
        "parties": {party: part.model_dump(mode="json", exclude_none=True) for party, part in job.parties.items()},
        "params": job.params,
        "disclosure": job.disclosure.model_dump(mode="json", exclude_defaults=True),
        "receivers": list(job.receivers),
        "proposed_at": proposal.proposed_at,
        "roster_digest": proposal.roster_digest,
        "job_digest": proposal.job_digest,
    }


def _not_applicable(proposal: Proposal, manifest: Manifest, layout: Layout) -> dict[str, dict[str, list[str]]]:
    """By table and row, the numbers that aren't counted there, so that they are null whatever the data are."""
    linked = facts(proposal.job, manifest, proposal.declarations)
    names = [one.name for one in layout.tables if one.margin_of is None]
    of_columns = [name for name in names if kinds.of(manifest.tables[name]).computed is Computed.COLUMNS]
    return {name: not_applicable(linked) for name in of_columns}


def _disclosure(
    rules: Disclosure,
    manifest: Manifest,
    layout: Layout,
    opened: Opened,
    never: Mapping[str, Mapping[str, Sequence[str]]],
) -> dict[str, Any]:
    """The job's rules and what became of its cells; true totals count neither as cells nor into the total, and what is
    hidden of a cell whose count is shown makes it no suppressed one. A regression's rows are no cell's. What is `never`
    counted isn't suppressed."""
    known = {table.name: manifest.tables[table.name] for table in layout.tables if table.margin_of is None}
    brought = {
        f"{name}.{kinds.of(one).number(one)}": kinds.of(one) for name, one in known.items() if kinds.of(one).counts
    }
    cells = [opened[name] for name in brought]
    counts = [opened[name] for name, kind in brought.items() if kind.of_cells]
    asked: dict[str, Any] = {rule: getattr(rules, rule) for rule in rules.asked}
    if rules.margins:
        (total,) = opened[f"{layout.tables[-1].name}.{layout.tables[-1].opened[0].name}"]
        asked["margins"] = "suppressed" if total is None else "released"
    hidden = sum(count is None for numbers in cells for count in numbers)
    return {
        "min_count": rules.min_count,
        "round_to": rules.round_to,
        **asked,
        "suppressed": hidden - sum(len(numbers) for rows in never.values() for numbers in rows.values()),
        "total": sum(count for numbers in counts for count in numbers if count is not None),
    }


def _least_rows(proposal: Proposal, manifest: Manifest) -> dict[str, Any]:
    rows = counted.least_rows(proposal.job, manifest, proposal.declarations)
    return {"least_rows": rows} if rows else {}


def learned(proposal: Proposal, manifest: Manifest) -> dict[str, list[dict[str, str]]]:
    """Who learns what: the tables for the receivers, and the leakage that the manifest declares."""
    result: dict[str, list[dict[str, str]]] = {}
    released = [table.name for table in check.result_tables(proposal.job, manifest, proposal.declarations)]
    declared = manifest.leaks(proposal.job.disclosure.noise is not None, proposal.job.params)
    listeners = audience(proposal.job, manifest, proposal.threshold)
    for who in (*proposal.parties, COORDINATOR):
        tables = [f"tables.{name}" for name in released] if who in proposal.job.receivers else []
        leaks = [leak.id for leak in declared if who in listeners[leak.to]]
        result[who] = [{"what": what} for what in (*tables, *leaks)]
    return result


def _common_layout(proposal: Proposal, manifest: Manifest, shares: Sequence[ResultShare]) -> Layout:
    expected = check.result_tables(proposal.job, manifest, proposal.declarations)
    if sorted(share.party for share in shares) != sorted(proposal.parties):
        raise PeerError("the result needs the share of every party", code="shares")
    for share in shares:
        if share.job_digest != proposal.job_digest:
            raise PeerError(f"{share.party}: its share is of another job", code="shares")
        if share.point != proposal.parties.index(share.party) + 1:
            raise PeerError(f"{share.party}: its share has another party's point", code="shares")
        if share.layout != shares[0].layout or share.layout.tables != expected:
            raise PeerError(f"{share.party}: its share has another layout than the job", code="shares")
    if shares[0].layout.degree != proposal.threshold:
        raise PeerError("the shares have another degree than the roster's threshold", code="shares")
    return shares[0].layout


def _elements(share: ResultShare, modulus: int) -> opening.Elements:
    try:
        data = base64.b64decode(share.shares, validate=True)
    except ValueError:
        raise PeerError(f"{share.party}: its share is not base64", code="shares") from None
    try:
        return opening.from_bytes(data, share.layout.width_bytes, modulus, share.layout.cells)
    except PeerError as error:
        raise PeerError(f"{share.party}: {error.message}", code=error.code) from None


def numbers_by_name(layout: Layout, values: Sequence[int]) -> Opened:
    """The opened numbers as `table.name`, cell by cell; None where they were suppressed.

    Raises:
        PeerError: a number is out of its range, or isn't 0 though it was suppressed.
    """
    raw: dict[str, list[int]] = {}
    start = 0
    for table in layout.tables:
        for one in table.opened:
            end = start + one.places * table.rows
            raw[f"{table.name}.{one.name}"] = _whole(values[start:end], table.rows, one.radix_bits)
            start = end
    result: Opened = {}
    for table in layout.tables:
        for one in table.opened:
            name = f"{table.name}.{one.name}"
            gates = raw[one.gate or name]
            cells = zip(raw[name], gates if len(gates) == table.rows else gates * table.rows, strict=True)
            result[name] = [_cell(value, gate, one, name) for value, gate in cells]
    return result


def _whole(places: Sequence[int], rows: int, radix_bits: int) -> list[int]:
    """Numbers from their places: all cells' first one, then all cells' second one, …"""
    starts = range(0, len(places), rows)
    return [
        sum(places[start + cell] << (k * radix_bits) for k, start in enumerate(starts)) for cell in range(rows)
    ]  # fmt: skip


def _cell(raw: int, gate: int, one: OneOpened, name: str) -> int | None:
    shown = gate != disclosure.SENTINEL
    value = raw - one.offset
    if (shown and not one.low <= value <= one.high) or (not shown and one.gate and raw != 0):
        raise PeerError(f"{name}: a released number is out of its range", code="shares")
    return value if shown else None


def _tables(
    proposal: Proposal, manifest: Manifest, layout: Layout, opened: Opened, counted_rows: int
) -> dict[str, Any]:  # fmt: skip
    """The tables as readers see them. `counted_rows`: of how many rows, at least, all is: estimates hang on that."""
    linked = facts(proposal.job, manifest, proposal.declarations)
    known = _accuracy(proposal, manifest, layout)
    result = {}
    for table in layout.tables:
        numbers = {one.name: opened[f"{table.name}.{one.name}"] for one in table.opened}
        rows = render.rows(linked, table, numbers)
        result[table.name] = {"columns": list(table.columns), "rows": rows}
        if known is not None:
            found = accuracy.intervals(known, linked, table, numbers)
            names = list(table.columns)[-len(found[0]) :]
            result[table.name]["intervals"] = {"level": accuracy.LEVEL, "columns": names, "rows": found}
        elif table.margin_of is None:
            result[table.name] |= estimates.intervals(linked, table, rows, counted_rows)
    return result


def _accuracy(proposal: Proposal, manifest: Manifest, layout: Layout) -> Accuracy | None:
    """How the job's numbers are noisy; None if they aren't."""
    laws = noising.laws(proposal.job, manifest, proposal.declarations, noising.names(layout.tables))
    laws |= noising.totals(proposal.job, laws, layout.tables) if laws else {}
    honest = len(proposal.parties) - proposal.threshold
    return Accuracy(laws, honest, proposal.job.disclosure.round_to) if laws else None


def _noise(proposal: Proposal, manifest: Manifest, layout: Layout) -> dict[str, Any]:
    """What was done to the numbers, for whoever reads the result without the job."""
    noise, known = proposal.job.disclosure.noise, _accuracy(proposal, manifest, layout)
    if noise is None or known is None:
        return {}
    return {
        "noise": noise.model_dump(mode="json", exclude_defaults=True)
        | {"parties": len(proposal.parties), "threshold": proposal.threshold}
        | {"numbers": {name: known.described(name) for name in known.laws}}
    }
