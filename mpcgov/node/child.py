"""A worker process, and the parent's end of what the two say to each other."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from pathlib import Path

from mpcgov.node import process, template
from mpcgov.node.process import Forked, Kind, Started, environment
from mpcgov.process.control import Channel

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
            own = await _started(kind, child)
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


async def _started(kind: Kind, control: socket.socket) -> Forked | Started:
    if template.CAN_FORK:
        return await template.fork(kind, control)
    return await process.start(kind, environment(kind), control)


def _is_stopped(pid: int) -> bool:
    """Whether the system has stopped a process (Linux; elsewhere the job's deadline has to do)."""
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return status.rpartition(b")")[2].split()[:1] in ([b"T"], [b"t"])
