"""Children are forked from templates, which are there when they are needed and gone with who needs them."""

from __future__ import annotations

import asyncio
import fcntl
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpcgov.node import child, template
from mpcgov.node.child import Child, environment
from mpcgov.node.process import Forked, Kind

LIMIT_S = 60


@pytest.fixture
def templates(monkeypatch: pytest.MonkeyPatch) -> Iterator[template._Templates]:
    """None are there yet, and none stay."""
    own = template._Templates()
    monkeypatch.setattr(template, "_TEMPLATES", own)
    yield own
    own.close()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def ended(process: object) -> None:
    await asyncio.wait_for(process.ended(), LIMIT_S)


@pytest.mark.parametrize("kind", ["read", "run"])
async def test_a_child_ends_when_nobody_can_give_it_an_order_any_more(kind: Kind) -> None:
    one, other = await Child.start(kind), await Child.start(kind)
    assert one.process.pid != other.process.pid
    one.channel.close()
    await ended(one.process)
    assert other.process.is_running()
    await other.kill()


async def test_a_killed_template_is_replaced_and_its_children_go_on(templates: template._Templates) -> None:
    first = await Child.start("run")
    templates._of["run"]._process.kill()
    second = await Child.start("run")
    assert first.process.is_running()
    assert second.process.is_running()
    for one in (first, second):
        await one.kill()


async def test_a_node_with_many_open_files_sees_whether_a_child_runs() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    try:
        one = await Child.start("run")
        low = one.process.descriptor
        one.process = Forked(one.process.pid, fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 2000))
        os.close(low)
        assert one.process.is_running()
        await one.kill()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_children_have_the_environment_of_now(
    templates: template._Templates, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        monkeypatch.setenv("PGPASSFILE", name)
        one = await Child.start("read")
        assert templates._of["read"].environ == environment("read")
        assert environment("read")["PGPASSFILE"] == name
        await one.kill()


async def test_a_child_that_nobody_waits_for_leaves_no_descriptor(templates: template._Templates) -> None:
    await (await Child.start("run")).kill()  # which leaves the template
    before = descriptors()
    starting = asyncio.create_task(Child.start("run"))
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await asyncio.get_running_loop().shutdown_default_executor()
    await asyncio.sleep(0)
    assert descriptors() == before


def test_templates_and_children_end_with_who_started_them_however_it_ends() -> None:
    code = (
        "import asyncio\nfrom mpcgov.node import template\nfrom mpcgov.node.child import Child\n"
        "held = template._TEMPLATES._of.values\nasync def main():\n"
        "    children = [await Child.start('read'), await Child.start('run')]\n"
        "    print(*(one.process.pid for one in children), *(of._process.pid for of in held()),"
        " flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        held = [Forked(int(pid), os.pidfd_open(int(pid))) for pid in parent.stdout.readline().split()]
        assert len(held) == 4
        parent.send_signal(signal.SIGKILL)

    async def all_ended() -> None:
        for one in held:
            await ended(one)
            os.close(one.descriptor)

    asyncio.run(all_ended())


@pytest.mark.parametrize("kind", ["read", "run"])
async def test_where_there_are_no_such_descriptors_children_are_started_one_by_one(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "CAN_FORK", False)
    one, other = await Child.start(kind), await Child.start(kind)
    assert one.process.is_running()
    await one.kill()
    assert not one.process.is_running()
    other.channel.close()
    await ended(other.process)
