"""Crowds at the door: slow, silent or talkative strangers keep no member out, and idle connections end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from mpcgov.errors import LocalError
from mpcgov.node import daemon, door
from mpcgov.node import home as homes
from mpcgov.node.home import host_port
from mpcgov.trust import tls
from tests.node.network import Network, when
from tests.node.test_streams import context_with
from tests.patience import LONG_S


@contextlib.asynccontextmanager
async def crowd(
    network: Network, size: int, first: bytes, source: str = "127.0.0.1"
) -> AsyncIterator[list[asyncio.StreamReader]]:
    """So many connections to labour's node, each of which sends some bytes and then nothing."""
    host, port = host_port(network.identity("labour").card.address or "")
    pairs = [await asyncio.open_connection(host, port, local_addr=(source, 0)) for _ in range(size)]
    for _, writer in pairs:
        writer.write(first)
    try:
        yield [reader for reader, _ in pairs]
    finally:
        for _, writer in pairs:
            writer.transport.abort()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("first", [b"", b"\x16\x03\x01\xff\xff", b"GET / HTTP/1.1\r\n\r\n"])
async def test_a_crowd_at_the_door_keeps_no_member_out(
    network: Network, first: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "HANDSHAKE_S", 600.0)  # a member needn't wait until theirs are too long
    await network.start("labour")
    before = open_files()
    async with crowd(network, 400, first), network.client() as client:
        await client.request("labour", "GET", "/v1/about")
        held = network.nodes["labour"]._api.door
        assert held is not None
        assert len(held._handshakes) <= door.HANDSHAKES_LIMIT
    await when(lambda: open_files() <= before + 4, "some connections of the crowd are still open")


async def test_a_flood_from_one_address_pushes_out_nobody_but_itself(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever shakes hands slowly from elsewhere goes on, however many come and go."""
    monkeypatch.setattr(door, "HANDSHAKE_S", 600.0)
    await network.start("labour")
    held = network.nodes["labour"]._api.door
    assert held is not None
    async with crowd(network, 1, b"") as slow:
        await when(lambda: len(held._handshakes) == 1, "the slow one never came")
        async with crowd(network, 400, b"", source="127.0.0.2") as flood:
            await asyncio.wait_for(flood[0].read(), LONG_S)
            assert list(held._handshakes.values()).count("127.0.0.1") == 1
            assert list(held._handshakes.values()).count("127.0.0.2") <= door.HANDSHAKES_PER_ADDRESS_LIMIT
        assert not slow[0].at_eof()


async def test_a_handshake_that_takes_too_long_ends(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "HANDSHAKE_S", 0.3)
    await network.start("labour")
    async with crowd(network, 3, b"\x16") as readers:
        with contextlib.suppress(ConnectionError):
            assert [await asyncio.wait_for(reader.read(), LONG_S) for reader in readers] == [b""] * 3


async def test_who_is_pushed_out_as_the_handshake_succeeds_leaves_no_connection(network: Network) -> None:
    """A transport whose socket is closed under it goes on with whatever gets its descriptor next."""
    lost, loop = asyncio.Event(), asyncio.get_running_loop()

    class Served(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            for task in list(held._handshakes):
                task.cancel()  # before it has heard that its handshake has succeeded

        def connection_lost(self, exc: Exception | None) -> None:
            lost.set()

    labour, refused = network.home("labour"), list[str]()
    roster = homes.load(labour).joined()[0]
    context = tls.server_context(network.identity("labour"), roster)
    held = door.Door(cast(Any, Served), context, roster, refused.append)
    host, port = host_port(network.identity("labour").card.address or "")
    held.open(host, port)
    # A client that answers no goodbye: what is open stays so until somebody ends it.
    made = await loop.run_in_executor(None, silent, network, host, port)
    with made:
        await asyncio.wait_for(lost.wait(), LONG_S)
    await held.close()
    assert refused == ["127.0.0.1"]


def silent(network: Network, host: str, port: int) -> ssl.SSLSocket:
    """A member's connection, as far as its handshake."""
    context = context_with(network.identity("welfare"))
    return context.wrap_socket(socket.create_connection((host, port)), server_hostname=host)


@pytest.mark.parametrize("first", [b"", b"GET /v1/about HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_a_member_that_says_nothing_or_half_of_it_is_let_go(
    network: Network, monkeypatch: pytest.MonkeyPatch, first: bytes
) -> None:
    monkeypatch.setattr(door, "IDLE_S", 0.3)
    monkeypatch.setattr(door, "SWEEP_S", 0.1)
    await network.start("labour")
    host, port = host_port(network.identity("labour").card.address or "")
    reader, writer = await asyncio.open_connection(host, port, ssl=context_with(network.identity("welfare")))
    writer.write(first)
    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), LONG_S) == b""
    writer.transport.abort()


async def test_one_member_can_hold_only_so_many_connections(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "MEMBER_CONNECTIONS_LIMIT", 5)
    monkeypatch.setattr(door, "IDLE_S", 3600.0)
    await network.start("labour")
    host, port = host_port(network.identity("labour").card.address or "")
    context = context_with(network.identity("welfare"))
    writers = [(await asyncio.open_connection(host, port, ssl=context))[1] for _ in range(5)]
    held = network.nodes["labour"]._api.door
    assert held is not None
    # A client has shaken hands a moment before the node has.
    await when(lambda: len(held._connections) == 5, "the node never let five in")
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        assert await asyncio.wait_for(reader.read(), LONG_S) == b""
    async with network.client("education") as client:
        assert (await client.request("labour", "GET", "/v1/about"))["party"] == "labour"
    for each in (*writers, writer):
        each.transport.abort()


async def test_only_one_daemon_runs_in_a_home(network: Network) -> None:
    await network.start("labour")
    with pytest.raises(LocalError, match="running in this home already"):
        daemon.NodeDaemon(homes.load(network.home("labour")), network.workers["labour"])


async def test_an_address_that_is_taken_is_named(network: Network) -> None:
    host, port = host_port(network.identity("labour").card.address or "")
    server = await asyncio.start_server(lambda *_: None, host, port)
    with pytest.raises(LocalError, match=f"{host}:{port}: can't be bound"):
        await network.start("labour")
    server.close()
    await server.wait_closed()
