"""Who has signed in, and which questions are open to passkeys; in memory only, so that a restart ends them all."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any, Literal

from mpcgov.clock import Clock
from mpcgov.errors import Refused
from mpcgov.node.desk.accounts import Person
from mpcgov.spec.assertion import Said

IDLE_S = 15 * 60.0
"""A session that nobody uses for so long is over."""

LONGEST_S = 8 * 3600.0
TICKET_S = 5 * 60.0
MOST_SESSIONS = 200
MOST_TICKETS = 200

Purpose = Literal["sign in", "enrol", "decide"]


@dataclass
class Session:
    """Somebody who has signed in."""

    name: str
    began_at: float
    seen_at: float


@dataclass(frozen=True)
class Ticket:
    """A question that a passkey was asked to sign; answered once.

    `person`: who may answer; None for whoever signs in. `link`: the enrolment link that it came by.
    """

    purpose: Purpose
    challenge: bytes
    ends_at: float
    person: Person | None = None
    link: str = ""
    job: str = ""
    said: Said = "approve"
    reason: str = ""
    nonce: str = ""


@dataclass
class Sessions:
    """The sessions of one node. What is kept of a token is its hash."""

    clock: Clock
    _open: dict[str, Session] = field(default_factory=dict)

    def begin(self, name: str) -> str:
        """A new session; its token."""
        now, token = self.clock.now(), secrets.token_urlsafe(32)
        self._open = {key: one for key, one in self._open.items() if not _is_over(one, now)}
        while len(self._open) >= MOST_SESSIONS:
            del self._open[next(iter(self._open))]
        self._open[_hash(token)] = Session(name, now, now)
        return token

    def find(self, token: str) -> Session:
        """The session of a token, which is used by this.

        Raises:
            Refused: there is none, or it is over.
        """
        found, now = self._open.get(_hash(token)), self.clock.now()
        if found is None or _is_over(found, now):
            self.end(token)
            raise Refused("not signed in, or not for a while", hint="sign in", code="session")
        found.seen_at = now
        return found

    def end(self, token: str) -> None:
        """Signs out; a second time changes nothing."""
        self._open.pop(_hash(token), None)


@dataclass
class Tickets:
    """Open questions of one kind: those that anybody may cause don't push out the others."""

    clock: Clock
    _open: dict[str, Ticket] = field(default_factory=dict)

    def issue(self, purpose: Purpose, challenge: bytes, **what: Any) -> str:
        """A new question; its number."""
        now, number = self.clock.now(), secrets.token_urlsafe(16)
        self._open = {key: one for key, one in self._open.items() if one.ends_at > now}
        while len(self._open) >= MOST_TICKETS:
            del self._open[next(iter(self._open))]
        self._open[number] = Ticket(purpose, challenge, now + TICKET_S, **what)
        return number

    def take(self, number: str, purpose: Purpose) -> Ticket:
        """The question of a number, which can't be answered again, whatever the answer is.

        Raises:
            Refused: there is none, it was answered, it is over, or it was about something else.
        """
        ticket = self._open.pop(number, None)
        if ticket is None or ticket.purpose != purpose or ticket.ends_at <= self.clock.now():
            raise Refused("this question isn't open any more", hint="try again", code="ticket")
        return ticket


def _is_over(session: Session, now: float) -> bool:
    return now - session.seen_at > IDLE_S or now - session.began_at > LONGEST_S


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
