"""What an agency's own people do with their node: look at jobs, say yes or no, read the audit log, check the set-up.

All of it works on the node's files, whether its daemon runs or not; a running daemon takes decisions up at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mpcgov import registry
from mpcgov.clock import RealClock
from mpcgov.errors import MpcgovError, SpecError
from mpcgov.lifecycle import TERMINAL, WAITING, State
from mpcgov.node import checkup, named_filters
from mpcgov.node import home as homes
from mpcgov.node.audit import AuditLog
from mpcgov.node.book import Book
from mpcgov.node.checkup import Finding
from mpcgov.node.explain import JobView, Weighed, explain
from mpcgov.node.home import NodeHome
from mpcgov.node.restored import read_kept
from mpcgov.node.store import JobRow, Store
from mpcgov.results import receive
from mpcgov.spec.assertion import Assertion
from mpcgov.spec.codelists import load_datasets
from mpcgov.spec.load import load_yaml
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.policy import Policy
from mpcgov.spec.statement import Proposal
from mpcgov.spec.table import Declaration
from mpcgov.trust.client import Client

CLOCK_SKEW_S = 60.0
ASK_S = 5.0
RECENT_S = 7 * 86400.0


def jobs(home: Path) -> list[JobView]:
    """The jobs that wait, are under way, or ended lately, oldest first, with what each would reveal to whom."""
    with opened(home) as (node, book, _):
        recent = RealClock().now() - RECENT_S
        rows = [row for row in book.jobs(frozenset(State)) if row.state not in TERMINAL or row.changed_at > recent]
        return [job_view(node, book, row) for row in rows]


def approve(home: Path, job: str, person: str | None = None, signed: Assertion | None = None) -> JobView:
    """The yes of the person who runs this, or of one whose passkey has signed it; a second one changes nothing.

    Raises:
        LocalError: unknown job. PeerError: too late. Refused: the policy forbids it by now.
    """
    with opened(home) as (node, book, _):
        return job_view(node, book, book.approve(job, person, signed), weigh=False)


def reject(home: Path, job: str, reason: str, person: str | None = None, signed: Assertion | None = None) -> JobView:
    """This agency's no to a job that waits, with the reason that all parties and the coordinator will read; at once,
    but for rows that overlap those of an earlier table: `Decisions.reject`.

    Raises:
        LocalError: unknown job. PeerError: too late.
    """
    with opened(home) as (node, book, _):
        return job_view(node, book, book.reject(job, reason, person, signed), weigh=False)


def audit_records(home: Path) -> list[dict[str, Any]]:
    """The audit log as JSON, oldest first, as it is; `audit_verify` says whether it is whole."""
    with opened(home) as (_, _, audit):
        return [record.model_dump(mode="json") for record in audit.records()]


def audit_verify(home: Path) -> int:
    """The number of records in the audit log, once all hold.

    Raises:
        LocalError: one doesn't, or the end is missing; names its sequence number.
    """
    with opened(home) as (_, _, audit):
        return audit.verify()


def doctor(home: Path) -> list[Finding]:
    """What is in order in this home, and what isn't: configuration, keys, protocols, audit log, peers, clocks."""
    try:
        node = homes.load(home)
    except MpcgovError as error:
        return [Finding("configuration and keys", False, error.line())]
    findings = [
        Finding("configuration and keys", True, f"{node.party} at {node.config.address}"),
        _finding("datasets.yaml", lambda: f"{len(load_datasets(node.datasets_path).root)} data sets"),
        *checkup.data(node),
        _finding("policy.yaml", lambda: _policy_text(node)),
        _finding("audit log", lambda: f"{audit_verify(home)} records, all in order"),
        _finding("consortium", lambda: f"{len(node.joined()[0].parties)} parties, roster {node.joined()[1]}"),
        Finding("engine", True, registry.engine_digest()),
    ]
    findings += [_finding(f"protocol {name}", _digest_of(name)) for name in registry.names()]
    if node.roster is None:
        return findings
    findings += [*checkup.address(node), checkup.certificates(node), checkup.disk(node), *checkup.notices(node)]
    findings += checkup.workers(node)
    with opened(home) as (_, book, _):
        return findings + asyncio.run(_ask_peers(node, book))


@contextmanager
def opened(home: Path) -> Iterator[tuple[NodeHome, Book, AuditLog]]:
    """The home, its jobs and its audit log, for as long as the block lasts."""
    node, clock = homes.load(home), RealClock()
    store = Store(node.state_path, node.config.state)
    try:
        audit = AuditLog(store, node.identity, node.state_path, clock)
        yield node, Book(node, store, audit, clock), audit
    finally:
        store.close()


def job_view(node: NodeHome, book: Book, row: JobRow, *, weigh: bool = True) -> JobView:
    """A job as its agency's people see it; `weigh`: with what earlier jobs have to do with it."""
    proposal = book.proposal(row.id)
    held = book.approvals(row.id)
    waiting_for = tuple(party for party in row.parties if party not in held) if row.state in WAITING else ()
    weighed = book.decisions.weighed(proposal) if row.state in WAITING and weigh else Weighed()
    consent = book.decisions.consent(row.id) if row.state in WAITING else ""
    return explain(node.party, row, proposal, manifest_of(proposal), book.roster, waiting_for, weighed, consent)


def manifest_of(proposal: Proposal) -> Manifest | None:
    """What the protocol of a proposal says, in the version that it pins; None if this disk doesn't have that."""
    with suppress(MpcgovError):
        return receive.manifest_of(proposal)
    return None


def _finding(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, check())
    except MpcgovError as error:
        return Finding(name, False, error.line())


def _policy_text(node: NodeHome) -> str:
    """Raises what is wrong with the file in detail, which only this agency's own people are shown."""
    policy = load_yaml(node.policy_path, Policy)
    node.policy()
    if never := tuple(named_filters.faults(policy, _declared(node))):
        raise SpecError([f"{node.policy_path}: {fault}" for fault in never], code="policy")
    waits = [name for name, allowed in policy.datasets.items() if not allowed.filters and allowed.takes_filters]
    return f"approve: {policy.approve}, {len(policy.protocols)} protocols, {len(policy.datasets)} data sets" + (
        f"; jobs that filter {', '.join(waits)} wait for a person, as no filters are named there"
        if waits and policy.approve == "standing"
        else ""
    )


def _declared(node: NodeHome) -> Mapping[str, Declaration]:
    """Our data sets; none if they can't be read, of which there is a finding of its own."""
    try:
        return node.datasets().root
    except SpecError:
        return {}


def _digest_of(name: str) -> Callable[[], str]:
    return lambda: registry.find(name).digest


async def _ask_peers(node: NodeHome, book: Book) -> list[Finding]:
    roster, _ = node.joined()
    book.heads.restored.look()
    async with Client(node.identity, roster) as client:
        findings = list(await asyncio.gather(*(_ask(node, book, client, card.id) for card in roster.parties)))
        if text := book.heads.restored.text:
            findings.append(await _restored(book, client, text))
    return findings


async def _restored(book: Book, client: Client, text: str) -> Finding:
    """Whether a restored log is as all members saw it; if so, on record from now on."""
    try:
        await book.heads.restored.settle(client, book.heads.check_own)
    except MpcgovError as error:
        return Finding("backup", False, error.line())
    return Finding("backup", True, f"{text}; no member has seen more of its log")


async def _ask(node: NodeHome, book: Book, client: Client, party: str) -> Finding:
    """Whether a party's node answers, with the same roster, versions and time, and has seen this log as it is."""
    try:
        about = await client.request(party, "GET", "/v1/about", timeout_s=ASK_S)
        faults = []
        if about["roster_digest"] != node.joined()[1]:
            faults.append("has another roster")
        if about["engine_digest"] != registry.engine_digest():
            faults.append(f"runs mpcgov {about['engine_digest']}")
        ahead_s = about["now"] - RealClock().now()
        if abs(ahead_s) > CLOCK_SKEW_S:
            faults.append(f"its clock is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} this one")
        book.heads.check_own(party, read_kept(party, about))
        for name in registry.names():
            answer = await client.request(party, "GET", f"/v1/protocols/{name}", timeout_s=ASK_S)
            if answer["digest"] != registry.find(name).digest:
                faults.append(f"has {name} {answer['digest']}")
    except MpcgovError as error:
        return Finding(f"party {party}", False, error.line())
    except (KeyError, TypeError):
        return Finding(f"party {party}", False, "answers nonsense")
    return Finding(f"party {party}", not faults, "; ".join(faults) or "answers, with the same versions")
