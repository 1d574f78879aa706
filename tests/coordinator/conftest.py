"""A consortium of three nodes that speak the node API over real TLS, from answers that a test writes down."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from mpcgov import keys, opening, registry
from mpcgov.coordinator import home as homes
from mpcgov.errors import MpcgovError
from mpcgov.jobs import check
from mpcgov.keys import Identity
from mpcgov.spec.envelope import Envelope, sign
from mpcgov.spec.load import parse_json
from mpcgov.spec.roster import Roster
from mpcgov.spec.statement import SHARE_TYPE, Cost, Layout, Proposal, ResultShare, job_id
from mpcgov.spec.table import Declaration
from mpcgov.trust import consortium
from mpcgov.trust.tls import server_context, shown_certificate
from tests.patience import LONG_S
from tests.ports import free_ports

PARTIES = ("tax", "welfare", "census")
MODULUS = 2**61 - 1
COLUMNS = {
    "region": {"kind": "category", "values": ["North", "South"]},
    "age": {"kind": "integer", "min": 0, "max": 120},
}
Answer = Callable[["FakeNode", bytes], Any]


@dataclass
class FakeNode:
    """One party's node: what it answers to what, and what it was asked. `proposals`: those that it was sent."""

    identity: Identity
    roster: Roster
    answers: dict[tuple[str, str], Answer]
    state: str = "AWAITING_APPROVAL"
    phase: str = ""
    reason: str = ""
    code: str = ""
    waiting_for: list[str] = field(default_factory=list)
    counts_share: list[int] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    proposals: dict[str, Proposal] = field(default_factory=dict)
    callers: set[str] = field(default_factory=set)

    async def serve(self, request: web.Request) -> web.Response:
        card = self.roster.by_certificate(shown_certificate(request.transport))
        self.callers.add(card.id if card else "a stranger")
        body = await request.read()
        kind = (request.method, self._kind(request.path))
        self.asked.append(kind)
        try:
            answer = self.answers[kind](self, body)
            if isinstance(answer, float):
                await asyncio.sleep(answer)
                answer = {}
        except MpcgovError as error:
            status = {2: 400, 3: 403, 4: 409}.get(error.exit_status, 500)
            return web.json_response({"error": error.to_json()}, status=status)
        return web.json_response(answer)

    def _kind(self, path: str) -> str:
        parts = path.split("/")
        if len(parts) > 3 and parts[2] == "jobs":
            parts[3] = "ID"
        return "/".join(parts)


def declare(node: FakeNode, body: bytes) -> Any:
    asked = json.loads(body)
    declaration = Declaration.model_validate_json(json.dumps({"max_rows": 1000, "columns": COLUMNS}))
    return declaration.only(set(asked["columns"])).model_dump(mode="json")


def version(_node: FakeNode, _body: bytes) -> Any:
    return {"digest": registry.find("joint-count").digest}


def take(node: FakeNode, body: bytes) -> Any:
    proposal = parse_json(parse_json(body, Envelope, "proposal").body, Proposal, "proposal")
    job = job_id(proposal.job_digest)
    node.proposals[job] = proposal
    return {"job": job, "state": node.state, "reasons": [node.reason] if node.reason else []}


def view(node: FakeNode, _body: bytes) -> Any:
    return {
        "job": "", "party": node.identity.name, "state": node.state, "waiting_for": node.waiting_for,
        "phase": node.phase, "reason": node.reason, "code": node.code,
    }  # fmt: skip


def cancel(node: FakeNode, _body: bytes) -> Any:
    node.state = "CANCELLED"
    return view(node, b"")


def share(node: FakeNode, _body: bytes) -> Any:
    """This party's share of the counts, on the line secret + point."""
    (proposal,) = node.proposals.values()
    return share_envelope(node, proposal, "coordinator", node.identity).model_dump(mode="json")


def share_envelope(node: FakeNode, proposal: Proposal, receiver: str, signer: Identity) -> Envelope:
    manifest = registry.find("joint-count").manifest
    tables = check.result_tables(proposal.job, manifest, proposal.declarations)
    layout = Layout(modulus=str(MODULUS), degree=1, tables=tables)
    value = ResultShare(
        job=job_id(proposal.job_digest),
        job_digest=proposal.job_digest,
        party=node.identity.name,
        receiver=receiver,
        point=proposal.parties.index(node.identity.name) + 1,
        layout=layout,
        shares=base64.b64encode(opening.to_bytes(node.counts_share, layout.width_bytes)).decode(),
        cost=Cost(seconds=0.5, rounds=24, bytes_sent=1000),
    )
    return sign(value, SHARE_TYPE, signer.name, signer.signing_key)


ANSWERS: dict[tuple[str, str], Answer] = {
    ("POST", "/v1/declarations"): declare,
    ("GET", "/v1/protocols/joint-count"): version,
    ("POST", "/v1/jobs"): take,
    ("GET", "/v1/jobs/ID"): view,
    ("POST", "/v1/jobs/ID/cancel"): cancel,
    ("GET", "/v1/jobs/ID/share"): share,
}


@dataclass
class Consortium:
    """A coordinator's home that has joined, and its parties' nodes, running."""

    hq: Path
    nodes: dict[str, FakeNode]
    identities: dict[str, Identity]
    loop: asyncio.AbstractEventLoop
    runners: dict[str, web.AppRunner]

    def job(self, **changes: Any) -> str:
        """A job file for all three parties."""
        value = {
            "protocol": "joint-count",
            "purpose": "Youth on support",
            "legal_basis": "Statistics Act, section 12",
            "parties": {
                "tax": {"dataset": "payers", "where": "age < 25"},
                "welfare": {"dataset": "claimants"},
                "census": {},
            },
            "params": {"by": ["region"]},
            "receivers": ["coordinator"],
        } | changes
        path = self.hq / "job.yaml"
        path.write_text(json.dumps(value), encoding="utf-8")
        return str(path)

    def stop(self, party: str) -> None:
        """From now on nobody listens at this party's address."""
        asyncio.run_coroutine_threadsafe(self.runners.pop(party).cleanup(), self.loop).result(LONG_S)

    def asked(self, party: str, kind: str) -> int:
        """How often a party's node was asked for something, such as 'cancel'."""
        return sum(path.endswith(kind) for _, path in self.nodes[party].asked)


@pytest.fixture
def consort(tmp_path: Path) -> Iterator[Consortium]:
    ports = zip(PARTIES, free_ports(len(PARTIES)), strict=True)  # kept: nobody else may answer at one that is stopped
    sockets = {party: socket.create_server(("127.0.0.1", port)) for party, port in ports}
    identities = {
        party: keys.create(tmp_path / party, "party", party, f"127.0.0.1:{sockets[party].getsockname()[1]}")
        for party in PARTIES
    }
    hq = homes.init(tmp_path / "hq", "hq")
    identities["hq"] = hq.identity
    envelope = consortium.create([identities[party].card for party in PARTIES], hq.identity, 1, 1)
    for party in PARTIES:
        envelope = consortium.sign_roster(envelope, identities[party])
    roster = consortium.join(hq.path, envelope, hq.identity)
    nodes = {party: FakeNode(identities[party], roster, dict(ANSWERS)) for party in PARTIES}
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    starts = {party: asyncio.run_coroutine_threadsafe(_start(nodes[party], sockets[party]), loop) for party in PARTIES}
    made = Consortium(
        hq.path, nodes, identities, loop, {party: start.result(LONG_S) for party, start in starts.items()}
    )
    yield made
    for party in list(made.runners):
        made.stop(party)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def _start(node: FakeNode, sock: socket.socket) -> web.AppRunner:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", node.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.SockSite(runner, sock, ssl_context=server_context(node.identity, node.roster)).start()
    return runner
