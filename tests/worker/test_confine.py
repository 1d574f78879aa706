"""What the computing child can still do once it is shut in: a real process, a real kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mpcgov import registry
from mpcgov.node.process import ONE_THREAD
from mpcgov.process import landlock, seccomp
from tests.patience import LONG_S

FOLDER = registry.find("joint-count").folder
START = f"""
from pathlib import Path
from mpcgov.worker.confine import confine
print(confine(Path({str(FOLDER)!r})), flush=True)
"""


def skip_unless_confining() -> None:
    """Asks the kernel, and not a process that tries: one that fails for another reason must not be skipped."""
    if not (landlock.known() and seccomp.known()):
        pytest.skip("this kernel has no Landlock or no seccomp")


def confined(code: str, *arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
    skip_unless_confining()
    return subprocess.run(
        [sys.executable, "-c", before + "import ctypes, os, signal, socket, sys, asyncio\n" + START + code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG_S,
        env=os.environ | ONE_THREAD,
    )


EACH_APART = """
import ctypes, json, os, signal, socket, sys, asyncio
for code in json.loads(sys.argv[-1]):
    reading, writing = os.pipe()
    if os.fork() == 0:
        shut_in()
        try:
            exec(code)
            said = "nothing"
        except BaseException as error:
            said = type(error).__name__
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    os.wait()
    print(os.read(reading, 1000).decode(), flush=True)
"""
"""What comes of each of these codes in a process of its own, that is shut in; one that says nothing has become another
program."""

REACHING = [
    "open(sys.argv[1])",
    "open(sys.argv[1], 'a')",
    "os.listdir(os.path.dirname(sys.argv[1]))",
    "open('/proc/1/environ')",
    "open(os.path.dirname(sys.argv[1]) + '/new', 'w')",
    "socket.socket(socket.AF_INET)",
    "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "socket.socket(socket.AF_UNIX)",
    "os.chmod(sys.argv[1], 0o777)",
    "os.chmod(os.path.dirname(sys.argv[1]), 0o777)",
    "os.chown(sys.argv[1], os.getuid(), os.getgid())",
    "os.truncate(sys.argv[1], 0)",
    "os.utime(sys.argv[1])",
    "os.setxattr(sys.argv[1], 'user.x', b'x')",
    "os.kill(os.getppid(), 0)",
    "signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 0)",
    "socket.socketpair(type=socket.SOCK_DGRAM)",
    "os.removexattr(sys.argv[1], 'user.x')",
    "import resource; resource.prlimit(os.getppid(), resource.RLIMIT_CPU)",
    "os.execv('/bin/true', ['true'])",
    "import subprocess; subprocess.run([sys.executable, '-c', ''], check=True)",
]


def test_a_confined_process_reaches_no_data_network_or_program(tmp_path: Path) -> None:
    skip_unless_confining()
    data = tmp_path / "register.csv"
    data.write_text("person_id\n1\n")
    shut_in = f"""
from pathlib import Path
from mpcgov.worker.confine import confine
def shut_in():
    assert confine(Path({str(FOLDER)!r}))
"""
    command = [sys.executable, "-c", shut_in + EACH_APART, str(data), json.dumps(REACHING)]
    env = os.environ | ONE_THREAD
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=LONG_S, env=env)
    assert list(zip(REACHING, done.stdout.splitlines(), strict=True)) == [
        (code, "PermissionError") for code in REACHING
    ]
    assert data.read_text() == "person_id\n1\n"


def test_a_confined_process_still_has_what_it_came_with() -> None:
    code = (
        "a, b = socket.socketpair(); a.send(b'x'); print(b.recv(1))\n"
        "print(asyncio.run(asyncio.to_thread(lambda: 7)))\n"
        f"print(len(open({str(FOLDER / 'program.py')!r}).read()) > 0)\n"
        "import decimal, xml.dom; print(len(os.urandom(3)))\n"
    )
    done = confined(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", "b'x'", "7", "True", "3"]


def test_packages_that_were_loaded_from_elsewhere_can_load_more_of_themselves(tmp_path: Path) -> None:
    """As with `pip install --user`; what lies beside them stays out of reach."""
    package = tmp_path / "elsewhere"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "later.py").write_text("VALUE = 7")
    (tmp_path / "register.csv").write_text("person_id\n1\n")
    load = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nimport elsewhere\n"
    use = "from elsewhere import later\nprint(later.VALUE)\n"
    done = confined(use, before=load)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", "7"]
    done = confined("open(sys.argv[1])", str(tmp_path / "register.csv"), before=load)
    assert "PermissionError" in done.stderr


def test_a_thread_that_ran_before_is_not_passed_over_in_silence() -> None:
    code = (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(5,), daemon=True).start()\n"
        f"from pathlib import Path\nfrom mpcgov.worker.confine import confine\nprint(confine(Path({str(FOLDER)!r})))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=LONG_S)
    assert done.stdout.strip() == "False"


def test_what_the_computing_child_loads_starts_no_thread_and_reads_no_data() -> None:
    """A thread that runs before would not be shut in; engines that read registers start some when they are loaded."""
    code = (
        "import sys\nfrom pathlib import Path\nimport mpcgov.worker.run\n"
        "print(len(list(Path('/proc/self/task').iterdir())))\n"
        "print([name for name in ('ibis', 'duckdb', 'mpcgov.worker.source') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=LONG_S,
        env=os.environ | ONE_THREAD,
    )
    assert done.stdout.splitlines() == ["1", "[]"]
