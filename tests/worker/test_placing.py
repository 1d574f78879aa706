"""What the process that talks to a Dask cluster can still do, as that one's scheduler could rule it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mpcgov.errors import LocalError
from mpcgov.node.process import ONE_THREAD
from mpcgov.process import landlock, seccomp
from mpcgov.worker import placing
from tests.patience import LONG_S
from tests.worker.test_confine import EACH_APART, skip_unless_confining

BEFORE = """
import os, resource, signal, socket, sys
from mpcgov.worker import placing
home, port = sys.argv[1], int(sys.argv[2])
placing.own_certificate()
def shut_in():
    placing.shut_in([home + "/dask/ca.pem"])
"""
START = (
    BEFORE
    + """
shut_in()
print("shut in", flush=True)
"""
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A node's home, with keys and the certificates of a cluster."""
    (tmp_path / "dask").mkdir()
    for name in ("keys.pem", "dask/ca.pem", "dask/other.pem"):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(0o600)
    return tmp_path


def shut_in(home: Path, code: str, start: str = START, *more: str) -> subprocess.CompletedProcess[str]:
    """What becomes of code in such a process, beside a desk and a TCP port that listen."""
    skip_unless_confining()
    with (
        socket.socket(socket.AF_UNIX) as desk,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log,
        socket.create_server(("127.0.0.1", 0)) as listening,
    ):
        desk.bind(str(home / "desk.sock"))
        desk.listen()
        log.bind(str(home / "log.sock"))
        command = [sys.executable, "-c", start + code, str(home), str(listening.getsockname()[1]), *more]
        env = os.environ | ONE_THREAD
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONG_S, env=env)


HARMING = [
    "open(home + '/keys.pem')",
    "open(home + '/dask/other.pem')",
    "os.listdir(home + '/dask')",
    "open('/etc/passwd')",
    "os.listdir('/etc')",
    "open(home + '/dask/ca.pem', 'a')",
    "os.chmod(home + '/keys.pem', 0o644)",
    "os.chmod(home, 0o755)",
    "os.chown(home + '/keys.pem', os.getuid(), os.getgid())",
    "os.utime(home + '/keys.pem')",
    "os.setxattr(home + '/keys.pem', 'user.x', b'x')",
    "os.removexattr(home + '/keys.pem', 'user.x')",
    "os.truncate(home + '/keys.pem', 0)",
    "socket.socket(socket.AF_UNIX).connect(home + '/desk.sock')",
    "socket.socketpair(type=socket.SOCK_DGRAM)[0].sendto(b'x', home + '/log.sock')",
    "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "os.kill(os.getppid(), 0)",
    "resource.prlimit(os.getppid(), resource.RLIMIT_CPU)",
    "os.execv('/bin/true', ['true'])",
]


def test_what_talks_to_a_cluster_harms_nothing_on_this_machine(home: Path) -> None:
    done = shut_in(home, EACH_APART, BEFORE, json.dumps(HARMING))
    assert done.returncode == 0, done.stderr
    assert list(zip(HARMING, done.stdout.splitlines(), strict=True)) == [(code, "PermissionError") for code in HARMING]
    assert (home / "keys.pem").stat().st_mode & 0o777 == 0o600


def test_it_still_dials_and_is_dialled(home: Path) -> None:
    code = (
        "import asyncio\n"
        "open(home + '/dask/ca.pem').read()\n"
        "socket.create_connection(('localhost', port)).close()\n"
        "with socket.create_server(('127.0.0.1', 0)) as own:\n"
        "    socket.create_connection(own.getsockname()).close()\n"
        "    own.accept()\n"
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()\n"
        "resource.prlimit(0, resource.RLIMIT_NOFILE)\n"
        "print(asyncio.run(asyncio.to_thread(lambda: 7)))\n"
    )
    done = shut_in(home, code)
    assert done.stderr == ""
    assert done.stdout == "shut in\n7\n"


@pytest.mark.parametrize(("means", "name"), [(landlock, "restrict"), (seccomp, "refuse")])
def test_it_does_not_run_where_either_is_lacking(monkeypatch: pytest.MonkeyPatch, means: object, name: str) -> None:
    monkeypatch.setattr(landlock, "restrict", lambda *_, **__: True)
    monkeypatch.setattr(seccomp, "refuse", lambda **_: True)
    placing.shut_in([])
    monkeypatch.setattr(means, name, lambda *_, **__: False)
    with pytest.raises(LocalError, match=r"can't be confined here: no (Landlock|seccomp)") as caught:
        placing.shut_in([])
    assert "workers: 2" in (caught.value.hint or "")
