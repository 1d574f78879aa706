"""Who in a job learns what its protocol's manifest declares to leak: by name, from public facts alone."""

from __future__ import annotations

from mpcgov.linked.comparing import helper
from mpcgov.linked.plan import faults, link_plan
from mpcgov.spec.job import COORDINATOR, Job
from mpcgov.spec.manifest import Leakage, Manifest


def audience(job: Job, manifest: Manifest, threshold: int) -> dict[str, tuple[str, ...]]:
    """The job's participants that each `to` of a leakage means, in job order; of the network nobody in particular."""
    matchers: set[str] = set()
    if manifest.linked and job.linking.method == "matcher" and not faults(job, manifest):
        stars = link_plan(job, manifest, threshold).stars
        matchers = {spoke.matcher for star in stars for spoke in star.spokes}
    if manifest.compares and job.params.get("exact"):
        matchers = {helper(job, job.data_parties)}
    return {
        "network": (),
        "everyone": (*job.parties, COORDINATOR),
        "parties": tuple(job.parties),
        "owners": job.data_parties,
        "matchers": tuple(party for party in job.parties if party in matchers),
        "receivers": job.receivers,
        "receiving-owners": job.receiving_owners,
        "coordinator": (COORDINATOR,),
    }


def leaks(job: Job, manifest: Manifest, threshold: int) -> list[str]:
    """Each leakage that concerns somebody in this job, as `to whom: what`."""
    listeners = audience(job, manifest, threshold)
    return [
        f"{_named(leak, listeners[leak.to])}: {leak.what}"
        for leak in manifest.leaks(job.disclosure.noise is not None, job.params)
        if listeners[leak.to] or leak.to == "network"
    ]


def _named(leak: Leakage, names: tuple[str, ...]) -> str:
    fixed = {
        "network": "whoever sees the network",
        "everyone": "all parties and the coordinator",
        "parties": "all parties that compute",
    }
    if leak.to in fixed:
        return fixed[leak.to]
    named = ", ".join("the coordinator" if name == COORDINATOR else name for name in names)
    return f"{named}, comparing tags" if leak.to == "matchers" else named
