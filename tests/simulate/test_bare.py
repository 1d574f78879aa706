"""A command's templates are copies of it, made when it has loaded what both of them load anyway, and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys

import pytest

from mpcgov.node.process import ONE_THREAD, Forked, environment
from tests.patience import LONG_S

STARTED = """
import asyncio, importlib, json, os, subprocess, sys, threading
from mpcgov.node import template
from mpcgov.node.child import Child
from mpcgov.trial import bare

started, real_fork, real_popen = [], os.fork, subprocess.Popen

def fork():
    started.append(len(os.listdir("/proc/self/task")))
    return real_fork()

def popen(*args, **options):
    started.append("new")
    return real_popen(*args, **options)

os.fork, subprocess.Popen = fork, popen
"""

COPY = """
class Shown:
    def main():
        numbers = sorted(int(name) for name in os.listdir("/proc/self/fd"))
        shown = {
            "environ": sorted(os.environ),
            "standard": [os.readlink(f"/proc/self/fd/{number}") for number in (0, 1)],
            "held": sum(os.path.exists(f"/proc/self/fd/{number}") for number in numbers) - 3,
            "path": sys.path[0] == first,
            "session": os.getsid(0) == os.getpid(),
        }
        os.write(2, json.dumps(shown).encode())
        os._exit(7)

first, kept, real_import = sys.path[0], open("/dev/null"), importlib.import_module
importlib.import_module = lambda name: Shown if name == "mpcgov.worker.__main__" else real_import(name)
bare.prepare()
print(template._OWN.templates.process.wait())
"""

ENDLESS = """
async def main():
    children = [await Child.start("read"), await Child.start("run")]
    computes = template._OWN.templates.process.pid
    below = open(f"/proc/{computes}/task/{computes}/children").read().split()
    print(computes, *{*below, *(str(one.process.pid) for one in children)}, flush=True)
    await asyncio.sleep(600)

bare.prepare()
asyncio.run(main())
"""


def ran(code: str, environ: dict[str, str]) -> tuple[str, str]:
    command = [sys.executable, "-c", STARTED + code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ, timeout=LONG_S)
    return done.stdout.strip(), done.stderr


def test_what_is_copied_has_one_thread_and_neither_the_engine_nor_what_reads_data_nor_a_nodes_database() -> None:
    never = "{'mpyc', 'numba', 'duckdb', 'ibis', 'mpcgov.mpc', 'mpcgov.worker', 'sqlalchemy', 'aiohttp', 'pandas'}"
    as_people_have_it = {name: value for name, value in os.environ.items() if name not in ONE_THREAD}
    shown = ran(f"bare.prepare()\nprint(started, sorted({never} & set(sys.modules)))", as_people_have_it)
    assert shown == ("[1] []", "")


@pytest.mark.parametrize(
    "before", ["import numpy", "threading.Thread(target=threading.Event().wait, daemon=True).start()"]
)
def test_a_process_that_has_begun_something_else_isnt_copied(before: str) -> None:
    """A notebook, or the tests' own process."""
    assert ran(f"{before}\nbare.prepare()\nprint(started)", {**os.environ}) == ("['new']", "")


def test_a_copy_has_what_a_started_one_would_have_and_nothing_else() -> None:
    """Neither the rest of the environment, nor open files, nor modules of the folder in which the command is run."""
    ended, shown = ran(COPY, {**os.environ, "PASSWORD": "secret", "PGPASSFILE": "readers' only"})
    expected = {
        "environ": sorted(environment("run")),
        "standard": 2 * ["/dev/null"],
        "held": 2,
        "path": False,
        "session": True,
    }
    assert (ended, json.loads(shown)) == ("7", expected)


def test_copies_end_with_who_was_copied_however_it_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTED + ENDLESS], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        held = [Forked(int(pid), os.pidfd_open(int(pid))) for pid in parent.stdout.readline().split()]
        assert len(held) == 4
        parent.send_signal(signal.SIGKILL)

    async def all_ended() -> None:
        for one in held:
            await asyncio.wait_for(one.ended(), LONG_S)
            os.close(one.descriptor)

    asyncio.run(all_ended())
