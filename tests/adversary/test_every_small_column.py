"""Every job that one agency can ask for about another's column, beside columns that it may have made up.

Tax receives, and has two columns of 0 and 1 beside welfare's `y`. A *kind* of person is what both say; a register is
the number of persons of each kind. Of what is released of `y` tax is taken to know the sums over everybody and over
those who have a 1 in each column that `y` was paired with or weighted by. Whatever sequence of jobs both nodes let
through, these fix no sum of `y` over fewer than `min_count` persons.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mpcgov import registry
from mpcgov.linked import classes, coarse, pairing
from mpcgov.node.decide import decide
from mpcgov.node.differencing import release
from mpcgov.node.facts import Line, Permit, View
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.policy import Policy
from mpcgov.spec.statement import Proposal, job_id
from mpcgov.spec.table import Declaration
from tests import nightly
from tests.adversary import toyworld
from tests.adversary.designed import NUMBER
from tests.adversary.designed import released as reference
from tests.adversary.test_every_small_job import sequences
from tests.adversary.test_own_columns import people
from tests.adversary.toyworld import LEAST, Counts

OWN = ("x", "z")
KINDS = tuple(itertools.product((0, 1), repeat=len(OWN)))
MOST_PERSONS = 9
PROTOCOL = registry.find("linked-statistics")
DECLARED = {
    party: validate(
        {
            "max_rows": 100,
            "unique": ["person"],
            "columns": {"person": {"kind": "key"}} | {name: {"kind": "integer", "min": 0, "max": 1} for name in names},
        },
        Declaration,
        "declaration",
    )
    for party, names in {"tax": OWN, "welfare": ("y",)}.items()
}
USES = {"person": ["key"]} | {name: ["measure"] for name in (*OWN, "y")}
POLICY = validate(
    toyworld.POLICY | {"receivers": ["tax"], "datasets": {"people": {"columns": USES, "min_count": LEAST}}},
    Policy,
    "policy",
)


@dataclass(frozen=True)
class Asked:
    """A job. `cells`: for each sum of `y` that tax knows by it, a 1 for each kind of person that it is over."""

    name: str
    proposal: Proposal
    cells: Counts

    @property
    def line(self) -> Line:
        """What a ledger has of it."""
        return Line(job_id(self.proposal.job_digest), release(self.proposal, PROTOCOL.manifest), None, "final", {}, 0.0)


def grammar() -> Iterator[Asked]:
    """All jobs: `y` by itself or not, paired with any of the columns, weighted by one or not."""
    pairs = [some for size in range(len(OWN) + 1) for some in itertools.combinations(OWN, size)]
    for mean, paired, weight in itertools.product((True, False), pairs, (None, *OWN)):
        if (not mean and not paired) or weight in paired:
            continue
        params: dict[str, Any] = {"measures": ["welfare.y"]} if mean else {}
        params |= {"correlations": [[f"tax.{name}", "welfare.y"] for name in paired]} if paired else {}
        params |= {} if weight is None else {"weight": f"tax.{weight}"}
        beside = {*paired, *([] if weight is None else [weight])}
        sums = [[1] * len(KINDS), *([kind[OWN.index(name)] for kind in KINDS] for name in sorted(beside))]
        yield Asked(f"mean {mean}, pairs {paired}, weight {weight}", _proposal(params), np.array(sums))


def _proposal(params: dict[str, Any]) -> Proposal:
    part = {"dataset": "people", "key": "person"}
    asked = {
        "protocol": "linked-statistics", "purpose": "p", "legal_basis": "l", "receivers": ["tax"], "params": params,
        "parties": {"tax": part, "welfare": part, "statistics": {}},
        "disclosure": {"min_count": LEAST, "numbers": 20},
    }  # fmt: skip
    job = validate(asked, Job, "job")
    used = {party: toyworld.used(job, party) for party in DECLARED}
    return Proposal(
        job=job, protocol_digest=PROTOCOL.digest, roster_digest=toyworld.ROSTER_DIGEST, threshold=1,
        declarations={party: DECLARED[party].only(names) for party, names in used.items()},
        proposed_at=toyworld.NOW - 10, approve_before=toyworld.NOW + 100, nonce="0" * 32,
    )  # fmt: skip


def permits(asked: Asked, earlier: Sequence[Asked]) -> bool:
    """Whether both owners' nodes let a job run by itself, after these."""
    for me, declared in DECLARED.items():
        here = {**vars(toyworld.facts(me)), "policy": POLICY, "protocol": PROTOCOL, "declaration": declared}
        verdict = decide(
            asked.proposal, toyworld.OfOneProposal(**{**here, "ledger": View(tuple(one.line for one in earlier))})
        )
        if not isinstance(verdict, Permit) or verdict.approve != "standing":
            return False
    return True


def few_told(released: Sequence[Asked]) -> int:
    """Of how many registers the jobs fix a sum of fewer than `min_count` persons' values.

    Columns of which fewer than so many have either value show nothing, by a rule inside MPC.
    """
    known = np.unique(np.concatenate([one.cells for one in released]), axis=0)
    _, singular, right = np.linalg.svd(known.astype(float))
    free = right[np.sum(singular > 1e-9) :]
    combined = np.array(list(itertools.product((-1, 0, 1), repeat=len(KINDS))))
    fixed = combined[(np.abs(combined @ free.T) < 1e-9).all(axis=1) & combined.any(axis=1)]
    found = 0
    for register in itertools.product(range(MOST_PERSONS + 1), repeat=len(KINDS)):
        persons = np.array(register)
        sides = [(persons @ row, persons @ (1 - row)) for row in known if not row.all()]
        if LEAST <= persons.sum() <= MOST_PERSONS and all(min(side) >= LEAST for side in sides):
            about = np.abs(fixed) @ persons
            found += bool(((about > 0) & (about < LEAST)).any())
    return found


def test_no_sequence_of_jobs_tells_a_few_persons_values(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = list(grammar())
    tried, largest = sequences(jobs, permits)
    with capsys.disabled():
        print(f"{len(jobs)} jobs about a column, {tried} sequences, {len(largest)} largest sets")
    assert tried > len(largest)
    for released in largest:
        assert not few_told(released), [one.name for one in released]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "rule"), nightly.first(1, [(pairing, "adds"), (coarse, "faults")]), ids=["two jobs", "one"]
)
def test_more_columns_beside_anothers_would_tell(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, rule: str
) -> None:
    monkeypatch.setattr(module, rule, lambda *_: ())
    jobs = [one for one in grammar() if "weight None" in one.name]
    _, largest = sequences(jobs, permits)
    assert any(few_told(released) for released in largest)


# -- a receiver's own column in classes


def singled_out() -> int:
    """Of all own columns of up to nine persons, all linked but one, how many have numbers, or none, as that one is
    linked though fewer than `min_count` persons are of its class."""
    found = 0
    for size in range(LEAST, MOST_PERSONS + 1):
        for column in itertools.combinations_with_replacement(("0", "1", "2", "9"), size):
            own = classes.in_classes([{"x": value} for value in column], {"x": {"places": 0}}, [], LEAST, classes.MOST)
            for place, row in enumerate(own):
                linked = own[:place] + own[place + 1 :]
                shown = [classes.of_enough(own, some, ["x"], [], LEAST) for some in (own, linked)]
                found += shown[0] != shown[1] and sum(one == row for one in own) < LEAST
    return found


def few_in_a_class() -> int:
    """Of the same columns, how many have a class of fewer than so many persons, of whom a number would be."""
    columns = itertools.combinations_with_replacement(("0", "1", "2", "9"), MOST_PERSONS)
    cut = ([*map(len, classes.cut([(int(value),) for value in one], LEAST, classes.MOST))] for one in columns)
    return sum(min(sizes) < LEAST for sizes in cut)


def test_no_column_that_a_receiver_makes_up_singles_out_who_is_linked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert singled_out() == few_in_a_class() == 0
    halved = classes._halved
    monkeypatch.setattr(classes, "_halved", lambda places, rows, least, *more: halved(places, rows, 1, *more))
    assert few_in_a_class() > 0


# -- a model in which few persons are far from all others


def far_from_others(run: Any, most: int = 6) -> int:
    """Of all models in which up to so many of 140 persons are far away, how many are shown though one person has a
    quarter of what decides the coefficient or more, by the leverages of plain numbers."""
    found, wage = 0, np.random.default_rng(0).integers(1, 1000, 140)
    for few, far in itertools.product(range(1, most + 1), (30, 10**6)):
        own = np.arange(len(wage)) % 2
        own[:few] = far
        whole = np.column_stack([np.ones(len(wage)), own, wage])
        share = float((np.linalg.qr(whole)[0] ** 2).sum(axis=1).max())
        owners = {"tax": people(x=own), "welfare": people(wage=wage)}
        domains = {"tax.x": NUMBER, "welfare.wage": NUMBER}
        params = {"outcome": "welfare.wage", "predictors": ["tax.x"]}
        shown = run(owners, domains, params, {"min_count": LEAST})["fit"][0][0] is not None
        found += shown and share >= 0.25
    return found


def test_no_model_rests_on_one_person() -> None:
    assert far_from_others(reference("linked-regression")) == 0
    assert far_from_others(reference("linked-regression", LARGEST_SHARE=Fraction(2)), most=3) == 6
