"""The result that people and programs read, put together by a receiver from the nodes' signed shares."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Sequence
from typing import Any

from mpcgov import check, disclosure, opening
from mpcgov.errors import PeerError
from mpcgov.spec.job import COORDINATOR
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.statement import Layout, Proposal, ResultShare, ResultTable, job_id


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
    tables, suppressed, total, start = {}, 0, 0, 0
    for table in layout.tables:
        cells = values[start : start + table.cells]
        start += table.cells
        _check_range(cells, table)
        suppressed += sum(value == disclosure.SENTINEL for value in cells)
        total += sum(value for value in cells if value != disclosure.SENTINEL)
        tables[table.name] = _table(table, cells)
    settings = proposal.job.disclosure
    return {
        "job": job_id(proposal.job_digest),
        "protocol": proposal.protocol,
        "parties": list(proposal.parties),
        "tables": tables,
        "disclosure": {
            "min_count": settings.min_count,
            "round_to": settings.round_to,
            "suppressed": suppressed,
            "total": total,
        },
        "learned": learned(proposal, manifest),
        "cost": {
            "seconds": round(max(share.cost.seconds for share in shares), 3),
            "rounds": max(share.cost.rounds for share in shares),
            "bytes_sent": {share.party: share.cost.bytes_sent for share in shares},
        },
    }


def learned(proposal: Proposal, manifest: Manifest) -> dict[str, list[dict[str, str]]]:
    """Who learns what: the tables for the receivers, and the leakage that the manifest declares."""
    result: dict[str, list[dict[str, str]]] = {}
    for who in (*proposal.parties, COORDINATOR):
        tables = [f"tables.{name}" for name in manifest.tables] if who in proposal.job.receivers else []
        leaks = [leak.id for leak in manifest.leakage if _concerns(leak.to, who, proposal)]
        result[who] = [{"what": what} for what in (*tables, *leaks)]
    return result


def _concerns(to: str, who: str, proposal: Proposal) -> bool:
    receives, owns = who in proposal.job.receivers, who in proposal.job.data_parties
    return {
        "receivers": receives,
        "receiving-owners": receives and owns,
        "parties": who != COORDINATOR,
        "coordinator": who == COORDINATOR,
    }.get(to, False)


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
    return opening.from_bytes(data, share.layout.width_bytes, modulus, share.layout.cells)


def _check_range(cells: Sequence[int], table: ResultTable) -> None:
    if any(value != disclosure.SENTINEL and not 0 <= value <= table.bound for value in cells):
        raise PeerError(f"table {table.name}: a released number is out of its range", code="shares")


def _table(table: ResultTable, cells: Sequence[int]) -> dict[str, Any]:
    rows = [
        [*names, None if value == disclosure.SENTINEL else value]
        for names, value in zip(itertools.product(*table.domain), cells, strict=True)
    ]
    return {"columns": list(table.columns), "rows": rows}
