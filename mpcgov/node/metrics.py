"""What monitoring reads of a node, in Prometheus' words: how jobs stand, what is left, when what ends. No data.

Every number here follows from jobs, time and this machine. Nothing says how many rows there are, which job was about
which, or what the data made a job do; the one exception is the children's memory, which grows with the agency's own
data sets, and which every process of this machine can read anyway. Labels are states, phases, and names that this
agency or its roster has given, so that nobody outside decides how many there are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sql
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from mpcgov import keys, registry
from mpcgov.clock import Clock
from mpcgov.errors import MpcgovError
from mpcgov.lifecycle import WAITING, State
from mpcgov.node.budget import balances_of
from mpcgov.node.home import NodeHome
from mpcgov.node.notify import queue
from mpcgov.node.operations import free_bytes
from mpcgov.node.store import Store
from mpcgov.node.tables import JOBS
from mpcgov.node.timings import PHASES, RELEASED
from mpcgov.trust import consortium
from mpcgov.version import __version__

BUCKETS_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0)
BUDGETS_LIMIT = 200
"""Budgets that are shown; jobs name the units that these are of."""
BUDGETS_S = 60.0
"""How long budgets are kept that were looked up, as every line of the ledger is read for them."""
OTHER = "other"


@dataclass
class Watched:
    """What the running node knows of itself beside its database.

    `verified`: when its audit log was last verified, and how many records it had; None if it didn't hold.
    """

    seen: dict[str, float]
    pids: Callable[[], list[int]]
    computing: Callable[[], int]
    verified: Callable[[], tuple[float, int | None]]


class Metrics(Collector):
    """The numbers of one node, collected whenever they are asked for."""

    def __init__(self, home: NodeHome, store: Store, clock: Clock, watched: Watched) -> None:
        self._home = home
        self._store = store
        self._clock = clock
        self._watched = watched
        self._budgets: tuple[float, list[tuple[tuple[str, str, str], float, float]]] | None = None
        self._registry = CollectorRegistry()
        text = "seconds that jobs were under way, by how they ended"
        self._jobs_s = Histogram("mpcgov_job_seconds", text, ["end"], buckets=BUCKETS_S, registry=self._registry)
        text = "seconds that jobs spent in each phase"
        self._phases_s = Histogram("mpcgov_phase_seconds", text, ["phase"], buckets=BUCKETS_S, registry=self._registry)
        for end in (RELEASED, "abort", "fail"):
            self._jobs_s.labels(end)
        self._registry.register(self)

    def observe(self, end: str, seconds: dict[str, float]) -> None:
        """A job has ended; how long each of its phases took."""
        self._jobs_s.labels(end).observe(sum(seconds.values()))
        for phase, taken in seconds.items():
            self._phases_s.labels(phase if phase in PHASES else OTHER).observe(taken)

    def text(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Nothing ahead of time: what there is depends on the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Everything but the histograms."""
        about = {"version": __version__, "engine": registry.engine_digest(), "party": self._home.party}
        yield InfoMetricFamily("mpcgov_node", "the node", value=about)
        yield from self._jobs()
        yield from self._dates()
        yield from self._machine()
        yield from self._left()

    def _jobs(self) -> Iterator[Metric]:
        query = sql.select(
            JOBS.c.state, sql.func.count(), sql.func.min(JOBS.c.received_at), sql.func.min(JOBS.c.approve_before)
        ).group_by(JOBS.c.state)
        with self._store.read() as tx:
            found = {row[0]: (row[1], row[2], row[3]) for row in tx.execute(query)}
        now = self._clock.now()
        jobs = GaugeMetricFamily("mpcgov_jobs", "jobs in the database, by state", labels=["state"])
        oldest = GaugeMetricFamily("mpcgov_oldest_waiting_seconds", "how long the oldest job waits", labels=["state"])
        expiry = GaugeMetricFamily("mpcgov_next_expiry_seconds", "until the first job is over", labels=["state"])
        for state in State:
            count, received_at, before = found.get(state.value, (0, now, now))
            jobs.add_metric([state.value], count)
            if state in WAITING:
                oldest.add_metric([state.value], max(0.0, now - received_at))
                if count:
                    expiry.add_metric([state.value], max(0.0, before - now))
        computing = GaugeMetricFamily("mpcgov_jobs_computing", "jobs under way", value=self._watched.computing())
        most = GaugeMetricFamily("mpcgov_jobs_at_once", "jobs that may compute at once", value=self._home.jobs_at_once)
        yield from (jobs, oldest, expiry, computing, most)

    def _dates(self) -> Iterator[Metric]:
        ends = GaugeMetricFamily("mpcgov_certificate_end_timestamp_seconds", "when it expires", labels=["party"])
        seen = GaugeMetricFamily(
            "mpcgov_peer_seen_timestamp_seconds", "when a member last asked this node something", labels=["party"]
        )
        for card in consortium.members(self._home.joined()[0]):
            ends.add_metric([card.id], keys.certificate_end(card.certificate).timestamp())
            if card.id in self._watched.seen:
                seen.add_metric([card.id], self._watched.seen[card.id])
        yield from (ends, seen)

    def _machine(self) -> Iterator[Metric]:
        verified_at, records = self._watched.verified()
        text = "free for the node's database"
        yield GaugeMetricFamily("mpcgov_disk_free_bytes", text, value=free_bytes(self._home.state_path))
        memory = sum(map(resident_bytes, self._watched.pids()))
        yield GaugeMetricFamily("mpcgov_children_resident_bytes", "memory of the jobs' processes", value=memory)
        yield GaugeMetricFamily(
            "mpcgov_audit_verified", "1 if the log held when last verified", value=records is not None
        )
        text = "when the log was last verified"
        yield GaugeMetricFamily("mpcgov_audit_verified_timestamp_seconds", text, value=verified_at)
        with self._store.read() as tx:
            notices = queue.waiting(tx)
        yield GaugeMetricFamily("mpcgov_notices_waiting", "notices that weren't taken yet", value=notices)
        text = "records in the log when it was last verified"
        yield GaugeMetricFamily("mpcgov_audit_records", text, value=records or 0)

    def _left(self) -> Iterator[Metric]:
        labels = ["dataset", "unit", "measure"]
        total = GaugeMetricFamily("mpcgov_budget_total", "what jobs may tell of a unit in all", labels=labels)
        spent = GaugeMetricFamily("mpcgov_budget_spent", "what jobs have told of a unit", labels=labels)
        for names, may, has in self._known_budgets():
            total.add_metric(names, may)
            spent.add_metric(names, has)
        yield from (total, spent)

    def _known_budgets(self) -> list[tuple[tuple[str, str, str], float, float]]:
        now = self._clock.now()
        if self._budgets is None or not 0 <= now - self._budgets[0] < BUDGETS_S:
            try:
                declared = sorted(self._home.datasets().root)
            except MpcgovError:  # the file can't be read, which 'node doctor' says
                declared = []
            with self._store.read() as tx:
                found = [one for name in declared for one in balances_of(tx, name)][:BUDGETS_LIMIT]
            lines = [((one.dataset, one.unit, one.measure), float(one.total), float(one.spent)) for one in found]
            self._budgets = (now, lines)
        return self._budgets[1]


def resident_bytes(pid: int) -> int:
    """The memory that a process holds; 0 if that can't be read."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0
