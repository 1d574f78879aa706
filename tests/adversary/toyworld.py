"""A world so small that everything in it can be tried: two registers of at most six persons, and all jobs of a grammar.

`tax` has one row for each of its persons: sex and pay. `welfare` has two rows for each of its persons, one a month. A
*kind* of person is what the registers say of it: a row of one kind at `tax` or none, and rows at `welfare` or none.
A register is the number of persons of each kind; a released count is a sum over kinds.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgov import registry
from mpcgov.jobs import check
from mpcgov.node.decide import decide
from mpcgov.node.differencing import Release, release
from mpcgov.node.facts import Facts, Line, Permit, View
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.policy import Policy
from mpcgov.spec.roster import Card, Roster
from mpcgov.spec.statement import Proposal, job_id
from mpcgov.spec.table import Declaration

LEAST = 3
MOST_PERSONS = 6
SEXES, PAYS = ("F", "M"), ("0", "1")
OWNERS = ("tax", "welfare")
PARTIES = (*OWNERS, "statistics")
KINDS: tuple[tuple[tuple[str, str] | None, bool], ...] = tuple(
    (row, on_welfare)
    for row in (None, *itertools.product(SEXES, PAYS))
    for on_welfare in (False, True)
    if row or on_welfare
)
"""What a person's rows say: sex and pay at tax, or None without a row there; and whether welfare has it."""

MONTHS = {"rows_per_unit": {"person": {"rows": 2, "key": ["person"]}}}
"""What welfare's policy says besides: a person has a row for each month, and is known by this key."""

NOW = 1_800_000_000
ROSTER_DIGEST = "sha256:" + "1" * 64
DECLARED = {
    "tax": {
        "max_rows": 6,
        "unique": ["person"],
        "columns": {
            "person": {"kind": "key"},
            "sex": {"kind": "category", "values": list(SEXES)},
            "pay": {"kind": "category", "values": list(PAYS)},
            "all": {"kind": "category", "values": ["yes"]},
        },
    },
    "welfare": {
        "max_rows": 12,
        "columns": {
            "person": {"kind": "key"},
            "month": {"kind": "integer", "min": 1, "max": 2},
            "sex": {"kind": "category", "values": list(SEXES)},
            "all": {"kind": "category", "values": ["yes"]},
        },
    },
}
POLICY: dict[str, Any] = {
    "approve": "standing",
    "protocols": ["*"],
    "purposes": ["*"],
    "partners": ["*"],
    "receivers": ["*", "coordinator"],
    "link": ["matcher"],
    "datasets": {
        "people": {
            "columns": {
                "person": ["key"],
                "sex": ["group", "filter"],
                "pay": ["group", "filter"],
                "month": ["filter"],
            },
            "min_count": LEAST,
            "filters": ["sex", "not sex = 'F'", "pay", "month = 1", "month = 2"],
            "partner_filters": {"tax": ["sex", "not sex = 'F'", "pay"], "welfare": ["month = 1", "month = 2"]},
        }
    },
}

FOUND = {f"unit person: {column} by toy": "as it was" for column in ("sex", "pay", "month")}
"""What jobs find out about who has which value: nothing changes here, see `toychanges` for where it does."""

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Asked:
    """One job of the grammar. `rows`: for each of its cells, a 1 for each kind of person that it counts."""

    name: str
    proposal: Proposal
    cells: Counts
    line: Line

    @classmethod
    def of(cls, name: str, job: dict[str, Any], cells: Sequence[Sequence[int]]) -> Asked:
        """A job as the coordinator proposes it, and what the ledger will have of it."""
        built = validate({"purpose": "p", "legal_basis": "l", "receivers": ["coordinator"]} | job, Job, "job")
        manifest = registry.find(built.protocol_name).manifest
        proposal = Proposal(
            job=built,
            protocol_digest=registry.find(built.protocol_name).digest,
            roster_digest=ROSTER_DIGEST,
            threshold=1,
            declarations={p: declared(p).only(used(built, p)) for p in built.data_parties},
            proposed_at=NOW - 10,
            approve_before=NOW + 100,
            nonce="0" * 32,
        )
        line = Line(job_id(proposal.job_digest), release(proposal, manifest), None, "final", FOUND, 0.0)
        return cls(name, proposal, np.array(cells, dtype=np.int64), line)


def used(job: Job, party: str) -> set[str]:
    """The columns of a party that a job uses."""
    return set(check.used_columns(job, registry.find(job.protocol_name).manifest, party))


@cache
def declared(party: str) -> Declaration:
    """What one owner declares."""
    return validate(DECLARED[party], Declaration, "declaration")


def _card(name: str, role: str = "party") -> Card:
    digits = f"{sum(name.encode()):064x}"
    address = f"127.0.0.1:{7000 + len(name)}" if role == "party" else None
    return Card(
        role=role, id=name, address=address, certificate="not read here",
        certificate_digest=f"sha256:{digits}", signing_key=digits,
    )  # fmt: skip


@cache
def facts(me: str) -> Facts:
    """One owner's node before anything was released."""
    roster = Roster(serial=1, threshold=1, parties=tuple(map(_card, PARTIES)), coordinator=_card("hq", "coordinator"))
    people = POLICY["datasets"]["people"] | (MONTHS if me == "welfare" else {})
    policy = validate(POLICY | {"datasets": {"people": people}}, Policy, "policy")
    return Facts(me, float(NOW), roster, ROSTER_DIGEST, policy, None, declared(me), None)


class OfOneProposal(Facts):
    """For one decision: many rules ask what its proposal releases, which takes a third of the whole search."""

    def release(self, proposal: Proposal) -> Release | None:
        """As it is, worked out once."""
        if "released" not in vars(self):
            vars(self)["released"] = super().release(proposal)
        released: Release | None = vars(self)["released"]
        return released


def permits(asked: Asked, earlier: Sequence[Asked]) -> bool:
    """Whether every owner's node lets a job run by itself, after these."""
    for me in OWNERS:
        view = View(tuple(one.line for one in earlier if me in one.proposal.job.data_parties), found=FOUND)
        protocol = registry.find(asked.proposal.job.protocol_name)
        here = OfOneProposal(**{**vars(facts(me)), "protocol": protocol, "ledger": view})
        if me not in asked.proposal.job.data_parties:
            continue
        if not isinstance(verdict := decide(asked.proposal, here), Permit) or verdict.approve != "standing":
            return False
    return True


TAX_FILTERS = (None, "sex = 'F'", "not sex = 'F'", "pay = '1'")
WELFARE_FILTERS = (None, "month = 1", "month = 2")
CELLS = ((), ("sex",), ("pay",), ("sex", "pay"))


def grammar() -> Iterator[Asked]:
    """All jobs that there are."""
    for by, condition in itertools.product(CELLS[1:], TAX_FILTERS):
        job = {
            "protocol": "joint-count",
            "parties": {"tax": _part("people", condition), "welfare": {}, "statistics": {}},
            "params": {"by": list(by)},
            "disclosure": {"min_count": LEAST},
        }
        yield Asked.of(f"count of tax by {by} where {condition}", job, _cells(by, condition, linked=False))
    for by, condition, month in itertools.product(CELLS, TAX_FILTERS, WELFARE_FILTERS):
        job = {
            "protocol": "linked-count" if by else "overlap",
            "parties": _linked(condition, month),
            "params": {"by": [f"tax.{column}" for column in by]} if by else {},
            "disclosure": {"min_count": LEAST},
        }
        yield Asked.of(f"linked by {by} where {condition}, {month}", job, _cells(by, condition, linked=True))


def _part(dataset: str, condition: str | None, **more: Any) -> dict[str, Any]:
    return {"dataset": dataset, **({"where": condition} if condition else {}), **more}


def _linked(condition: str | None, month: str | None) -> dict[str, Any]:
    return {
        "tax": _part("people", condition, key="person"),
        "welfare": _part("people", month, key="person", duplicates={}),
        "statistics": {},
    }


def _cells(by: Sequence[str], condition: str | None, linked: bool) -> list[list[int]]:
    holds = {
        None: lambda row: True,
        "sex = 'F'": lambda row: row[0] == "F",
        "not sex = 'F'": lambda row: row[0] != "F",
        "pay = '1'": lambda row: row[1] == "1",
    }[condition]
    values = {"sex": (0, SEXES), "pay": (1, PAYS)}
    names = list(itertools.product(*(values[column][1] for column in by)))
    return [
        [
            int(row is not None and holds(row) and (welfare or not linked)
                and all(row[values[column][0]] == value for column, value in zip(by, name, strict=True)))
            for row, welfare in KINDS
        ]
        for name in names
    ]  # fmt: skip


def registers() -> Counts:
    """Every register: how many persons of each kind, at most six in all; shape (registers, kinds)."""
    found = [
        counts
        for total in range(MOST_PERSONS + 1)
        for chosen in itertools.combinations_with_replacement(range(len(KINDS)), total)
        for counts in [np.bincount(np.array(chosen, dtype=np.int64), minlength=len(KINDS))]
    ]
    return np.array(found)
