"""What a coordinator can do, one function per command: open the home, talk to the nodes, answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpcgov import files, registry
from mpcgov.clock import RealClock
from mpcgov.coordinator import catalogue as catalogues
from mpcgov.coordinator import home as homes
from mpcgov.coordinator import plan as plans
from mpcgov.coordinator import propose, submit
from mpcgov.coordinator.catalogue import Catalogue
from mpcgov.coordinator.home import CoordinatorHome, StoredJob
from mpcgov.errors import LocalError, MpcgovError
from mpcgov.evidence.bundle import Bundle
from mpcgov.evidence.pack import pack
from mpcgov.results import follow, progress, receive
from mpcgov.results.pace import Pace
from mpcgov.results.progress import Status
from mpcgov.results.standings import Standings
from mpcgov.spec.job import COORDINATOR, Job
from mpcgov.spec.load import load_yaml
from mpcgov.spec.roster import Roster
from mpcgov.spec.statement import Proposal
from mpcgov.trust.client import Client


@dataclass(frozen=True)
class ListedJob:
    """A job that was proposed from this home; `status` is None if no node could say how it stands."""

    job: StoredJob
    status: Status | None


async def plan_job(path: Path, file: Path) -> plans.Plan:
    """What a job would do; proposes nothing. Raises: MpcgovError if it can't run as written."""
    home, job = homes.load(path), load_yaml(file, Job)
    joined = home.roster()
    async with Client(home.identity, joined[1]) as client:
        return await plans.plan(client, await propose.draft(client, joined, job))


async def check_job(path: Path, job: Job) -> None:
    """Nothing, if a job can run as written; asks its data parties for declarations. Raises: MpcgovError if it can't."""
    home = homes.load(path)
    joined = home.roster()
    async with Client(home.identity, joined[1]) as client:
        await propose.draft(client, joined, job)


async def catalogue(path: Path) -> Catalogue:
    """What the members show of their data sets."""
    home = homes.load(path)
    roster = home.roster()[1]
    async with Client(home.identity, roster) as client:
        return await catalogues.catalogue(client, roster)


async def save_declarations(path: Path, file: Path, folder: Path) -> None:
    """Writes what the agencies declare of the columns that a job uses, as `<party>/datasets.yaml` without sources.

    Raises:
        MpcgovError: an agency can't be reached or doesn't show a column, or a file is there already.
    """
    home, job = homes.load(path), load_yaml(file, Job)
    joined = home.roster()
    async with Client(home.identity, joined[1]) as client:
        draft = await propose.draft(client, joined, job)
    for party, declaration in draft.declarations.items():
        written = folder / party / "datasets.yaml"
        if written.exists():
            raise LocalError(f"{written}: there already", hint="name a new folder", code="file")
        written.parent.mkdir(parents=True, exist_ok=True)
        whole = {job.parties[party].dataset: declaration.model_dump(mode="json", exclude_defaults=True)}
        files.replace(written, json.dumps(whole, indent=2, ensure_ascii=False).encode())


async def submit_job(path: Path, file: Path) -> StoredJob:
    """Proposes a job to all its parties. Raises: Refused, PeerError if one of them doesn't take it."""
    home, job = homes.load(path), load_yaml(file, Job)
    joined = home.roster()
    async with Client(home.identity, joined[1]) as client:
        draft = await propose.draft(client, joined, job)
        stored = homes.store(home, draft.proposal(RealClock()))
        await submit.submit(client, stored)
    return stored


async def status_of(path: Path, job: str) -> Status:
    """How a job stands at its parties. Raises: PeerError if none can be reached."""
    home, stored, roster = _open(path, job)
    async with Client(home.identity, roster) as client:
        return await progress.status(client, stored.proposal.parties, job)


async def wait_for(path: Path, job: str, tell: Callable[[Status], None]) -> tuple[Status, dict[str, Any] | None]:
    """How a job ended, and its result if the coordinator is a receiver; `tell` hears of every change on the way.

    Raises:
        MpcgovError: what ended the job, if it wasn't released.
    """
    home, stored, roster = _open(path, job)
    proposal = stored.proposal
    async with Client(home.identity, roster) as client:
        ended = await follow.follow(client, proposal.parties, job, tell, pace_of(proposal).told)
        if COORDINATOR in proposal.job.receivers:
            return ended, await receive.result(client, roster, proposal, COORDINATOR, ended)
    progress.require_released(ended)
    return ended, None


def pace_of(proposal: Proposal) -> Pace:
    """What says how far a job is; nothing of one whose protocol this disk doesn't have."""
    try:
        protocol = registry.find(proposal.job.protocol_name)
    except MpcgovError:
        return Pace(0)
    noise = proposal.job.disclosure.noise is not None
    _, most, _ = plans.job_cost(proposal.job, protocol.manifest, proposal.declarations, proposal.threshold, noise)
    return Pace(most)


async def cancel_job(path: Path, job: str) -> tuple[str, ...]:
    """The parties at which a job was ended before it started.

    Raises:
        MpcgovError: one of them couldn't be told, or it was too late there; the others ended it.
    """
    home, stored, roster = _open(path, job)
    async with Client(home.identity, roster) as client:
        cancelled = await submit.cancel(client, stored)
    if cancelled.failed:
        raise propose.first_cause(list(cancelled.failed))
    return cancelled.done


async def result_of(path: Path, job: str) -> dict[str, Any]:
    """The result of a job, if the coordinator is a receiver. Raises: MpcgovError with what ended the job else."""
    home, stored, roster = _open(path, job)
    async with Client(home.identity, roster) as client:
        return await receive.result(client, roster, stored.proposal, COORDINATOR)


async def bundle_of(path: Path, job: str) -> Bundle:
    """What a job's result rests on, for anybody to check. Raises: MpcgovError if there is no result, or not for us."""
    home, stored, roster = _open(path, job)
    async with Client(home.identity, roster) as client:
        return await pack(client, home.roster(), (stored.envelope, stored.proposal), COORDINATOR)


async def list_jobs(path: Path) -> list[ListedJob]:
    """The jobs that were proposed from this home, oldest first, and how they stand."""
    home = homes.load(path)
    jobs = homes.stored_jobs(home)
    if not jobs:
        return []
    async with Standings(Client(home.identity, home.roster()[1])) as standings:
        return await listed(standings, jobs)


async def listed(standings: Standings, jobs: Sequence[StoredJob]) -> list[ListedJob]:
    """These jobs, and how they stand."""

    async def one(job: StoredJob) -> ListedJob:
        try:
            return ListedJob(job, await standings.status(job.proposal.parties, job.id))
        except MpcgovError:
            return ListedJob(job, None)

    return await asyncio.gather(*map(one, jobs))


def _open(path: Path, job: str) -> tuple[CoordinatorHome, StoredJob, Roster]:
    home = homes.load(path)
    stored, roster = homes.stored(home, job), home.roster()[1]
    propose.require_members(roster, stored.proposal.parties)
    return home, stored, roster
