"""What this agency allows: one pure decision about one proposal. Read this file to know what can be approved at all.

Everything is denied that no rule finds in order: first those of `agreement`, which compare the proposal with this
machine's own protocol, roster and declaration; then those below, of the agency's policy file, and that of `beside`,
of what was released before. An error in here denies.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from mpcgov.jobs import check
from mpcgov.linked.told import releases_links, sum_testers
from mpcgov.node import asking, matcher_limits
from mpcgov.node.agreement import AGREEMENT, MEANING
from mpcgov.node.beside import beside, no_difference_tells, reached
from mpcgov.node.differencing import Side
from mpcgov.node.facts import Deny, Facts, Permit, Rule
from mpcgov.node.released_numbers import numbers_suffice
from mpcgov.rules import privacy
from mpcgov.rules.protections import floor_faults
from mpcgov.spec.link import described, weaker
from mpcgov.spec.policy import matches
from mpcgov.spec.statement import Proposal


def decide(proposal: Proposal, facts: Facts) -> Permit | Deny:
    """The decision: every rule is asked; if one objects, the job is denied with all objections."""
    try:
        for rules in (AGREEMENT, MEANING, POLICY):
            reasons = tuple(reason for rule in rules for reason in rule(proposal, facts))
            if reasons:
                return Deny(reasons)
        related, overlaps = (beside(proposal, facts, side) for side in (Side.RELATED, Side.UNCLEAR))
        near = reached(proposal, facts) if overlaps else ()
        why = asking.reasons(proposal, facts, related, overlaps)
    except Exception as error:
        return Deny((f"{facts.me} could not evaluate its policy ({type(error).__name__})",))
    weighed, unclear, counted = (tuple(job for job, _ in found) for found in (related, overlaps, near))
    said = (*why, "its policy says approve: manual") if facts.policy.approve == "manual" else why
    return Permit("manual" if why else facts.policy.approve, weighed, unclear, counted, said)


def _protocol_allowed(proposal: Proposal, facts: Facts) -> Iterator[str]:
    if not {"*", proposal.job.protocol_name, proposal.protocol} & set(facts.policy.protocols):
        yield f"{facts.me} doesn't allow protocol {proposal.protocol}"


def _purpose_allowed(proposal: Proposal, facts: Facts) -> Iterator[str]:
    if not any(matches(pattern, proposal.job.purpose) for pattern in facts.policy.purposes):
        yield f"{facts.me} doesn't allow this purpose"


def _partners_allowed(proposal: Proposal, facts: Facts) -> Iterator[str]:
    for party in proposal.parties:
        if party != facts.me and not {"*", party} & set(facts.policy.partners):
            yield f"{facts.me} doesn't compute with {party}"


def _receivers_allowed(proposal: Proposal, facts: Facts) -> Iterator[str]:
    for receiver in proposal.job.receivers:
        if not {"*", receiver} & set(facts.policy.receivers):
            yield f"{facts.me} doesn't allow {receiver} to receive the result"


def _data_allowed(proposal: Proposal, facts: Facts) -> Iterator[str]:
    dataset = proposal.job.parties[facts.me].dataset
    if dataset is None or facts.protocol is None:
        return
    allowed = facts.policy.datasets.get(dataset)
    if allowed is None:
        yield f"{facts.me} doesn't allow data set {dataset}"
        return
    for column, uses in check.used_columns(proposal.job, facts.protocol.manifest, facts.me, facts.declaration).items():
        for use in sorted(uses - allowed.uses_of(column)):
            yield f"{facts.me} doesn't allow column {column} of {dataset} as {use}"
    rules, key = proposal.job.disclosure, proposal.job.parties[facts.me].key
    yield from (f"{facts.me} needs {need}" for need in floor_faults(rules, facts.protocol.manifest, allowed, key))
    yield from (f"{facts.me} needs {need}" for need in privacy.floor_faults(rules.noise, allowed, key))


def _linking_allowed(proposal: Proposal, facts: Facts) -> Iterator[str]:
    link, policy = proposal.job.linking, facts.policy
    if facts.protocol is None or not facts.protocol.manifest.linked:
        return
    compares = facts.protocol.manifest.compares
    if compares and not policy.link:
        yield f"{facts.me} takes no part in jobs that link rows"
    if not compares and link.method not in policy.link:
        yield f"{facts.me} takes no part in jobs that link rows by {link.method}"
    if compares and proposal.job.params.get("exact") and "exact" not in policy.link:
        yield f"{facts.me} takes no part in jobs with params.exact: owners learn who of their own are in the other's"
    if link.method == "matcher" and not compares and weaker(link.size_noise, policy.size_noise):
        yield f"{facts.me} needs size_noise {described(policy.size_noise)}, the job says {described(link.size_noise)}"
    for receiver in sum_testers(proposal.job, facts.protocol.manifest) - {*policy.receivers, facts.me}:
        yield f"{facts.me} must name {receiver} as a receiver: statistics and pairs tell owners about their own records"


def _naming_allowed(proposal: Proposal, facts: Facts) -> Iterator[str]:
    """Pairs of linked records go to receivers that the policy names, not to whoever comes."""
    if facts.protocol is not None and releases_links(proposal.job, facts.protocol.manifest):
        for receiver in set(proposal.job.receivers) - {*facts.policy.receivers, facts.me}:
            yield f"{facts.me} must name {receiver} as a receiver: it would learn which records are the same person's"


def _affordable(proposal: Proposal, facts: Facts) -> Iterator[str]:
    """What jobs with noise tell of a unit adds up, and is bounded."""
    cost, budget = privacy.spend(proposal.job), facts.ledger.balance
    if cost is None or budget is None or facts.ledger.answer:
        return
    limit = getattr(facts.policy.datasets.get(budget.dataset), f"total_{budget.measure}", None)
    left = budget.left if limit is None else min(budget.left, max(Fraction(limit) - budget.spent, Fraction(0)))
    if cost.amount > left:
        yield (
            f"{facts.me}: {budget.dataset} has {budget.measure} {privacy.number(left)} left for a {budget.unit}, "
            f"and this job would take {privacy.number(cost.amount)}"
            + ("" if budget.total else f"; a {budget.unit} has no budget there")
        )


def _matchers_bounded(proposal: Proposal, facts: Facts) -> Iterator[str]:
    """What a matcher learns by its noised counts adds up over jobs, and is bounded."""
    dataset = str(proposal.job.parties[facts.me].dataset)
    allowed = facts.policy.datasets.get(dataset)
    if facts.protocol is None or allowed is None or facts.ledger.answer or facts.policy.size_noise == "off":
        return
    counts = matcher_limits.asked(proposal, facts.protocol.manifest, facts.me)
    noise = proposal.job.disclosure.noise
    bound = 1 if noise is None else noise.bound
    for reason in matcher_limits.beyond(counts, facts.ledger.matched, dataset, allowed, bound):
        yield f"{facts.me}: {reason}"


POLICY: tuple[Rule, ...] = (
    _protocol_allowed, _purpose_allowed, _partners_allowed, _receivers_allowed, _linking_allowed, _naming_allowed,
    _data_allowed, no_difference_tells, numbers_suffice, _affordable, _matchers_bounded,
)  # fmt: skip
