"""What is between the members on their way to each other: relays that delay, or lose, what one sends another.

Each node listens behind a relay at the address that the roster has, and calls from an address of its own, so that a
relay knows whose bytes it carries.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from mpcgov.keys import Identity
from mpcgov.spec.roster import Card
from mpcgov.trust.client import PinnedTls
from tests.node.network import Network
from tests.ports import free_ports

CHUNK_BYTES = 1 << 16


class CallingFrom(PinnedTls):
    """A member's connections, from an address of its own on this machine."""

    def __init__(self, identity: Identity, address: str) -> None:
        super().__init__(identity)
        self._address = address

    def _session(self, card: Card) -> aiohttp.ClientSession:
        session = super()._session(card)
        session.connector._socket_factory = self._socket
        return session

    def _socket(self, info: Any) -> socket.socket:
        sock = socket.socket(*info[:3])
        sock.bind((self._address, 0))
        sock.setblocking(False)
        return sock


class Relays:
    """One relay before each node. `lost`: whose bytes don't reach whom; `delay_s`: how long all others take."""

    def __init__(self, network: Network) -> None:
        self.lost: set[tuple[str, str]] = set()
        self.delay_s = 0.0
        self._network = network
        self._names = {f"127.0.0.{11 + number}": party for number, party in enumerate(network.parties)}
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    def listen_behind(self, party: str, port: int) -> None:
        """From its next start on, a node listens at another port than others dial, and calls from its own address."""
        home = self._network.loaded(party)
        config = home.path / "node.yaml"
        config.write_text(f"{config.read_text()}\nlisten: 127.0.0.1:{port}\n")
        address = next(address for address, name in self._names.items() if name == party)
        self._network.carriers[party] = lambda: CallingFrom(home.identity, address)

    async def serve(self, party: str, port: int) -> asyncio.Server:
        """The relay before a node."""
        host, outer = self._network.loaded(party).config.address.rsplit(":", 1)

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            caller = self._names.get(writer.get_extra_info("peername")[0], "hq")
            try:
                their_reader, their_writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                writer.transport.abort()
                return
            for way, source, sink in (
                ((caller, party), reader, their_writer),
                ((party, caller), their_reader, writer),
            ):
                self._writers.append(sink)
                task = asyncio.create_task(self._carry(way, source, sink))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

        return await asyncio.start_server(handle, host, int(outer))

    async def _carry(self, way: tuple[str, str], source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """The bytes of one direction, and their end: each so much later, or never."""
        loop, under_way = asyncio.get_running_loop(), asyncio.Queue[tuple[float, bytes]]()
        delivering = asyncio.create_task(self._deliver(way, under_way, sink))
        try:
            while True:
                try:
                    data = await source.read(CHUNK_BYTES)
                except ConnectionError:
                    data = b""
                under_way.put_nowait((loop.time() + self.delay_s, data))
                if not data:
                    break
            await delivering
        finally:
            delivering.cancel()

    async def _deliver(
        self, way: tuple[str, str], under_way: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter
    ) -> None:
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            if way in self.lost:
                continue
            if not data:
                sink.close()
                return
            with contextlib.suppress(ConnectionError):
                sink.write(data)
                await sink.drain()

    async def close(self) -> None:
        """Carries nothing more."""
        for writer in self._writers:
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def relayed(network: Network) -> AsyncIterator[Relays]:
    """Relays before all nodes that are started meanwhile; in the end those are stopped."""
    relays, ports = Relays(network), free_ports(len(network.parties))
    configs = {party: (network.home(party) / "node.yaml").read_text() for party in network.parties}
    async with contextlib.AsyncExitStack() as servers:
        for party, port in zip(network.parties, ports, strict=True):
            server = await relays.serve(party, port)
            servers.callback(server.close)
            relays.listen_behind(party, port)
        try:
            yield relays
        finally:
            await network.stop()
            await relays.close()
            network.carriers.clear()
            for party, text in configs.items():
                (network.home(party) / "node.yaml").write_text(text)
