"""The pair of children that waits: it is there again after every job, however often the job is cancelled."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mpcgov.cli import dataset
from mpcgov.errors import PeerError
from mpcgov.node import child, supervisor, template
from mpcgov.node.child import Child
from mpcgov.node.process import environment
from mpcgov.node.supervisor import Supervisor
from mpcgov.spec.order import Order, Step
from tests.node.network import when


class Process:
    def is_running(self) -> bool:
        return True


class FakeChild:
    """A child that takes a while to die."""

    def __init__(self, dying: asyncio.Event) -> None:
        self.process = Process()
        self.dying = dying
        self.killed = False

    async def kill(self) -> None:
        await self.dying.wait()
        self.killed = True


class Children:
    """What was spawned, and when it may be there and may be gone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[FakeChild] = []
        self.may_come, self.may_go = asyncio.Event(), asyncio.Event()
        monkeypatch.setattr(Child, "start", self.spawn)
        monkeypatch.setattr(supervisor, "REST_S", 0.0)
        monkeypatch.setattr(supervisor, "_Run", self.run)

    async def spawn(self, _kind: str) -> Any:
        await self.may_come.wait()
        self.made.append(FakeChild(self.may_go))
        return self.made[-1]

    def run(self, *_: Any) -> Any:
        class Forever:
            async def outcome(self, *_: Any) -> Any:
                await asyncio.Event().wait()

        return Forever()


@pytest.mark.parametrize("cause", [OSError, asyncio.CancelledError])
async def test_a_child_that_never_comes_leaves_no_socket(
    cause: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[socket.socket] = []
    pair = socket.socketpair

    def socketpair() -> list[socket.socket]:
        made.extend(pair())
        return made

    async def fails(*_: Any, **__: Any) -> Any:
        raise cause

    monkeypatch.setattr(child.socket, "socketpair", socketpair)
    monkeypatch.setattr(template, "fork", fails)
    with pytest.raises(cause):
        await Child.start("read")
    assert [end.fileno() for end in made] == [-1, -1]


async def turns(number: int = 20) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def unconnected() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


@pytest.fixture
def order() -> Order:
    return Order.model_construct(fingerprint=False, left_s=60.0)


async def test_a_cancel_during_the_killing_skips_no_respawn(monkeypatch: pytest.MonkeyPatch, order: Order) -> None:
    children = Children(monkeypatch)
    children.may_come.set()
    node = Supervisor()
    await node.start()
    job = asyncio.create_task(node.run(order, unconnected(), None, None))
    await turns()
    for _ in range(3):
        job.cancel()
        await turns()
    with pytest.raises(asyncio.CancelledError):
        await job
    await when(lambda: len(children.made) >= 4, "nobody came again")
    await turns()
    assert len(children.made) == 4
    children.may_go.set()
    await turns()
    assert [child.killed for child in children.made] == [True, True, False, False]
    await node.close()


async def test_a_cancel_while_children_are_awaited_loses_none(monkeypatch: pytest.MonkeyPatch, order: Order) -> None:
    children = Children(monkeypatch)
    children.may_go.set()
    node = Supervisor()
    starting = asyncio.create_task(node.start())
    await turns()
    job = asyncio.create_task(node.run(order, unconnected(), None, None))
    await turns()
    job.cancel()
    await turns()
    children.may_come.set()
    await asyncio.gather(starting, job, return_exceptions=True)
    job = asyncio.create_task(node.run(order, unconnected(), None, None))
    await turns()
    assert len(children.made) == 2
    job.cancel()
    await asyncio.gather(job, return_exceptions=True)
    await node.close()


async def test_a_cancel_while_one_child_has_come_and_the_other_has_not_leaves_neither(
    monkeypatch: pytest.MonkeyPatch, order: Order
) -> None:
    children = Children(monkeypatch)
    come = asyncio.Event()

    async def spawn(kind: str) -> Any:
        if kind == "run":
            come.set()
            await asyncio.Event().wait()
        children.made.append(FakeChild(children.may_go))
        return children.made[-1]

    monkeypatch.setattr(Child, "start", spawn)
    children.may_go.set()
    running = asyncio.create_task(Supervisor(keep_warm=False).run(order, {}, pytest.fail, pytest.fail))
    await come.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [one.killed for one in children.made] == [True]


async def test_children_that_cant_be_started_end_the_job_and_not_the_node(
    monkeypatch: pytest.MonkeyPatch, order: Order
) -> None:
    async def spawn(_kind: str) -> Any:
        raise OSError("out of memory")

    monkeypatch.setattr(Child, "start", spawn)
    monkeypatch.setattr(supervisor, "REST_S", 0.0)
    node = Supervisor()
    for _ in range(2):
        with pytest.raises((PeerError, OSError)):
            await node.run(order, unconnected(), None, None)
        await turns()
    children = Children(monkeypatch)
    children.may_come.set()
    children.may_go.set()
    job = asyncio.create_task(node.run(order, unconnected(), None, None))
    await turns()
    assert len(children.made) >= 2
    job.cancel()
    await asyncio.gather(job, return_exceptions=True)
    await node.close()


def test_a_data_set_is_checked_in_the_environment_that_jobs_have(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Else a check passes by a password that no job gets to see."""
    monkeypatch.setenv("PGPASSWORD", "hemlock")
    monkeypatch.setenv("PGPASSFILE", "/etc/pgpass")
    started: list[dict[str, str]] = []

    def run(*_: object, env: dict[str, str], **__: object) -> subprocess.CompletedProcess[bytes]:
        started.append(env)
        return subprocess.CompletedProcess([], 0, b'{"reports": []}', b"")

    monkeypatch.setattr(subprocess, "run", run)
    dataset.judge(tmp_path / "datasets.yaml", None)
    assert started == [environment("read")]
    assert "PGPASSWORD" not in started[0]
    assert started[0]["PGPASSFILE"] == "/etc/pgpass"
    assert "PGPASSFILE" not in environment("run")


class Told:
    """A child that is told something, and says nothing."""

    def __init__(self) -> None:
        self.channel = self
        self.orders: list[Order] = []

    async def send(self, order: Order, _descriptors: list[int]) -> None:
        self.orders.append(order)

    async def receive(self, _model: object) -> None:
        await asyncio.Event().wait()

    async def stopped(self) -> None:
        await asyncio.Event().wait()


async def test_data_are_read_while_streams_are_made_and_streams_get_the_time_that_is_left() -> None:
    proposal = SimpleNamespace(parties=("tax", "welfare"))
    order = Order.model_construct(proposal=proposal, party="tax", datasets="/d.yaml", left_s=60.0, fingerprint=False)
    reader, runner = Told(), Told()
    took = Step(at="node", phase="children", started_s=time.monotonic() - 20.0, seconds=0.0)
    run: Any = supervisor._Run(order, [reader, runner], None, None, None, (None, None, None), took)
    run._tell = lambda steps: None
    peers, (ours, theirs) = unconnected(), socket.socketpair()
    job = asyncio.create_task(run.outcome(peers))
    await turns()
    assert [one.datasets for one in reader.orders] == ["/d.yaml"]
    assert runner.orders == []
    with theirs:
        peers.set_result({"welfare": ours})
        await turns()
        assert [one.datasets for one in runner.orders] == [None]
        assert 0 < runner.orders[0].left_s <= 40.0
        assert ours.fileno() == -1
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job


def descriptors() -> set[Path]:
    return set(Path("/proc/self/fd").iterdir())


async def test_streams_that_dont_come_about_end_a_job_and_leave_no_descriptor() -> None:
    order = Order.model_construct(datasets="/d.yaml", left_s=60.0, fingerprint=False)
    took = Step(at="node", phase="children", started_s=time.monotonic(), seconds=0.0)
    run: Any = supervisor._Run(order, [Told(), Told()], None, None, None, (None, None, None), took)
    run._tell = lambda steps: None
    peers, before = unconnected(), descriptors()
    peers.set_exception(PeerError("welfare: no connection within 10 s", code="connect"))
    with pytest.raises(PeerError, match="no connection"):
        await run.outcome(peers)
    assert descriptors() == before
