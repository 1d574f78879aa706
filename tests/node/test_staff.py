"""Workers that a node hires, on this machine or on a Dask cluster: whole jobs, also where one is killed."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mpcgov.bench import linked
from mpcgov.errors import LocalError, SpecError
from mpcgov.linked import shards
from mpcgov.node import checkup, child, operator, staffing
from mpcgov.node.staff import LocalStaff, Staff
from mpcgov.node.staffing import DaskStaff
from mpcgov.node.supervisor import Supervisor
from mpcgov.process import landlock, seccomp
from mpcgov.spec.job import Job
from mpcgov.spec.load import load_yaml
from mpcgov.trial.simulation import Simulation
from tests.node.network import Network

KEYS = 1000
"""In place of a million: lists of 4,000 keys are linked in four shards."""


@pytest.fixture
def _short_shards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Shorter shards, in this process and, by Python's own hook, in all children of its nodes."""
    monkeypatch.setattr(shards, "SHARD_KEYS", KEYS)
    hook = tmp_path / "hook"
    hook.mkdir()
    text = f"from mpcgov.linked import shards\nshards.SHARD_KEYS = {KEYS}\n"
    (hook / "sitecustomize.py").write_text(text, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(hook))


class Trial:
    """A job of three agencies, each with workers of its own."""

    def __init__(self, folder: Path, staff: Staff | None) -> None:
        files = linked.mean_by_group(4 * KEYS).files
        assert files is not None
        self.expected = files(folder)
        self._simulation = Simulation.of(load_yaml(folder / "job.yaml", Job), folder / "agencies")
        self.again: list[tuple[str, int, tuple[str, ...]]] = []
        self.linking = asyncio.Event()
        self.supervisors = {party: Supervisor(False, staff=staff) for party in self._simulation.proposal.parties}
        for party, one in self.supervisors.items():
            one.on_again = lambda _, shard, died, party=party: self.again.append((party, shard, tuple(died)))

    async def run(self) -> None:
        """Runs it, and checks what it releases."""
        result = await self._simulation.run(self.supervisors, self._entered)
        np.testing.assert_allclose(linked._column(result, "right.amount.mean"), self.expected, rtol=1e-3)

    def _entered(self, _party: str, phase: str) -> None:
        if phase == "link":
            self.linking.set()


@pytest.mark.usefixtures("_short_shards")
async def test_processes_of_a_machine_link_shards_side_by_side(tmp_path: Path) -> None:
    trial = Trial(tmp_path, LocalStaff(2))
    await trial.run()
    assert trial.again == []
    assert workers_of(os.getpid()) == []


@pytest.mark.by_day(1)
@pytest.mark.usefixtures("_short_shards")
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_shard_is_linked_again_whose_worker_was_killed_or_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: signal.Signals
) -> None:
    monkeypatch.setattr(child, "STOPPED_CHECK_S", 0.1)
    killed: list[int] = []

    class Doomed(LocalStaff):
        async def hire(self, order: Any) -> Any:
            hired = await super().hire(order)
            if order.party == "right":
                killed.append(hired.children[0].process.pid)
            return hired

    trial = Trial(tmp_path, Doomed(2))
    running = asyncio.create_task(trial.run())
    await trial.linking.wait()
    os.kill(killed[0], by)
    await running
    parties, numbers, died = zip(*trial.again, strict=True)
    assert sorted(parties) == ["helper", "left", "right"]
    assert len(set(numbers)) == 1
    assert set(died) == {("right",)}


def workers_of(pid: int) -> list[int]:
    """The computing processes below another."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, rest = path.read_text().rpartition(") ")
            computes = "mpcgov-run" in name or b"mpcgov.worker\0run" in (path.parent / "cmdline").read_bytes()
            parents[int(path.parent.name)] = int(rest.split()[1]), computes
    found = []
    for one, (_, computes) in parents.items():
        above = one
        while above != pid and above in parents:
            above = parents[above][0]
        if above == pid != one and computes:
            found.append(one)
    return found


# A cluster


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Any]:
    """A Dask cluster of two processes on this machine, with certificates of its own in the folder `dask`."""
    distributed = pytest.importorskip("distributed", reason="Dask isn't installed")
    security = distributed.Security.temporary()
    folder = tmp_path / "dask"
    folder.mkdir()
    for name, text in zip(
        staffing.FILES, (security.tls_ca_file, security.tls_client_cert, security.tls_client_key), strict=True
    ):
        (folder / name).write_text(text, encoding="ascii")
    started = distributed.LocalCluster(
        n_workers=2, threads_per_worker=4, security=security, protocol="tls", asynchronous=True, dashboard_address=None
    )
    async with started as running:
        yield running


def staff_of(cluster: Any, folder: Path, count: int = 2) -> DaskStaff:
    """Workers of that cluster, for a node with that home."""
    found = staffing.of(f"dask://{cluster.scheduler_address.removeprefix('tls://')}?workers={count}", folder)
    assert isinstance(found, DaskStaff)
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("_short_shards")
async def test_workers_of_a_cluster_do_the_same(tmp_path: Path, cluster: Any) -> None:
    trial = Trial(tmp_path, staff_of(cluster, tmp_path))
    await trial.run()
    assert trial.again == []


@pytest.mark.slow
@pytest.mark.usefixtures("_short_shards")
async def test_a_worker_that_a_cluster_loses_has_its_shard_linked_again(tmp_path: Path, cluster: Any) -> None:
    trial = Trial(tmp_path, staff_of(cluster, tmp_path))
    running = asyncio.create_task(trial.run())
    await trial.linking.wait()
    machine = next(iter(cluster.workers.values()))
    os.kill(workers_of(machine.pid)[0], signal.SIGKILL)
    await running
    assert {party for party, _, _ in trial.again} == {"left", "right", "helper"}


@pytest.mark.slow
@pytest.mark.usefixtures("_short_shards")
async def test_a_cluster_that_is_too_small_is_refused(tmp_path: Path, cluster: Any) -> None:
    with pytest.raises(LocalError, match="the cluster has 2 workers, not 3"):
        await Trial(tmp_path, staff_of(cluster, tmp_path, 3)).run()


def test_node_yaml_says_where_workers_are() -> None:
    assert staffing.of(1, Path()) is None
    assert staffing.of(3, Path()) == LocalStaff(3)
    assert staffing.of("dask://a.example:8786", Path("h")) == DaskStaff("a.example:8786", 2, Path("h/dask"))


@pytest.mark.parametrize(
    "text", ["0", "65", "true", "dask://nowhere", "'tcp://a.example:8786'", "dask://a:1?workers=0"]
)
def test_other_workers_are_refused(network: Network, text: str) -> None:
    config = network.home("labour") / "node.yaml"
    config.write_text(config.read_text() + f"workers: {text}\n")
    with pytest.raises(SpecError, match=r"node.yaml:[0-9]+: workers: neither a number of processes [^;]*$"):
        network.loaded("labour")


def test_doctor_says_what_a_cluster_takes(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    config = network.home("labour") / "node.yaml"
    assert checkup.workers(network.loaded("labour")) == []
    config.write_text(config.read_text() + "workers: dask://scheduler.example:8786?workers=4\n")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (found,) = checkup.workers(network.loaded("labour"))
    assert not found.ok
    assert "pip install 'mpcgov[dask]'" in found.text
    assert "dask/ca.pem" in found.text


async def test_that_a_shard_is_linked_again_is_on_record(network: Network) -> None:
    await network.start("labour")
    network.workers["labour"].on_again("0a1b", 2, ("welfare",))
    await network.stop("labour")
    (record,) = [one for one in operator.audit_records(network.home("labour")) if one["event"] == "shard again"]
    assert record["job"] == "0a1b"
    assert record["facts"] == {"shard": 3, "died": "welfare"}


@pytest.mark.parametrize("means", [landlock, seccomp])
def test_doctor_says_that_the_kernel_lacks_what_a_cluster_takes(
    network: Network, monkeypatch: pytest.MonkeyPatch, means: object
) -> None:
    config = network.home("labour") / "node.yaml"
    config.write_text(config.read_text() + "workers: dask://scheduler.example:8786?workers=4\n")
    for one in (landlock, seccomp):
        monkeypatch.setattr(one, "known", lambda: True)
    (before,) = checkup.workers(network.loaded("labour"))
    monkeypatch.setattr(means, "known", lambda: False)
    (found,) = checkup.workers(network.loaded("labour"))
    assert "can't be confined here" in found.text
    assert "can't be confined here" not in before.text
