"""A consortium of real nodes on this machine: real keys, real TLS, real databases; only the worker is scripted."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from mpcgov import keys, registry
from mpcgov.errors import MpcgovError, PeerError
from mpcgov.jobs import check
from mpcgov.node import home as homes
from mpcgov.node import operator, streams
from mpcgov.node.daemon import NodeDaemon
from mpcgov.spec.envelope import Envelope, sign
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.order import Order, Outcome
from mpcgov.spec.statement import PROPOSAL_TYPE, Cost, Layout, Proposal, ResultTable, Transcript, job_id
from mpcgov.trust import consortium
from mpcgov.trust.client import Carrier, Client
from tests.node import made
from tests.patience import LONG_S

streams.CONNECT_S = LONG_S  # nobody is given up because the machine is busy; who waits for it says how long
PARTIES = ("labour", "welfare", "education")
MODULUS = 2**61 - 1
DATASETS = """
people:
  source: people.csv
  max_rows: 1000
  columns:
    region: {kind: category, values: [North, South]}
    sex: {kind: category, values: [F, M]}
    age: {kind: integer, min: 0, max: 120}
"""
POLICY = """
approve: manual
protocols: [joint-count]
purposes: ["*"]
partners: ["*"]
receivers: [coordinator, labour]
datasets:
  people:
    columns: {region: [group], sex: [group], age: [filter]}
    min_count: 5
"""


def standing(policy: str, *filters: str) -> str:
    """A policy under which nobody is asked about jobs of which every party has one of these filters, or none."""
    partners = {party: list(filters) for party in PARTIES}
    named = f"    filters: {list(filters)}\n    partner_filters: {partners}\n"
    return policy.replace("manual", "standing") + named


class ScriptedWorker:
    """Does to the streams what a worker would do, without data: says hello, commits, exchanges bytes, deals shares.

    `gates`: a phase waits until its event is set. `faults`: a phase raises. `bulk_bytes`: sent to each peer.
    `rows`: the fingerprints of what it reads. `transcripts`: of what went to and came from peers. `off_by`: is added to
    its first share. `received`: how many bytes came, by job, peer and phase.
    """

    def __init__(self) -> None:
        self.gates: dict[str, asyncio.Event] = {}
        self.faults: dict[str, Exception] = {}
        self.bulk_bytes = 100_000
        self.runs: list[str] = []
        self.pids = [os.getpid()]
        self.phases: list[str] = []
        self.hung_up: list[str] = []
        self.layout: Layout | None = None
        self.rows = {"all rows": "40"}
        self.transcripts: dict[str, Transcript] = {}
        self.off_by = 0
        self.received: dict[tuple[str, str, str], int] = {}

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def run(
        self,
        order: Order,
        peers: Awaitable[Mapping[str, socket.socket]],
        commit: Callable[[], Awaitable[None]],
        on_phase: Callable[[str], None],
        admit: Callable[[Mapping[str, str]], Awaitable[None]],
    ) -> Outcome:
        self.runs.append(job_id(order.proposal.job_digest))
        links = {party: await asyncio.open_connection(sock=sock) for party, sock in (await peers).items()}
        try:
            for phase in ("hello", "ready", "deal", "compute"):
                on_phase(phase)
                self.phases.append(phase)
                await self.enter(order, phase)
                if phase == "ready" and order.datasets is not None:
                    await admit(self.rows)
                if phase == "deal":
                    await commit()
                size = self.bulk_bytes if phase == "compute" else 8
                await asyncio.gather(*(self._exchange(party, *link, size) for party, link in links.items()))
            await self.enter(order, "done")
        finally:
            for _, writer in links.values():
                writer.close()
        return self._outcome(order)

    async def enter(self, order: Order, phase: str) -> None:
        """What comes in a phase before anything else."""
        if phase in self.gates:
            await self.gates[phase].wait()
        if phase in self.faults:
            raise self.faults[phase]

    async def _exchange(
        self, party: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, size: int
    ) -> None:
        async def send() -> None:
            writer.write(b"x" * size)
            await writer.drain()

        try:
            _, data = await asyncio.gather(send(), self._receive(party, reader, size))
        except (asyncio.IncompleteReadError, ConnectionError):
            self.hung_up.append(party)
            raise PeerError(f"{party}: hung up", code="peer-lost") from None
        if data != b"x" * size:
            raise PeerError(f"{party}: sent other bytes", code="peer")

    async def _receive(self, party: str, reader: asyncio.StreamReader, size: int) -> bytes:
        data, key = b"", (self.runs[-1], party, self.phases[-1])
        while len(data) < size and (more := await reader.read(size - len(data))):
            data += more
            self.received[key] = len(data)
        if len(data) < size:
            raise asyncio.IncompleteReadError(data, size)
        return data

    def outcome_tables(self, proposal: Proposal) -> tuple[ResultTable, ...]:
        manifest = registry.find(proposal.job.protocol_name).manifest
        return check.result_tables(proposal.job, manifest, proposal.declarations)

    def _outcome(self, order: Order) -> Outcome:
        proposal = order.proposal
        tables = self.outcome_tables(proposal)
        layout = self.layout or Layout(modulus=str(MODULUS), degree=proposal.threshold, tables=tables)
        point = proposal.parties.index(order.party) + 1
        shares = b"".join(
            ((10 + cell) + 7 * point + self.off_by * (cell == 0)).to_bytes(layout.width_bytes, "little")
            for cell in range(layout.cells)
        )
        cost = Cost(seconds=0.1, rounds=2, bytes_sent=100)
        encoded = base64.b64encode(shares).decode()
        return Outcome(layout=layout, shares=encoded, cost=cost, transcripts=self.transcripts)


class FakeClock:
    """The machine's clock, moved by a test."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def now(self) -> float:
        return time.time() + self.offset_s


class Network:
    """Three agencies' homes, their coordinator, and those nodes that a test has started.

    `clocks`, `carriers`: what nodes that are started from now on have instead of the common clock and of plain TLS.
    """

    def __init__(self, folder: Path, parties: tuple[str, ...] = PARTIES) -> None:
        self.folder = folder
        self.parties = parties
        self.clock = FakeClock()
        self.clocks: dict[str, FakeClock] = {}
        self.carriers: dict[str, Callable[[], Carrier]] = {}
        self.workers = {party: ScriptedWorker() for party in parties}
        self.nodes: dict[str, NodeDaemon] = {}
        made.joined(parties).write(folder)
        for party in parties:
            self.datasets(party, DATASETS)
            self.policy(party, POLICY)
        self.hq = keys.load(folder / "hq", "coordinator", "hq", None)
        envelope, self.roster = consortium.load_roster(folder / "hq")
        self.roster_digest = envelope.digest

    def home(self, party: str) -> Path:
        return self.folder / party

    def loaded(self, party: str) -> homes.NodeHome:
        return homes.load(self.home(party))

    def policy(self, party: str, text: str) -> None:
        (self.home(party) / "policy.yaml").write_text(text)

    def datasets(self, party: str, text: str) -> None:
        (self.home(party) / "datasets.yaml").write_text(text)

    def console(self, party: str, port: int) -> str:
        """Lets a party's node serve a console; the address of its pages."""
        with (self.home(party) / "node.yaml").open("a") as file:
            file.write(f"console: {{listen: '127.0.0.1:{port}'}}\n")
        return f"http://localhost:{port}"

    def identity(self, name: str) -> keys.Identity:
        return self.hq if name == "hq" else homes.load(self.home(name)).identity

    def client(self, name: str = "hq") -> Client:
        return Client(self.identity(name), self.roster)

    async def start(self, *parties: str) -> None:
        for party in parties or self.parties:
            clock = self.clocks.get(party, self.clock)
            carrier = self.carriers[party]() if party in self.carriers else None
            self.nodes[party] = NodeDaemon(homes.load(self.home(party)), self.workers[party], clock, carrier)
            await self.nodes[party].start()

    async def stop(self, *parties: str) -> None:
        await asyncio.gather(*(self.nodes.pop(party).stop() for party in parties or list(self.nodes)))

    def proposal(self, **changes: Any) -> Proposal:
        """A proposal of a small job; `changes` to its job, or to the proposal by `proposal={…}`."""
        more = changes.pop("proposal", {})
        value = {
            "protocol": "joint-count",
            "purpose": "Youth on support, 2025 report",
            "legal_basis": "Statistics Act, section 12",
            "parties": {party: {"dataset": "people"} for party in self.parties},
            "params": {"by": ["region"]},
            "disclosure": {"min_count": 10},
            "receivers": ["coordinator"],
        } | changes
        job = validate(value, Job, "job")
        protocol = registry.find("joint-count")
        declarations = {}
        for party in job.data_parties:
            own = homes.load(self.home(party)).datasets().root[str(job.parties[party].dataset)].declaration
            declarations[party] = own.only(set(check.used_columns(job, protocol.manifest, party)))
        now = int(self.clock.now())
        fields = {
            "job": job, "protocol_digest": protocol.digest, "roster_digest": self.roster_digest, "threshold": 1,
            "declarations": declarations, "proposed_at": now, "approve_before": now + 3600,
            "nonce": secrets.token_hex(16),
        }  # fmt: skip
        return Proposal(**(fields | more))

    def envelope(self, proposal: Proposal) -> Envelope:
        return sign(proposal, PROPOSAL_TYPE, "hq", self.hq.signing_key)

    async def submit(self, proposal: Proposal, *parties: str) -> dict[str, dict[str, Any]]:
        """Every party's answer to a proposal."""
        body = self.envelope(proposal).to_bytes()
        async with self.client() as client:
            return {party: await client.request(party, "POST", "/v1/jobs", body) for party in parties or self.parties}

    async def status(self, party: str, job: str) -> dict[str, Any]:
        async with self.client() as client:
            answer: dict[str, Any] = await client.request(party, "GET", f"/v1/jobs/{job}")
            return answer

    async def approved(self) -> str:
        """The id of a job that was proposed and that all have approved."""
        proposal = self.proposal()
        await self.submit(proposal)
        job = job_id(proposal.job_digest)
        for party in self.parties:
            await asyncio.to_thread(operator.approve, self.home(party), job)
        return job

    async def holds_approval(self, at: str, job: str, of: str) -> None:
        """Returns once a node holds another party's approval."""
        await when(lambda: of in self.nodes[at].book.approvals(job), f"{at} never got the approval of {of}")

    async def at_rest(self) -> None:
        """Returns once nothing is under way at any node: a run is over a while after its job has ended."""
        await when(lambda: not any(node.service._runs for node in self.nodes.values()), "a job is still under way")

    async def until(self, job: str, *states: str, parties: tuple[str, ...] = ()) -> dict[str, Any]:
        """The parties' statuses once each is in one of these states; asked over one connection with each.

        What a running node has in its book is looked at first, which takes a tenth of asking. A node that doesn't
        answer, as the machine is busy, is asked again.
        """
        deadline, found, wanted = time.monotonic() + LONG_S, dict[str, Any](), parties or self.parties
        async with self.client() as client:
            while time.monotonic() < deadline:
                await asyncio.sleep(0.05 if found else 0)
                found = {party: {"state": self._booked(party, job, states)} for party in wanted}
                try:
                    if all(status["state"] in states for status in found.values()):
                        for party in wanted:
                            found[party] = await client.request(party, "GET", f"/v1/jobs/{job}")
                except PeerError as error:
                    found["nobody"] = {"state": error.message}
                if all(status["state"] in states for status in found.values()):
                    return found
        raise AssertionError(f"not {states}: {found}")

    def _booked(self, party: str, job: str, states: tuple[str, ...]) -> str:
        """A job's state in a node's book; one of these if it must be asked."""
        try:
            return str(self.nodes[party].book.job(job).state.value)
        except (KeyError, MpcgovError):
            return states[0]


async def when(holds: Callable[[], bool], otherwise: str) -> None:
    """Returns once this holds; fails with these words if it never does."""
    deadline = time.monotonic() + LONG_S
    while not holds():
        assert time.monotonic() < deadline, otherwise
        await asyncio.sleep(0.02)


async def refusal(awaitable: Awaitable[Any]) -> MpcgovError:
    """The error that a request ends with."""
    try:
        answer = await awaitable
    except MpcgovError as error:
        return error
    raise AssertionError(f"not refused: {answer}")
