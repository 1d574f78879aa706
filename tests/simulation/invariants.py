"""What must hold after every schedule, whatever went wrong in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sql

from mpcgov.errors import MpcgovError
from mpcgov.lifecycle import TERMINAL, TRANSITIONS, Event, State
from mpcgov.node.audit import Record
from mpcgov.node.restored import RESTORED
from mpcgov.node.store import JobRow
from mpcgov.node.tables import JOBS, LEDGER
from mpcgov.results import receive
from mpcgov.spec.job import COORDINATOR
from tests.node.network import PARTIES
from tests.simulation.changes import Changed, Changes
from tests.simulation.schedule import Asked, Schedule

NAMED = re.compile(rf"^((?:(?:{'|'.join(PARTIES)})(?:, )?)+)(: | |'s )(?!says: |reaches nobody: )")


async def faults(world: Schedule) -> list[str]:
    """Everything that doesn't hold."""
    found = []
    logs = {party: node._audit.records() for party, node in world.nodes.items()}
    for party, node in world.nodes.items():
        try:
            node._audit.verify()
        except MpcgovError as error:
            found.append(f"{party}: {error}")
    for asked in world.jobs:
        rows = {party: world.nodes[party].book.find(asked.id) for party in PARTIES}
        known = {party: row for party, row in rows.items() if row is not None}
        events = {party: [r for r in logs[party] if r.job == asked.id and "after" in r.facts] for party in PARTIES}
        for party, row in known.items():
            found += [f"{asked.id} at {party}: {fault}" for fault in _of_one(world, party, row, events[party])]
        # Who was restored has forgotten what it did since the backup.
        remember = [party for party in PARTIES if world.changes is None or party not in world.changes.done.rolled_back]
        done = {party: {r.event for r in logs[party] if r.job == asked.id} for party in remember}
        found += [f"{asked.id}: {fault}" for fault in _of_all(known, done)]
        found += [f"{asked.id}: {fault}" async for fault in _of_result(world, asked, known)]
    if not world.guilty and not world.bad_ways:
        found += list(_of_peace(world))
    if world.changes is not None:
        found += list(_of_changes(world, world.changes, logs))
    return found


def _of_one(world: Schedule, party: str, row: JobRow, moves: list[Record]) -> Iterator[str]:
    """A job at one node."""
    if row.state not in TERMINAL:
        yield f"is {row.state.value} for ever"
    if row.state is not State.RELEASED and not row.reason:
        yield f"is {row.state.value} without a reason"
    state = State.PROPOSED
    for move in moves:
        before, after = State(move.facts["before"]), State(move.facts["after"])
        if before is not state or TRANSITIONS.get(before, {}).get(Event(move.event)) is not after:
            yield f"went from {before.value} to {after.value} by {move.event}, from {state.value}"
        state = after
    if state is not row.state:
        yield f"is {row.state.value}, and its log says {state.value}"
    events = {move.event for move in moves}
    with world.nodes[party]._store.read() as tx:
        line = tx.execute(sql.select(LEDGER.c.state).where(LEDGER.c.job == row.id)).scalar_one_or_none()
        kept = tx.execute(sql.select(JOBS.c.outcome.is_not(None)).where(JOBS.c.id == row.id)).scalar_one()
    # What our own data ended is charged as a refusal: docs/security/oracles.md.
    charged = row.state is State.FAILED or row.code == "deadline"
    before = ("refused", "void") if charged else ("void",)
    wanted = ("final",) if "commit" in events else before if "all-approved" in events else (None,)
    if row.state in TERMINAL and line not in wanted:
        yield f"stands in the ledger as {line}, not {wanted}"
    if kept and row.state is not State.RELEASED:
        yield "keeps a share of what is never released"
    if row.code not in ("policy", "rejected", "rollback"):
        yield from _blamed(world, party, row.reason)


def _blamed(world: Schedule, party: str, reason: str) -> Iterator[str]:
    """Whoever a reason names without `X says` has something wrong, or the way between the two has."""
    match = NAMED.match(reason)
    for named in match.group(1).split(", ") if match is not None else ():
        if named and named not in world.guilty and frozenset((party, named)) not in world.bad_ways:
            yield f"blames {named}: {reason!r}"


def _of_all(rows: dict[str, JobRow], done: dict[str, set[str]]) -> Iterator[str]:
    """A job at all nodes together."""
    if any("commit" in events for events in done.values()) and not all("all-approved" in e for e in done.values()):
        yield "was committed before all nodes had all approvals"
    if any(row.state is State.RELEASED for row in rows.values()) and not all("computed" in e for e in done.values()):
        yield "was released before all nodes had a result"


async def _of_result(world: Schedule, asked: Asked, rows: dict[str, JobRow]) -> Any:
    """What a receiver gets."""
    released = [party for party, row in rows.items() if row.state is State.RELEASED]
    manifest = receive.manifest_of(asked.proposal)
    try:
        result = await receive.collect(world.hq, world.roster, asked.proposal, manifest, COORDINATOR)
    except MpcgovError as error:
        if len(released) == len(PARTIES):
            yield f"was released, and its result can't be had: {error.message}"
        return
    if len(released) < len(PARTIES):
        yield f"gave a result that only {released} released"
    if not result["tables"]["count"]["rows"]:
        yield "gave an empty result"


def _of_peace(world: Schedule) -> Iterator[str]:
    """Where nothing went wrong, what everybody wanted has happened."""
    for asked in world.jobs:
        states = {party: world.nodes[party].book.find(asked.id) for party in PARTIES}
        if asked.rejects or asked.silent or asked.cancelled:
            continue
        for party, row in states.items():
            if row is None or (row.state is not State.RELEASED and row.code not in ("policy", "snapshot")):
                yield f"{asked.id}: nothing went wrong, and at {party} it is {row and (row.state, row.reason)}"


def _of_changes(world: Schedule, changes: Changes, logs: dict[str, list[Record]]) -> Iterator[str]:
    """What holds whatever people have changed."""
    done = changes.done
    for party, kind, first, last in done.policies:
        for record in logs[party] if party not in done.rolled_back else ():
            if first < record.sequence <= last and record.event == "all-approved":
                people = [r.facts.get("people", "") for r in logs[party] if (r.job, r.event) == (record.job, "approve")]
                if kind != "two people" or "," not in people[0]:
                    yield f"{party} began {record.job} under its policy {kind!r}; its people's yes: {people}"
    for party, rolled_back in done.rolled_back.items():
        events = [record.event for record in logs[party]]
        if rolled_back and "commit" in events[events.index(RESTORED) :]:
            yield f"{party} has committed with an old ledger"
    for purpose, jobs in changes.periods().items():
        states = {job.id: {node.book.find(job.id) for node in world.nodes.values()} for job in jobs}
        released = [job for job, rows in states.items() if any(row and row.state is State.RELEASED for row in rows)]
        if len(released) > 1:
            yield f"{purpose}: released as {released}"
    yield from _of_last(world, done)


def _of_last(world: Schedule, done: Changed) -> Iterator[str]:
    """A job after everything: released, unless a node has forgotten what others know of it, or its new keys."""
    if world.last is None or (done.rolled_back and done.rotated):
        return
    for party, node in world.nodes.items():
        row = node.book.find(world.last.id)
        if row is None:
            yield f"{world.last.id}, the last, is unknown at {party}"
        elif (row.state is State.RELEASED) == any(done.rolled_back.values()):
            yield f"{world.last.id}, the last, is {row.state.value} at {party}: {row.reason!r}"
