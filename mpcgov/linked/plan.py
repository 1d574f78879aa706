"""Who does what when rows are linked: the left owner, the spokes, and a matcher for each; by public facts alone.

A spoke links the left owner with one other; the matcher compares their tags under a key that it doesn't have, or, with
method oblivious, helps to compare them in secret. All spokes with one left owner are a star. See
docs/security/linkage.md for what each role sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mpcgov import kinds
from mpcgov.linked import comparing
from mpcgov.linked.sizes import pool
from mpcgov.spec.job import Job
from mpcgov.spec.link import SizeNoise, described
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.table import Column, Declaration, KeyColumn

MAX_OWNERS = 5


@dataclass(frozen=True)
class Spoke:
    """Two owners and who matches their tags."""

    left: str
    other: str
    matcher: str


@dataclass(frozen=True)
class Star:
    """One left owner's spokes; the rows that come out are as many as its padded list has."""

    left: str
    spokes: tuple[Spoke, ...]


@dataclass(frozen=True)
class LinkPlan:
    """All roles of a linked job.

    `left_by_size`: the two owners of the one spoke change places if the other's padded list is shorter. `dummies`: L,
    the rows that hide the number of matches. `notes`: the roles and what they imply, in plain words.
    """

    stars: tuple[Star, ...]
    left_by_size: bool
    dummies: int
    notes: tuple[str, ...]

    def settled(self, padded: Mapping[str, int]) -> LinkPlan:
        """The same plan once the padded lengths of the owners' lists are known."""
        spoke = self.stars[0].spokes[0]
        if not self.left_by_size or padded[spoke.left] <= padded[spoke.other]:
            return self
        turned = Spoke(spoke.other, spoke.left, spoke.matcher)
        return LinkPlan((Star(turned.left, (turned,)),), self.left_by_size, self.dummies, self.notes)


def link_plan(
    job: Job, manifest: Manifest, threshold: int, declarations: Mapping[str, Declaration] | None = None
) -> LinkPlan:
    """The roles in a job whose `faults` are none. With the declarations, the notes also speak of the keys."""
    if manifest.compares:
        return LinkPlan((), True, 0, tuple(comparing.notes(job, manifest, declarations or {})))
    owners = job.data_parties
    every_set = any(kind.of_sets for kind in kinds.of_manifest(manifest))
    lefts = owners[:-1] if every_set else owners[:1]
    stars = tuple(_star(job, left, owners[owners.index(left) + 1 :]) for left in lefts)
    by_size = len(owners) == 2 and job.linking.join == "inner"
    dummies = pool(job.linking)
    notes = [*_notes(job, stars, by_size, dummies, threshold), *_key_notes(job, declarations or {})]
    return LinkPlan(stars, by_size, dummies, tuple(notes))


def faults(job: Job, manifest: Manifest) -> list[str]:
    """What makes it impossible to give out the roles."""
    if manifest.compares:
        return list(comparing.faults(job, manifest))
    owners, matcher, found = job.data_parties, job.linking.matcher, []
    if not 2 <= len(owners) <= MAX_OWNERS:
        found.append(f"parties: {len(owners)} have a dataset; a linked job needs 2 to {MAX_OWNERS}")
    if job.linking.join not in manifest.joins:
        found.append(f"link.join: {manifest.id} can't be joined {job.linking.join}; it can {', '.join(manifest.joins)}")
    method = job.linking.method
    if method not in manifest.methods:
        found.append(f"link.method: {manifest.id} can't be linked by {method}; it can by {', '.join(manifest.methods)}")
    if method == "oblivious" and job.linking.size_noise != SizeNoise():
        found.append("link.size_noise: with method oblivious nobody sees how many match; leave it out")
    if matcher is not None and matcher not in job.parties:
        found.append(f"link.matcher: {matcher} is no party of the job")
    elif matcher is not None and len(owners) > 2 and method == "matcher":
        found.append("link.matcher: with three or more owners each spoke has a matcher of its own; leave it out")
    elif matcher in owners:
        found.append(f"link.matcher: {matcher} owns one of the two lists; the matcher must be a third party")
    return found


def _star(job: Job, left: str, others: tuple[str, ...]) -> Star:
    if len(others) == 1 or job.linking.method == "oblivious":
        spokes = (Spoke(left, other, job.linking.matcher or _third(job, (left, other))) for other in others)
        return Star(left, tuple(spokes))
    following = (*others[1:], others[0])
    return Star(left, tuple(Spoke(left, other, next_) for other, next_ in zip(others, following, strict=True)))


def _third(job: Job, owners: tuple[str, ...]) -> str:
    """A party that isn't one of the two: one without data if there is any, the first in job order."""
    free = [party for party in job.parties if party not in owners]
    return next((party for party in free if party not in job.data_parties), free[0])


def _notes(job: Job, stars: tuple[Star, ...], by_size: bool, dummies: int, threshold: int) -> list[str]:
    notes = []
    if by_size:
        left, other = job.data_parties
        notes.append(f"left owner: {left} or {other}, whoever's padded list is shorter, as that makes the fewest rows")
    elif job.linking.join == "left":
        notes.append(f"left owner: {stars[0].left}, the first party with data, all of whose keys a left join keeps")
    else:
        notes.append(f"left owner: {' and then '.join(star.left for star in stars)}, in job order")
    matches = "helps to match" if job.linking.method == "oblivious" else "matches"
    notes += [
        f"{spoke.matcher} {matches} {spoke.left} with {spoke.other}: {_why(job, spoke, stars)}"
        for star in stars
        for spoke in star.spokes
    ]
    notes.append(_noise_note(job, dummies))
    if threshold >= 2:
        exact = ", and two matchers of one star learn the exact overlap of three owners"
        notes.append(
            "any two of a spoke's three parties together learn who is linked"
            f"{exact if job.linking.method == 'matcher' else ''}, although the threshold is {threshold}"
        )
    return notes


def _why(job: Job, spoke: Spoke, stars: tuple[Star, ...]) -> str:
    if job.linking.matcher == spoke.matcher:
        return "the job names it"
    if job.linking.method == "matcher" and any(len(star.spokes) > 1 and spoke in star.spokes for star in stars):
        return "the next owner in turn, so that nobody matches two spokes of one star"
    return "it has no data in the job" if spoke.matcher not in job.data_parties else "it owns neither list"


def _noise_note(job: Job, dummies: int) -> str:
    noise = job.linking.size_noise
    if job.linking.method == "oblivious":
        return "every row is compared in secret, so that nobody learns how many keys two owners have in common"
    if noise == "off":
        return "size_noise is off: each matcher learns exactly how many keys its two owners have in common"
    return (
        f"each matcher sees the number of matches with noise of {described(noise)} "
        f"({dummies} dummy rows in each list); the same number if the same is asked of the same data again, and what "
        "else is asked adds up, to no more than each owner's policy allows (matcher_epsilon)"
    )


def _key_notes(job: Job, declarations: Mapping[str, Declaration]) -> list[str]:
    collapsed = [party for party in job.data_parties if job.parties[party].duplicates is not None]
    notes = [f"{party}: rows with the same key become one before they are linked" for party in collapsed]
    steps = {
        party: tuple(_normalised(declarations[party].columns.get(name)) for name in job.parties[party].key or ())
        for party in job.data_parties
        if party in declarations
    }
    if len(set(steps.values())) > 1:
        said = "; ".join(f"{party}: {', '.join(columns)}" for party, columns in steps.items())
        notes.append(f"keys are normalised differently, so that equal ones may not match: {said}")
    return notes


def _normalised(column: Column | None) -> str:
    steps = column.normalise if isinstance(column, KeyColumn) else ()
    return " and ".join(steps) or "as they are"
