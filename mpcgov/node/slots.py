"""How many jobs compute at this node at once, and which of those that wait is the next one.

A place is promised for a moment to the party that gathers places for a job at all its nodes, see `mpcgov.node.turns`.
Whoever holds promises that it doesn't use, or comes back for the same ones, falls behind everybody else: so no party
keeps others from computing. Nothing here depends on data, only on jobs and on time.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

JOB_BYTES = 1 << 30
"""What the machine should have for a job: its two children take 400 MB before they have read a row."""

PROMISE_S = 6.0
"""How long a place is kept for who asked for it."""

ASKED_S = 3.0
"""How long who was turned away comes before those that rank behind it; it asks again sooner."""

PATIENCE_S = 5.0
"""So much time of unused promises puts a party behind those that have less."""

MEMORY_S = 60.0
"""How long unused promises are remembered."""

Age = tuple[int, str]
"""When a job's time to approve is over, and its id: signed, so that all nodes put jobs in the same order."""


@dataclass(frozen=True)
class _Claim:
    age: Age
    by: str
    since: float


class Slots:
    """The places of one node. `clock`: seconds that only grow."""

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self.limit = limit
        self._clock = clock
        self._taken: set[str] = set()
        self._promised: dict[str, _Claim] = {}
        self._asked: dict[str, _Claim] = {}
        self._unused: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)

    def ask(self, job: str, age: Age, by: str) -> bool:
        """Whether a place is promised to this job, for which this party asks; if not, its turn comes later."""
        self._forget()
        if job in self._promised or job in self._taken:
            return True
        claim = _Claim(age, by, self._clock())
        self._asked[job] = claim
        # One promise for each party: whoever asks for many jobs gets no more of the places than who asks for one.
        if any(promise.by == by for promise in self._promised.values()):
            return False
        ahead = {other.by for other in self._asked.values() if other.by != by and self._rank(other) < self._rank(claim)}
        if self.limit - len(self._taken) - len(self._promised) <= len(ahead):
            return False
        del self._asked[job]
        self._promised[job] = claim
        return True

    def take(self, job: str, age: Age, by: str) -> bool:
        """Whether the job computes from now on: in the place that it was promised, or in one that it may have."""
        if not self.ask(job, age, by):
            return False
        self._promised.pop(job, None)
        self._taken.add(job)
        return True

    def holds(self, job: str) -> bool:
        """Whether the job computes."""
        return job in self._taken

    def give_back(self, job: str) -> None:
        """The job doesn't begin for now."""
        promise = self._promised.pop(job, None)
        if promise is not None:
            now = self._clock()
            self._unused[promise.by].append((now, now - promise.since))

    def done(self, job: str) -> None:
        """The job has ended."""
        self._taken.discard(job)
        self._asked.pop(job, None)
        self._promised.pop(job, None)

    def next(self) -> tuple[str, str] | None:
        """Who was turned away lately and would get a place now, the best one: job and party. None if nobody would."""
        self._forget()
        if self.limit <= len(self._taken) + len(self._promised):
            return None
        best = min(self._asked.items(), key=lambda one: self._rank(one[1]), default=None)
        return None if best is None else (best[0], best[1].by)

    def _rank(self, claim: _Claim) -> tuple[int, Age]:
        unused_s = sum(seconds for _, seconds in self._unused[claim.by])
        return int(unused_s // PATIENCE_S), claim.age

    def _forget(self) -> None:
        now = self._clock()
        for job, claim in list(self._promised.items()):
            if now - claim.since > PROMISE_S:
                self.give_back(job)
        self._asked = {job: claim for job, claim in self._asked.items() if now - claim.since <= ASKED_S}
        for by, unused in list(self._unused.items()):
            self._unused[by] = [(at, seconds) for at, seconds in unused if now - at <= MEMORY_S]


def default_limit() -> int:
    """As many jobs as this machine has processors, and memory, for; at least one."""
    return max(1, min(_processors(), _memory_bytes() // JOB_BYTES))


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory_bytes() -> int:
    """This machine's memory, or what its container may use."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return memory
    return min(memory, int(limit)) if limit.isdigit() else memory
