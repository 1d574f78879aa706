"""What matchers of tags may learn of a unit in a data set by one job, beside what they have: facts alone, no ledger.

`mpcgov.node.matchers` says what a matcher sees, and what it has seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from mpcgov.linked.comparing import helper
from mpcgov.linked.plan import link_plan
from mpcgov.linked.sizes import pair_name
from mpcgov.rules.privacy import number
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.policy import DatasetPolicy
from mpcgov.spec.statement import Proposal

Asked = Mapping[str, Mapping[str, str | None]]
"""By matcher and pair of owners, the epsilon of the count that it sees; None if it is exact."""

Seen = Mapping[str, Fraction | None]
"""By matcher, what it has learned of one key in all; None once it counted without noise."""


def asked(proposal: Proposal, manifest: Manifest, me: str) -> Asked:
    """The parties that compare this one's tags in a job."""
    job = proposal.job
    if not manifest.linked or job.linking.method != "matcher" or me not in job.data_parties:
        return {}
    if manifest.compares:
        return {helper(job, job.data_parties): {pair_name(*job.data_parties): None}} if job.params.get("exact") else {}
    stars, noise = link_plan(job, manifest, proposal.threshold).stars, job.linking.size_noise
    epsilon = None if noise == "off" else str(Fraction(noise.epsilon))
    found: dict[str, dict[str, str | None]] = {}
    for spoke in (spoke for star in stars for spoke in star.spokes if me in (spoke.left, spoke.other)):
        found.setdefault(spoke.matcher, {})[pair_name(spoke.left, spoke.other)] = epsilon
    return found


def beyond(counts: Asked, learned: Seen, dataset: str, allowed: DatasetPolicy, bound: int) -> Iterator[str]:
    """Which matchers would learn more of a unit than the policy lets each of them learn in all.

    Counts without noise are left to the rules that ask whether the policy allows these at all.

    Args:
        bound: how many keys one unit has by the job; it counts as many times, or as the policy's units have keys.
    """
    keys = max([bound, *(unit.rows for unit in allowed.rows_per_unit.values())])
    limit = Fraction(allowed.matcher_epsilon)
    for matcher, pairs in counts.items():
        more = [Fraction(epsilon) for epsilon in pairs.values() if epsilon is not None]
        before = learned.get(matcher, Fraction(0))
        if len(more) < len(pairs):
            continue
        if before is None:
            yield f"{matcher} has counted matches of {dataset} without noise, so no more may be added to what it knows"
        elif keys * (before + sum(more)) > limit:
            left = max(limit - keys * before, Fraction(0))
            yield (
                f"{matcher} may learn epsilon {number(limit)} of a unit in {dataset} by matching (matcher_epsilon), of "
                f"which {number(left)} is left, and this job would take {number(keys * sum(more, Fraction(0)))}; "
                "allowed is another matcher, or link.method oblivious"
            )
