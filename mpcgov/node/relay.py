"""The bytes of one job between this node's worker and one other party's node: a WebSocket on one side, a socket on
the other.

Binary frames carry the worker's bytes. Text frames are the relays' own: `end` when a worker has closed its stream,
and a number when so much of what was sent has reached the worker. A sender keeps at most WINDOW_BYTES under way, so
that a worker that is busy for a while slows its peers down, while the WebSocket itself is always read: heartbeats
get through, and silence means that the other node, not its worker, is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

import aiohttp
from aiohttp import WSCloseCode, WSMsgType, web

from mpcgov.errors import PeerError
from mpcgov.node.causes import Silence, said

WINDOW_BYTES = 4 << 20
CHUNK_BYTES = 256 << 10
FRAME_COST_BYTES = 256
"""What a frame counts for besides its bytes, so that many tiny ones can't fill the memory."""

ENDED_CODE = 4000
"""WebSocket close code: the sender's job ended; the close message says why, after a code and a space."""

CAUSE_LIMIT_BYTES = 120
CLOSE_S = 1.0

WebSocket = aiohttp.ClientWebSocketResponse | web.WebSocketResponse


class Relay:
    """One stream of one job, from and to `party`."""

    def __init__(self, party: str, ws: WebSocket, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._party = party
        self._ws = ws
        self._socket = sock
        self._credit = WINDOW_BYTES
        self._credited = asyncio.Event()
        self._arrived: asyncio.Queue[bytes] = asyncio.Queue()
        self._undelivered = 0
        self._ended = False
        self.sent_bytes = 0
        """What went to the peer's worker so far."""

    async def run(self) -> None:
        """Relays until the other node closes the stream, which it does when its job is over; or until cancelled.

        The socket stays open: a stream that breaks is for this node to judge, not for its worker to guess from.

        Raises:
            PeerError: the stream broke, the other node broke its rules, or its job ended badly; names the party.
        """
        tasks = [asyncio.create_task(work) for work in (self._inbound(), self._outbound(), self._deliver())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in tasks:
                if task in done:
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self, cause: PeerError | None) -> None:
        """Closes the stream; tells the other node why, or that all is well if there is no cause."""
        said = f"{cause.code} {cause.message}" if cause is not None else ""
        message = said.encode()[:CAUSE_LIMIT_BYTES].decode(errors="ignore").encode()
        # aiohttp waits for the other side's answer through all that it still sends, however much that is.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_S):
                await self._ws.close(code=ENDED_CODE if said else WSCloseCode.OK, message=message)

    async def _outbound(self) -> None:
        """The worker's bytes to the peer, as far as the peer has room."""
        loop = asyncio.get_running_loop()
        while True:
            while self._credit <= FRAME_COST_BYTES:
                self._credited.clear()
                await self._credited.wait()
            room = self._credit - FRAME_COST_BYTES
            try:
                data = await loop.sock_recv(self._socket, min(CHUNK_BYTES, room))
            except ConnectionError:
                data = b""
            if not data:
                await self._send("end")
                return
            self._credit -= len(data) + FRAME_COST_BYTES
            await self._send(data)
            self.sent_bytes += len(data)

    async def _inbound(self) -> None:
        """Everything that the peer sends, at once; how much may be under way is bounded by the window."""
        while True:
            message = await self._ws.receive()
            if message.type is WSMsgType.BINARY:
                self._undelivered += len(message.data) + FRAME_COST_BYTES
                if self._undelivered > WINDOW_BYTES or not message.data or self._ended:
                    raise self._error("broke the rules of the stream")
                self._arrived.put_nowait(message.data)
            elif message.type is WSMsgType.TEXT:
                await self._control(message.data)
            elif message.type is WSMsgType.CLOSE and message.data == WSCloseCode.OK:
                self._arrived.put_nowait(b"")
                return
            else:
                raise self._closed(message)

    async def _control(self, text: str) -> None:
        credit = int(text) if text.isascii() and text.isdigit() and len(text) <= 7 else 0
        if text == "end" and not self._ended:
            self._ended = True
            self._arrived.put_nowait(b"")
        elif credit > FRAME_COST_BYTES and self._credit + credit <= WINDOW_BYTES:
            self._credit += credit
            self._credited.set()
        else:
            raise self._error("broke the rules of the stream")

    async def _deliver(self) -> None:
        """What has arrived to the worker, which may take its time."""
        loop, open_ended = asyncio.get_running_loop(), True
        while data := await self._arrived.get():
            try:
                if open_ended:
                    await loop.sock_sendall(self._socket, data)
            except ConnectionError:
                # The worker needs no more; whether it should have is for its supervisor to say.
                open_ended = False
            self._undelivered -= len(data) + FRAME_COST_BYTES
            await self._send(str(len(data) + FRAME_COST_BYTES))
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    async def _send(self, data: bytes | str) -> None:
        """Sends a frame, unless the stream is broken: that is for the reading side to notice and name."""
        with contextlib.suppress(ConnectionError, aiohttp.ClientError, RuntimeError):
            await (self._ws.send_str(data) if isinstance(data, str) else self._ws.send_bytes(data))

    def _closed(self, message: aiohttp.WSMessage) -> PeerError:
        """Why the stream is over: what the other node said, or what it looks like."""
        if message.type is WSMsgType.CLOSE and message.data == ENDED_CODE:
            code, _, reason = (message.extra or "").partition(" ")
            return said(self._party, reason, code)
        if isinstance(message.data, asyncio.TimeoutError):
            return Silence((self._party,), "no sign of life", code="stream")
        return Silence((self._party,), "lost the connection", code="lost")

    def _error(self, what: str) -> PeerError:
        return PeerError(f"{self._party}: {what}", hint="is its node running and reachable?", code="stream")
