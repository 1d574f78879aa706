"""The two children of a job: one that reads the agency's data, one that computes with the other parties.

The reader reaches the data and no peer; the runner reaches the peers and no data but what the reader hands it
through a pipe. Both are started ahead of time, with nothing but a control socket. A child serves one job and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from mpcgov.errors import InternalError, LocalError, MpcgovError, Refused
from mpcgov.node.child import Child
from mpcgov.node.staff import Hired, Staff, is_long
from mpcgov.spec.order import OWN_READER, Go, Order, Outcome, Report, Step
from mpcgov.spec.statement import job_id

OWN_FAULT_WAIT_S = 2.0
"""When a job fails before the commit, how long to wait for a word on our own data: that is what its owner can mend."""

REST_S = 1.0
"""How long after a job the next pair of children is started."""

Commit = Callable[[], Awaitable[str | None]]
"""Makes the commit durable; gives a secret for this party's list or records, 32 bytes in hexadecimal digits, if any."""

Admit = Callable[[Mapping[str, str]], Awaitable[None]]
Note = Callable[[str, str], None]
"""Is told a job and something of its rows, for this agency's own people."""

Steps = Callable[[str, Sequence[Step]], None]
"""Is told a job and where the time of one of its processes went."""

Again = Callable[[str, int, Sequence[str]], None]
"""Is told a job, which of its shards is done again, from 0, and whose workers died."""

Peers = Awaitable[Mapping[str, socket.socket]]
"""A connected stream per other party, once they stand. Who makes them closes them if the job ends before that."""


class Supervisor:
    """Runs jobs, each with a pair of children; keeps the next one waiting if `keep_warm`; never more than `limit`."""

    def __init__(
        self,
        keep_warm: bool = True,
        on_note: Note = lambda job, text: None,
        limit: int = 1000,
        on_steps: Steps = lambda job, steps: None,
        staff: Staff | None = None,
    ) -> None:
        self._staff = staff
        self.on_again: Again = lambda job, shard, died: None
        self._keep_warm = keep_warm
        self._on_note = on_note
        self._limit = limit
        self._on_steps = on_steps
        self._running = 0
        self._working: list[Child] = []
        self._warm: asyncio.Task[list[Child]] | None = None
        self._later: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Spawns the pair that waits."""
        self._warm_up()
        if self._warm is not None:
            await self._warm

    @property
    def pids(self) -> list[int]:
        """The numbers of the children that work on a job."""
        return [child.process.pid for child in self._working]

    async def run(
        self,
        order: Order,
        peers: Peers,
        commit: Commit,
        on_phase: Callable[[str], None],
        admit: Admit | None = None,
    ) -> Outcome:
        """One job, from reading the data to this party's shares of what may be released.

        Args:
            peers: the streams, which are handed to the child and closed here. The data are read meanwhile.
            commit: awaited when every party is ready, before the first byte that depends on data is sent.
            on_phase: told what the job is doing.
            admit: told which rows were read, by fingerprints, before they are handed on; may refuse them.

        Raises:
            MpcgovError: the first thing that went wrong. The children are gone by then, also on cancellation.
        """
        children: list[Child] = []
        hiring = None if self._staff is None else asyncio.create_task(_hire(self._staff, order))
        self._running += 1
        started_s = time.monotonic()
        try:
            children = await self._take()
            took = Step(at="node", phase="children", started_s=started_s, seconds=time.monotonic() - started_s)
            self._working += children
            order = order.model_copy(update={"fingerprint": admit is not None})
            told = (self._on_note, self._on_steps, self.on_again)
            return await _Run(order, children, commit, on_phase, admit, told, took).outcome(peers, hiring)
        finally:
            self._running -= 1
            self._working = [child for child in self._working if child not in children]
            # Importing takes the processor from whoever now fetches the result: let that go first. It is seen to before
            # anything is awaited, since a job that is being ended may be told to end once more.
            self._later = asyncio.get_running_loop().call_later(REST_S, self._warm_up)
            await asyncio.shield(_kill_all(children))
            if hiring is not None:  # only now, as the child that computes would take it for the workers' death
                await asyncio.shield(_dismiss(hiring))

    async def close(self) -> None:
        """Ends the pair that waits."""
        self._keep_warm = False
        if self._later is not None:
            self._later.cancel()
        waiting, self._warm = self._warm, None
        if waiting is not None:
            with contextlib.suppress(OSError):
                await _kill_all(await waiting)

    def _warm_up(self) -> None:
        if self._keep_warm and self._warm is None and self._running < self._limit:
            self._warm = asyncio.create_task(_start_pair())

    async def _take(self) -> list[Child]:
        """The pair that waits, or a new one if there is none or it has died meanwhile."""
        waiting, self._warm = self._warm, None
        if waiting is not None:
            try:
                children = await asyncio.shield(waiting)
            except asyncio.CancelledError:
                # The next job has them; if there are others by now, they end by themselves with their control socket.
                self._warm = self._warm or waiting
                raise
            except OSError:
                children = []
            if children and all(child.process.is_running() for child in children):
                return children
            await _kill_all(children)
        return await _start_pair()


class _Run:
    """One job with one pair of children."""

    def __init__(
        self,
        order: Order,
        children: list[Child],
        commit: Commit,
        on_phase: Callable[[str], None],
        admit: Admit | None,
        told: tuple[Note, Steps, Again],
        took: Step,
    ) -> None:
        self._order = order
        self._ends_at = took.started_s + order.left_s
        self._reader, self._runner = children
        self._commit = commit
        self._committed = False
        self._on_phase = on_phase
        self._admit = admit
        self._on_note, self._on_steps, self._on_again = told
        self._took = took

    async def outcome(self, peers: Peers, hiring: Awaitable[Hired | None] | None = None) -> Outcome:
        self._tell([self._took])
        receiving, sending = os.pipe()
        tasks: list[asyncio.Task[Any]] = []
        try:
            with contextlib.ExitStack() as pipe:
                pipe.callback(os.close, receiving)
                await self._hand_to_reader(sending)
                tasks.append(reading := asyncio.create_task(self._read()))
                hired = None if hiring is None else await hiring
                await self._hand_to_runner(receiving, await peers, [] if hired is None else hired.streams)
            stops = [asyncio.create_task(child.stopped()) for child in (self._reader, self._runner)]
            running = asyncio.create_task(self._run())
            tasks += [*stops, running]
            await asyncio.wait({*stops, running}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                raise InternalError("a worker of this node was stopped", code="worker")
            return await self._first_cause(reading, running)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _tell(self, steps: Sequence[Step]) -> None:
        self._on_steps(job_id(self._order.proposal.job_digest), steps)

    async def _hand_to_reader(self, pipe: int) -> None:
        """Gives the reader its order and the pipe to the runner, which is closed here."""
        try:
            if self._order.datasets is not None:
                await self._reader.channel.send(self._order, [pipe])
        finally:
            os.close(pipe)

    async def _hand_to_runner(
        self, pipe: int, peers: Mapping[str, socket.socket], workers: Sequence[socket.socket]
    ) -> None:
        """Gives the runner its order, the pipe from the reader, the peers and workers, which are closed here."""
        others = [party for party in self._order.proposal.parties if party != self._order.party]
        # Where the data are is the reader's business only.
        left_s = max(0.1, self._ends_at - time.monotonic())
        order = self._order.model_copy(update={"datasets": None, "left_s": left_s, "workers": len(workers)})
        streams = [*(peers[party] for party in others), *workers]
        await self._runner.channel.send(order, [pipe, *(stream.fileno() for stream in streams)])
        for sock in streams:
            sock.close()

    async def _first_cause(self, reading: asyncio.Task[None], running: asyncio.Task[Outcome]) -> Outcome:
        """The outcome. Where data were at fault, ours or another party's, our own reader's words come first."""
        error = running.exception()
        if error is not None and not self._committed and self._order.datasets is not None:
            await asyncio.wait({reading}, timeout=OWN_FAULT_WAIT_S)
            own = reading.exception() if reading.done() else None
            if isinstance(own, LocalError | Refused) or (isinstance(error, MpcgovError) and error.code == "own-data"):
                raise own or error
        return running.result()

    async def _read(self) -> None:
        """Returns once the data are handed on; if they may not be, the others hear that ours aren't as they must be."""
        report = await self._reader.channel.receive(Report)
        if report is not None and report.event == "read" and self._admit is not None:
            try:
                await self._admit(report.fingerprints)
            except BaseException:
                self._reader.channel.close()
                raise
            await self._reader.channel.send(Go())
            report = await self._reader.channel.receive(Report)
        if report is None:
            raise InternalError("the process that reads this agency's data died", code=OWN_READER)
        if report.fault is not None:
            raise MpcgovError.from_json(report.fault.model_dump())
        self._tell(report.steps)
        for text in report.notes:
            self._on_note(job_id(self._order.proposal.job_digest), text)

    async def _run(self) -> Outcome:
        while (report := await self._runner.channel.receive(Report)) is not None:
            if report.event == "phase":
                self._on_phase(report.phase)
            elif report.event == "again":
                self._on_again(job_id(self._order.proposal.job_digest), report.shard, report.died)
            elif report.event == "ready":
                secret = await self._commit()
                self._committed = True
                await self._runner.channel.send(Go(secret=secret))
            elif report.outcome is not None:
                self._tell(report.steps)
                return report.outcome
            elif report.fault is not None:
                raise MpcgovError.from_json(report.fault.model_dump())
        raise InternalError("the process that computes died", hint="see this node's log", code="worker")


async def _start_pair() -> list[Child]:
    starts = [asyncio.create_task(Child.start("read")), asyncio.create_task(Child.start("run"))]
    try:
        return await asyncio.gather(*starts)
    except BaseException:
        # Also one that had started by the time that the other failed, or that nobody wanted them any more.
        await asyncio.shield(_give_up(starts))
        raise


async def _give_up(starts: Sequence[asyncio.Task[Child]]) -> None:
    for start in starts:
        start.cancel()
    started = await asyncio.gather(*starts, return_exceptions=True)
    await _kill_all([child for child in started if not isinstance(child, BaseException)])


async def _hire(staff: Staff, order: Order) -> Hired | None:
    """Workers, for a job whose lists may be long."""
    return await staff.hire(order) if is_long(order) else None


async def _dismiss(hiring: asyncio.Task[Hired | None]) -> None:
    hiring.cancel()
    (hired,) = await asyncio.gather(hiring, return_exceptions=True)
    if hired is not None and not isinstance(hired, BaseException):
        await hired.dismiss()


async def _kill_all(children: list[Child]) -> None:
    await asyncio.gather(*(child.kill() for child in children))
