"""The node's daemon: puts its parts together, serves until it is told to stop, and stops cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import signal
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import IO

import structlog
from aiohttp import web

from mpcgov import files, keys, registry
from mpcgov.clock import Clock, RealClock
from mpcgov.errors import LocalError, MpcgovError
from mpcgov.node import home as homes
from mpcgov.node import logs, rotation, staffing
from mpcgov.node.api import Api
from mpcgov.node.audit import HEAD_S, AuditLog
from mpcgov.node.book import Book
from mpcgov.node.desk.hall import Hall
from mpcgov.node.door import IDLE_S, Door
from mpcgov.node.home import NodeHome
from mpcgov.node.logs import HTTP_LOG
from mpcgov.node.monitor import Monitor
from mpcgov.node.notify.notifier import Notifier
from mpcgov.node.peers import PeerClient
from mpcgov.node.policies import Policies
from mpcgov.node.requests import FLUSH_S, RequestLog
from mpcgov.node.service import Service
from mpcgov.node.slots import Slots
from mpcgov.node.store import Store
from mpcgov.node.supervisor import Supervisor
from mpcgov.process.memory import few_arenas, no_dumps, settle, tidy
from mpcgov.trust import consortium, tls
from mpcgov.trust.client import Carrier

POLL_S = 0.02
TICK_S = 1.0
DAY_S = 86400.0
SHUTDOWN_S = 0.5
TIDY_S = 3.0
"""How long after a job what it leaves is freed; its streams are closed by then."""


def serve(home: Path) -> None:
    """Serves the node in this home, in the foreground, until SIGTERM or SIGINT.

    Raises:
        LocalError: the home isn't in order, another daemon runs in it, or the audit log was tampered with.
    """
    # A core dump would hold the agency's keys.
    no_dumps()
    few_arenas()
    settle()
    logs.to_stderr(homes.log_form(home))
    asyncio.run(_serve(home))


async def _serve(home: Path) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.set_exception_handler(logs.unhandled)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await keep_serving(home, stop, _supervisor)


def _supervisor(node: NodeHome) -> Supervisor:
    staff = None if node.config.workers is None else staffing.of(node.config.workers, node.path)
    return Supervisor(on_note=logs.note, limit=node.jobs_at_once, on_steps=logs.steps, staff=staff)


async def keep_serving(home: Path, stop: asyncio.Event, supervisor: Callable[[NodeHome], Supervisor]) -> None:
    """One daemon after another, each for one roster and the keys of this home in it, until it is told to stop."""
    while not stop.is_set():
        homes.require(home)
        with _take_lock(home):
            node = rotation.take_up(home)
        daemon = NodeDaemon(node, supervisor(node))
        daemon.service.timings.listeners.append(_tidy_later)
        ends = [asyncio.create_task(event.wait()) for event in (stop, daemon.outdated)]
        try:
            await daemon.start()
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            await daemon.stop()


def _tidy_later(*_: object) -> None:
    """A job has ended. Its streams are cycles of objects with hundreds of kilobytes of buffers, of which Python would
    look for those of some eighty jobs together."""
    asyncio.get_running_loop().call_later(TIDY_S, tidy)


class NodeDaemon:
    """A running node."""

    def __init__(
        self, home: NodeHome, supervisor: Supervisor, clock: Clock | None = None, carrier: Carrier | None = None
    ) -> None:
        roster, _ = home.joined()
        self._home = home
        self._supervisor = supervisor
        self._clock = clock or RealClock()
        self._log = structlog.get_logger().bind(party=home.party)
        self._lock = _take_lock(home.path)
        self._store = Store(home.state_path, home.config.state)
        self._audit = AuditLog(self._store, home.identity, home.state_path, self._clock)
        self.book = Book(home, self._store, self._audit, self._clock)
        self._policies = Policies(home, self.book, self._audit, self._clock)
        self._policy_fault = ""
        self._client = PeerClient(home.identity, roster, carrier)
        self._requests = RequestLog(self.book)
        slots = Slots(home.jobs_at_once, lambda: asyncio.get_running_loop().time())
        self.service = Service(home, self.book, self._client, supervisor, self._clock, slots)
        self._api = Api(home, self.book, self.service, self._requests, self._clock)
        self._monitor = Monitor(home, self._store, self._audit, self._clock, self.service, self.book, self._api.seen)
        self._runner = web.AppRunner(
            self._api.application(),
            access_log=None,
            keepalive_timeout=IDLE_S,
            auto_decompress=False,
            shutdown_timeout=SHUTDOWN_S,
            logger=HTTP_LOG,
        )
        self._hall = Hall(home, self.book, self._clock)
        self._notifier = Notifier(home, self._store, self._clock)
        self._loops: list[asyncio.Task[None]] = []
        self._heads: set[asyncio.Task[None]] = set()
        self.outdated = asyncio.Event()
        """Set once the home has joined another roster, and no job is under way any more that began with this one."""

    async def start(self) -> None:
        """Serves from now on.

        Raises:
            LocalError: the audit log was tampered with, or the address can't be bound.
        """
        records = self._monitor.verify()
        self.book.note("started", engine=registry.engine_digest(), records=records)
        self._look()
        self.book.heads.adopt()
        self.book.heads.restored.look()
        if text := self.book.heads.restored.text:
            self._log.warning(text, hint="what jobs wait for, and what to do: docs/operations.md")
        seen = max((number for number, _ in self.book.decisions_after(0)), default=0)
        # What is recorded in a thread has its head written by the loop, too.
        self._audit.gather(partial(asyncio.get_running_loop().call_soon_threadsafe, self._write_head_soon))
        self.service.recover()
        self._supervisor.on_again = self._again
        await self._supervisor.start()
        await self._runner.setup()
        await self._open_door()
        await self._hall.open()
        await self._monitor.start(lambda: self._supervisor.pids)
        self._notifier.start()
        self._loops = [
            asyncio.create_task(self._every(POLL_S, self._poll_decisions(seen))),
            asyncio.create_task(self._every(TICK_S, self._look)),
            asyncio.create_task(self._every(TICK_S, self._tick)),
            asyncio.create_task(self._every(FLUSH_S, self._flush)),
            asyncio.create_task(self._every(DAY_S, self._warn)),
            asyncio.create_task(self._every(DAY_S, self._monitor.verify_soon)),
        ]
        self._warn()
        self._log.info(f"{self._home.party} is serving on {self._address}")

    async def stop(self) -> None:
        """Ends what is under way, tells the peers, and gives everything back."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._notifier.stop()
        await self._hall.close()
        await self._monitor.stop()
        await self.service.stop()
        if self._api.door is not None:
            await self._api.door.close()
        await self._runner.cleanup()
        await self._supervisor.close()
        await self._client.__aexit__(None, None, None)
        if self._loops:
            with contextlib.suppress(MpcgovError):
                self._requests.flush()
                self.book.note("stopped")
        self._audit.gather(None)
        await asyncio.sleep(0)  # what was to see to a head has begun
        await asyncio.gather(*self._heads, return_exceptions=True)
        self._audit.settle()
        self._store.close()
        self._lock.close()

    def _again(self, job: str, shard: int, died: Sequence[str]) -> None:
        """Puts on record that a shard is linked again, which all parties of the job know."""
        self.book.note("shard again", job, shard=shard + 1, died=", ".join(died))
        self._log.warning("a shard is linked again, as a worker died", job=job, shard=shard + 1, died=", ".join(died))

    def _write_head_soon(self) -> None:
        """Has the head of the audit log written in a while, beside the event loop."""

        async def write() -> None:
            await asyncio.sleep(HEAD_S)
            await asyncio.to_thread(self._audit.settle)

        task = asyncio.create_task(write())
        self._heads.add(task)
        task.add_done_callback(self._heads.discard)

    @property
    def _address(self) -> str:
        return self._home.config.listen or self._home.config.address

    async def _open_door(self) -> None:
        server, roster = self._runner.server, self._home.joined()[0]
        if server is None:
            raise LocalError("the HTTP server didn't start")
        context = tls.server_context(self._home.identity, roster)
        self._api.door = Door(server, context, roster, self._refused)
        self._api.door.open(*homes.host_port(self._address))

    def _refused(self, address: str) -> None:
        """Somebody without a member's certificate, or too slow, was refused."""
        with contextlib.suppress(MpcgovError):
            if self._requests.record("stranger", "connection", "refused"):
                self._log.warning("connections refused", address=address)

    def _poll_decisions(self, seen: int) -> Callable[[], None]:
        """Takes up what the operator has decided since the last time."""

        def poll() -> None:
            nonlocal seen
            for number, job in self.book.decisions_after(seen):
                seen = number
                self.service.decided(job)

        return poll

    def _look(self) -> None:
        """Takes up what people have agreed to. If it can't be read, nothing is allowed; all else goes on."""
        fault = ""
        try:
            self._policies.look()
        except MpcgovError as error:
            fault = error.message
        if fault and fault != self._policy_fault:
            self._log.error("the policy can't be taken up", error=fault)
        self._policy_fault = fault

    def _tick(self) -> None:
        self.service.tick()
        self._monitor.ticked()
        if not self._home.still_joined() and not self.service.under_way and not self.outdated.is_set():
            # Whatever is wrong with it is said here, and the node goes on as it is.
            loaded = homes.load(self._home.path)
            rotation.identity_in(loaded, loaded.joined()[0])
            self._log.info("another roster was joined; the node takes it up")
            self.outdated.set()

    def _warn(self) -> None:
        for card in consortium.members(self._home.joined()[0]):
            if text := keys.ends_soon(card):
                self._log.warning(text, hint="a new roster takes every member's signature: docs/operations.md")

    def _flush(self) -> None:
        self._requests.flush()

    async def _every(self, seconds: float, act: Callable[[], None]) -> None:
        """Acts again and again; a failure is logged, and does not end it."""
        while True:
            await asyncio.sleep(seconds)
            try:
                act()
            except MpcgovError as error:
                self._log.error("a routine task failed", error=error.message)
            except Exception as error:
                self._log.error("a routine task failed", error=type(error).__name__)


def _take_lock(home: Path) -> IO[str]:
    folder = home / homes.STATE
    files.own_folder(folder)
    lock = files.lock_file(folder / "daemon.lock")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise LocalError(f"{home}: a daemon is running in this home already", code="running") from None
    return lock
