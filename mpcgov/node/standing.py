"""How a job stands at this node, in the forms in which others ask: its status, how it ended, why there is no result."""

from __future__ import annotations

from collections.abc import Container
from typing import Annotated, Any, Literal

from pydantic import Field

from mpcgov.errors import MpcgovError, PeerError
from mpcgov.lifecycle import TERMINAL, WAITING, State, unreleased
from mpcgov.node.store import JobRow
from mpcgov.spec.load import Frozen

EndEvent = Literal["reject", "abort", "deny", "cancel"]

END_EVENTS: dict[State, EndEvent] = {
    State.DENIED: "deny", State.REJECTED: "reject", State.CANCELLED: "cancel", State.EXPIRED: "cancel",
    State.ABORTED: "abort", State.FAILED: "abort",
}  # fmt: skip


class EndNotice(Frozen):
    """A party's word that a job has ended there without a result, and why."""

    event: EndEvent
    reason: Annotated[str, Field(max_length=10_000)]
    code: Annotated[str, Field(max_length=40)]


class Turn(Frozen):
    """What nodes say of a job's turn: `ask`, `begin` and `back` is for who gathers places, `free` and `there` to it."""

    word: Literal["ask", "begin", "back", "free", "there"]


QUEUED = "queued"
"""What a job is doing that waits for its turn."""

SENT_STEP_BYTES = 64 << 10
"""Others are told by at least so much how far a job is: enough to see it go on, and no clock of single messages."""


def status(me: str, row: JobRow, approved: Container[str], phase: str, sent_bytes: int = 0) -> dict[str, Any]:
    """What a coordinator or another party is told of a job.

    Args:
        approved: the parties whose approval this node holds.
        phase: what the job is doing, if it is under way.
        sent_bytes: what its streams have sent so far.
    """
    waiting = row.state in WAITING
    return {
        "job": row.id,
        "party": me,
        "state": row.state.value,
        "waiting_for": [party for party in row.parties if waiting and party not in approved],
        "phase": phase if row.state not in TERMINAL else "",
        "sent_bytes": _coarse(sent_bytes) if row.state not in TERMINAL else 0,
        "reason": row.reason,
        "code": row.code,
    }


def _coarse(sent_bytes: int) -> int:
    """In steps that grow with it, an eighth at most: how much a job sends in all may follow from padded lengths."""
    step = max(SENT_STEP_BYTES, 1 << max(0, sent_bytes.bit_length() - 4))
    return sent_bytes // step * step


def end(row: JobRow) -> EndNotice | None:
    """What the other parties' nodes are told of a job that ended here without a result; None for any other."""
    if row.state not in END_EVENTS:
        return None
    return EndNotice(event=END_EVENTS[row.state], reason=row.reason, code=row.code)


def no_result(row: JobRow) -> MpcgovError:
    """Why a job that isn't released has no result."""
    if row.state not in TERMINAL:
        return PeerError(f"job {row.id}: too early: {row.state.value}", hint="ask again later", code="too-early")
    return unreleased(row.id, row.state, row.reason, row.code)
