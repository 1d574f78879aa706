"""All parties of a job on this machine: real workers, the real protocol, real shares; no nodes, no network, no policy.

For testers and for agencies that want to see, before anything is approved, what a job would release.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from mpcgov import registry
from mpcgov.dummy.folder import Made, made_up
from mpcgov.errors import LocalError, PeerError, Refused, SpecError, first_cause
from mpcgov.jobs import check
from mpcgov.node.supervisor import Supervisor
from mpcgov.results.result import open_result
from mpcgov.spec.codelists import load_datasets
from mpcgov.spec.ids import digest, short
from mpcgov.spec.job import Job
from mpcgov.spec.link import KeyColumns
from mpcgov.spec.load import load_yaml
from mpcgov.spec.manifest import Manifest, Protocol
from mpcgov.spec.order import Order, Outcome
from mpcgov.spec.statement import Proposal, ResultShare, job_id
from mpcgov.spec.table import Declaration
from mpcgov.trial import profiled, truth
from mpcgov.trial.assumed import assumed_keys, noted


@dataclass(frozen=True)
class Simulation:
    """A job whose parties are all on this machine: what they would all have approved, and where each has its data.

    `pair` makes the two ends of a stream between two parties.
    """

    proposal: Proposal
    protocol: Protocol
    files: Mapping[str, Path]
    pair: Callable[[], tuple[socket.socket, socket.socket]] = socket.socketpair
    assumed: Mapping[str, KeyColumns] = field(default_factory=dict)
    """By party, a key that its data set is taken to be declared unique by."""

    @classmethod
    def of(
        cls, job: Job, agencies: Path, threshold: int = 1, protocol: Protocol | None = None, assume: bool = False
    ) -> Simulation:
        """A job, checked.

        Args:
            job: whose parties are all here.
            agencies: a folder with `<party>/datasets.yaml` for every party that brings data.
            threshold: t; any t parties together learn nothing.
            protocol: that of its name in another folder than where protocols are.
            assume: whether a key for which nothing says what becomes of repeated ones is taken to be declared unique.

        Raises:
            SpecError: the job or a declaration is wrong. Refused: it pins another version of its protocol.
        """
        protocol = protocol or registry.find(job.protocol_name)
        if job.protocol not in (job.protocol_name, f"{job.protocol_name}@{protocol.digest}"):
            raise Refused(
                f"protocol {job.protocol_name} here is {short(protocol.digest)}, not the version the job pins"
            )
        files = {party: agencies.resolve() / party / "datasets.yaml" for party in job.data_parties}
        declarations = _declarations(job, protocol.manifest, files)
        assumed = assumed_keys(job, declarations) if assume else {}
        for party, key in assumed.items():
            unique = (*declarations[party].unique, key)
            declarations[party] = declarations[party].model_copy(update={"unique": unique})
        return cls(_proposal(job, protocol, declarations, threshold), protocol, files, assumed=assumed)

    def supervisors(
        self, keep_warm: bool = False, on_note: Callable[[str, str], None] = lambda party, text: None
    ) -> dict[str, Supervisor]:
        """What runs each party's workers; to be closed. `on_note`: told what a party's own people should know."""

        def one(party: str) -> Supervisor:
            return Supervisor(keep_warm, lambda _, text: on_note(party, text), on_steps=profiled.told(party))

        return {party: one(party) for party in self.proposal.parties}

    async def run(
        self, supervisors: Mapping[str, Supervisor], on_phase: Callable[[str, str], None] = lambda party, phase: None
    ) -> dict[str, Any]:
        """The result that the job's receivers would get.

        Raises:
            DataError: a data set isn't what its declaration says. PeerError: the deadline passed, or a worker failed.
        """
        outcomes = await _run(self, supervisors, on_phase)
        return open_result(self.proposal, self.protocol.manifest, _shares(self.proposal, outcomes))


def simulate(
    job: Job | Path,
    agencies: Path,
    threshold: int = 1,
    on_phase: Callable[[str, str], None] = lambda party, phase: None,
    truth_path: Path | None = None,
    on_note: Callable[[str, str], None] = lambda party, text: None,
    protocols: Path | None = None,
    dummy: Made | None = None,
) -> dict[str, Any]:
    """The result that the job's receivers would get.

    Args:
        job: or the file that says it.
        agencies: a folder with `<party>/datasets.yaml` for every party that brings data.
        threshold: t; any t parties together learn nothing.
        on_phase: told which party does what.
        truth_path: pairs of records that belong together. The result then has `quality`; a job that names no links is
            run once more so that it does.
        on_note: told what a party's own people should know of its rows.
        protocols: a folder of protocols to look in before those of this machine.
        dummy: rows are made up from the declarations in `agencies`, and no source is read. The result says so.

    Raises:
        SpecError: the job or a declaration is wrong. DataError: a data set isn't what its declaration says.
        PeerError: the deadline passed, or a worker failed.
    """
    job = load_yaml(job, Job) if isinstance(job, Path) else job
    pairs = None if truth_path is None else truth.read(truth_path, job)
    protocol = None if protocols is None else registry.find(job.protocol_name, protocols)
    with made_up(job, agencies, protocol, dummy) as folder:

        def once(job: Job, on_note: Callable[[str, str], None] = lambda party, text: None) -> dict[str, Any]:
            make = partial(Simulation.of, job, folder, threshold, protocol)
            run = partial(_result, on_phase=on_phase, on_note=on_note)
            try:
                return run(make())
            except SpecError as refused:
                if dummy is not None:
                    raise
                return _assuming(make, run, refused, on_note)

        result = once(job, on_note)
        if pairs is not None:
            named = result if "links" in result["tables"] else once(truth.naming(job))
            result["quality"] = truth.quality(named, pairs)
        return result | ({} if dummy is None else {"dummy": asdict(dummy)})


def _assuming(
    make: Callable[..., Simulation],
    run: Callable[[Simulation], dict[str, Any]],
    refused: SpecError,
    on_note: Callable[[str, str], None],
) -> dict[str, Any]:
    """The result of a job that lacks nothing but that its keys are declared unique, if the data are so."""
    try:
        simulation = make(assume=True)
        result = run(simulation)
    except LocalError as error:
        raise error if error.code not in ("unique", refused.code) else refused from None
    for party, text in noted(simulation.proposal.job, simulation.assumed):
        on_note(party, text)
    return result


def _result(
    simulation: Simulation, on_phase: Callable[[str, str], None], on_note: Callable[[str, str], None]
) -> dict[str, Any]:
    async def run() -> dict[str, Any]:
        async with contextlib.AsyncExitStack() as stack:
            supervisors = simulation.supervisors(on_note=on_note)
            for supervisor in supervisors.values():
                stack.push_async_callback(supervisor.close)
            return await simulation.run(supervisors, on_phase)

    return asyncio.run(run())


def _declarations(job: Job, manifest: Manifest, files: Mapping[str, Path]) -> dict[str, Declaration]:
    """What each data party declares of the columns that the job uses."""
    faults, result = check.params_faults(job, manifest), {}
    for party, path in files.items() if not faults else ():
        name = job.parties[party].dataset or ""
        try:
            dataset = load_datasets(path).root.get(name)
        except SpecError as error:
            faults += error.faults
            continue
        used = set(check.used_columns(job, manifest, party))
        missing = used if dataset is None else used - set(dataset.columns)
        if dataset is None:
            faults.append(f"{path}: no data set {name}")
        elif missing:
            faults.append(f"{path}: data set {name} has no column {', '.join(sorted(missing))}")
        else:
            result[party] = dataset.declaration.only(used)
    if faults:
        raise SpecError(faults, code="declaration")
    return result


def _proposal(job: Job, protocol: Protocol, declarations: dict[str, Declaration], threshold: int) -> Proposal:
    check.check_job(job, protocol.manifest, declarations, threshold)
    now = int(time.time())
    return Proposal(
        job=job,
        protocol_digest=protocol.digest,
        roster_digest=digest(b"simulated"),
        threshold=threshold,
        declarations=declarations,
        proposed_at=now,
        approve_before=now + 3600 * job.approve_within_h,
        nonce=secrets.token_hex(16),
    )


async def _run(
    simulation: Simulation, supervisors: Mapping[str, Supervisor], on_phase: Callable[[str, str], None]
) -> dict[str, Outcome]:
    """Every party's outcome, or the first cause; an owner's own words about its data come before anything else."""
    proposal = simulation.proposal
    streams = _streams(proposal.parties, simulation.pair)
    tasks = {
        party: asyncio.create_task(_party(simulation, party, streams[party], supervisors[party], on_phase))
        for party in proposal.parties
    }
    try:
        async with asyncio.timeout(proposal.job.deadline_s):
            await asyncio.gather(*tasks.values(), return_exceptions=True)
    except TimeoutError:
        raise PeerError(f"the job took longer than its deadline_s {proposal.job.deadline_s}", code="deadline") from None
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        # A task that was cancelled before it began has closed none.
        for sock in itertools.chain.from_iterable(ends.values() for ends in streams.values()):
            sock.close()
    errors = {party: error for party, task in tasks.items() if (error := task.exception()) is not None}
    if errors:
        raise first_cause(errors)
    return {party: task.result() for party, task in tasks.items()}


async def _party(
    simulation: Simulation,
    party: str,
    streams: dict[str, socket.socket],
    supervisor: Supervisor,
    on_phase: Callable[[str, str], None],
) -> Outcome:
    datasets = simulation.files.get(party)
    order = Order(
        left_s=float(simulation.proposal.job.deadline_s),
        proposal=simulation.proposal,
        party=party,
        datasets=None if datasets is None else str(datasets),
        folder=str(simulation.protocol.folder),
        binding=digest(b"simulated"),
        assumed=simulation.assumed.get(party),
    )
    commit, standing = partial(_commit, simulation.protocol.manifest, party), asyncio.sleep(0, streams)
    return await supervisor.run(order, asyncio.ensure_future(standing), commit, partial(on_phase, party))


async def _commit(manifest: Manifest, party: str) -> str | None:
    """A simulation releases nothing, so it has nothing to commit, and coins needn't be the same again. The keys for
    comparing records are, as among nodes: else the same rows would give another number each time."""
    return hashlib.sha256(party.encode()).hexdigest() if manifest.compares else None


def _streams(
    parties: tuple[str, ...], pair: Callable[[], tuple[socket.socket, socket.socket]]
) -> dict[str, dict[str, socket.socket]]:
    """A socket pair for every two parties."""
    streams: dict[str, dict[str, socket.socket]] = {party: {} for party in parties}
    for a, b in itertools.combinations(parties, 2):
        streams[a][b], streams[b][a] = pair()
    return streams


def _shares(proposal: Proposal, outcomes: Mapping[str, Outcome]) -> list[ResultShare]:
    return [
        ResultShare(
            job=job_id(proposal.job_digest),
            job_digest=proposal.job_digest,
            party=party,
            receiver=proposal.job.receivers[0],
            point=point,
            layout=outcomes[party].layout,
            shares=outcomes[party].shares,
            cost=outcomes[party].cost,
        )
        for point, party in enumerate(proposal.parties, 1)
    ]
