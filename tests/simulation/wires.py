"""A network that is made up: it drops, delays, repeats and reorders requests, and breaks streams.

It stands behind `mpcgov.trust.client.Carrier`, as the real one does; what both must do is in `test_wires.py`. Beyond
that interface everything is the nodes' own: their routes, their checks, their answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import random
import ssl
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from mpcgov.errors import MpcgovError, Refused
from mpcgov.node.answers import HTTP_STATUS
from mpcgov.node.daemon import NodeDaemon
from mpcgov.spec.roster import Card
from mpcgov.trust.client import HEARTBEAT_S
from tests.simulation.loop import NODE

SILENT_S = 1.5 * HEARTBEAT_S
"""Both ends of a stream notice within this time that nothing gets through."""


@dataclass
class Way:
    """One direction between two members. `loss`, `repeats`: how often a request is lost, or arrives twice."""

    delay_s: float = 0.01
    loss: float = 0.0
    repeats: float = 0.0
    cut: bool = False


@dataclass
class Tls:
    """The transport of a request, which shows who asks."""

    certificate: bytes

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self if name == "ssl_object" else default

    def getpeercert(self, binary_form: bool) -> bytes:
        return self.certificate


class _End:
    """One end of a stream, with what nodes use of a WebSocket."""

    def __init__(self, wires: Wires, me: str, peer: str) -> None:
        self._wires, self._me, self._peer = wires, me, peer
        self._inbox: asyncio.Queue[WSMessage] = asyncio.Queue()
        self._outbox: asyncio.Queue[WSMessage] = asyncio.Queue()
        self.other: _End
        self.closed = False

    async def receive(self) -> WSMessage:
        if self.closed and self._inbox.empty():
            return WSMessage(WSMsgType.CLOSED, None, None)
        return await self._inbox.get()

    async def send_bytes(self, data: bytes) -> None:
        self._send(WSMessage(WSMsgType.BINARY, bytes(data), None))

    async def send_str(self, data: str) -> None:
        self._send(WSMessage(WSMsgType.TEXT, data, None))

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes = b"") -> None:
        if not self.closed:
            self._send(WSMessage(WSMsgType.CLOSE, code, message.decode()))
            self.closed = True

    def drop(self) -> None:
        """Nothing has got through for so long that this end gives up."""
        if not self.closed:
            self.closed = True
            self._inbox.put_nowait(WSMessage(WSMsgType.ERROR, TimeoutError(), None))

    def hang_up(self) -> None:
        """This end's process is gone; the other end notices after what was sent before."""
        if not self.closed:
            self._send(WSMessage(WSMsgType.CLOSED, None, None))
            self.closed = True

    async def carry(self) -> None:
        """What is sent arrives in order, when the network lets it through."""
        while True:
            message = await self._outbox.get()
            way = self._wires.ways[self._me, self._peer]
            await asyncio.sleep(way.delay_s)
            while True:
                if not way.cut and self._wires.random.random() >= way.loss:
                    break
                await asyncio.sleep(0.2)
            if not self.other.closed:
                self.other._inbox.put_nowait(message)
                if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED):
                    self.other.closed = True

    def _send(self, message: WSMessage) -> None:
        if self.closed:
            raise ConnectionResetError("closed")
        self._outbox.put_nowait(message)


@dataclass
class Wires:
    """What connects the members. `running`: the nodes that are up; `ways`: how well each direction works."""

    cards: dict[str, Card]
    random: random.Random
    running: dict[str, NodeDaemon] = field(default_factory=dict)
    ways: dict[tuple[str, str], Way] = field(default_factory=dict)
    streams: list[tuple[_End, _End]] = field(default_factory=list)
    _carrying: set[asyncio.Task[Any]] = field(default_factory=set)
    _callers: dict[str, web.Request] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ways = {(a, b): Way() for a in self.cards for b in self.cards if a != b}

    def carrier(self, me: str) -> SimulatedCarrier:
        """What a member's requests go through."""
        return SimulatedCarrier(self, me)

    async def exchange(self, me: str, party: str, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """There, and back."""
        await self._through(me, party)
        if self.random.random() < self.ways[me, party].repeats:
            again = self._handle(me, party, method, path, body)
            self._later(again)
        answer = await self._handle(me, party, method, path, body)
        await self._through(party, me)
        return answer

    async def stream(self, me: str, party: str, path: str) -> _End:
        """A stream to a node that awaits one."""
        await self._through(me, party)
        node, job = self._up(party), path.split("/")[3]
        try:
            # As the route does it.
            row = node.book.job(job)
            if me not in row.parties:
                raise Refused(f"{me} must not ask this", code="caller")
            run = await node.service.run_awaiting(job, me)
        except MpcgovError as error:
            raise _refused(HTTP_STATUS[error.exit_status]) from None
        ours, theirs = _End(self, me, party), _End(self, party, me)
        ours.other, theirs.other = theirs, ours
        self.streams.append((ours, theirs))
        for end in (ours, theirs):
            self._later(end.carry())
        self._at(node, run.streams.serve(me, theirs))
        await self._through(party, me)
        return ours

    def of(self, party: str) -> list[_End]:
        """A node's end of every stream that it has now."""
        return [end for ends in self.streams for end in ends if end._me == party]

    async def watch(self) -> None:
        """Breaks streams that nothing has got through for a while."""
        silent: dict[tuple[str, str], float] = {}
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(0.5)
            for (a, b), way in self.ways.items():
                if not way.cut:
                    silent.pop((a, b), None)
                elif loop.time() - silent.setdefault((a, b), loop.time()) > SILENT_S:
                    for ends in self.streams:
                        if {a, b} == {ends[0]._me, ends[1]._me}:
                            for end in ends:
                                end.drop()

    async def _through(self, a: str, b: str) -> None:
        way = self.ways[a, b]
        await asyncio.sleep(way.delay_s * self.random.uniform(0.5, 1.5))
        if way.cut or self.random.random() < way.loss:
            await asyncio.sleep(3600)

    def _up(self, party: str) -> NodeDaemon:
        if party not in self.running:
            raise ConnectionRefusedError
        return self.running[party]

    async def _handle(self, me: str, party: str, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        node = self._up(party)
        answering = self._at(node, self._answer(node, me, method, path, body))
        # As a server's, it goes on when who asked has given up.
        await asyncio.wait({answering})
        if answering.cancelled():
            raise ConnectionResetError
        return answering.result()

    async def _answer(self, node: NodeDaemon, me: str, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        app = node._runner.app
        payload = aiohttp.StreamReader(BaseProtocol(asyncio.get_running_loop()), 1 << 20)
        payload.feed_data(body or b"")
        payload.feed_eof()
        if me not in self._callers:
            certificate = ssl.PEM_cert_to_DER_cert(self.cards[me].certificate)
            self._callers[me] = make_mocked_request("GET", "/", transport=Tls(certificate))
        # Mocks cost more than all that a node does with a request.
        request = self._callers[me].clone(method=method, rel_url=path)
        request._payload = payload
        response = await app._handle(request)
        return response.status, bytes(response.body)

    def _at(self, node: NodeDaemon, work: Any) -> asyncio.Task[Any]:
        """Work that is done at a node, and dies with it."""
        context = contextvars.copy_context()
        context.run(NODE.set, node)
        return asyncio.get_running_loop().create_task(work, context=context)

    def _later(self, work: Any) -> None:
        context = contextvars.copy_context()
        context.run(NODE.set, None)
        task = asyncio.get_running_loop().create_task(_quietly(work), context=context)
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)


@dataclass
class SimulatedCarrier:
    """A member's side of the wires."""

    wires: Wires
    me: str

    async def exchange(
        self, card: Card, method: str, path: str, body: bytes | None, timeout_s: float, limit_bytes: int
    ) -> tuple[int, bytes]:
        async with asyncio.timeout(timeout_s):
            status, data = await self.wires.exchange(self.me, card.id, method, path, body)
        if len(data) > limit_bytes:
            raise aiohttp.ClientPayloadError("too long")
        return status, data

    async def stream(self, card: Card, path: str) -> aiohttp.ClientWebSocketResponse:
        async with asyncio.timeout(5.0):
            return await self.wires.stream(self.me, card.id, path)

    async def close(self) -> None:
        pass


def _refused(status: int) -> aiohttp.WSServerHandshakeError:
    info = aiohttp.RequestInfo(URL(), "GET", {}, URL())
    return aiohttp.WSServerHandshakeError(info, (), status=status)


async def _quietly(work: Any) -> None:
    with contextlib.suppress(MpcgovError, OSError):
        await work
