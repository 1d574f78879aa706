"""Jobs with noise over registers of a few persons: neighbours are never further apart than the epsilon charged.

Neighbours are two registers of which one has all rows of one person and the other none of them. How far apart a job
makes them is worked out from what each cell truly changes by and from the law that its noise is drawn from; the lengths
of the lists count too. Every register and every person of it are tried, for every job of a grammar that a node lets
through.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from mpcgov import registry
from mpcgov.jobs import check, noising
from mpcgov.linked.lengths import length_law
from mpcgov.node.decide import decide
from mpcgov.node.facts import Balance, Facts, Permit, View
from mpcgov.rules import privacy
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.policy import Policy
from mpcgov.spec.statement import Proposal
from tests.adversary import toyworld

HOUSEHOLDS = ("h", "i")
Person = tuple[str, str, bool]
"""A person's household and pay at tax, and whether welfare has it."""
KINDS: tuple[Person, ...] = tuple(itertools.product(HOUSEHOLDS, toyworld.PAYS, (False, True)))
MOST_PERSONS = 4
DECLARED: dict[str, dict[str, Any]] = {
    "tax": {
        "max_rows": 6,
        "unique": ["person"],
        "columns": {
            "person": {"kind": "key"},
            "household": {"kind": "key"},
            "pay": {"kind": "category", "values": list(toyworld.PAYS)},
        },
    },
    "welfare": {
        "max_rows": 6,
        "unique": ["person"],
        "columns": {"person": {"kind": "key"}, "household": {"kind": "key"}},
    },
}
COLUMNS = {"person": ["key"], "household": ["key"], "pay": ["group", "filter"]}
POLICY = toyworld.POLICY | {
    "datasets": {
        "people": {
            "columns": COLUMNS,
            "min_count": 3,
            "rows_per_unit": {"person": {"rows": 1, "key": ["person"]}},
        }
    }
}


def proposals() -> Iterator[Proposal]:
    """Every job: counts of tax, and of linked persons or households, each by the key of either."""
    for key, lengths in itertools.product(("person", "household"), ("0.1", "0.5", "max_rows")):
        noise = {"mechanism": "discrete-laplace", "epsilon": "1", "unit": "person", "bound": 1}
        rules = {"min_count": 3, "noise": noise | {"lengths": lengths}}
        rule = {} if key == "person" else {"duplicates": {"pay": "max"}}
        parties = {
            "tax": {"dataset": "people", "key": key, **rule},
            "welfare": {"dataset": "people", "key": key, **({} if key == "person" else {"duplicates": {}})},
            "statistics": {},
        }
        yield _proposal("linked-count", parties, {"by": ["tax.pay"]}, rules)
    rules = {"min_count": 3, "noise": {"mechanism": "discrete-laplace", "epsilon": "1", "unit": "person", "bound": 1}}
    for key in (None, "person", "household"):
        part = {"dataset": "people"} | ({"key": key} if key else {})
        yield _proposal("joint-count", {"tax": part, "welfare": {}, "statistics": {}}, {"by": ["pay"]}, rules)


def _proposal(protocol: str, parties: dict[str, Any], params: dict[str, Any], rules: dict[str, Any]) -> Proposal:
    said = {"purpose": "p", "legal_basis": "l", "receivers": ["coordinator"]}
    given = {"protocol": protocol, "parties": parties, "params": params, "disclosure": rules}
    job, found = validate(said | given, Job, "job"), registry.find(protocol)
    declared = {party: validate(DECLARED[party], toyworld.Declaration, "d") for party in job.data_parties}
    used = {party: set(check.used_columns(job, found.manifest, party)) for party in declared}
    return Proposal(
        job=job, protocol_digest=found.digest, roster_digest=toyworld.ROSTER_DIGEST, threshold=1,
        declarations={party: one.only(used[party]) for party, one in declared.items()},
        proposed_at=toyworld.NOW - 10, approve_before=toyworld.NOW + 100, nonce="0" * 32,
    )  # fmt: skip


def permitted(proposal: Proposal) -> bool:
    """Whether every owner's node lets it run by itself."""
    for me in proposal.job.data_parties:
        balance = Balance("people", "person", "epsilon", Fraction(10), Fraction(0))
        here = {
            **vars(toyworld.facts(me)),
            "policy": validate(POLICY, Policy, "policy"),
            "protocol": registry.find(proposal.job.protocol_name),
            "declaration": validate(DECLARED[me], toyworld.Declaration, "d"),
            "ledger": View(balance=balance),
        }
        if not isinstance(decide(proposal, Facts(**here)), Permit):
            return False
    return True


def cells(proposal: Proposal, people: Sequence[Person]) -> dict[str, int]:
    """The exact table: rows as the reader makes them, one for each key, with the greatest pay."""
    part, linked = proposal.job.parties["tax"], proposal.job.protocol_name == "linked-count"
    rows: dict[object, str] = {}
    for number, (household, pay, on_welfare) in enumerate(people):
        key: object = household if part.key == ("household",) else number
        if not linked or on_welfare or any(other[0] == key and other[2] for other in people):
            rows[key] = max(pay, rows.get(key, pay))
    counts = dict.fromkeys(toyworld.PAYS, 0)
    for pay in rows.values():
        counts[pay] += 1
    return counts


def keys(proposal: Proposal, owner: str, people: Sequence[Person]) -> int:
    """How long an owner's list is."""
    listed = [(n, one) for n, one in enumerate(people) if owner == "tax" or one[2]]
    household = proposal.job.parties[owner].key == ("household",)
    return len({one[0] if household else n for n, one in listed})


def rates(proposal: Proposal) -> tuple[Fraction, Fraction]:
    """What one more in a cell tells, and one more on a list, as a pure epsilon."""
    job, manifest = proposal.job, registry.find(proposal.job.protocol_name).manifest
    tables = check.result_tables(job, manifest, proposal.declarations)
    (law,) = noising.laws(job, manifest, proposal.declarations, noising.names(tables)).values()
    lengths = length_law(job, manifest) if manifest.linked else None
    return law.rate / law.step, Fraction(0) if lengths is None else lengths.rate


def worst(proposal: Proposal) -> Fraction:
    """How far apart the job makes a register and the one without a person at most, as a pure epsilon; all are tried."""
    cell_rate, list_rate = rates(proposal)

    def loss(people: Sequence[Person], left_out: int) -> Fraction:
        fewer = [*people[:left_out], *people[left_out + 1 :]]
        with_, without = cells(proposal, people), cells(proposal, fewer)
        in_cells = sum(abs(with_[pay] - without[pay]) for pay in with_)
        owners = proposal.job.data_parties
        on_lists = sum(abs(keys(proposal, owner, people) - keys(proposal, owner, fewer)) for owner in owners)
        return in_cells * cell_rate + on_lists * list_rate

    registers = (
        people for size in range(1, MOST_PERSONS + 1) for people in itertools.combinations_with_replacement(KINDS, size)
    )
    return max(loss(people, place) for people in registers for place in range(len(people)))


def over_charged() -> list[Proposal]:
    """The jobs that a node lets through and that tell more than they are charged for."""
    found = []
    for proposal in filter(permitted, proposals()):
        charged = privacy.spend(proposal.job)
        assert charged is not None
        if worst(proposal) > charged.amount:
            found.append(proposal)
    return found


def test_no_job_with_noise_tells_more_than_it_is_charged_for() -> None:
    assert sum(map(permitted, proposals())) == 5  # three choices of lengths by person; rows by no key and by person
    assert over_charged() == []


def test_lengths_that_nobody_pays_for_would_tell_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the part that hides lists' lengths not taken from what the cells may tell, two jobs would tell more."""
    monkeypatch.setattr(noising, "lengths", SimpleNamespace(part=lambda *_: Fraction(0)))
    assert len(over_charged()) == 2


@pytest.mark.slow
def test_noise_for_a_unit_by_another_key_would_tell_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the rule about the unit's key a person moves a household from one cell to another: twice the epsilon."""
    monkeypatch.setattr(privacy, "_key_faults", lambda unit, known, key: iter(()))
    assert {proposal.job.parties["tax"].key for proposal in over_charged()} == {("household",)}
