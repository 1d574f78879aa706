"""How much a coordinator may have a node keep: one that proposes ever more would fill its disk."""

from __future__ import annotations

from mpcgov.errors import Refused

WAITING_LIMIT = 1000
"""How many jobs may wait at once; a coordinator that proposes more is refused."""

DAY_S = 86400.0
DAY_BYTES = 4 << 30
"""How long all proposals of a day may be together, whatever becomes of them: a denied one is kept as well."""


class Room:
    """What one node still takes. What was taken counts for a day, or until the node is started again."""

    def __init__(self, me: str) -> None:
        self._me = me
        self._left = float(DAY_BYTES)
        self._at = 0.0

    def take(self, waiting: int, size_bytes: int, now: float) -> None:
        """Takes room for a proposal.

        Args:
            waiting: how many jobs wait already.

        Raises:
            Refused: there is none; nothing was taken.
        """
        if waiting >= WAITING_LIMIT:
            raise Refused(f"{self._me}: {WAITING_LIMIT} jobs wait already", code="too-many")
        refilled = max(0.0, now - self._at) * DAY_BYTES / DAY_S
        self._left, self._at = min(float(DAY_BYTES), self._left + refilled), now
        if size_bytes > self._left:
            text = f"{self._me}: the proposals of a day are longer than {DAY_BYTES >> 20} MB together"
            raise Refused(text, hint="propose it again tomorrow", code="too-many")
        self._left -= size_bytes
