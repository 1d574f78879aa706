"""A world as small as `toyworld`, in which a person has two rows: one a month, or one in each edition of a register.

A *kind* of person is where it is in either: in the North, in the South, or nowhere. A register is the number of persons
of each kind. Where each month has a row, all rows are there at once; where there are editions, the first rows are until
the register is brought up to date, and then the second ones. A job counts rows; a released count is a sum over kinds.
The attacker knows which kinds there are, and in the world of editions, how many persons in all.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpcgov import registry
from mpcgov.node import units
from mpcgov.node.decide import decide
from mpcgov.node.differencing import release, same_rows
from mpcgov.node.facts import Facts, Line, Permit, View
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.policy import Policy
from mpcgov.spec.statement import Proposal, job_id
from mpcgov.spec.table import Declaration
from tests.adversary import toyworld
from tests.adversary.toyworld import LEAST, MOST_PERSONS, Counts

REGIONS = ("N", "S")
Kinds = Sequence[tuple[str, str]]
"""Where a person is at first, and then."""
OF_MONTHS: Kinds = (("N", "N"), ("S", "S"), ("N", ""), ("", "S"))
OF_EDITIONS: Kinds = (("N", "N"), ("N", "S"), ("S", "S"))
COLUMNS: dict[str, Any] = {
    "number": {"kind": "integer", "min": 1, "max": 99},
    "person": {"kind": "key"},
    "region": {"kind": "category", "values": list(REGIONS)},
    "all": {"kind": "category", "values": ["yes"]},
}
MONTHLY = validate(
    {
        "max_rows": 12,
        "unique": ["number", ["person", "month"]],
        "columns": COLUMNS | {"month": {"kind": "integer", "min": 1, "max": 2}},
    },
    Declaration,
    "declaration",
)
"""Several rows of a person; the rows' own numbers are unique all the same."""
EDITED = validate({"max_rows": 6, "unique": ["person"], "columns": COLUMNS}, Declaration, "declaration")
USES = {"all": ["group"], "region": ["group", "filter"], "month": ["filter"]}
FILTERS = (None, "region = 'N'", "not region = 'N'")
NAMED = {"filters": ["region", "not region = 'N'", "month = 1", "month = 2"]}
ALLOWED = {"people": {"columns": USES, "min_count": LEAST, **NAMED}}
POLICY = validate(toyworld.POLICY | {"datasets": ALLOWED}, Policy, "policy")
UNASKED = validate(
    toyworld.POLICY | {"datasets": {"people": ALLOWED["people"] | {"rows_per_unit": {"person": 1}}}}, Policy, "policy"
)
"""For rows of which nothing says how many one person has: so that nobody is asked about each table by itself."""


@dataclass(frozen=True)
class Asked:
    """A job, asked for once the register is in an edition. `cells`: for each, a 1 for each kind that it counts."""

    name: str
    proposal: Proposal
    declared: Declaration
    edition: int
    cells: Counts

    def line(self, edition: int) -> Line:
        """What a ledger has of it, by what was found out about an edition."""
        found = {
            f"unit {','.join(one)}: {name} by toy": f"{edition}"
            for one in self.declared.unique
            for name in self.declared.columns
        }
        told = release(self.proposal, registry.find("joint-count").manifest)
        prints = found | {"all rows": f"{edition}"}
        return Line(job_id(self.proposal.job_digest), told, None, "final", prints, float(edition))


def _asked(declared: Declaration, by: str, where: str | None, edition: int, cells: Counts) -> Asked:
    part = {"dataset": "people"} | ({} if where is None else {"where": where})
    parties = {"tax": part, "welfare": {}, "statistics": {}}
    said = {"purpose": f"edition {edition}", "legal_basis": "l", "receivers": ["coordinator"]}
    found = registry.find("joint-count")
    asked = {"protocol": "joint-count", "parties": parties, "params": {"by": [by]}, "disclosure": {"min_count": LEAST}}
    job = validate(said | asked, Job, "job")
    used = {by, *(name for name in ("region", "month") if name in (where or ""))}
    proposal = Proposal(
        job=job, protocol_digest=found.digest, roster_digest=toyworld.ROSTER_DIGEST, threshold=1,
        declarations={"tax": declared.only(used)}, proposed_at=toyworld.NOW - 10, approve_before=toyworld.NOW + 100,
        nonce=f"{edition:032}",
    )  # fmt: skip
    return Asked(f"by {by} where {where}, edition {edition}", proposal, declared, edition, cells)


def _cells(kinds: Kinds, by: str, where: str | None, which: Sequence[int]) -> Counts:
    chosen = {None: {*REGIONS}, FILTERS[1]: {"N"}, FILTERS[2]: {"S"}}[where]
    named = [{region} for region in REGIONS] if by == "region" else [{*REGIONS}]
    return np.array([[sum(kind[i] in one & chosen for i in which) for kind in kinds] for one in named])


def monthly() -> Iterator[Asked]:
    """All jobs over a register with a row for each month."""
    for by, region, month in itertools.product(("all", "region"), FILTERS, (None, 1, 2)):
        both = [text for text in (None if month is None else f"month = {month}", region) if text]
        which = (0, 1) if month is None else (month - 1,)
        yield _asked(MONTHLY, by, " and ".join(both) or None, 1, _cells(OF_MONTHS, by, region, which))


def edited() -> Iterator[Asked]:
    """All jobs over a register before and after it is brought up to date."""
    for edition, by, region in itertools.product((1, 2), ("all", "region"), FILTERS):
        yield _asked(EDITED, by, region, edition, _cells(OF_EDITIONS, by, region, (edition - 1,)))


def permits(asked: Asked, earlier: Sequence[Asked]) -> bool:
    """Whether the node lets a job run by itself after these, and its rows go on once they are read.

    It is asked for twice: when nothing is known yet of an edition that it is the first to read, and when it is.
    """
    lines = tuple(one.line(one.edition) for one in earlier)
    before = max((one.edition for one in earlier), default=asked.edition)
    if before > asked.edition:
        return False
    here = {
        **vars(toyworld.facts("tax")), "policy": UNASKED if asked.declared is MONTHLY else POLICY,
        "declaration": asked.declared,
        "protocol": registry.find("joint-count"),
    }  # fmt: skip
    for known in dict.fromkeys((before, asked.edition)):
        believed = asked.line(known)
        facts = toyworld.OfOneProposal(**{**here, "ledger": View(lines, found=units.of_units(believed.snapshot))})
        verdict = decide(asked.proposal, facts)
        if isinstance(verdict, Permit) and verdict.approve == "standing" and _admits(believed, asked, lines, facts):
            return True
    return False


def _admits(believed: Line, asked: Asked, lines: Sequence[Line], facts: Facts) -> bool:
    """As `ledger.admit`: rows that must be the same are, and persons who must be others."""
    read, persons = asked.line(asked.edition), units.here(asked.proposal, facts).persons
    same = [one for one in lines if one.release and read.release and same_rows("tax", read.release, one.release)]
    return all(one.snapshot["all rows"] == read.snapshot["all rows"] for one in same) and not any(
        units.meets("tax", believed, read, one, persons) for one in lines
    )


def registers(kinds: Kinds) -> Counts:
    """Every register: how many persons of each kind, at most seven in all; shape (registers, kinds)."""
    found = [
        np.bincount(np.array(chosen, dtype=np.int64), minlength=len(kinds))
        for total in range(MOST_PERSONS + 2)
        for chosen in itertools.combinations_with_replacement(range(len(kinds)), total)
    ]
    return np.array(found)
