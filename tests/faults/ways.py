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
from typing import Any

from mpcgov.errors import InternalError
from mpcgov.lifecycle import State
from tests.node.network import PARTIES, Network, when
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


FAULTS = {
    "node killed": signalled(signal.SIGKILL),
    "node stopped": signalled(signal.SIGSTOP),
    "node told to stop": signalled(signal.SIGTERM),
    "child dies": worker_dies,
    "disk full": disk_full,
    "database locked": locked,
    "slow disk": slow_disk,
}
HARMLESS = frozenset({"slow disk"})
"""The job is released all the same."""
