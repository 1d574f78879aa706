"""What can break: each a context in which the victim's node runs, and which gives the function that breaks it.

`gate` holds the job where it is; what doesn't end it by itself lets it go on afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mpcgov import tls
from mpcgov.errors import InternalError
from mpcgov.lifecycle import State
from mpcgov.node.daemon import NodeDaemon
from mpcgov.node.home import host_port
from tests.node.network import PARTIES, FakeClock, Network, when
from tests.node.test_faults import process
from tests.ports import free_ports

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
async def apart(network: Network, victim: str, phase: str) -> AsyncIterator[asyncio.subprocess.Process]:
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
async def taken_over(network: Network, victim: str, phase: str) -> AsyncIterator[Break]:
    """The victim's node is killed, and something else listens at its port that knows no TLS."""
    async with _replaced(network, victim, phase, None) as happen:
        yield happen


@contextlib.asynccontextmanager
async def wrong_certificate(network: Network, victim: str, phase: str) -> AsyncIterator[Break]:
    """The victim's node is killed, and another member listens at its port, with a certificate of the roster."""
    async with _replaced(network, victim, phase, tls.server_context(network.hq, network.roster)) as happen:
        yield happen


@contextlib.asynccontextmanager
async def _replaced(network: Network, victim: str, phase: str, context: Any) -> AsyncIterator[Break]:
    servers: list[asyncio.Server] = []

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n{}")
        writer.close()

    async with apart(network, victim, phase) as child:

        async def happen() -> None:
            child.kill()
            await child.wait()
            host, port = host_port(network.identity(victim).card.address or "")
            servers.append(await asyncio.start_server(answer, host, port, ssl=context))

        yield happen
        for server in servers:
            server.close()
            await server.wait_closed()


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
    """Something else holds the lock on the victim's database."""
    async with within(network, victim, phase) as event:
        path = network.home(victim) / "state/node.sqlite"
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
            store.write = slowly  # type: ignore[method-assign]
            event.set()

        yield happen


@contextlib.asynccontextmanager
async def clock_jumps(network: Network, victim: str, phase: str) -> AsyncIterator[Break]:
    """The victim's clock goes an hour ahead in mid-job."""
    event, clock = gate(network, victim, phase), FakeClock()
    network.nodes[victim] = NodeDaemon(network.loaded(victim), network.workers[victim], clock)  # type: ignore[arg-type]
    await network.nodes[victim].start()

    async def happen() -> None:
        clock.offset_s = 3600
        event.set()

    yield happen
    await network.stop(victim)


@contextlib.asynccontextmanager
async def worker_dies(network: Network, victim: str, phase: str) -> AsyncIterator[Break]:
    network.workers[victim].faults[phase] = InternalError("the process that computes died", code="worker")
    async with within(network, victim, phase) as event:

        async def happen() -> None:
            event.set()

        yield happen
        network.workers[victim].faults.clear()


@dataclass
class Relay:
    """In front of a node: what comes and goes takes `delay_s`; `deaf`: nothing comes any more; `dumb`: nothing goes."""

    inner: int
    delay_s: float = 0.0
    deaf: bool = False
    dumb: bool = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection("127.0.0.1", self.inner)
            await asyncio.gather(self._carry(reader, back, "deaf"), self._carry(there, writer, "dumb"))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: str) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                if not getattr(self, lost):
                    # In order, and without holding up what comes behind.
                    loop.call_later(self.delay_s, writer.write, data)
            await asyncio.sleep(2 * self.delay_s)
        writer.close()


@contextlib.asynccontextmanager
async def relayed(network: Network, parties: tuple[str, ...], delay_s: float) -> AsyncIterator[dict[str, Relay]]:
    """Relays at the addresses of some parties, whose nodes listen elsewhere."""
    relays = {party: Relay(port, delay_s) for party, port in zip(parties, free_ports(len(parties)), strict=True)}
    servers, files = [], {}
    for party, relay in relays.items():
        host, port = host_port(network.identity(party).card.address or "")
        path = network.home(party) / "node.yaml"
        files[path] = path.read_text()
        path.write_text(files[path] + f"listen: 127.0.0.1:{relay.inner}\n")
        servers.append(await asyncio.start_server(relay.serve, host, port))
    yield relays
    for server in servers:
        server.close()
    await network.stop()
    for path, text in files.items():
        path.write_text(text)


@contextlib.asynccontextmanager
async def far_away(network: Network, victim: str, phase: str) -> AsyncIterator[Break]:
    """100 ms each way between all parties."""
    event = gate(network, victim, phase)
    async with relayed(network, PARTIES, 0.1):
        await network.start(victim)

        async def happen() -> None:
            event.set()

        yield happen


def one_way(lost: str) -> Callable[[Network, str, str], Any]:
    @contextlib.asynccontextmanager
    async def fault(network: Network, victim: str, phase: str) -> AsyncIterator[Break]:
        """By the streams that the others dialled nothing reaches the victim any more, or nothing of it the others."""
        event = gate(network, victim, phase)
        async with relayed(network, (victim,), 0.0) as relays:
            await network.start(victim)

            async def happen() -> None:
                setattr(relays[victim], lost, True)

            yield happen
            setattr(relays[victim], lost, False)
            event.set()
            await when(lambda: not network.nodes[victim].book.jobs(UNDER_WAY), "the job is never ended")

    return fault


FAULTS = {
    "node killed": signalled(signal.SIGKILL),
    "node stopped": signalled(signal.SIGSTOP),
    "node told to stop": signalled(signal.SIGTERM),
    "child dies": worker_dies,
    "disk full": disk_full,
    "database locked": locked,
    "port taken over": taken_over,
    "another member's certificate": wrong_certificate,
    "nothing reaches it": one_way("deaf"),
    "nothing comes from it": one_way("dumb"),
    "slow disk": slow_disk,
    "100 ms each way": far_away,
    "clock an hour ahead": clock_jumps,
}
HARMLESS = frozenset({"slow disk", "100 ms each way", "clock an hour ahead"})
"""The job is released all the same."""
FIRST_ONLY = frozenset({"nothing reaches it", "nothing comes from it"})
"""Both others dial the first party in the order of the job, so that a relay in front of it has both streams."""
