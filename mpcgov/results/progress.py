"""How a job stands, put together from what each party's node says about itself.

No node speaks for another: a job is released when all are, waits while one waits, and ended badly as soon as one
says so. The node that ended it names the reason; the others only heard of it.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

from mpcgov.errors import MpcgovError, PeerError, SpecError
from mpcgov.lifecycle import TERMINAL, State, unreleased
from mpcgov.spec.envelope import Envelope
from mpcgov.spec.load import Frozen, validate
from mpcgov.trust.client import Client, named

ASK_TIMEOUT_S = 2.0
GRACE_S = 0.5
"""A cause may be a moment behind its consequence; and what is broken off while it connects isn't closed."""

BAD_ENDS = (State.DENIED, State.REJECTED, State.FAILED, State.CANCELLED, State.EXPIRED, State.ABORTED)
"""Causes before consequences: a denial at one node cancels the job at the others, a failure aborts it."""

ORDER = (State.PROPOSED, State.AWAITING_APPROVAL, State.APPROVED, State.READY, State.RUNNING, State.RELEASED)


_NO = re.compile(r"(?P<no>denied|rejected) by (?P<party>[a-z0-9-]+): ")
"""How a node puts it that another's policy, or people, said no."""


class View(Frozen):
    """What one node says of a job; `share`: its share of the result, to a receiver that waited for the end."""

    job: str
    party: str
    state: str
    waiting_for: list[str]
    phase: str | None = None
    sent_bytes: Annotated[int, Field(ge=0, lt=2**63)] = 0
    reason: str | None = None
    code: str = ""
    share: Envelope | None = None


@dataclass(frozen=True)
class Status:
    """How a job stands.

    `waiting_for`: the parties whose approval, or whose node, it waits for. `at`: the party that determined the state,
    which for a bad end is the one that ended it, as far as is known. `code`: what kind of end it says that was.
    `sent_bytes`: what the node that has sent most in the job has sent so far. `percent`, `left_s`: how far the
    computing is, in tens, and how long the rest takes, if anybody has said (`mpcgov.results.pace`). `shares`: what
    parties have given of the result already, not verified.
    """

    job: str
    state: State
    waiting_for: tuple[str, ...]
    phase: str
    reason: str
    at: str
    code: str
    sent_bytes: int = field(default=0, compare=False)
    percent: int | None = None
    left_s: float | None = field(default=None, compare=False)
    shares: Mapping[str, Envelope] = field(default_factory=dict, compare=False)

    @property
    def ended(self) -> bool:
        """Nothing will change any more."""
        return self.state in TERMINAL

    def line(self) -> str:
        """The one line that people read."""
        parts = [f"job {self.job}: {self.state.value}"]
        if self.waiting_for:
            parts.append(f"waits for {', '.join(self.waiting_for)}")
        if self.phase and not self.ended:
            parts.append(f"phase {self.phase}")
        if self.percent is not None:
            parts.append(f"about {self.percent} % done")
        if self.left_s is not None:
            parts.append(f"{span(self.left_s)} left at most")
        if self.reason:
            parts.append(self.reason)
        return "; ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """The form that programs read."""
        waiting = list(self.waiting_for)
        return {
            "job": self.job, "state": self.state.value, "waiting_for": waiting, "phase": self.phase,
            "reason": self.reason, "percent": self.percent,
            "left_s": None if self.left_s is None else round(self.left_s),
        }  # fmt: skip


async def status(client: Client, parties: Sequence[str], job: str) -> Status:
    """Asks the nodes of all parties.

    Raises:
        MpcgovError: no node can say anything of the job.
    """
    answers = await asyncio.gather(*(ask(client, party, job) for party in parties))
    return combine(job, dict(zip(parties, answers, strict=True)))


async def status_or_bad_end(client: Client, parties: Sequence[str], job: str) -> Status:
    """Like `status`, but one node that says how the job ended badly is enough: the silent one needn't be waited for."""
    asked = {party: asyncio.create_task(ask(client, party, job)) for party in parties}
    pending = set(asked.values())
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        views = [task.result() for task in done]
        if pending and any(isinstance(view, View) and State(view.state) in BAD_ENDS for view in views):
            _, pending = await asyncio.wait(pending, timeout=GRACE_S)
            break
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    return combine(job, {party: task.result() for party, task in asked.items() if task not in pending}, parties)


def combine(job: str, answers: Mapping[str, View | MpcgovError], parties: Sequence[str] = ()) -> Status:
    """One status out of the answers of the nodes, or their failures to; `parties`: all, where some weren't waited for.

    Raises:
        MpcgovError: all failed.
    """
    views = {party: view for party, view in answers.items() if isinstance(view, View)}
    silent = {party: error for party, error in answers.items() if isinstance(error, MpcgovError)}
    if not views:
        worst = next((error for error in silent.values() if error.exit_status == 3), next(iter(silent.values())))
        text = "; ".join(error.message for error in silent.values())
        raise type(worst)(text, hint=worst.hint, code=worst.code)
    at, state = _state({party: State(view.state) for party, view in views.items()})
    state = _told_no(state, views)
    reasons = _versions(at, views)
    reasons += [error.message for error in silent.values()]
    return Status(
        job=job,
        state=state,
        waiting_for=() if state in TERMINAL else _waiting_for(state, views, answers),
        phase=views[at].phase or "",
        reason="; ".join(reasons),
        at=at,
        code=views[at].code,
        sent_bytes=max(view.sent_bytes for view in views.values()),
        shares={party: view.share for party, view in views.items() if view.share is not None},
    )


def span(seconds: float) -> str:
    """A span of time as people say it, rounded up."""
    if seconds < 90:
        return f"{max(1, math.ceil(seconds))} s"
    return f"{math.ceil(seconds / 60)} min" if seconds < 5400 else f"{math.ceil(seconds / 3600)} h"


def require_released(status: Status) -> None:
    """Nothing, if the job's result is there.

    Raises:
        PeerError: too early, or a party failed, or time ran out. Refused: a policy or a person said no. LocalError:
            the data aren't what their owner declared.
    """
    if status.state is State.RELEASED:
        return
    if not status.ended:
        waiting = f", waits for {', '.join(status.waiting_for)}" if status.waiting_for else ""
        raise PeerError(
            f"job {status.job}: too early: {status.state.value}{waiting}", hint="ask again later", code="too-early"
        )
    raise unreleased(status.job, status.state, status.reason, status.code)


async def ask(client: Client, party: str, job: str) -> View | MpcgovError:
    """What one node says of a job, or why it says nothing."""
    try:
        answer = await client.request(party, "GET", f"/v1/jobs/{job}", timeout_s=ASK_TIMEOUT_S)
        view = validate(answer, View, f"{party}: answer")
        State(view.state)
    except SpecError as error:
        return PeerError(error.message, code="answer")
    except ValueError:
        return PeerError(f"{party}: answer: an unknown state", code="answer")
    except KeyError:
        return PeerError(f"{party}: no longer in the consortium", code="roster")
    except MpcgovError as error:
        return error
    return view


def _state(states: Mapping[str, State]) -> tuple[str, State]:
    """The party that determines how the job stands, and its state."""
    for state in BAD_ENDS:
        for party, found in states.items():
            if found is state:
                return party, state
    return min(states.items(), key=lambda item: ORDER.index(item[1]))


def _told_no(state: State, views: Mapping[str, View]) -> State:
    """What a cancelled job was to the one that said no to it and can't be asked now: the others have its word."""
    if state is not State.CANCELLED:
        return state
    for view in views.values():
        told = _NO.match(view.reason or "")
        if told is not None and told["party"] not in views:
            return State.DENIED if told["no"] == "denied" else State.REJECTED
    return state


def _versions(at: str, views: Mapping[str, View]) -> list[str]:
    """Why a job ended, in the words of the one that ended it; and what others say who blame somebody else for it."""
    said: dict[str, str] = {}
    for party, view in sorted(views.items(), key=lambda item: item[0] != at):
        if view.reason and (party == at or State(view.state) in BAD_ENDS):
            blamed = _blamed(party, view, views)
            about_itself = blamed in (party, view.reason)
            said.setdefault(blamed, named(party, view.reason) if about_itself else f"{party} says: {view.reason}")
    return list(said.values())


def _blamed(speaker: str, view: View, parties: Iterable[str]) -> str:
    """The party that a reason names first, without who says so; the speaker if its own no or failure names none."""
    text = (view.reason or "").removeprefix(f"{speaker} says: ")
    own = State(view.state) in (State.DENIED, State.REJECTED, State.FAILED)
    found = {party: match.start() for party in parties if (match := re.search(rf"(?<![\w-]){party}(?![\w-])", text))}
    return min(found, key=found.__getitem__, default=speaker if own else text)


def _waiting_for(state: State, views: Mapping[str, View], order: Iterable[str]) -> tuple[str, ...]:
    """Who holds the job up: those that say so themselves, and those that don't say anything; in job order."""
    behind = {party for party, view in views.items() if State(view.state) is state}
    if state in ORDER[:2]:
        names = {party for party, view in views.items() if State(view.state) in ORDER[:2]}
    elif state is State.APPROVED:
        names = {name for view in views.values() for name in view.waiting_for} - set(views)
    else:
        names = behind if len(behind) < len(views) else set()
    return tuple(party for party in order if party in names or party not in views)
