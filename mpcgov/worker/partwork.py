"""A worker: the child that does parts of one job for the child that computes, and reaches nobody but that.

It gets a shard's rows, keys of that shard's alone, and what other parties' workers say; it gives shares. It is confined
as that child is. It ends with its stream.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from mpcgov import registry
from mpcgov.errors import InternalError, MpcgovError
from mpcgov.linkage import LinkedRows
from mpcgov.linkage.sidebyside import Part
from mpcgov.linked.facts import Linked
from mpcgov.mpc import SessionConfig
from mpcgov.mpc.codec import WireError
from mpcgov.mpc.config import WORD_BITS
from mpcgov.mpc.word.engine import WordEngine
from mpcgov.mpc.word.wire import Line
from mpcgov.spec.order import Fault, Order
from mpcgov.worker import partframes as frames
from mpcgov.worker.partframes import Came, Failed, Pipe, Told


class PipedWire:
    """What a part says to other parties' workers, by way of the child that computes."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._waiting: dict[tuple[int, int], tuple[asyncio.Future[None], memoryview]] = {}

    def post(self, peer: int, label: int, payload: memoryview) -> None:
        """See `Wire`."""
        self._pipe.send(frames.WORDS, payload, peer, label)

    def fetch(self, peer: int, label: int, into: memoryview) -> Awaitable[None]:
        """See `Wire`."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[peer, label] = done, into
        self._pipe.want(peer, label, into.nbytes)
        return done

    async def drained(self) -> None:
        """See `Wire`."""
        await self._pipe.writer.drain()

    def arrive(self, peer: int, label: int, payload: bytes) -> None:
        """A message that was asked for; of a part that was stopped it is dropped."""
        done, into = self._waiting.pop((peer, label), (None, None))
        if done is None or into is None or done.done():
            return
        if len(payload) != into.nbytes:
            done.set_exception(WireError(f"{len(payload)} bytes where {into.nbytes} belong", peer))
            return
        into[:] = payload
        done.set_result(None)


def serve(order: Order, stream: int) -> None:
    """Does parts of a job over a stream until it ends."""
    work(Worker.of(order), socket.socket(fileno=stream))


def work(worker: Worker, sock: socket.socket) -> None:
    """As `serve`; doesn't return."""
    with suppress(EOFError):
        asyncio.run(_work(worker, sock))
    os._exit(0)


async def _work(own: Worker, sock: socket.socket) -> None:
    pipe = await Pipe.over(sock)
    wire, doing = PipedWire(pipe), asyncio.ensure_future(asyncio.sleep(0))
    while (head := await pipe.head()) is not None:
        kind, peer, label, length = head
        if kind == frames.PART:
            said, part = await frames.told(pipe, length)
            wire = PipedWire(pipe)
            doing = asyncio.create_task(_do(own, pipe, wire, said, part))
        elif kind == frames.WORDS:
            wire.arrive(peer, label, await pipe.payload(length))
        elif kind == frames.STOP:
            doing.cancel()
            await asyncio.wait([doing])
            pipe.send(frames.STOPPED)


async def _do(own: Worker, pipe: Pipe, wire: PipedWire, said: Told, part: Part) -> None:
    """Does a part, and says what it came to, or why nobody can do it."""
    try:
        shares, came = await own.done(wire, said, part)
    except WireError as error:
        pipe.say(frames.FAILED, Failed(wire=str(error), peer=error.peer))
    except MpcgovError as error:
        pipe.say(frames.FAILED, Failed(fault=Fault.model_validate(error.to_json())))
    except Exception as error:
        # The type only: a message of the engine's could hold a value.
        fault = InternalError(f"the computation failed unexpectedly ({type(error).__name__})", code="worker")
        pipe.say(frames.FAILED, Failed(fault=Fault.model_validate(fault.to_json())))
    else:
        pipe.say(frames.DONE, came)
        pipe.send(frames.ARRAY, shares)
    await pipe.writer.drain()


class Worker:
    """What a worker knows of its job: what all parties do."""

    def __init__(self, linked: Linked, job_digest: str, config: SessionConfig) -> None:
        self._linked, self._job_digest, self._config = linked, job_digest, config

    @classmethod
    def of(cls, order: Order) -> Worker:
        """For an order."""
        proposal = order.proposal
        manifest = registry.read(Path(order.folder)).manifest
        config = SessionConfig(
            parties=proposal.parties,
            me=proposal.parties.index(order.party),
            threshold=proposal.threshold,
            binding=bytes(32),  # no greeting is sent from here
            value_bits=WORD_BITS,
            masked_openings=0,
        )
        linked = Linked.of(proposal.job, manifest, proposal.declarations)
        return cls(linked, proposal.job_digest, config)

    async def done(self, wire: PipedWire, said: Told, part: Part) -> tuple[memoryview, Came]:
        """A part's shares."""
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line = Line(wire, self._config.me, len(self._config.parties), operations=said.first, last=said.last)

        def fail(error: BaseException) -> None:
            if not failed.done():
                failed.set_exception(error)

        engine = WordEngine(self._config, wire, frames.keys_of(said), fail, line=line)
        rows = LinkedRows(engine, self._config, self._linked, self._job_digest, part.own)
        doing = asyncio.ensure_future(rows.part(part))
        try:
            either: set[asyncio.Future[Any]] = {doing, failed}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if failed.done():
                failed.result()
            shares = np.ascontiguousarray(doing.result())
        finally:
            doing.cancel()
            failed.cancel()
        came = Came(shape=shares.shape, rounds=line.rounds, coins=rows.coins)
        return shares.view(np.uint8).reshape(-1).data, came
