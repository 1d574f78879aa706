"""The life of a job at one node, as a table. What isn't in the table can't happen.

Rules: a state changes by an event and only as TRANSITIONS says; a terminal state is never left; the audit record of a
change is durable before the change takes effect. A retry is a new job. docs/lifecycle.md is drawn from this table.
"""

from __future__ import annotations

from enum import Enum

from mpcgov.errors import LocalError, MpcgovError, PeerError, Refused


class State(str, Enum):
    """Where a job stands at a node."""

    PROPOSED = "PROPOSED"
    DENIED = "DENIED"
    AWAITING_APPROVAL = "AWAITING_APPROVAL"
    REJECTED = "REJECTED"
    APPROVED = "APPROVED"
    READY = "READY"
    RUNNING = "RUNNING"
    RELEASED = "RELEASED"
    ABORTED = "ABORTED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


class Event(str, Enum):
    """What can happen to a job."""

    DENY = "deny"
    """the policy says no"""
    ASK = "ask"
    """the policy allows it and a person must decide"""
    APPROVE = "approve"
    """a person, or a standing policy, says yes"""
    REJECT = "reject"
    """a person says no"""
    ALL_APPROVED = "all-approved"
    """this node holds every party's approval of the same proposal, and every party has a place for the job"""
    COMMIT = "commit"
    """every party is ready: data may now be shared"""
    RELEASE = "release"
    """every party's receipt is here"""
    ABORT = "abort"
    """another party failed, or time ran out"""
    FAIL = "fail"
    """this node failed"""
    EXPIRE = "expire"
    """not everybody approved in time"""
    CANCEL = "cancel"
    """the coordinator, or another agency's no, ended it before it started"""


WAITING = frozenset({State.PROPOSED, State.AWAITING_APPROVAL, State.APPROVED})

TRANSITIONS: dict[State, dict[Event, State]] = {
    State.PROPOSED: {
        Event.DENY: State.DENIED,
        Event.ASK: State.AWAITING_APPROVAL,
        Event.APPROVE: State.APPROVED,
        Event.EXPIRE: State.EXPIRED,
        Event.CANCEL: State.CANCELLED,
    },
    State.AWAITING_APPROVAL: {
        Event.APPROVE: State.APPROVED,
        Event.REJECT: State.REJECTED,
        Event.EXPIRE: State.EXPIRED,
        Event.CANCEL: State.CANCELLED,
    },
    State.APPROVED: {
        Event.ALL_APPROVED: State.READY,
        Event.REJECT: State.REJECTED,
        Event.EXPIRE: State.EXPIRED,
        Event.CANCEL: State.CANCELLED,
        Event.ABORT: State.ABORTED,
    },
    State.READY: {Event.COMMIT: State.RUNNING, Event.ABORT: State.ABORTED, Event.FAIL: State.FAILED},
    State.RUNNING: {Event.RELEASE: State.RELEASED, Event.ABORT: State.ABORTED, Event.FAIL: State.FAILED},
}

TERMINAL = frozenset(set(State) - set(TRANSITIONS))

REFUSALS = frozenset({"policy", "rejected", "snapshot", "ledger", "rollback"})
"""Why a policy or a person, or what was released before, ended a job; by code."""

DATA_CONTRACT = "data-contract"
"""Why a job ended whose data aren't what their owner declared; by code."""


def after(state: State, event: Event) -> State:
    """The state that an event leads to.

    Raises:
        PeerError: the event can't happen in this state.
    """
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        what = event.value.replace("-", " ")
        raise PeerError(f"the job is {state.value}: too late to {what}", code="state") from None


def told(code: str) -> str:
    """The code under which a node keeps how a job ended at another: the same if it makes another kind of end."""
    return code if code in REFUSALS | {DATA_CONTRACT} else "told"


def unreleased(job: str, state: State, reason: str, code: str) -> MpcgovError:
    """Why a job that ended has no result, as the same kind of failure whichever of its nodes is asked."""
    text, code = f"job {job}: {state.value}" + (f": {reason}" if reason else ""), code or state.value.lower()
    if code in REFUSALS:
        return Refused(text, code=code)
    if code == DATA_CONTRACT:
        return LocalError(text, hint="its owner sees what is wrong with 'mpcgov node jobs'", code=code)
    return PeerError(text, code=code)
