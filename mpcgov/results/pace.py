"""How far a job's computing is, and how long the rest takes at the pace so far.

By the bytes that nodes say they have sent, and those that the plan says a party sends at most. Both follow from public
sizes alone; a job whose owners have fewer rows than they declare may end early.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from mpcgov.lifecycle import State
from mpcgov.results.progress import Status

LEAST_SHARE, LEAST_S = 0.03, 1.0
"""Before so much has been done, for so long, there is no pace to go by."""
MOST = 0.99
"""It is done once it is released, and not before."""


@dataclass
class Pace:
    """The pace of one job; `planned_bytes`: what a party sends at most."""

    planned_bytes: int
    _began: tuple[float, float] | None = field(default=None, init=False)

    def told(self, status: Status, now_s: float) -> Status:
        """How the job stands, with how far it is; as it was if it isn't computing.

        Args:
            now_s: by any clock that only goes forward.
        """
        if status.state is not State.RUNNING or self.planned_bytes <= 0:
            return status
        share = min(status.sent_bytes / self.planned_bytes, MOST)
        if self._began is None:
            self._began = (now_s, share)
        took_s, done = now_s - self._began[0], share - self._began[1]
        paced = took_s >= LEAST_S and done >= LEAST_SHARE
        return replace(status, percent=int(share * 10) * 10, left_s=(1 - share) / done * took_s if paced else None)
