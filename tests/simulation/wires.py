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
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from mpcgov.errors import MpcgovError, Refused
from mpcgov.node.answers import HTTP_STATUS
from mpcgov.spec.roster import Card
from mpcgov.trust.client import HEARTBEAT_S
from tests.simulation.loop import NODE

if TYPE_CHECKING:
    from tests.simulation.nodes import Node

SILENT_S = 1.5 * HEARTBEAT_S
"""Both ends of a stream notice within this time that nothing gets through."""


@dataclass
class Way:
    """One direction between two members. `loss`, `repeats`: how often a request is lost, or arrives twice."""

    delay_s: float = 0.01
    loss: float = 0.0
    repeats: float = 0.0
    cut: bool = False


@dataclass(frozen=True)
class Request:
    """What one member asks of another."""

    method: str
    path: str
    body: bytes | None


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
    running: dict[str, Node] = field(default_factory=dict)
    ways: dict[tuple[str, str], Way] = field(default_factory=dict)
    streams: list[tuple[_End, _End]] = field(default_factory=list)
    _carrying: set[asyncio.Task[Any]] = field(default_factory=set)
    _callers: dict[bytes, web.Request] = field(default_factory=dict)
    _certificates: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ways = {(a, b): Way() for a in self.cards for b in self.cards if a != b}

    def carrier(self, me: str, card: Card | None = None) -> SimulatedCarrier:
        """What a member's requests go through; `card`: its own, if it isn't the one that it began with."""
        return SimulatedCarrier(self, card or self.cards[me])

    async def exchange(self, mine: Card, theirs: Card, request: Request) -> tuple[int, bytes]:
        """There, and back; each must show the certificate that the other one's roster pins."""
        me, party = mine.id, theirs.id
        await self._through(me, party)
        if self.random.random() < self.ways[me, party].repeats:
            self._later(self._handle(mine, theirs, request))
        answer = await self._handle(mine, theirs, request)
        await self._through(party, me)
        return answer

    async def stream(self, mine: Card, theirs: Card, path: str) -> _End:
        """A stream to a node that awaits one."""
        me, party = mine.id, theirs.id
        await self._through(me, party)
        node, job = self._up(mine, theirs), path.split("/")[3]
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

    def _up(self, mine: Card, theirs: Card) -> Node:
        if theirs.id not in self.running:
            raise ConnectionRefusedError
        node = self.running[theirs.id]
        if node.card != theirs:
            raise aiohttp.ClientConnectorCertificateError(None, ssl.SSLCertVerificationError())
        if node.book.roster.by_certificate(mine.certificate_digest) is None:
            raise ConnectionResetError
        return node

    def _der(self, card: Card) -> bytes:
        if card.certificate not in self._certificates:
            self._certificates[card.certificate] = ssl.PEM_cert_to_DER_cert(card.certificate)
        return self._certificates[card.certificate]

    async def _handle(self, mine: Card, theirs: Card, request: Request) -> tuple[int, bytes]:
        node = self._up(mine, theirs)
        answering = self._at(node, self._answer(node, mine, request))
        # As a server's, it goes on when who asked has given up.
        await asyncio.wait({answering})
        if answering.cancelled():
            raise ConnectionResetError
        return answering.result()

    async def _answer(self, node: Node, mine: Card, asked: Request) -> tuple[int, bytes]:
        app = node._runner.app
        payload = aiohttp.StreamReader(BaseProtocol(asyncio.get_running_loop()), 1 << 20)
        payload.feed_data(asked.body or b"")
        payload.feed_eof()
        der = self._der(mine)
        if der not in self._callers:
            self._callers[der] = make_mocked_request("GET", "/", transport=Tls(der))
        # Mocks cost more than all that a node does with a request.
        request = self._callers[der].clone(method=asked.method, rel_url=asked.path)
        request._payload = payload
        response = await app._handle(request)
        return response.status, bytes(response.body)

    def _at(self, node: Node, work: Any) -> asyncio.Task[Any]:
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
    mine: Card

    async def exchange(
        self, card: Card, method: str, path: str, body: bytes | None, timeout_s: float, limit_bytes: int
    ) -> tuple[int, bytes]:
        async with asyncio.timeout(timeout_s):
            status, data = await self.wires.exchange(self.mine, card, Request(method, path, body))
        if len(data) > limit_bytes:
            raise aiohttp.ClientPayloadError("too long")
        return status, data

    async def stream(self, card: Card, path: str) -> aiohttp.ClientWebSocketResponse:
        async with asyncio.timeout(5.0):
            return await self.wires.stream(self.mine, card, path)

    async def close(self) -> None:
        pass


def _refused(status: int) -> aiohttp.WSServerHandshakeError:
    info = aiohttp.RequestInfo(URL(), "GET", {}, URL())
    return aiohttp.WSServerHandshakeError(info, (), status=status)


async def _quietly(work: Any) -> None:
    with contextlib.suppress(MpcgovError, OSError):
        await work
