"""The child that computes: program, clear, reveal. It reaches the other parties and no data but its own prepared input.

Only HELLO and one word, 'ready' or 'data contract', go to the others before the parent has answered `Go`: from then
on the job counts as committed, and bytes that depend on data may leave.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mpcgov import registry
from mpcgov.errors import DataError, InternalError, MpcgovError
from mpcgov.mpc import Session, SessionConfig
from mpcgov.process.control import Channel
from mpcgov.process.meter import Idle, Meter, runner
from mpcgov.spec.order import Fault, Go, Order, Outcome, Report
from mpcgov.spec.statement import Cost, Layout, Transcript
from mpcgov.worker import partwork, program, reveal
from mpcgov.worker.confine import confine
from mpcgov.worker.pool import Pool
from mpcgov.worker.work import LinkedWork, Local, work

registry.engine_digest()  # while we wait for a job, and of the files as they are when they are loaded


def serve(control: socket.socket, order: Order, descriptors: list[int]) -> None:
    """Runs this party's part of a job over the given descriptors: the reader's pipe, then a stream per other party."""
    if not confine(Path(order.folder)):
        print("mpcgov: the computing process isn't sandboxed: it takes Linux 5.13, and no threads", file=sys.stderr)  # noqa: T201 - the node's log
    if order.part:
        partwork.serve(order, *descriptors)
    idle = Idle()
    with runner(idle) as loop:
        loop.run(_serve(Channel(control), order, descriptors, Meter("engine", "start", idle)))


async def _serve(channel: Channel, order: Order, descriptors: list[int], meter: Meter) -> None:
    parent = Parent(channel)
    pipe, *streams = descriptors
    streams, workers = streams[: len(streams) - order.workers], streams[len(streams) - order.workers :]
    others = [i for i, party in enumerate(order.proposal.parties) if party != order.party]
    sockets = {i: socket.socket(fileno=descriptor) for i, descriptor in zip(others, streams, strict=True)}
    try:
        job = Job(order, sockets, parent, meter)
        job.streams = [socket.socket(fileno=descriptor) for descriptor in workers]
        outcome = await job.session.run(job.outcome(pipe), order.left_s)
        report = Report(event="done", outcome=outcome, steps=meter.steps())
    except MpcgovError as error:
        report = Report(event="failed", fault=Fault.model_validate(error.to_json()))
    except Exception as error:
        # The type only: a message of the engine's could hold a value.
        fault = InternalError(f"the computation failed unexpectedly ({type(error).__name__})", code="worker")
        report = Report(event="failed", fault=Fault.model_validate(fault.to_json()))
    await channel.send(report)
    os._exit(0)  # MPyC leaves tasks behind that would log as they are torn down


class Parent:
    """The node, or the simulator, at the other end of the control socket. When it is gone, so are we."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._go: asyncio.Future[Go] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = {asyncio.create_task(self._listen())}

    async def committed(self) -> Go:
        """Says that all parties are ready, and returns once the parent has made the commit durable."""
        await self.channel.send(Report(event="ready"))
        return await self._go

    def phase(self, phase: str) -> None:
        """Tells what the job is doing."""
        self._tell(Report(event="phase", phase=phase))

    def again(self, shard: int, died: Sequence[str]) -> None:
        """Tells that a shard is done once more, as workers of these parties died."""
        self._tell(Report(event="again", shard=shard, died=tuple(died)))

    def _tell(self, report: Report) -> None:
        task = asyncio.create_task(self.channel.send(report))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _listen(self) -> None:
        while (go := await self.channel.receive(Go)) is not None:
            if not self._go.done():
                self._go.set_result(go)
        os._exit(1)


class Job:
    """One party's part of one job."""

    def __init__(self, order: Order, sockets: dict[int, socket.socket], parent: Parent, meter: Meter) -> None:
        folder = Path(order.folder)
        self.order = order
        self.proposal = order.proposal
        self.parent = parent
        self.program = program.load(folder, self.proposal.protocol_digest)
        self.work = work(order, registry.read(folder).manifest)
        self._meter = meter
        self.streams: list[socket.socket] = []
        self.session = Session(self._config(), sockets, self._entered)
        meter.spent = lambda: (self.session.cost.rounds, self.session.cost.bytes_sent)

    def _entered(self, phase: str) -> None:
        self._meter.enter(phase)
        self.parent.phase(phase)

    def _config(self) -> SessionConfig:
        agreed = f"{self.proposal.job_digest}\n{self.order.binding}\n{registry.engine_digest()}"
        return SessionConfig(
            parties=self.proposal.parties,
            me=self.proposal.parties.index(self.order.party),
            threshold=self.proposal.threshold,
            binding=hashlib.sha256(agreed.encode()).digest(),
            value_bits=self.work.value_bits,
            masked_openings=self.work.needs.masked_openings,
            solver_bits=self.work.needs.solver_bits,
        )

    async def outcome(self, pipe: int) -> Outcome:
        """From HELLO to this party's shares of what may be released."""
        await self.work.noise.draw()
        await self.session.hello()
        values = await self._local(pipe)
        started = time.monotonic()
        await self.session.start()
        if self.streams and isinstance(self.work, LinkedWork):
            self.work.workers = Pool(self.streams, self.session.words.shared_wire, self._again)
        cleared = await self.work.cleared(self.session, self.program, values)
        self.session.enter("reveal")
        layout = Layout(modulus=str(self.session.modulus), degree=self.proposal.threshold, tables=self.work.tables)
        shares = await reveal.shares(self.session, cleared, layout)
        await self.session.close()
        spent = self.session.cost
        cost = Cost(seconds=_coarse(time.monotonic() - started), rounds=spent.rounds, bytes_sent=spent.bytes_sent)
        transcripts = {
            self.proposal.parties[peer]: Transcript(sent=f"blake3:{sent.hex()}", received=f"blake3:{received.hex()}")
            for peer, (sent, received) in self.session.transcripts.items()
        }
        return Outcome(layout=layout, shares=shares, cost=cost, coins=self.work.coins, transcripts=transcripts)

    def _again(self, shard: int, died: list[int]) -> None:
        self.parent.again(shard, [self.proposal.parties[index] for index in died])

    async def _local(self, pipe: int) -> Local | None:
        """This party's own input, once every party has said that it has its own and the parent has committed."""
        values: Local | None = None
        failed = False
        if self.order.party in self.proposal.job.data_parties:
            self.session.enter("read")
            values = await asyncio.to_thread(self.work.read, pipe)
            failed = values is None
        await self.session.ready(ok=not failed)
        if failed:
            raise DataError(f"{self.order.party}: data contract", code="own-data")
        secret = (await self.parent.committed()).secret
        self.work.secret = None if secret is None else bytes.fromhex(secret)
        return values


def _coarse(seconds: float) -> float:
    """The time that receivers are told, in tenths of a second: finer, it could go with how many rows each owner has."""
    return math.ceil(10 * seconds) / 10
