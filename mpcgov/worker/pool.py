"""This party's workers, as the child that computes sees them: each at the other end of a stream, one part at a time.

What they say to other parties' workers goes over this child's own links, and so does what they hear: nobody but nodes
is connected to other agencies.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mpcgov.errors import InternalError, MpcgovError
from mpcgov.linkage.sidebyside import OPERATIONS, Done, Part, SharedWire, WorkerDiedError
from mpcgov.mpc.codec import WireError
from mpcgov.mpc.frames import MAX_FRAME_BYTES
from mpcgov.mpc.word import field
from mpcgov.mpc.word.wire import CHANNELS_PER_OPERATION, MESSAGES_PER_CHANNEL
from mpcgov.worker import partframes as frames
from mpcgov.worker.partframes import Came, Failed, Pipe

STEP = CHANNELS_PER_OPERATION * MESSAGES_PER_CHANNEL


NOTHING = Done(np.zeros(0, np.uint64), 0, {})
"""What a worker comes to that was stopped."""


class Pool:
    """Workers of one job. `wire`: the session's; `on_again`: told which shard is done again, and whose workers died."""

    def __init__(
        self, streams: Sequence[socket.socket], wire: SharedWire, on_again: Callable[[int, list[int]], None]
    ) -> None:
        self.count = len(streams)
        self.again = on_again
        self._left = self.count
        self._free: asyncio.Queue[_Worker | None] = asyncio.Queue()
        for stream in streams:
            self._free.put_nowait(_Worker(stream, wire))

    async def do(self, part: Part, first: int, keys: Mapping[tuple[int, ...], bytes]) -> Done:
        """See `Workers`. The rest do what one that died has left.

        Raises:
            InternalError: none is left.
        """
        worker = await self._free.get()
        if worker is None:
            self._free.put_nowait(None)
            raise InternalError("all workers of this agency have died", hint="see this node's log", code="worker")
        try:
            return await worker.do(part, first, keys)
        finally:
            if worker.alive:
                self._free.put_nowait(worker)
            else:
                self._left -= 1
                if self._left == 0:
                    self._free.put_nowait(None)


class _Worker:
    def __init__(self, stream: socket.socket, wire: SharedWire) -> None:
        self._stream, self._wire = stream, wire
        self._opening: asyncio.Future[Pipe] | None = None
        self.alive = True
        self._labels = range(0)

    async def do(self, part: Part, first: int, keys: Mapping[tuple[int, ...], bytes]) -> Done:
        """One part, unless the worker has gone, or another agency's has."""
        pipe = await self._opened()
        # What comes first in the range is the parties' word on the part.
        self._labels = range((first + 1) * STEP, (first + OPERATIONS) * STEP)
        frames.tell(pipe, part, first, first + OPERATIONS, keys)
        doing = asyncio.ensure_future(self._done(pipe))
        try:
            return await asyncio.shield(doing)
        except asyncio.CancelledError:
            self._labels = range(0)  # nothing of it goes out from now on
            if not doing.done():
                pipe.send(frames.STOP)
                await asyncio.wait([doing])
            self.alive = doing.exception() is None
            raise
        except (EOFError, OSError):
            self.alive = False
            pipe.writer.close()
            raise WorkerDiedError from None

    async def _opened(self) -> Pipe:
        """The stream, which is opened once: opening that is cancelled would close it, and the next part needs it."""
        if self._opening is None:
            self._opening = asyncio.ensure_future(Pipe.over(self._stream))
        try:
            return await asyncio.shield(self._opening)
        except OSError:
            self.alive = False
            self._stream.close()
            raise WorkerDiedError from None

    async def _done(self, pipe: Pipe) -> Done:
        """What the worker comes to, once it has said so, or that it has stopped; meanwhile carries what it says and
        hears."""
        while (head := await pipe.head()) is not None:
            kind, peer, label, length = head
            if kind == frames.WORDS:
                payload = await pipe.payload(length, MAX_FRAME_BYTES)
                if label in self._labels:
                    self._wire.post(peer, label, memoryview(payload))
                    await self._wire.drained()
            elif kind == frames.WANTED and length <= MAX_FRAME_BYTES:
                self._bring(pipe, peer, label, length)
            elif kind == frames.DONE:
                found = await _found(pipe, length)
                if self._labels:
                    return found
            elif kind == frames.FAILED:
                failed: Failed = await pipe.message(length, Failed)
                if self._labels:
                    raise _failure(failed)
            elif kind == frames.STOPPED:
                return NOTHING
            else:
                raise InternalError("a worker says what doesn't belong here", code="worker")
        raise EOFError

    def _bring(self, pipe: Pipe, peer: int, label: int, length: int) -> None:
        """Has a message of another party's worker brought to ours, once it is there."""
        if label not in self._labels:
            return
        into = bytearray(length)

        def arrived(coming: asyncio.Future[None]) -> None:
            if not coming.cancelled() and label in self._labels:
                pipe.send(frames.WORDS, into, peer, label)

        asyncio.ensure_future(self._wire.fetch(peer, label, memoryview(into))).add_done_callback(arrived)


async def _found(pipe: Pipe, length: int) -> Done:
    came: Came = await pipe.message(length, Came)
    shares = await pipe.array("<u8")
    if shares.size != np.prod(came.shape, dtype=int) or not field.all_elements(shares):
        raise InternalError("a worker's shares aren't numbers of the field", code="worker")
    return Done(shares.reshape(came.shape), came.rounds, came.coins)


def _failure(failed: Failed) -> Exception:
    if failed.fault is not None:
        return MpcgovError.from_json(failed.fault.model_dump())
    return WireError(failed.wire or "broke the protocol", failed.peer)
