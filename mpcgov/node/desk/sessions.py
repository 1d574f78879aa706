"""Which questions are open to passkeys and to the provider; in memory only, so that a restart ends them all."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any, Literal

from mpcgov.clock import Clock
from mpcgov.errors import Refused
from mpcgov.node.desk.accounts import Person
from mpcgov.spec.assertion import Said

TICKET_S = 5 * 60.0
MOST_TICKETS = 200

Purpose = Literal["sign in", "enrol", "decide", "provider", "agree"]


@dataclass(frozen=True)
class Ticket:
    """A question that a passkey, or the agency's provider, was asked to answer; answered once.

    `person`: who may answer; None for whoever signs in. `link`: the enrolment link that it came by. `browser`: which
    one was sent to the provider, with `nonce`, and with what `verifier` says the digest of. `text`, `before`: a policy,
    and the digest of the one that it takes the place of.
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
    text: str = ""
    before: str = ""
    verifier: str = ""
    browser: str = ""


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
