"""How a job stands at this node, in the forms in which others ask: its status, how it ended, why there is no result."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from mpcgov.errors import LocalError, MpcgovError, PeerError, Refused
from mpcgov.lifecycle import TERMINAL, WAITING, State
from mpcgov.node.store import JobRow

END_EVENTS = {
    State.DENIED: "deny", State.REJECTED: "reject", State.CANCELLED: "cancel", State.EXPIRED: "cancel",
    State.ABORTED: "abort", State.FAILED: "abort",
}  # fmt: skip

REFUSALS = frozenset({"snapshot", "ledger", "rollback"})
"""Why a job was refused after it was approved, by code."""


def status(me: str, row: JobRow, approved: Container[str], phase: str) -> dict[str, Any]:
    """What a coordinator or another party is told of a job.

    Args:
        approved: the parties whose approval this node holds.
        phase: what the job is doing, if it is under way.
    """
    waiting = row.state in WAITING
    return {
        "job": row.id,
        "party": me,
        "state": row.state.value,
        "waiting_for": [party for party in row.parties if waiting and party not in approved],
        "phase": phase if row.state not in TERMINAL else "",
        "reason": row.reason,
    }


def end(row: JobRow) -> dict[str, str] | None:
    """What the other parties' nodes are told of a job that ended here without a result; None for any other."""
    return {"event": END_EVENTS[row.state], "reason": row.reason} if row.state in END_EVENTS else None


def no_result(row: JobRow) -> MpcgovError:
    """Why a job that isn't released has no result."""
    if row.state not in TERMINAL:
        return PeerError(f"job {row.id}: too early: {row.state.value}", hint="ask again later", code="too-early")
    text, code = f"job {row.id}: {row.state.value}: {row.reason}", row.code or row.state.value.lower()
    if row.state in (State.DENIED, State.REJECTED) or row.code in REFUSALS:
        return Refused(text, code=code)
    if row.state is State.FAILED and row.code == "data-contract":
        return LocalError(text, hint="its owner sees what is wrong with 'mpcgov node jobs'", code=code)
    return PeerError(text, code=code)
