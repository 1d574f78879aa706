"""The pair of children that waits: it is there again after every job, however often the job is cancelled."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mpcgov.cli import dataset
from mpcgov.errors import PeerError
from mpcgov.node import child, supervisor, template
from mpcgov.node.child import Child
from mpcgov.node.supervisor import Supervisor
from mpcgov.spec.order import Order


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
            async def outcome(self, _peers: Any) -> Any:
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


@pytest.fixture
def order() -> Order:
    return Order.model_construct(fingerprint=False)


async def test_a_cancel_during_the_killing_skips_no_respawn(monkeypatch: pytest.MonkeyPatch, order: Order) -> None:
    children = Children(monkeypatch)
    children.may_come.set()
    node = Supervisor()
    await node.start()
    job = asyncio.create_task(node.run(order, {}, None, None))
    await turns()
    for _ in range(3):
        job.cancel()
        await turns()
    with pytest.raises(asyncio.CancelledError):
        await job
    await asyncio.sleep(0.01)
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
    job = asyncio.create_task(node.run(order, {}, None, None))
    await turns()
    job.cancel()
    await turns()
    children.may_come.set()
    await asyncio.gather(starting, job, return_exceptions=True)
    job = asyncio.create_task(node.run(order, {}, None, None))
    await turns()
    assert len(children.made) == 2
    job.cancel()
    await asyncio.gather(job, return_exceptions=True)
    await node.close()


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
            await node.run(order, {}, None, None)
        await turns()
    children = Children(monkeypatch)
    children.may_come.set()
    children.may_go.set()
    job = asyncio.create_task(node.run(order, {}, None, None))
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
    assert started == [child.environment("read")]
    assert "PGPASSWORD" not in started[0]
    assert started[0]["PGPASSFILE"] == "/etc/pgpass"
    assert "PGPASSFILE" not in child.environment("run")
