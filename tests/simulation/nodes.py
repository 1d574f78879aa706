"""The real nodes, with their databases, logs and statements; sockets, time and computing are made up."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
from collections.abc import Callable, Iterator
from typing import Any

from mpcgov.errors import PeerError
from mpcgov.node import home as homes
from mpcgov.node import rotation
from mpcgov.node.daemon import NodeDaemon
from mpcgov.node.desk.hall import Hall
from mpcgov.node.home import NodeHome
from mpcgov.spec.order import Order
from mpcgov.spec.roster import Card
from mpcgov.spec.statement import Proposal
from tests.node.network import PARTIES, Network, ScriptedWorker
from tests.simulation.wires import Wires

EPOCH = 1_800_000_000.0
MEMBERS = (*PARTIES, "hq")


class Consortium:
    """What many schedules share: homes, members' cards, and the proposals that jobs are made from."""

    def __init__(self, network: Network, drafts: list[Proposal]) -> None:
        self.network = network
        self.drafts = drafts
        self.homes: dict[str, NodeHome] = {party: homes.load(network.home(party)) for party in PARTIES}
        self.cards: dict[str, Card] = {name: network.identity(name).card for name in MEMBERS}
        self.compiled: dict[Any, Any] = {}
        self._as_made = network.folder / "as-made"
        for name in MEMBERS:
            shutil.copytree(network.home(name), self._as_made / name, ignore=shutil.ignore_patterns(homes.STATE))

    def begin_anew(self) -> None:
        """All homes are as they were made: no job was ever proposed, no key changed."""
        for name in MEMBERS:
            shutil.rmtree(self.network.home(name), ignore_errors=True)
            shutil.copytree(self._as_made / name, self.network.home(name))


class Clock:
    """A node's clock, which may be wrong."""

    def __init__(self) -> None:
        self.wrong_by_s = 0.0

    def now(self) -> float:
        return EPOCH + asyncio.get_running_loop().time() + self.wrong_by_s


class Worker(ScriptedWorker):
    """Takes its time in every phase; in some it fails or stays for ever."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.bulk_bytes = 3000
        self.chance = chance
        self.breaks: dict[str, Exception | None] = {}

    async def enter(self, order: Order, phase: str) -> None:
        await asyncio.sleep(self.chance.uniform(0, 0.6))
        if phase in self.breaks:
            error = self.breaks[phase]
            await asyncio.sleep(0 if error is not None else 3600)
            if error is not None:
                raise error


class _OpenDoor:
    """Everybody on the wires is a member."""

    @contextlib.contextmanager
    def request(self, transport: Any) -> Iterator[None]:
        yield

    async def close(self) -> None:
        pass


class _ClosedHall(Hall):
    """Nobody comes to the desk; so its socket, which only a node that stops would close, isn't opened."""

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass


class Node(NodeDaemon):
    """A node on the made-up network. It dies at its `dies_in`th write from now, before or after that is durable."""

    def __init__(
        self, consortium: Consortium, party: str, wires: Wires, worker: ScriptedWorker, clock: Clock,
        dies: Callable[[], None],
    ) -> None:  # fmt: skip
        home = rotation.take_up(consortium.network.home(party))
        self.card = home.identity.card
        super().__init__(home, worker, clock, wires.carrier(party, self.card))
        self._hall = _ClosedHall(home, self.book, clock)
        self._wires = wires
        self._party = party
        self._dies = dies
        self.dead = False
        self.stopping = False
        self.full = False
        self.dies_in: int | None = None
        # Each node has a database of its own, and what is asked of them is the same.
        self._store._engine = self._store._engine.execution_options(compiled_cache=consortium.compiled)
        self._write = self._store.write
        self._store.write = self._watched

    async def _open_door(self) -> None:
        self._api.door = _OpenDoor()
        self._wires.running[self._party] = self

    @contextlib.contextmanager
    def _watched(self) -> Iterator[Any]:
        if self.dead or self.full:
            raise PeerError("the node can't use its database (OperationalError), so it does nothing", code="store")
        dies = None
        if self.dies_in is not None:
            self.dies_in -= 1
            dies = "before" if self.dies_in == 0 else "after" if self.dies_in == -1 else None
        with self._write() as tx:
            yield tx
            if dies == "before":
                self._dies()
                raise PeerError("killed", code="store")
        if dies == "after":
            self._dies()
            raise PeerError("killed", code="store")
