"""Three nodes and their coordinator in made-up time on a made-up network: they come, go, and say what has happened."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random

from mpcgov.errors import MpcgovError
from mpcgov.trust.client import Client
from tests.node.network import PARTIES, ScriptedWorker
from tests.simulation.loop import NODE, SimulatedLoop
from tests.simulation.nodes import Clock, Consortium, Node, Worker
from tests.simulation.wires import SILENT_S, Wires


class World:
    """The members. `guilty`, `bad_ways`: which of them, and which ways between two, have had something wrong. `held`:
    who can't come up for now."""

    def __init__(self, consortium: Consortium, seed: int) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.consortium = consortium
        self.network = consortium.network
        self.wires = Wires(consortium.cards, random.Random(seed + 1))
        self.clocks = {party: Clock() for party in PARTIES}
        self.workers: dict[str, ScriptedWorker] = {party: Worker(random.Random(f"{seed} {party}")) for party in PARTIES}
        self.nodes: dict[str, Node] = {}
        self.guilty: set[str] = set()
        self.bad_ways: set[frozenset[str]] = set()
        self.held: set[str] = set()
        self.roster, self.roster_digest = self.network.roster, self.network.roster_digest
        self.story: list[str] = []
        self._following: set[asyncio.Task[None]] = set()
        self.hq = Client(self.network.hq, self.network.roster, self.wires.carrier("hq"))

    async def start(self, party: str) -> None:
        """A node comes up."""
        if party in self.nodes or party in self.held:
            return
        dies = functools.partial(self.kill, party)
        node = Node(self.consortium, party, self.wires, self.workers[party], self.clocks[party], dies)
        self.nodes[party] = node
        token = NODE.set(node)
        try:
            await node.start()
        finally:
            NODE.reset(token)
        following = asyncio.create_task(self._follow(party, node))
        self._following.add(following)
        following.add_done_callback(self._following.discard)

    async def _follow(self, party: str, node: Node) -> None:
        """Like `mpcgov node serve`: another daemon once the home has joined another roster."""
        await node.outdated.wait()
        with contextlib.suppress(MpcgovError):
            await self.stop(party, node)
            if not node.dead:
                await self.start(party)

    async def stop(self, party: str, only: Node | None = None) -> None:
        """A node stops as it does when it is told to, unless it is killed meanwhile; `only`: and is this one still."""
        node = self.nodes.get(party)
        if node is None or node.stopping or only not in (None, node):
            return
        node.stopping = True
        token = NODE.set(node)
        try:
            stopping = asyncio.create_task(node.stop())
        finally:
            NODE.reset(token)
        await asyncio.wait({stopping})
        if not stopping.cancelled():
            stopping.result()
        if self.nodes.get(party) is node:
            del self.nodes[party], self.wires.running[party]
            for end in self.wires.of(party):
                end.hang_up()

    def kill(self, party: str, silently: bool = False) -> None:
        """A node is gone, at once; its peers notice by a reset, or because nothing comes any more."""
        node, loop = self.nodes.pop(party, None), asyncio.get_running_loop()
        if node is None:
            return
        self.say(f"{party} is killed")
        self.guilty.add(party)
        node.dead = True
        self.wires.running.pop(party, None)
        assert isinstance(loop, SimulatedLoop)
        for task in [*loop.tasks_of.get(node, ()), *node._heads]:  # a head is written for what others did here, too
            task.cancel()
        node._store.close()
        node._lock.close()
        for end in self.wires.of(party):
            if silently:
                end.closed = True
                loop.call_later(SILENT_S, end.other.drop)
            else:
                end.hang_up()

    def unanswered(self, party: str) -> set[str]:
        """The jobs that nobody at a party may say yes to."""
        return set()

    def say(self, what: str) -> None:
        """For whoever reads why a schedule failed."""
        self.story.append(f"{asyncio.get_running_loop().time():7.2f} {what}")
