"""Who has signed in to a console; in memory only, so that a restart ends all sessions."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field

from mpcgov.clock import Clock
from mpcgov.errors import Refused

IDLE_S = 15 * 60.0
LONGEST_S = 8 * 3600.0
MOST_SESSIONS = 200


@dataclass
class Session:
    """Somebody who has signed in; `name`: what is the same for as long as they are let in, and nobody else's."""

    name: str
    began_at: float
    seen_at: float


@dataclass
class Sessions:
    """The sessions of one console. What is kept of a token is its hash.

    `idle_s`: one that nobody uses for so long is over. `longest_s`: how long one lasts at most.
    """

    clock: Clock
    idle_s: float = IDLE_S
    longest_s: float = LONGEST_S
    _open: dict[str, Session] = field(default_factory=dict)

    def begin(self, name: str) -> str:
        """A new session; its token."""
        now, token = self.clock.now(), secrets.token_urlsafe(32)
        self._open = {key: one for key, one in self._open.items() if not self._is_over(one, now)}
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
        if found is None or self._is_over(found, now):
            self.end(token)
            raise Refused("not signed in, or not for a while", hint="sign in", code="session")
        found.seen_at = now
        return found

    def end(self, token: str) -> None:
        """Signs out; a second time changes nothing."""
        self._open.pop(_hash(token), None)

    def _is_over(self, session: Session, now: float) -> bool:
        return now - session.seen_at > self.idle_s or now - session.began_at > self.longest_s


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
