"""The streams of one job: one to each other party's node, dialled by the later party in job order.

Who a peer is follows from the certificate its node showed. A stream is taken once, from a party of the job, in the
right direction, while the job waits for it; everything else is refused before a byte is relayed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence

from mpcgov.errors import MpcgovError, PeerError, Refused
from mpcgov.node.causes import HEARSAY, Silence
from mpcgov.node.relay import Relay, WebSocket
from mpcgov.node.standing import QUEUED
from mpcgov.trust.client import Client

CONNECT_S = 8.0
RETRY_S = 0.05
ASK_S = 2.0
ANSWER_LIMIT_BYTES = 64 << 10
SOCKET_BUFFER_BYTES = 1 << 20


class JobStreams:
    """The streams of one job at one node. `on_failure` hears of each one that breaks, and whose it was."""

    def __init__(
        self, job: str, me: str, parties: tuple[str, ...], on_failure: Callable[[str, PeerError], None]
    ) -> None:
        self._job = job
        self._on_failure = on_failure
        position = parties.index(me)
        self._earlier = parties[:position]
        self._later = parties[position + 1 :]
        self._claimed: set[str] = set()
        self._relays: dict[str, Relay] = {}
        self._workers: dict[str, socket.socket] = {}
        self._ours: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._over = asyncio.Event()

    @property
    def sent_bytes(self) -> int:
        """What went to all peers' workers so far."""
        return sum(relay.sent_bytes for relay in self._relays.values())

    def claim(self, party: str) -> None:
        """Nothing, if a stream from this party is awaited; there is just one.

        Raises:
            Refused: the party must not dial, or has a stream already.
            PeerError: the job is over.
        """
        if self._over.is_set():
            raise PeerError(f"job {self._job}: over", code="state")
        if party not in self._later:
            raise Refused(f"job {self._job}: {party} must not open a stream to this node", code="stream")
        if party in self._claimed:
            raise Refused(f"job {self._job}: {party} has a stream already", code="stream")
        self._claimed.add(party)

    def unclaim(self, party: str) -> None:
        """The stream didn't come about after all; the party may try again."""
        self._claimed.discard(party)

    async def serve(self, party: str, ws: WebSocket) -> None:
        """Relays a stream that this party has opened, until the job ends."""
        if self._over.is_set():
            return
        relaying = self._start(party, ws)
        await asyncio.wait({relaying})
        # The handler's return would close the connection; the close frame must have been sent before.
        await self._over.wait()

    async def connect(self, client: Client) -> dict[str, socket.socket]:
        """The worker's ends of all streams, once each one stands.

        Raises:
            PeerError: some didn't come about in time; names the parties, or who says whom it waits for.
        """
        dialling = [asyncio.create_task(self._dial(client, party)) for party in self._earlier]
        try:
            async with asyncio.timeout(CONNECT_S):
                while len(self._workers) < len(self._earlier) + len(self._later):
                    await self._changed.wait()
                    self._changed.clear()
        except TimeoutError:
            missing = [party for party in (*self._earlier, *self._later) if party not in self._workers]
            raise await self._unconnected(client, missing) from None
        finally:
            for task in dialling:
                task.cancel()
            await asyncio.gather(*dialling, return_exceptions=True)
        return dict(self._workers)

    def freeze(self) -> None:
        """Relays nothing more: what becomes of this node's worker is not for the peers' workers to guess from."""
        for task in self._tasks:
            task.cancel()

    async def close(self, cause: PeerError | None) -> None:
        """Ends all streams; each peer is told the cause, if there is one."""
        self.freeze()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(relay.close(cause) for relay in self._relays.values()))
        for sock in (*self._workers.values(), *self._ours):
            sock.close()
        self._over.set()

    async def _unconnected(self, client: Client, missing: Sequence[str]) -> PeerError:
        """Names who didn't come; but one that answers, and waits for others itself, only as the one that says so."""
        waits = await asyncio.gather(*(self._waits_for(client, party) for party in missing))
        silent = tuple(party for party, what in zip(missing, waits, strict=True) if not what)
        if not silent:
            return PeerError(f"{missing[0]} says: {waits[0]}", code=HEARSAY)
        return Silence(silent, f"no connection within {CONNECT_S:g} s", code="connect")

    async def _waits_for(self, client: Client, party: str) -> str:
        """What a party says that it still waits for: others' approvals, or that whoever gathers places lets it begin;
        "" if for nothing, or it can't be asked."""
        with contextlib.suppress(MpcgovError):
            answer = await client.request(party, "GET", f"/v1/jobs/{self._job}", None, ASK_S, ANSWER_LIMIT_BYTES)
            if isinstance(answer, dict) and answer.get("phase") == QUEUED:
                return "nobody has let it begin"
            said = answer.get("waiting_for") if isinstance(answer, dict) else None
            others = [other for other in said if other in self._earlier + self._later] if isinstance(said, list) else []
            return f"still waiting for {', '.join(others)}" if others and party not in others else ""
        return ""

    async def _dial(self, client: Client, party: str) -> None:
        """Opens a stream to an earlier party; its node may be a moment behind with the approvals."""
        while True:
            with contextlib.suppress(PeerError):
                self._start(party, await client.stream(party, f"/v1/jobs/{self._job}/stream"))
                return
            await asyncio.sleep(RETRY_S)

    def _start(self, party: str, ws: WebSocket) -> asyncio.Task[None]:
        ours, self._workers[party] = socket.socketpair()
        self._ours.append(ours)
        for sock in (ours, self._workers[party]):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
        self._relays[party] = Relay(party, ws, ours)
        task = asyncio.create_task(self._relay(party, self._relays[party]))
        self._tasks.add(task)
        self._changed.set()
        return task

    async def _relay(self, party: str, relay: Relay) -> None:
        try:
            await relay.run()
        except PeerError as error:
            self._on_failure(party, error)
