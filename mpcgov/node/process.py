"""A child's process, however it came to be, and what it gets of this process's environment.

It is forked from a template, or, where that can't be, started by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["read", "run"]

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""Libraries that start threads when they are imported: Landlock would not bind those, see `worker/confine.py`."""


@dataclass(frozen=True)
class Forked:
    """A child of a template: held by a descriptor, which, other than its number, can't come to mean another process."""

    pid: int
    descriptor: int

    def is_running(self) -> bool:
        """Whether it hasn't ended."""
        look = select.poll()  # not select(), which takes no descriptor from 1,024 on
        look.register(self.descriptor, select.POLLIN)
        return not look.poll(0)

    async def kill(self) -> None:
        """Kills it, stopped or not, and returns once it has ended; not to be used any more then."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.descriptor, signal.SIGKILL)
        try:
            await self.ended()
        finally:
            os.close(self.descriptor)

    async def ended(self) -> None:
        """Returns once it has ended."""
        loop, gone, own = asyncio.get_running_loop(), asyncio.Event(), os.dup(self.descriptor)
        loop.add_reader(own, gone.set)
        try:
            await gone.wait()
        finally:
            loop.remove_reader(own)
            os.close(own)


@dataclass(frozen=True)
class Started:
    """A child of this process."""

    process: asyncio.subprocess.Process

    @property
    def pid(self) -> int:
        """Its number."""
        return self.process.pid

    def is_running(self) -> bool:
        """Whether it hasn't ended."""
        return self.process.returncode is None

    async def kill(self) -> None:
        """Kills it, stopped or not, and reaps it."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                # Process.kill() would reap the child behind asyncio's back, which then complains on stderr.
                os.kill(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    async def ended(self) -> None:
        """Returns once it has ended."""
        await self.process.wait()


async def start(kind: Kind, environ: Mapping[str, str], control: socket.socket) -> Started:
    """A child that isn't forked from a template; see `template.fork`."""
    # -P: modules come from where Python is installed, never from the folder that we were started in.
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "mpcgov.worker", kind, str(control.fileno()),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        env=environ,
        pass_fds=[control.fileno()],
        start_new_session=True,
    )  # fmt: skip
    return Started(process)


def environment(kind: Kind) -> dict[str, str]:
    """What a child needs of our environment, and no more: secrets may live in the rest."""
    keep = {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "PYTHONPATH", "SYSTEMROOT", "TMPDIR"}
    keep.add("XDG_CACHE_HOME")  # where the engine keeps its compiled kernels
    if kind == "read":  # where clients of databases find their settings; passwords belong into those files
        keep |= {"PGPASSFILE", "PGSERVICEFILE", "SPARK_HOME", "SPARK_CONF_DIR", "JAVA_HOME"}
    return {name: value for name, value in os.environ.items() if name in keep} | ONE_THREAD
