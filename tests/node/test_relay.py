"""The relay between a worker's socket and another node's: order, back-pressure, silence, and broken rules."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import test_utils, web

from mpcgov.errors import PeerError
from mpcgov.node.causes import said
from mpcgov.node.relay import FRAME_COST_BYTES, WINDOW_BYTES, Relay, WebSocket
from mpcgov.trust.client import FRAME_LIMIT_BYTES
from tests.patience import LONG_S

HEARTBEAT_S = 2.0
"""Where a test has any: who doesn't answer within half of it is taken for dead, so it must outlast a busy moment."""


class Pair:
    """Two relays joined by a WebSocket, each with the socket that its worker would have."""

    def __init__(self) -> None:
        self.sockets: dict[int, socket.socket] = {}
        self.relays: dict[int, Relay] = {}
        self.tasks: dict[int, asyncio.Task[None]] = {}

    def add(self, side: int, party: str, ws: WebSocket) -> None:
        ours, self.sockets[side] = socket.socketpair()
        self.sockets[side].setblocking(False)
        self.relays[side] = Relay(party, ws, ours)
        self.tasks[side] = asyncio.create_task(self.relays[side].run())
        self.tasks[side].add_done_callback(lambda _: ours.close())

    async def send(self, side: int, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sockets[side], data)

    async def receive(self, side: int, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            chunk = await asyncio.get_running_loop().sock_recv(self.sockets[side], size - len(data))
            if not chunk:
                break
            data.extend(chunk)
        return bytes(data)


@contextlib.asynccontextmanager
async def served(
    handler: Callable[[web.WebSocketResponse], Awaitable[None]], heartbeat_s: float | None = None
) -> AsyncIterator[WebSocket]:
    """A WebSocket to a server that does this with its end; with heartbeats both ways if a test is about them."""

    async def serve(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(heartbeat=heartbeat_s, max_msg_size=FRAME_LIMIT_BYTES)
        await ws.prepare(request)
        await handler(ws)
        return ws

    app = web.Application()
    app.router.add_get("/", serve)
    async with test_utils.TestServer(app) as server, aiohttp.ClientSession() as session:
        ws = await session.ws_connect(server.make_url("/"), heartbeat=heartbeat_s, max_msg_size=FRAME_LIMIT_BYTES)
        yield ws
        await ws.close()


@contextlib.asynccontextmanager
async def joined(heartbeat_s: float | None = None) -> AsyncIterator[Pair]:
    pair, both, over = Pair(), asyncio.Event(), asyncio.Event()

    async def accept(ws: web.WebSocketResponse) -> None:
        pair.add(1, "labour", ws)
        both.set()
        await over.wait()

    async with served(accept, heartbeat_s) as ws:
        pair.add(0, "welfare", ws)
        await both.wait()
        await asyncio.sleep(0)
        yield pair
        for task in pair.tasks.values():
            task.cancel()
        await asyncio.gather(*pair.tasks.values(), return_exceptions=True)
        over.set()
    for sock in pair.sockets.values():
        sock.close()


async def failure(pair: Pair, side: int) -> PeerError:
    with pytest.raises(PeerError) as caught:
        await asyncio.wait_for(asyncio.shield(pair.tasks[side]), LONG_S)
    return caught.value


async def test_bytes_arrive_in_order_both_ways_at_once() -> None:
    data = bytes(range(256)) * 40_000  # 10 MB: more than two windows
    async with joined() as pair:
        got = await asyncio.gather(
            pair.send(0, data), pair.send(1, data[::-1]), pair.receive(0, len(data)), pair.receive(1, len(data))
        )
        assert (got[2], got[3]) == (data[::-1], data)


async def test_the_end_of_one_direction_leaves_the_other_open() -> None:
    async with joined() as pair:
        await pair.send(0, b"last words")
        pair.sockets[0].shutdown(socket.SHUT_WR)
        assert await pair.receive(1, 1000) == b"last words"
        await pair.send(1, b"answer")
        assert await pair.receive(0, 6) == b"answer"


async def test_a_busy_worker_slows_its_peer_down_and_nobody_takes_it_for_dead() -> None:
    """The worker reads nothing for longer than a dead peer would live, while its peer wants to send more than fits."""
    async with joined(HEARTBEAT_S) as pair:
        sending = asyncio.create_task(pair.send(0, b"x" * 3 * WINDOW_BYTES))
        await asyncio.sleep(2 * HEARTBEAT_S)
        assert not sending.done()
        assert pair.relays[1]._undelivered <= WINDOW_BYTES
        assert not any(task.done() for task in pair.tasks.values())
        assert len(await pair.receive(1, 3 * WINDOW_BYTES)) == 3 * WINDOW_BYTES
        await sending


@pytest.mark.parametrize(
    ("reason", "code", "known"),
    [
        ("labour: data contract", "data-contract", "data-contract"),
        ("labour: out of memory", "memory", "told"),
        ("labour: full", "store", "told"),
        ("education: data contract", "data-contract", "hearsay"),
    ],
)
async def test_a_peer_that_ends_its_job_says_why(reason: str, code: str, known: str) -> None:
    async with joined() as pair:
        pair.tasks[0].cancel()
        await asyncio.gather(pair.tasks[0], return_exceptions=True)
        await pair.relays[0].close(PeerError(reason, code=code))
        error = await failure(pair, 1)
    assert (error.message, error.code) == ("labour says: " * (known == "hearsay") + reason, known)


async def test_a_peer_whose_job_is_done_is_no_failure() -> None:
    async with joined() as pair:
        await pair.send(0, b"all")
        assert await pair.receive(1, 3) == b"all"
        pair.tasks[0].cancel()
        await asyncio.gather(pair.tasks[0], return_exceptions=True)
        await pair.relays[0].close(None)
        assert await pair.receive(1, 1000) == b""
        await asyncio.sleep(0.1)
        assert not pair.tasks[1].done()


async def test_a_connection_that_breaks_is_named_and_never_looks_like_an_end() -> None:
    async with joined() as pair:
        pair.relays[0]._ws._response.connection.transport.abort()
        error = await failure(pair, 1)
        assert (error.message, error.code) == ("labour: lost the connection", "lost")


async def test_a_silent_peer_is_found_by_its_missing_heartbeat() -> None:
    over = asyncio.Event()

    async def freeze(ws: web.WebSocketResponse) -> None:
        """Takes the connection, and from then on is as a stopped process: reads nothing, answers nothing."""
        ws._cancel_heartbeat()
        if ws._req is not None and ws._req.transport is not None:
            ws._req.transport.pause_reading()
        await over.wait()
        raise asyncio.CancelledError

    pair = Pair()
    async with served(freeze, HEARTBEAT_S) as ws:
        pair.add(0, "welfare", ws)
        error = await failure(pair, 0)
        pair.sockets[0].close()
        over.set()
    assert error.message == "welfare: no sign of life"


async def sends(ws: WebSocket, *frames: str | bytes) -> None:
    for frame in frames:
        await (ws.send_str(frame) if isinstance(frame, str) else ws.send_bytes(frame))


@pytest.mark.parametrize(
    "break_rules",
    [
        lambda ws: ws.send_str("4194305"),
        lambda ws: ws.send_str("-1"),
        lambda ws: ws.send_str("1" * 100_000),
        lambda ws: ws.send_str("close"),
        lambda ws: ws.send_bytes(b""),
        lambda ws: ws.send_str("0"),
        lambda ws: ws.send_str("256"),
        lambda ws: sends(ws, "end", "end"),
        lambda ws: sends(ws, "end", b"more"),
    ],
)
async def test_a_peer_that_breaks_the_rules_is_cut_off(break_rules: Callable[[WebSocket], Awaitable[None]]) -> None:
    async def attack(ws: web.WebSocketResponse) -> None:
        await break_rules(ws)
        await ws.receive()

    pair = Pair()
    async with served(attack) as ws:
        pair.add(0, "welfare", ws)
        error = await failure(pair, 0)
        pair.sockets[0].close()
    assert error.message == "welfare: broke the rules of the stream"


@pytest.mark.parametrize("size", [1000, 100_000])
async def test_a_peer_that_ignores_back_pressure_is_cut_off_before_memory_fills(size: int) -> None:
    async def flood(ws: web.WebSocketResponse) -> None:
        with contextlib.suppress(ConnectionError):
            while not ws.closed:
                await ws.send_bytes(b"x" * size)

    pair = Pair()
    async with served(flood) as ws:
        pair.add(0, "welfare", ws)
        error = await failure(pair, 0)
        pair.sockets[0].close()
        ws._response.connection.transport.abort()  # the flood would go on
    assert error.message == "welfare: broke the rules of the stream"
    assert pair.relays[0]._arrived.qsize() * (size + FRAME_COST_BYTES) <= WINDOW_BYTES


async def test_a_peer_that_goes_on_talking_cant_keep_a_stream_open() -> None:
    async def talk(ws: web.WebSocketResponse) -> None:
        with contextlib.suppress(ConnectionError):
            while not ws.closed:
                await ws.send_bytes(b"x")
                await asyncio.sleep(0.1)

    pair = Pair()
    async with served(talk) as ws:
        pair.add(0, "welfare", ws)
        assert await pair.receive(0, 2) == b"xx"
        pair.tasks[0].cancel()
        await asyncio.gather(pair.tasks[0], return_exceptions=True)
        ws._close_code = None  # as if nothing had been cancelled while reading
        await asyncio.wait_for(pair.relays[0].close(PeerError("enough")), LONG_S)
        pair.sockets[0].close()


async def test_a_frame_above_the_limit_is_refused() -> None:
    async def send_large(ws: web.WebSocketResponse) -> None:
        await ws.send_bytes(b"x" * (FRAME_LIMIT_BYTES + 1))
        await ws.receive()

    pair = Pair()
    async with served(send_large) as ws:
        pair.add(0, "welfare", ws)
        error = await failure(pair, 0)
        pair.sockets[0].close()
    assert error.message.startswith("welfare: ")


def test_what_others_say_can_not_rewrite_a_terminal() -> None:
    assert said("labour", "labour: \x1b[2Jall\r\nis\x00well", "x").message == "labour:  [2Jall  is well"
    assert len(said("labour", "x" * 5000, "x").message) < 1100
