"""To whom a job's tables tell more than the tables: what a policy asks about, before it lets one be a receiver."""

from __future__ import annotations

from mpcgov import kinds
from mpcgov.linked.params import read
from mpcgov.spec.job import Job
from mpcgov.spec.manifest import Manifest


def sum_testers(job: Job, manifest: Manifest) -> set[str]:
    """The receivers who own a column of which the job opens sums as they are; these tell them about their own records.

    A regression opens none, and noise is there to prevent it. With exact pairs every number does, as owners know them.
    """
    if manifest.compares and job.params.get("exact"):
        return set(job.data_parties) & set(job.receivers)
    if job.disclosure.noise is not None or not any(kind.tells_owners for kind in kinds.of_manifest(manifest)):
        return set()
    return {column.party for column in read(job, manifest, []).numbers} & set(job.receivers)


def releases_links(job: Job, manifest: Manifest) -> bool:
    """Whether the job names pairs of linked records to its receivers."""
    return manifest.compares and read(job, manifest, []).output == "links"
