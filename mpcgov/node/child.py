"""A worker process, and what it gets of this process's environment."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from mpcgov.node import process, template
from mpcgov.node.process import Forked, Kind, Started
from mpcgov.process.control import Channel

CAN_FORK = hasattr(os, "pidfd_open")
"""Whether children are forked from templates; on Linux only."""

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""Libraries that start threads when they are imported: Landlock would not bind those, see `worker/confine.py`."""

STOPPED_CHECK_S = 1.0
STOPPED_LIMIT = 4
"""A child that the system has stopped for this many checks in a row counts as dead."""


@dataclass
class Child:
    """A worker process and the parent's end of its control socket."""

    kind: Kind
    process: Forked | Started
    channel: Channel

    @staticmethod
    async def start(kind: Kind) -> Child:
        """A new child that has loaded what it will need; its environment and arguments hold no secret."""
        parent, child = socket.socketpair()
        with child, contextlib.ExitStack() as unless_started:
            unless_started.callback(parent.close)
            own = await (template.fork if CAN_FORK else process.start)(kind, environment(kind), child)
            unless_started.pop_all()
        return Child(kind, own, Channel(parent))

    async def kill(self) -> None:
        """Kills the child, stopped or not, and returns once it has ended."""
        self.channel.close()
        await self.process.kill()

    async def stopped(self) -> None:
        """Returns once the system has kept the child stopped for a while."""
        times = 0
        while times < STOPPED_LIMIT:
            await asyncio.sleep(STOPPED_CHECK_S)
            times = times + 1 if _is_stopped(self.process.pid) else 0


def environment(kind: Kind) -> dict[str, str]:
    """What a child needs of our environment, and no more: secrets may live in the rest."""
    keep = {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "PYTHONPATH", "SYSTEMROOT", "TMPDIR"}
    keep.add("XDG_CACHE_HOME")  # where the engine keeps its compiled kernels
    if kind == "read":  # where clients of databases find their settings; passwords belong into those files
        keep |= {"PGPASSFILE", "PGSERVICEFILE", "SPARK_HOME", "SPARK_CONF_DIR", "JAVA_HOME"}
    return {name: value for name, value in os.environ.items() if name in keep} | ONE_THREAD


def _is_stopped(pid: int) -> bool:
    """Whether the system has stopped a process (Linux; elsewhere the job's deadline has to do)."""
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return status.rpartition(b")")[2].split()[:1] in ([b"T"], [b"t"])
