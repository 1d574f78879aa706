"""Why a job ended, and who says so.

A party may say of itself what it likes; what it says of another is hearsay, and stands on record as its word. A stream
that breaks names who was at its other end, which may only have hung up because of somebody else. So of all that a node
hears the weightiest counts, and what isn't certain waits a while for something that is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from mpcgov.errors import MpcgovError, PeerError, one_line
from mpcgov.lifecycle import told

REASON_LIMIT = 1000
HEARSAY = "hearsay"
"""The code of what one party says about another. No such word makes a refusal, or a fault of anybody's data."""


class Silence(PeerError):
    """Nothing comes from some parties of a job: they are gone, or the way to them is. `what`: how that was noticed."""

    def __init__(
        self, parties: tuple[str, ...], what: str, code: str, hint: str = "is its node running and reachable?"
    ) -> None:
        super().__init__(f"{', '.join(parties)}: {what}", hint=hint, code=code)
        self.parties = parties
        self.what = what


class Weight(IntEnum):
    """What a cause is worth: the least number is the best."""

    KNOWN = 0
    """what this node found out itself, or a party's word about itself"""
    SILENT = 1
    """a stream broke, and who was at its other end has said nothing"""
    HEARSAY = 2
    HUNG_UP = 3
    """a stream broke, and who was at its other end has said why, or it is only known from this node's worker"""


@dataclass(frozen=True)
class Cause:
    """An error that ends a job, and the party that it came from; "" for this node itself."""

    error: MpcgovError
    party: str = ""


class Causes:
    """All that was heard of the end of one job, in order."""

    def __init__(self) -> None:
        self.heard: list[Cause] = []

    def add(self, cause: Cause) -> Weight:
        """Takes a cause, and tells what it is worth."""
        self.heard.append(cause)
        return self._weight(cause)

    @property
    def first(self) -> MpcgovError | None:
        """The weightiest; the earlier one of equals. None if nothing was heard."""
        return min(self.heard, key=self._weight).error if self.heard else None

    def _weight(self, cause: Cause) -> Weight:
        code = cause.error.code
        if code == HEARSAY:
            return Weight.HEARSAY
        if code == "peer-lost":
            return Weight.HUNG_UP
        if code != "lost":
            return Weight.KNOWN
        spoke = any(other.party == cause.party and other.error.code == HEARSAY for other in self.heard)
        return Weight.HUNG_UP if spoke else Weight.SILENT


def said(party: str, reason: str, code: str) -> PeerError:
    """What a party says ended its job, with its name on it. Codes that mean something here it has for itself only."""
    text = one_line(reason, REASON_LIMIT) or "ended the job"
    of_itself = text.startswith((f"{party}: ", f"{party} ", f"{party}'s "))
    if of_itself and not text.startswith(f"{party} says: "):
        return PeerError(text, code=told(code))
    return PeerError(text if of_itself else f"{party} says: {text}", code=HEARSAY)
