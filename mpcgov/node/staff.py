"""Workers that a job's computing child gets for long lists, each a confined process that links one shard at a time.

Which machine a worker is on is for whoever hires it to know: the computing child has a stream to each, and so all that
a worker says to other agencies' goes over the node's own connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass, field
from typing import Protocol

from mpcgov import registry
from mpcgov.errors import MpcgovError
from mpcgov.linked import shards
from mpcgov.linked.facts import Linked
from mpcgov.linked.sizes import padded_length
from mpcgov.node.child import Child
from mpcgov.spec.order import Order

STREAM_BYTES = 1 << 20


class Hired(Protocol):
    """Workers of one job: a stream to each, and how they are told that it is over."""

    streams: list[socket.socket]

    async def dismiss(self) -> None:
        """Ends them, and closes the streams; a second time changes nothing."""


class Staff(Protocol):
    """Where a node's workers come from."""

    async def hire(self, order: Order) -> Hired:
        """Workers for a job.

        Raises:
            MpcgovError: there are none.
        """


def is_long(order: Order) -> bool:
    """Whether lists of this job may be so long that they are linked in shards."""
    proposal = order.proposal
    with contextlib.suppress(MpcgovError):
        manifest = registry.manifest_of(proposal.job.protocol_name)
        if manifest.linked and not manifest.compares:
            lengths = {party: padded_length(proposal.declarations[party].max_rows) for party in proposal.declarations}
            return shards.shard_count(Linked.of(proposal.job, manifest, proposal.declarations), lengths) > 1
    return False


def pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a stream to a worker."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, STREAM_BYTES)
    return ours, theirs


@dataclass
class _Processes:
    """Workers that are children of this node."""

    streams: list[socket.socket] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)
    _watching: list[asyncio.Task[None]] = field(default_factory=list)

    def watch(self, child: Child) -> None:
        """Has a child killed once the system keeps it stopped: its stream ends so, and its shard is done again."""

        async def kill() -> None:
            await child.stopped()
            self.children.remove(child)
            await child.kill()

        self._watching.append(asyncio.create_task(kill()))

    async def dismiss(self) -> None:
        """See `Hired`."""
        for watch in self._watching:
            watch.cancel()
        children, self.children = self.children, []
        for stream in self.streams:
            stream.close()
        for child in children:
            await child.kill()


@dataclass(frozen=True)
class LocalStaff:
    """So many processes on this machine."""

    count: int

    async def hire(self, order: Order) -> Hired:
        """See `Staff`."""
        hired = _Processes()
        try:
            await asyncio.gather(*(self._hire(order, hired) for _ in range(self.count)))
        except BaseException:
            await asyncio.shield(hired.dismiss())
            raise
        return hired

    async def _hire(self, order: Order, hired: _Processes) -> None:
        child = await Child.start("run")
        hired.children.append(child)
        hired.watch(child)
        ours, theirs = pair()
        hired.streams.append(ours)
        with theirs:
            # What data there are, and where, is no business of a worker's.
            await child.channel.send(order.model_copy(update={"datasets": None, "part": True}), [theirs.fileno()])
