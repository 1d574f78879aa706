"""One job's computation with its peers, from HELLO to the end.

A session runs in a process of its own: MPyC keeps the runtime in globals. The first failure wins: whatever goes wrong
first, here or at a peer, ends the job at once, is what the caller gets, and is told to the others in one ABORT frame.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from mpcgov.errors import InternalError, MpcgovError, PeerError
from mpcgov.mpc import blame, frames
from mpcgov.mpc.arrays import SecretArray
from mpcgov.mpc.codec import Elements, WireError, Words
from mpcgov.mpc.config import SessionConfig
from mpcgov.mpc.frames import AbortError, AgreementError, LinkLostError, Reason
from mpcgov.mpc.links import Link
from mpcgov.mpc.runtime import JobRuntime
from mpcgov.mpc.selftest import check_fixes, check_openings
from mpcgov.mpc.wide import WideEngine
from mpcgov.mpc.word import steps
from mpcgov.mpc.word.engine import LinkWire, WordEngine
from mpcgov.mpc.word.field import P
from mpcgov.mpc.word.selftest import check_kernels

T = TypeVar("T")


@dataclass(frozen=True)
class Cost:
    """What the job cost so far at this party. A function of the job's sizes only, never of a value.

    `rounds`: of the longest chain, of steps in which a party sends and then waits for others. With wide integers, whose
    exchanges are MPyC's, those that run side by side are counted each. `bytes_sent` has all frames.
    """

    rounds: int
    bytes_sent: int


class Session:
    """The hardened engine of one job. Make it inside a running event loop; `sockets` are streams by party index."""

    def __init__(
        self, config: SessionConfig, sockets: dict[int, socket.socket], on_phase: Callable[[str], None] = lambda _: None
    ) -> None:
        check_fixes()
        check_kernels()
        if sorted(sockets) != [index for index in range(len(config.parties)) if index != config.me]:
            raise InternalError("a session needs one socket for each other party")
        self.config = config
        self._loop = asyncio.get_running_loop()
        self._on_phase = on_phase
        self._phase = "start"
        self._failure: asyncio.Future[None] = self._loop.create_future()
        self._reason: tuple[Reason, int] = (Reason.FAULT, config.me)
        self._witness = config.me
        self._sockets = sockets
        self._links: dict[int, Link] = {}
        self._runtime = JobRuntime(config, self._failed)
        self._engine: WideEngine | WordEngine | None = None
        self._loop.set_exception_handler(self._unhandled)

    # -- the way to the computation

    async def hello(self) -> None:
        """Greet every peer; returns once all have shown the same agreement. Nothing keyed is sent before."""
        self.enter("hello")
        await check_openings(self._runtime)
        for peer, stream in self._sockets.items():
            await self._link(peer, stream)
        await self._guard(self._all(lambda link: link.hello), self.config.hello_timeout_s, lambda link: link.hello)

    async def _link(self, peer: int, stream: socket.socket) -> None:
        agreement, key_bytes = self.config.agreement(self.modulus), self._runtime.key_bytes_from(peer)
        link = Link(self.config.me, peer, agreement, key_bytes, self._link_failed)
        self._links[peer] = link
        self._runtime.parties[peer].protocol = link
        stream.setblocking(False)
        await self._loop.create_connection(lambda: link, sock=stream)

    async def ready(self, ok: bool) -> None:
        """Tell every peer that our data are in order, or not, and wait for their word unless ours is 'not'.

        Raises PeerError with code `data-contract` when a peer's data aren't as declared.
        """
        self.enter("ready")
        for link in self._links.values():
            link.write(frames.WORD, frames.READY if ok else frames.DATA_CONTRACT)
        if not ok:
            self._reason = (Reason.DATA_CONTRACT, self.config.me)
            return
        await self._guard(self._all(lambda link: link.word))

    async def start(self) -> None:
        """Exchange the PRSS keys, fresh for this job. After this the computation may begin."""
        self.enter("deal")
        for peer, link in self._links.items():
            link.write(frames.KEYS, os.urandom(frames.SALT_BYTES) + self._runtime.keys_for(peer))
        keys = await self._guard(self._all(lambda link: link.keys))
        for peer, data in zip(self._links, keys, strict=True):
            self._runtime.take_keys(peer, data)
        if self.config.fits_words:
            wire = LinkWire(self._links)
            self._engine = WordEngine(self.config, wire, self._runtime.masters, self._failed, self._runtime)
        else:
            self._engine = WideEngine(self._runtime)

    def input(self, values: Any, sender: int, length: int, low: int, high: int, places: int = 0) -> SecretArray:
        """`length` integers that the party with index `sender` knows, as a 1-D secret array, in units of 10^-places.

        Only the sender passes values, the others None. `low` and `high` are public bounds; a value outside is refused
        here at the sender, without naming it.
        """
        if (values is None) == (sender == self.config.me):
            raise InternalError("values are passed by the sender of an input, and by nobody else")
        return SecretArray.deal(self._started, values, sender, length, low, high, places)

    @property
    def words(self) -> WordEngine:
        """The engine itself, for what computes on rows with it (`mpcgov.linkage`)."""
        if not isinstance(self._started, WordEngine):
            raise InternalError("rows in a session of wide integers")
        return self._started

    async def share_of(self, x: SecretArray) -> Elements | Words:
        """Our own share, at point index + 1 and of degree t, of each element of x: for worker/reveal.py, nobody else.

        It belongs to a fresh random polynomial for each element: shares tell whoever gets t + 1 of them the values and
        nothing of how they came about. Signed values are modulo `modulus`, negative ones above its half.
        """
        self.enter("open")
        return await self._guard(x.shares())

    async def close(self) -> None:
        """Tell the peers that we have all we need, and wait until each has said so. Then links may break."""
        self.enter("close")
        await self._guard(self._started.idle())
        await self._guard(self._runtime.idle())
        for link in self._links.values():
            link.end()
        await self._guard(self._all(lambda link: link.ended))
        await self._hang_up()

    # -- public facts

    @property
    def modulus(self) -> int:
        """p: shares are modulo this prime."""
        return P if self.config.fits_words else int(self._runtime.field.modulus)

    @property
    def point(self) -> int:
        """The Shamir point of this party: its index + 1."""
        return self.config.me + 1

    @property
    def cost(self) -> Cost:
        """Exchanges and bytes so far."""
        rounds = self._engine.rounds if isinstance(self._engine, WordEngine) else self._runtime.exchanges
        return Cost(rounds, sum(link.bytes_sent for link in self._links.values()))

    @property
    def transcripts(self) -> dict[int, tuple[bytes, bytes]]:
        """By peer, BLAKE3 of all frames to it and of all from it; whole once the session is closed."""
        return {peer: (link.sent.digest(), link.received.digest()) for peer, link in self._links.items()}

    @property
    def _started(self) -> WideEngine | WordEngine:
        if self._engine is None:
            raise InternalError("a computation before the session has started")
        return self._engine

    def enter(self, phase: str) -> None:
        """Name the step that the job is in, for progress and for error messages."""
        self._phase = phase
        self._on_phase(phase)

    # -- failure

    async def run(self, job: Coroutine[Any, Any, T], deadline_s: float) -> T:
        """The job's result, or the first failure of anything, or the deadline: whichever is first."""
        task = self._loop.create_task(job)
        try:
            await self._first(task, deadline_s)
            if not self._failure.done():
                if task.done() and not task.cancelled() and task.exception() is None:
                    return task.result()
                self._failed(task.exception() if task.done() else self._late())
            error = self._failure.exception()
        finally:
            task.cancel()
        await self._give_up()
        raise error or InternalError("a failure without a cause") from None

    async def _guard(
        self, wait: Awaitable[T], timeout_s: float | None = None, part: Callable[[Link], Any] | None = None
    ) -> T:
        """What `wait` gives, unless the session fails before."""
        future = asyncio.ensure_future(steps.counted(wait))
        await self._first(future, timeout_s)
        if not self._failure.done() and not future.done() and part is not None:
            silent = [peer for peer, link in self._links.items() if not part(link).done()]
            names = ", ".join(map(self._name, silent))
            self._reason = (Reason.LOST, silent[0])
            self._failed(PeerError(f"no answer from {names} ({self._phase})", code="peer-timeout"))
        if self._failure.done():
            future.cancel()
            raise self._failure.exception() or InternalError("a failure without a cause")
        result, behind = future.result()
        steps.reach(behind)
        return result

    async def _first(self, future: asyncio.Future[T], timeout_s: float | None) -> None:
        both: set[asyncio.Future[Any]] = {future, self._failure}
        await asyncio.wait(both, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)

    async def _all(self, part: Callable[[Link], asyncio.Future[T]]) -> list[T]:
        return [await part(link) for link in self._links.values()]

    def _late(self) -> PeerError:
        waiting = [self._name(peer) for peer, link in self._links.items() if link.waiting]
        of_whom = f"; still waiting for {', '.join(waiting)}" if waiting else ""
        self._reason = (Reason.DEADLINE, self.config.me)
        return PeerError(f"the deadline has passed ({self._phase}{of_whom})", code="deadline")

    def _failed(self, error: BaseException | None) -> None:
        """Record the first failure; later ones are consequences."""
        if self._failure.done():
            return
        if isinstance(error, WireError) and error.peer is not None:
            self._link_failed(error.peer, WireError(str(error)))
            return
        self._failure.set_exception(error if isinstance(error, MpcgovError) else blame.own_fault(error))
        self._failure.exception()  # seen: asyncio would log it otherwise

    def _link_failed(self, peer: int, error: Exception) -> None:
        if self._failure.done():
            return
        if isinstance(error, AbortError):
            # The others may hear of it from us first; it stays the word of who told us.
            self._reason, self._witness = (error.reason, error.culprit), peer
            self._failed(blame.aborted(error, peer, self.config, self._phase))
        elif isinstance(error, LinkLostError):
            self._reason = (Reason.LOST, peer)
            self._failed(PeerError(f"lost connection to {self._name(peer)} ({self._phase})", code="peer-lost"))
        elif isinstance(error, AgreementError):
            self._reason = (Reason.AGREEMENT, peer)
            self._failed(blame.disagreement(self._name(peer), self._phase))
        elif isinstance(error, WireError):
            self._reason = (Reason.PROTOCOL, peer)
            message = f"{self._name(peer)} broke the protocol: {error} ({self._phase})"
            self._failed(PeerError(message, code="peer-protocol"))
        else:
            self._failed(error)

    def _name(self, index: int) -> str:
        return blame.name(self.config, index)

    def _unhandled(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An exception that nobody awaits is a failure too. It isn't logged: it might hold a value."""
        error = context.get("exception")
        if error is not None:
            self._failed(error)

    async def _give_up(self) -> None:
        reason, culprit = self._reason
        for link in self._links.values():
            # What is wrong with our own data the peers have been told by our word.
            if reason is not Reason.DATA_CONTRACT or self._witness != self.config.me:
                link.write(frames.ABORT, frames.abort_frame(reason, culprit, self._witness))
            link.half_close()
        await self._closed()

    async def _hang_up(self) -> None:
        for link in self._links.values():
            link.close()
        await self._closed()

    async def _closed(self) -> None:
        closed = [link.closed for link in self._links.values()]
        if closed:
            await asyncio.wait(closed, timeout=self.config.linger_timeout_s)
        for link in self._links.values():
            link.abort()
