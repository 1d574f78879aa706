"""What people change while jobs run: keys and roster, policies, how many must say yes, a home from its backup, and the
coordinator's schedules. Each is done as its command does it, at some moment of a schedule.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from unittest import mock

from mpcgov import files
from mpcgov.coordinator import home as coordinator_home
from mpcgov.coordinator import schedule, submit
from mpcgov.coordinator.home import StoredJob
from mpcgov.errors import MpcgovError
from mpcgov.lifecycle import State
from mpcgov.node import backup, inforce, operator, policies, restore, rotation
from mpcgov.node import home as homes
from mpcgov.trust import consortium
from mpcgov.trust.client import Client
from tests.node.network import PARTIES, POLICY
from tests.simulation.nodes import MEMBERS, Clock
from tests.simulation.world import World

POLICIES = {
    "closed": POLICY.replace("[joint-count]", "[]"),
    "stricter": POLICY.replace("min_count: 5", "min_count: 50"),
    "two people": f"approvals: 2{POLICY}",
}
"""What a policy may become; the first two allow none of the jobs."""

NAME = "daily"
PERIODIC = {
    "protocol": "joint-count", "purpose": "People on {period}", "legal_basis": "none",
    "parties": {party: {"dataset": "people"} for party in PARTIES}, "params": {"by": ["region"]},
    "receivers": ["coordinator"], "deadline_s": 20, "approve_within_h": 1,
}  # fmt: skip


@dataclass
class Changed:
    """What has become of the members' homes.

    `policies`: whose policy was which, from one number of its log to another. `rolled_back`: who was restored, and
    whether a member had seen more of its log than is in the backup. `rotated`: whose keys are new.
    """

    policies: list[tuple[str, str, int, int]] = field(default_factory=list)
    rolled_back: dict[str, bool] = field(default_factory=dict)
    rotated: set[str] = field(default_factory=set)


class Changes:
    """The plots of one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._network = world.network
        self.chance = random.Random(f"changes {world.seed}")
        self.done = Changed()
        self._editing = {party: asyncio.Lock() for party in PARTIES}

    def plots(self) -> list[Awaitable[None]]:
        """Some of them."""
        every: list[Callable[[], Awaitable[None]]] = [
            self._rotated, self._policy_changed, self._policy_changed, self._restored, self._periods,
        ]  # fmt: skip
        chosen = self.chance.sample(every, self.chance.choice((1, 1, 2)))
        return [self._second_person(), *(plot() for plot in chosen)]

    def mend(self) -> None:
        """Every policy is as it was, for the time after all schedules."""
        for party in PARTIES:
            files.replace(self._network.home(party) / "policy.yaml", POLICY.encode())
            self._agreed(party)

    async def _later(self, most_s: float) -> None:
        await asyncio.sleep(self.chance.uniform(0, most_s))

    async def _rotated(self) -> None:
        """A party has new keys; all sign the new roster and join it, one after the other."""
        party = self.chance.choice(PARTIES)
        await self._later(12)
        world = self._world
        world.say(f"{party} has new keys")
        rotation.rotate(self._network.home(party))
        nodes = {name: homes.load(self._network.home(name)) for name in PARTIES}
        _, before = consortium.load_roster(self._network.home("hq"))
        new = rotation._next(nodes[party])
        own = {name: new if name == party else node.identity for name, node in nodes.items()}
        envelope = consortium.create([own[name].card for name in PARTIES], self._network.hq, 1, before.serial + 1)
        for name in PARTIES:
            envelope = consortium.sign_roster(envelope, own[name])
        self.done.rotated.add(party)
        # Who has joined and who hasn't don't know each other's certificates alike, and nobody is at fault.
        world.guilty |= set(PARTIES)
        for name in self.chance.sample(MEMBERS, len(MEMBERS)):
            await self._later(2)
            if name == party and not new.certificate_path.exists():
                world.say(f"{party} was restored from before its keys were new, and has lost them")
                continue
            identity = self._network.hq if name == "hq" else own[name]
            roster = consortium.join(self._network.home(name), envelope, identity)
            world.say(f"{name} joins roster {roster.serial}")
            if name == "hq":
                world.hq = Client(self._network.hq, roster, world.wires.carrier("hq"))
                world.roster, world.roster_digest = roster, envelope.digest

    async def _policy_changed(self) -> None:
        """A policy is another one for a while."""
        party, kind = self.chance.choice(PARTIES), self.chance.choice(list(POLICIES))
        await self._later(14)
        async with self._editing[party]:
            first = self._records(party)
            self._world.say(f"{party}'s policy: {kind}")
            self._world.guilty.add(party)
            files.replace(self._network.home(party) / "policy.yaml", POLICIES[kind].encode())
            await self._later(8)
            held = inforce.read(self._network.home(party) / homes.STATE)
            files.replace(self._network.home(party) / "policy.yaml", POLICY.encode())
            self._world.say(f"{party}'s policy is as before")
            last = self._records(party)
            if self.chance.random() < 0.5:
                await self._later(2)
                with contextlib.suppress(MpcgovError):
                    self._agreed(party)
            # What takes two people stays in force until two have agreed to something else, if the node ever saw it.
            stays = held is not None and held.approvals > 1
            self.done.policies.append((party, kind, first, self._records(party) if stays else last))

    def _agreed(self, party: str) -> None:
        """Two people agree to the policy as it is written, where it takes two; they use the command line."""
        with operator.opened(self._network.home(party)) as (home, book, audit):
            with book.view() as tx:
                now = policies.standing(home, tx)
            for person in ("anna", "berta") if now.written is not None else ():
                policies.Policies(home, book, audit, Clock()).agree(now.written, now.digest, person)
                self._world.say(f"{person} agrees to {party}'s policy")

    async def _second_person(self) -> None:
        """Everywhere somebody else says yes, too, now and then: to what nobody has answered, or one person only."""
        for _ in range(6):
            await self._later(5)
            for party, node in list(self._world.nodes.items()):
                with contextlib.suppress(MpcgovError):
                    for row in node.book.jobs(frozenset({State.AWAITING_APPROVAL})):
                        if row.id not in self._world.unanswered(party) and self.chance.random() < 0.7:
                            state = node.book.approve(row.id, self.chance.choice(("anna", "berta"))).state
                            self._world.say(f"{row.id}: somebody else approves at {party}: {state.value}")

    async def _restored(self) -> None:
        """A home is lost, and comes back as it was at some time before."""
        party, home = (found := self.chance.choice(PARTIES)), self._network.home(found)
        out, clock = self._network.folder / f"{party}.backup", Clock()
        await self._later(8)
        out.unlink(missing_ok=True)
        made = backup.make(home, out, clock)
        self._world.say(f"{party} is backed up, with {made.records} records")
        await self._later(8)
        self._world.held.add(party)
        self._world.kill(party)
        self._world.guilty.add(party)
        shutil.rmtree(home)
        restore.restore(home, out, clock)
        # What was on its way then is there by now.
        await asyncio.sleep(5)
        saw = max(self._seen(other, party) for other in PARTIES if other != party)
        self.done.rolled_back[party] = saw > made.records
        self._world.say(f"{party} is restored; others saw record {saw}")
        self._world.held.remove(party)
        await self._world.start(party)

    async def _periods(self) -> None:
        """The coordinator's timer runs its schedules, and its machine goes down now and then."""
        home, clock, world = self._network.home("hq"), Clock(), self._world
        files.replace(home / coordinator_home.CONFIG_FILE, b"name: hq\n")
        job = self._network.folder / "periodic.yaml"
        job.write_text(json.dumps(PERIODIC))
        schedule.add(home, job, name=NAME, every="day", first="2027-01-12", most=self.chance.choice((2, 10)))

        def client(identity: object, roster: object) -> Client:
            return Client(identity, roster, world.wires.carrier("hq"))

        with mock.patch.object(schedule, "Client", client):
            for _ in range(4):
                await self._later(5)
                running = asyncio.create_task(schedule.run(home, clock, catch_up=self.chance.random() < 0.5))
                done, _ = await asyncio.wait({running}, timeout=self.chance.choice((0.05, 0.5, 3, 60)))
                if not done:
                    world.say("the coordinator's machine goes down")
                running.cancel()
                with contextlib.suppress(MpcgovError, asyncio.CancelledError):
                    for run in (await running).get(NAME, []):
                        world.say(f"period {run.period} {run.state} {run.job} {run.why}")

    def periods(self) -> dict[str, list[StoredJob]]:
        """The jobs that the coordinator has proposed for each period."""
        found: dict[str, list[StoredJob]] = {}
        if (self._network.home("hq") / coordinator_home.CONFIG_FILE).exists():
            for job in coordinator_home.stored_jobs(coordinator_home.load(self._network.home("hq"))):
                found.setdefault(job.proposal.job.purpose, []).append(job)
        return found

    async def cancel_what_waits(self) -> None:
        """The coordinator wants none of the periods' jobs any more that haven't ended."""
        for jobs in self.periods().values():
            for job in jobs:
                await submit.cancel(self._world.hq, job)

    def _records(self, party: str) -> int:
        return int(self._asked(party, "SELECT max(sequence) FROM audit") or 0)

    def _seen(self, at: str, party: str) -> int:
        return int(self._asked(at, "SELECT max(sequence) FROM seen_heads WHERE party = ?", party) or 0)

    def _asked(self, party: str, question: str, *values: str) -> int | None:
        path = self._network.home(party) / "state/node.sqlite"
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return connection.execute(question, values).fetchone()[0]
