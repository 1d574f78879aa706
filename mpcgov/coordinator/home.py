"""The coordinator's home directory: its name, its keys, the roster it joined, the jobs it proposed."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from mpcgov import files, keys
from mpcgov.errors import LocalError, SpecError
from mpcgov.keys import Identity
from mpcgov.spec.envelope import Envelope, open_envelope, sign
from mpcgov.spec.ids import JOB_ID_PATTERN, PartyId
from mpcgov.spec.load import Frozen, load_yaml, parse_json, validate
from mpcgov.spec.roster import Roster
from mpcgov.spec.statement import PROPOSAL_LIMIT_BYTES, PROPOSAL_TYPE, Proposal, job_id
from mpcgov.trust import consortium

CONFIG_FILE = "coordinator.yaml"
ENVELOPE_LIMIT_BYTES = 2 * PROPOSAL_LIMIT_BYTES
"""Base64 makes the proposal a third longer; the rest of an envelope is small."""


class CoordinatorConfig(Frozen):
    """The file `coordinator.yaml`."""

    name: PartyId


@dataclass(frozen=True)
class CoordinatorHome:
    """One coordinator's directory, with its identity loaded."""

    path: Path
    identity: Identity

    def roster(self) -> tuple[Envelope, Roster]:
        """The joined roster. Raises: LocalError if there is none."""
        return consortium.load_roster(self.path)


@dataclass(frozen=True)
class StoredJob:
    """A job as this coordinator proposed it."""

    id: str
    envelope: Envelope
    proposal: Proposal


def init(path: Path, name: str) -> CoordinatorHome:
    """A new coordinator's home, readable by its owner only, with fresh keys.

    Raises:
        SpecError: no such name is possible. LocalError: there is an identity already, or nothing can be written.
    """
    config = validate({"name": name}, CoordinatorConfig, "coordinator")
    if (path / "node.yaml").exists() or (path / keys.FOLDER).exists():
        raise LocalError(f"{path}: there is an identity already", hint="choose another --home")
    files.own_folder(path)
    files.replace(path / CONFIG_FILE, f"name: {config.name}\n".encode())
    # Last, since no home is made where there are keys: what was broken off can be done again.
    return CoordinatorHome(path, keys.create(path, "coordinator", config.name, None))


def load(path: Path) -> CoordinatorHome:
    """The coordinator whose home this is.

    Raises:
        LocalError: it isn't a coordinator's home, or its keys can't be read.
    """
    if not (path / CONFIG_FILE).exists():
        raise LocalError(
            f"{path}: not a coordinator's home",
            hint="name it with --home, or make one with 'mpcgov coordinator init'",
            code="home",
        )
    config = load_yaml(path / CONFIG_FILE, CoordinatorConfig)
    return CoordinatorHome(path, keys.load(path, "coordinator", config.name, None))


def store(home: CoordinatorHome, proposal: Proposal) -> StoredJob:
    """Signs a proposal and keeps it, on disk before anyone else sees it.

    Raises:
        SpecError: it is longer than nodes accept.
    """
    identity = home.identity
    envelope = sign(proposal, PROPOSAL_TYPE, identity.name, identity.signing_key)
    if len(envelope.body) > PROPOSAL_LIMIT_BYTES:
        raise SpecError(
            f"the proposal is longer than {PROPOSAL_LIMIT_BYTES >> 20} MiB",
            hint="its declarations list too many category values",
            code="job",
        )
    job = StoredJob(job_id(proposal.job_digest), envelope, proposal)
    files.replace(_job_path(home, job.id), envelope.to_bytes())
    return job


def stored(home: CoordinatorHome, job: str) -> StoredJob:
    """A job that was proposed from this home; its signature is verified again.

    Raises:
        LocalError: there is none of that id.
    """
    path = _job_path(home, job)
    if not re.fullmatch(JOB_ID_PATTERN, job) or not path.exists():
        raise LocalError(f"job {job}: not proposed from {home.path}", hint="mpcgov job list shows them", code="job")
    return _read(home, path)


def stored_jobs(home: CoordinatorHome) -> list[StoredJob]:
    """All jobs that were proposed from this home, oldest first."""
    jobs = [_read(home, _job_path(home, job)) for job in stored_ids(home)]
    return sorted(jobs, key=lambda job: (job.proposal.proposed_at, job.id))


def stored_ids(home: CoordinatorHome) -> set[str]:
    """The ids of the jobs that were proposed from this home."""
    return {path.stem for path in (home.path / "jobs").glob("*.json") if _is_job(path.name)}


def _is_job(name: str) -> bool:
    """Whether a file of this name is a job, and not one that is just being written."""
    return name.endswith(".json") and not name.startswith(".")


def newest(home: CoordinatorHome) -> list[str]:
    """The ids of these jobs by when their files were written, the newest first: none of them is read for that."""
    folder = home.path / "jobs"
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        found = [(one.stat().st_mtime_ns, one.name) for one in entries if _is_job(one.name)]
    return [name.removesuffix(".json") for _, name in sorted(found, reverse=True)]


def _job_path(home: CoordinatorHome, job: str) -> Path:
    return home.path / "jobs" / f"{job}.json"


def _read(home: CoordinatorHome, path: Path) -> StoredJob:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LocalError(f"{path}: can't be read ({error.strerror})", code="file") from None
    envelope = parse_json(data, Envelope, str(path), ENVELOPE_LIMIT_BYTES)
    identity = home.identity
    key = identity.public_key
    proposal = open_envelope(envelope, PROPOSAL_TYPE, Proposal, identity.name, key, PROPOSAL_LIMIT_BYTES)
    return StoredJob(job_id(proposal.job_digest), envelope, proposal)
