"""What can break: each a context in which the victim's node runs, and which gives the function that breaks it.

`gate` holds the job where it is; what doesn't end it by itself lets it go on afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import sqlalchemy as sql

from mpcgov import keys
from mpcgov.errors import InternalError
from mpcgov.lifecycle import State
from mpcgov.node import store
from mpcgov.node.home import host_port
from mpcgov.trust import tls
from tests.faults.relays import relayed
from tests.node.apart import Apart
from tests.node.network import PARTIES, FakeClock, Network, when
from tests.node.test_faults import process

Break = Callable[[], Awaitable[None]]

UNDER_WAY = frozenset({State.READY, State.RUNNING})
RECEIPTS = "receipts"


def gate(network: Network, victim: str, phase: str) -> asyncio.Event:
    """Holds the victim's worker in a phase; or another's at its end, so that the victim waits for a receipt."""
    other = PARTIES[(PARTIES.index(victim) + 1) % 3]
    where, name = (other, "done") if phase == RECEIPTS else (victim, phase)
    return network.workers[where].gates.setdefault(name, asyncio.Event())


@contextlib.asynccontextmanager
async def within(network: Network, victim: str, phase: str) -> AsyncIterator[asyncio.Event]:
    """The victim's node in this process."""
    event = gate(network, victim, phase)
    await network.start(victim)
    yield event
    await when(lambda: not network.nodes[victim].book.jobs(UNDER_WAY), "the job is never ended")
    await network.stop(victim)


@contextlib.asynccontextmanager
async def apart(network: Network, victim: str, phase: str) -> AsyncIterator[Apart]:
    """The victim's node as a process of its own."""
    gate(network, victim, phase)
    async with process(network, victim, phase) as child:
        yield child


def signalled(number: signal.Signals) -> Callable[[Network, str, str], Any]:
    @contextlib.asynccontextmanager
    async def fault(network: Network, victim: str, phase: str) -> AsyncIterator[Break]:
        async with apart(network, victim, phase) as child:

            async def happen() -> None:
                child.send_signal(number)

            yield happen

    return fault


@contextlib.asynccontextmanager
async def disk_full(network: Network, victim: str, phase: str) -> AsyncIterator[Break]:
    """The victim's node can record nothing from then on, and its job goes on until it must."""
    async with within(network, victim, phase) as event:
        store = network.nodes[victim]._store

        async def happen() -> None:
            with store.write() as tx:
                tx.exec_driver_sql(
                    "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END"
                )
            event.set()

        yield happen
        with store.write() as tx:
            tx.exec_driver_sql("DROP TRIGGER full")


@contextlib.asynccontextmanager
async def locked(network: Network, victim: str, phase: str) -> AsyncIterator[Break]:
    """Something else holds the lock on the victim's database. Its node waits for it each time that it would write, and
    this process with it: here not for long."""
    path, waits_s = network.home(victim) / "state/node.sqlite", store.BUSY_TIMEOUT_S
    store.BUSY_TIMEOUT_S = 0.1
    async with within(network, victim, phase) as event:
        store.BUSY_TIMEOUT_S = waits_s
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:

            async def happen() -> None:
                other.execute("BEGIN IMMEDIATE")
                event.set()

            yield happen
            other.execute("ROLLBACK")


@contextlib.asynccontextmanager
async def slow_disk(network: Network, victim: str, phase: str) -> AsyncIterator[Break]:
    """Each of the victim's writes takes 0.2 s more, in which its node does nothing else."""
    async with within(network, victim, phase) as event:
        store, write = network.nodes[victim]._store, network.nodes[victim]._store.write

        @contextlib.contextmanager
        def slowly() -> Iterator[Any]:
            time.sleep(0.2)
            with write() as tx:
                yield tx

        async def happen() -> None:
            store.write = slowly
            event.set()

        yield happen


@contextlib.asynccontextmanager
async def worker_dies(network: Network, victim: str, phase: str) -> AsyncIterator[Break]:
    network.workers[victim].faults[phase] = InternalError("the process that computes died", code="worker")
    async with within(network, victim, phase) as event:

        async def happen() -> None:
            event.set()

        yield happen
        network.workers[victim].faults.clear()


@contextlib.asynccontextmanager
async def read_only(network: Network, victim: str, phase: str) -> AsyncIterator[Break]:
    """The victim's disk takes nothing any more; what is on it can be read."""
    async with within(network, victim, phase) as event:
        engine = network.nodes[victim]._store._engine

        def begun(connection: sql.Connection) -> None:
            connection.exec_driver_sql("PRAGMA query_only=ON")

        async def happen() -> None:
            sql.event.listen(engine, "begin", begun)
            event.set()

        yield happen
        sql.event.remove(engine, "begin", begun)
        with network.nodes[victim]._store.read() as tx:
            tx.exec_driver_sql("PRAGMA query_only=OFF")


def clock_wrong(by_s: float) -> Callable[[Network, str, str], Any]:
    @contextlib.asynccontextmanager
    async def fault(network: Network, victim: str, phase: str) -> AsyncIterator[Break]:
        network.clocks[victim] = FakeClock()
        async with within(network, victim, phase) as event:

            async def happen() -> None:
                network.clocks[victim].offset_s = by_s
                event.set()

            yield happen
            network.clocks[victim].offset_s = 0.0

    return fault


def taken_over(by_tls: bool) -> Callable[[Network, str, str], Any]:
    """The victim's node is killed, and somebody else listens at its address, who says yes to everything."""

    @contextlib.asynccontextmanager
    async def fault(network: Network, victim: str, phase: str) -> AsyncIterator[Break]:
        address = network.loaded(victim).config.address
        impostor = keys.create(network.folder / "impostor", "party", victim, address)

        async def friendly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                while await reader.readuntil(b"\r\n\r\n"):
                    body = b'{"state": "RUNNING", "turn": "yes", "receipt": null, "reached": true}'
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            writer.close()

        async with contextlib.AsyncExitStack() as servers, apart(network, victim, phase) as child:

            async def happen() -> None:
                child.send_signal(signal.SIGKILL)
                await child.wait()
                context = tls.server_context(impostor, network.roster) if by_tls else None
                if context is not None:
                    context.verify_mode = ssl.CERT_NONE
                server = await asyncio.start_server(friendly, *host_port(address), ssl=context)
                servers.callback(server.close)

            yield happen

    return fault


def lost(*ways: tuple[int, int]) -> Callable[[Network, str, str], Any]:
    """Bytes from some to others get lost from then on; 0 is the victim, 1 and 2 those that come after it."""

    @contextlib.asynccontextmanager
    async def fault(network: Network, victim: str, phase: str) -> AsyncIterator[Break]:
        members = [PARTIES[(PARTIES.index(victim) + number) % 3] for number in range(3)]
        async with relayed(network) as relays, within(network, victim, phase) as event:

            async def happen() -> None:
                relays.lost |= {(members[a], members[b]) for a, b in ways}
                event.set()

            yield happen

    return fault


@contextlib.asynccontextmanager
async def delayed(network: Network, victim: str, phase: str) -> AsyncIterator[Break]:
    async with relayed(network) as relays, within(network, victim, phase) as event:

        async def happen() -> None:
            relays.delay_s = 0.1
            event.set()

        yield happen


FAULTS = {
    "node killed": signalled(signal.SIGKILL),
    "node stopped": signalled(signal.SIGSTOP),
    "node told to stop": signalled(signal.SIGTERM),
    "child dies": worker_dies,
    "disk full": disk_full,
    "database locked": locked,
    "disk read-only": read_only,
    "slow disk": slow_disk,
    "clock a day ahead": clock_wrong(86400.0),
    "clock a day behind": clock_wrong(-86400.0),
    "port taken over": taken_over(by_tls=False),
    "wrong certificate": taken_over(by_tls=True),
    "not heard by anybody": lost((0, 1), (0, 2)),
    "hears nobody": lost((1, 0), (2, 0)),
    "100 ms on each way": delayed,
    "no way between two": lost((0, 1), (1, 0)),
    "no way from one to another": lost((0, 1)),
}
HARMLESS = frozenset({"slow disk", "clock a day ahead", "clock a day behind", "100 ms on each way"})
"""The job is released all the same."""

BETWEEN = frozenset({"no way between two", "no way from one to another"})
"""Nobody failed: the connection is named, by who says so."""
