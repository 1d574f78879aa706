"""The two children of a job: one that reads the agency's data, one that computes with the other parties.

The reader reaches the data and no peer; the runner reaches the peers and no data but what the reader hands it
through a pipe. Both are spawned ahead of time, with nothing but a control socket: importing takes longer than a
small job. A child serves one job and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mpcgov.control import Channel
from mpcgov.errors import InternalError, LocalError, MpcgovError, Refused
from mpcgov.spec.order import OWN_READER, Go, Order, Outcome, Report
from mpcgov.spec.statement import job_id

OWN_FAULT_WAIT_S = 2.0
"""When a job fails before the commit, how long to wait for a word on our own data: that is what its owner can mend."""

REST_S = 1.0
"""How long after a job the next pair of children is started."""

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""Libraries that start threads when they are imported: Landlock would not bind those, see `worker/confine.py`."""

Commit = Callable[[], Awaitable[str | None]]
"""Makes the commit durable; gives the secret of this party's list, 32 bytes in hexadecimal digits, if there is one."""

Admit = Callable[[Mapping[str, str]], Awaitable[None]]
Note = Callable[[str, str], None]
"""Is told a job and something of its rows, for this agency's own people."""

STOPPED_CHECK_S = 1.0
STOPPED_LIMIT = 4
"""A child that the system has stopped for this many checks in a row counts as dead."""


@dataclass
class Child:
    """A worker process and the parent's end of its control socket."""

    kind: Literal["read", "run"]
    process: asyncio.subprocess.Process
    channel: Channel

    @staticmethod
    async def spawn(kind: Literal["read", "run"]) -> Child:
        """A new child, importing what it will need; its environment and arguments hold no secret."""
        parent, child = socket.socketpair()
        with child, contextlib.ExitStack() as unless_spawned:
            unless_spawned.callback(parent.close)
            process = await asyncio.create_subprocess_exec(
                # -P: modules come from where Python is installed, never from the folder that we were started in.
                sys.executable, "-P", "-m", "mpcgov.worker", kind, str(child.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                env=environment(kind),
                pass_fds=[child.fileno()],
                start_new_session=True,
            )  # fmt: skip
            unless_spawned.pop_all()
        return Child(kind, process, Channel(parent))

    async def kill(self) -> None:
        """Kills the child, stopped or not, and reaps it."""
        self.channel.close()
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                # Process.kill() would reap the child behind asyncio's back, which then complains on stderr.
                os.kill(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    async def stopped(self) -> None:
        """Returns once the system has kept the child stopped for a while."""
        times = 0
        while times < STOPPED_LIMIT:
            await asyncio.sleep(STOPPED_CHECK_S)
            times = times + 1 if _is_stopped(self.process.pid) else 0


class Supervisor:
    """Runs jobs, each with a pair of children; keeps the next pair waiting if `keep_warm`."""

    def __init__(self, keep_warm: bool = True, on_note: Note = lambda job, text: None) -> None:
        self._keep_warm = keep_warm
        self._on_note = on_note
        self._warm: asyncio.Task[list[Child]] | None = None
        self._later: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Spawns the pair that waits."""
        self._warm_up()
        if self._warm is not None:
            await self._warm

    async def run(
        self,
        order: Order,
        peers: Mapping[str, socket.socket],
        commit: Commit,
        on_phase: Callable[[str], None],
        admit: Admit | None = None,
    ) -> Outcome:
        """One job, from reading the data to this party's shares of what may be released.

        Args:
            peers: a connected stream per other party; they are handed to the child and closed here.
            commit: awaited when every party is ready, before the first byte that depends on data is sent.
            on_phase: told what the job is doing.
            admit: told which rows were read, by fingerprints, before they are handed on; may refuse them.

        Raises:
            MpcgovError: the first thing that went wrong. The children are gone by then, also on cancellation.
        """
        children = await self._take()
        try:
            order = order.model_copy(update={"fingerprint": admit is not None})
            return await _Run(order, children, commit, on_phase, admit, self._on_note).outcome(peers)
        finally:
            for sock in peers.values():
                sock.close()
            # Importing takes the processor from whoever now fetches the result: let that go first. It is seen to before
            # anything is awaited, since a job that is being ended may be told to end once more.
            self._later = asyncio.get_running_loop().call_later(REST_S, self._warm_up)
            await asyncio.shield(_kill_all(children))

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
        if self._keep_warm and self._warm is None:
            self._warm = asyncio.create_task(_spawn_pair())

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
            if children and all(child.process.returncode is None for child in children):
                return children
            await _kill_all(children)
        return await _spawn_pair()


class _Run:
    """One job with one pair of children."""

    def __init__(
        self,
        order: Order,
        children: list[Child],
        commit: Commit,
        on_phase: Callable[[str], None],
        admit: Admit | None,
        on_note: Note,
    ) -> None:
        self._order = order
        self._reader, self._runner = children
        self._commit = commit
        self._committed = False
        self._on_phase = on_phase
        self._admit = admit
        self._on_note = on_note

    async def outcome(self, peers: Mapping[str, socket.socket]) -> Outcome:
        await self._hand_out(peers)
        stops = [asyncio.create_task(child.stopped()) for child in (self._reader, self._runner)]
        reading = asyncio.create_task(self._read())
        running = asyncio.create_task(self._run())
        try:
            await asyncio.wait({*stops, running}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                raise InternalError("a worker of this node was stopped", code="worker")
            return await self._first_cause(reading, running)
        finally:
            for task in (*stops, reading, running):
                task.cancel()
            await asyncio.gather(*stops, reading, running, return_exceptions=True)

    async def _hand_out(self, peers: Mapping[str, socket.socket]) -> None:
        """Gives each child its order and its descriptors: a pipe between them, the peers to the runner."""
        receiving, sending = os.pipe()
        others = [party for party in self._order.proposal.parties if party != self._order.party]
        try:
            # Where the data are is the reader's business only.
            order = self._order.model_copy(update={"datasets": None})
            await self._runner.channel.send(order, [receiving, *(peers[party].fileno() for party in others)])
            if self._order.datasets is not None:
                await self._reader.channel.send(self._order, [sending])
        finally:
            os.close(receiving)
            os.close(sending)
        for sock in peers.values():
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
        for text in report.notes:
            self._on_note(job_id(self._order.proposal.job_digest), text)

    async def _run(self) -> Outcome:
        while (report := await self._runner.channel.receive(Report)) is not None:
            if report.event == "phase":
                self._on_phase(report.phase)
            elif report.event == "ready":
                secret = await self._commit()
                self._committed = True
                await self._runner.channel.send(Go(secret=secret))
            elif report.outcome is not None:
                return report.outcome
            elif report.fault is not None:
                raise MpcgovError.from_json(report.fault.model_dump())
        raise InternalError("the process that computes died", hint="see this node's log", code="worker")


async def _spawn_pair() -> list[Child]:
    reader = await Child.spawn("read")
    try:
        return [reader, await Child.spawn("run")]
    except BaseException:
        await asyncio.shield(reader.kill())
        raise


async def _kill_all(children: list[Child]) -> None:
    for child in children:
        await child.kill()


def environment(kind: Literal["read", "run"]) -> dict[str, str]:
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
