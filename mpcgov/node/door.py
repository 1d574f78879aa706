"""Lets members in, and nobody else: TLS handshakes under a time limit, and limits on how many may be under way.

Strangers get no further than the handshake, and are bounded there: an address has so many under way at once, and when
there are too many in all, the oldest ends of the address that has the most. So a crowd of slow ones pushes out itself
and not a member, who needs a moment only.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from mpcgov.errors import LocalError, PeerError
from mpcgov.spec.roster import Roster
from mpcgov.trust.tls import shown_certificate

HANDSHAKE_S = 5.0
HANDSHAKES_LIMIT = 128
HANDSHAKES_PER_ADDRESS_LIMIT = 32
MEMBER_CONNECTIONS_LIMIT = 128
IDLE_S = 30.0
SWEEP_S = 2.0
BACKLOG = 512
PAUSE_S = 0.1


@dataclass
class _Connection:
    member: str
    requests: int
    since: float
    """when its last request ended, or it was made, if no request is under way"""


class Door:
    """The listening socket of a node, in front of an HTTP server."""

    def __init__(
        self, server: web.Server, context: ssl.SSLContext, roster: Roster, refused: Callable[[str], None]
    ) -> None:
        self._server = server
        self._context = context
        self._roster = roster
        self._refused = refused
        self._handshakes: dict[asyncio.Task[None], str] = {}
        self._connections: dict[Any, _Connection] = {}
        self._sweeping: asyncio.Task[None] | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._socket: socket.socket | None = None

    def open(self, host: str, port: int) -> None:
        """Listens on exactly this address.

        Raises:
            LocalError: it can't be bound.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            raise LocalError(
                f"{host}:{port}: can't be bound ({error.strerror})", hint="is another node running?", code="address"
            ) from None
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._accept, self._socket)
        self._sweeping = asyncio.create_task(self._sweep())

    async def close(self) -> None:
        """Lets nobody in any more; connections that are open stay so."""
        if self._pause is not None:
            self._pause.cancel()
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
        tasks = [*self._handshakes, *([self._sweeping] if self._sweeping is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @contextlib.contextmanager
    def request(self, transport: Any) -> Iterator[None]:
        """While a connection serves a request it isn't idle."""
        now = asyncio.get_running_loop().time
        connection = self._connections.setdefault(transport, _Connection("", 0, now()))
        connection.requests += 1
        try:
            yield
        finally:
            connection.requests -= 1
            connection.since = now()

    def _accept(self, listener: socket.socket) -> None:
        """Takes a connection that waits, at once: one that is handed from task to task can get lost between them."""
        loop = asyncio.get_running_loop()
        try:
            sock, address = listener.accept()
        except BlockingIOError:
            return
        except OSError:
            # Out of file descriptors, for instance: some will come free.
            loop.remove_reader(listener)
            self._pause = loop.call_later(PAUSE_S, loop.add_reader, listener, self._accept, listener)
            return
        sock.setblocking(False)
        self._make_room(str(address[0]))
        task = asyncio.create_task(self._admit(sock, str(address[0])))
        self._handshakes[task] = str(address[0])
        task.add_done_callback(functools.partial(self._admitted, sock))

    def _make_room(self, address: str) -> None:
        """Ends a handshake if one more of this address would be too many."""
        under_way = Counter(self._handshakes.values())
        if under_way[address] < HANDSHAKES_PER_ADDRESS_LIMIT:
            if len(self._handshakes) < HANDSHAKES_LIMIT:
                return
            address = under_way.most_common(1)[0][0]
        oldest = next(task for task, of in self._handshakes.items() if of == address)
        del self._handshakes[oldest]
        oldest.cancel()

    def _admitted(self, sock: socket.socket, task: asyncio.Task[None]) -> None:
        self._handshakes.pop(task, None)
        if task.cancelled():
            # Pushed out before it could begin.
            sock.close()

    async def _admit(self, sock: socket.socket, address: str) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.connect_accepted_socket(
                self._server, sock, ssl=self._context, ssl_handshake_timeout=HANDSHAKE_S
            )
        except (OSError, asyncio.CancelledError):
            # Its transport closes the socket: a descriptor that is closed under it would be the next one's, too.
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            self._refused(address)
            return
        try:
            card = self._roster.by_certificate(shown_certificate(transport))
        except PeerError:
            card = None
        held = sum(known.member == card.id for known in self._connections.values()) if card is not None else 0
        if card is None or held >= MEMBER_CONNECTIONS_LIMIT:
            transport.abort()
            self._refused(address)
            return
        known = self._connections.setdefault(transport, _Connection(card.id, 0, loop.time()))
        known.member = card.id

    async def _sweep(self) -> None:
        """Forgets connections that are closed, and closes those idle for long, headers half sent or not."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            for transport, known in list(self._connections.items()):
                if not transport.is_closing() and known.requests == 0 and loop.time() - known.since > IDLE_S:
                    transport.abort()
                if transport.is_closing() and known.requests == 0:
                    del self._connections[transport]
