"""Children are forked from templates, which are there when they are needed and gone with who needs them."""

from __future__ import annotations

import asyncio
import fcntl
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mpcgov.bench import jobteam
from mpcgov.node import template
from mpcgov.node.child import Child
from mpcgov.node.process import Forked, Kind, environment
from mpcgov.worker import fork
from tests.patience import LONG_S


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[template._Own]:
    """No templates are there yet, and none stay."""
    own = template._Own()
    monkeypatch.setattr(template, "_OWN", own)
    yield own
    own.close()


def of(own: template._Own) -> template.Templates:
    assert isinstance(own.templates, template.Templates)
    return own.templates


def children_of(pid: int) -> dict[str, int]:
    """By name, a process's children."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {Path(f"/proc/{child}/comm").read_text().strip(): int(child) for child in found}


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def ended(process: object) -> None:
    await asyncio.wait_for(process.ended(), LONG_S)


@pytest.mark.by_day(1)
@pytest.mark.parametrize("kind", ["read", "run"])
async def test_a_child_ends_when_nobody_can_give_it_an_order_any_more(kind: Kind) -> None:
    one, other = await Child.start(kind), await Child.start(kind)
    assert one.process.pid != other.process.pid
    one.channel.close()
    await ended(one.process)
    assert other.process.is_running()
    await other.kill()


@pytest.mark.by_day(1)
@pytest.mark.parametrize("kind", ["read", "run"])
async def test_a_killed_template_is_replaced_and_its_children_go_on(own: template._Own, kind: Kind) -> None:
    first = [await Child.start("read")]
    killed = of(own)
    pids: dict[Kind, int] = {"read": children_of(killed.process.pid)["mpcgov-template"], "run": killed.process.pid}
    first.append(await Child.start("run"))
    os.kill(pids[kind], signal.SIGKILL)
    second = await Child.start(kind)
    assert of(own) is not killed
    assert all(one.process.is_running() for one in (*first, second))
    for one in (*first, second):
        await one.kill()


COMMON = "process._load_common()"
READS, COMPUTES = (COMMON, "process._loaded('read')"), (COMMON, "process._loaded('run')")


@pytest.mark.parametrize(
    ("loads", "lacks"),
    [
        ((COMMON,), {"mpyc", "numba", "duckdb", "ibis", "mpcgov.mpc", "mpcgov.worker.source"}),
        (COMPUTES, {"duckdb", "ibis", "sqlalchemy", "mpcgov.worker.source", "pandas", "scipy", "cffi"}),
        (READS, {"mpyc", "numba", "mpcgov.mpc", "sqlalchemy", "pandas", "scipy"}),
    ],
    ids=["before they part", "computes", "reads"],
)
def test_neither_kind_of_child_has_what_the_other_one_loads(loads: tuple[str, ...], lacks: set[str]) -> None:
    assert lacks & loaded(*loads) == set()


@cache
def loaded(*calls: str) -> set[str]:
    """What a template has loaded after these."""
    code = "import sys\nfrom mpcgov.worker import __main__ as process, withheld\nwithheld.withhold()\n"
    command = [sys.executable, "-c", "\n".join([code, *calls, "print(*sys.modules)"])]
    done = subprocess.run(command, env=environment("read"), capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_what_both_kinds_of_children_load_is_loaded_once_before_they_part() -> None:
    """Each then loads of mpcgov only what the other one doesn't."""
    before, reads, computes = loaded(COMMON), loaded(*READS), loaded(*COMPUTES)
    assert {name for name in (reads & computes) - before if name.partition(".")[0] in ("mpcgov", "asyncio")} == set()


def test_what_compiles_kernels_isnt_loaded_where_all_are_in_the_cache() -> None:
    compiles = {"numba.np.linalg", "numba.np.arraymath", "numba.typed.listobject", "numba.experimental.jitclass.base"}
    if compiles & loaded(*COMPUTES):  # the first process of this user to have them compiles them
        loaded.cache_clear()
        assert compiles & loaded(*COMPUTES) == set()


async def test_processes_have_names_and_both_templates_end_together(own: template._Own) -> None:
    """By names an operator, and the bench, tell them apart."""
    children: dict[Kind, Child] = {"read": await Child.start("read"), "run": await Child.start("run")}
    below = children_of(of(own).process.pid)
    assert below.keys() == {"mpcgov-template", "mpcgov-run"}
    assert children_of(below["mpcgov-template"]).keys() == {"mpcgov-read"}
    assert set(jobteam.workers()) == {(one.process.pid, kind) for kind, one in children.items()}
    for one in children.values():
        await one.kill()
    reads = Forked(below["mpcgov-template"], os.pidfd_open(below["mpcgov-template"]))
    os.kill(reads.pid, signal.SIGSTOP)  # so that it can't end by itself
    own.close()
    await ended(reads)
    os.close(reads.descriptor)


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


def test_only_the_template_of_readers_has_what_only_readers_need(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes in a message, as what a process was started with stays in its memory and in its children's."""
    reads, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    computes = socket.socket(socket.AF_UNIX)
    reads.send(b'{"PGPASSFILE": "/etc/\\udcff"}')
    monkeypatch.setattr(fork.os, "environ", given := {"HOME": "/"})
    monkeypatch.setattr(fork.os, "fork", lambda: 0)
    monkeypatch.setattr(fork.traits, "end_with", lambda parent: None)
    with reads, theirs:
        assert fork.split(theirs, computes)[:2] == ("read", theirs)
    assert given == {"HOME": "/", "PGPASSFILE": "/etc/\udcff"}
    assert computes.fileno() == -1


async def test_children_have_the_environment_of_now_and_what_only_readers_need_is_in_no_process_from_its_start(
    own: template._Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[dict[str, str]] = []

    class Popen(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, env: dict[str, str], **options: Any) -> None:
            started.append(env)
            super().__init__(*args, env=env, **options)

    monkeypatch.setattr(template.subprocess, "Popen", Popen)
    for name in ("a", "b"):
        monkeypatch.setenv("PGPASSFILE", name)
        await (await Child.start("read")).kill()
        assert of(own).environments["read"] == environment("read")
        assert environment("read")["PGPASSFILE"] == name
    assert started == 2 * [environment("run")]
    assert "PGPASSFILE" not in environment("run")


async def test_a_child_that_nobody_waits_for_leaves_no_descriptor(own: template._Own) -> None:
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
        "async def main():\n"
        "    children = [await Child.start('read'), await Child.start('run')]\n"
        "    computes = template._OWN.templates.process.pid\n"
        "    below = open(f'/proc/{computes}/task/{computes}/children').read().split()\n"
        "    print(computes, *{*below, *(str(one.process.pid) for one in children)}, flush=True)\n"
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


def test_templates_that_may_still_be_loading_arent_waited_for(
    own: template._Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(template, "END_S", 3600.0)
    own.current()
    process = of(own).process
    own.close()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.by_day(1)
@pytest.mark.parametrize("kind", ["read", "run"])
def test_lent_templates_serve_who_has_them_and_outlive_them(own: template._Own, kind: Kind) -> None:
    own.current()
    gone, lent, kept = (lend(own) for _ in range(3))
    folder, (control, theirs) = os.open(".", os.O_RDONLY), socket.socketpair()
    with control, theirs:
        socket.send_fds(gone._sockets[kind], [b"fork"], [theirs.fileno(), 2, folder])
        gone.close()  # before it has its answer
        children = [lent.fork(kind, theirs.fileno(), folder)]
        lent.close()
        children += [templates.fork(kind, theirs.fileno(), folder) for templates in (of(own), kept)]
        parents = {Path(f"/proc/{one.pid}/stat").read_text().rpartition(")")[2].split()[1] for one in children}
        assert len(parents) == 1  # all of one template
        of(own).process.kill()
        assert kept._sockets[kind].recv(1) == b""  # no child could ask in its place
        assert all(one.is_running() for one in children)
    os.close(folder)
    kept.close()
    for one in children:
        asyncio.run(one.kill())


def lend(own: template._Own) -> template.Lent:
    lent = own.lend()
    assert lent is not None
    return lent


@pytest.mark.by_day(1)
@pytest.mark.parametrize("kind", ["read", "run"])
async def test_where_there_are_no_such_descriptors_children_are_started_one_by_one(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(template, "CAN_FORK", False)
    one, other = await Child.start(kind), await Child.start(kind)
    assert one.process.is_running()
    await one.kill()
    assert not one.process.is_running()
    other.channel.close()
    await ended(other.process)
