"""Attacks that nothing stops yet, each asserting what would hold if something did.

Strict: whoever closes one of them removes its mark, and the sentence that says so in `docs/security/`.
"""

from __future__ import annotations

import itertools
import runpy
from typing import Any

import numpy as np
import pytest

from mpcgov import check, registry
from mpcgov.node.decide import decide
from mpcgov.node.differencing import release
from mpcgov.node.facts import Facts, Line, Permit, View
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.policy import Policy
from mpcgov.spec.roster import Roster
from mpcgov.spec.statement import Proposal, job_id
from mpcgov.spec.table import Declaration
from tests.adversary.toyworld import NOW, ROSTER_DIGEST, _card

LEAST = 10
WIDTH = 1_000
WAGES = (3 * WIDTH + 7, 5 * WIDTH + 1, 2 * WIDTH)
"""Of the three persons asked about, numbered from 0; everybody else's number is known to exist."""

PEOPLE = validate(
    {
        "max_rows": 5_000,
        "unique": ["id"],
        "columns": {
            "id": {"kind": "key"},
            "number": {"kind": "integer", "min": 0, "max": 9_999},
            "wage": {"kind": "integer", "min": 0, "max": 9_999},
            "country": {"kind": "category", "values": ["PL"]},
        },
    },
    Declaration,
    "declaration",
)
POLICY = validate(
    {
        "approve": "standing",
        "protocols": ["*"],
        "purposes": ["*"],
        "partners": ["*"],
        "receivers": ["coordinator"],
        "datasets": {
            "people": {
                "columns": {"number": ["filter"], "wage": ["filter"], "country": ["group"]},
                "rows_per_unit": {"person": {"rows": 1, "key": ["id"]}},
            }
        },
    },
    Policy,
    "policy",
)
FOUND = {f"unit id: {column} by toy": "as it was" for column in ("number", "wage", "country")}
PARTIES = ("tax", "hosp", "census")
NUMBER = {"kind": "integer", "min": 0, "max": 1_000_000}


def counted(where: str) -> Proposal:
    """A job that counts the tax office's persons who meet a condition."""
    tax = {"dataset": "people", "where": where}
    job = validate(
        {
            "purpose": "p",
            "legal_basis": "l",
            "protocol": "joint-count",
            "receivers": ["coordinator"],
            "params": {"by": ["country"]},
            "parties": {"tax": tax, "hosp": {}, "census": {}},
        },
        Job,
        "job",
    )
    protocol = registry.find(job.protocol_name)
    declared = {"tax": PEOPLE.only(set(check.used_columns(job, protocol.manifest, "tax")))}
    check.check_job(job, protocol.manifest, declared, 1)
    return Proposal(
        job=job,
        protocol_digest=protocol.digest,
        roster_digest=ROSTER_DIGEST,
        threshold=1,
        declarations=declared,
        proposed_at=NOW - 10,
        approve_before=NOW + 100,
        nonce="0" * 32,
    )


def permits(proposal: Proposal, lines: list[Line]) -> bool:
    """Whether the tax office's node lets a job run by itself after these; if so, it is one of them."""
    roster = Roster(serial=1, threshold=1, parties=tuple(map(_card, PARTIES)), coordinator=_card("hq", "coordinator"))
    protocol = registry.find("joint-count")
    ledger = View(tuple(lines), found=FOUND)
    verdict = decide(proposal, Facts("tax", float(NOW), roster, ROSTER_DIGEST, POLICY, protocol, PEOPLE, None, ledger))
    if not isinstance(verdict, Permit) or verdict.approve != "standing":
        return False
    row = release(proposal, protocol.manifest)
    lines.append(Line(job_id(proposal.job_digest), row, None, "final", FOUND, 0.0))
    return True


@pytest.mark.xfail(
    strict=True, reason="open: under standing approval, filters should only be ones from a list in the policy"
)
def test_no_filter_pads_one_person_with_others_who_are_known() -> None:
    """Ten known persons, or one more if that one's wage is between two limits: no two such jobs share a row."""
    lines: list[Line] = []
    padding = itertools.count(LEAST, LEAST)

    def shows(target: int, low: int) -> bool:
        first, high = next(padding), low + WIDTH - 1
        one = f"number = {target} and wage between {low} and {high}"
        asked = counted(f"number between {first} and {first + LEAST - 1} or ({one})")
        return permits(asked, lines) and LEAST + (low <= WAGES[target] <= high) > LEAST

    found = [next((low for low in range(0, 10 * WIDTH, WIDTH) if shows(t, low)), None) for t in range(len(WAGES))]
    assert found != [wage // WIDTH * WIDTH for wage in WAGES]


def run(protocol: str) -> Any:
    return runpy.run_path(str(registry.find(protocol).folder / "reference.py"))["run"]


@pytest.mark.xfail(
    strict=True, reason="open: a receiver's own columns should be clipped by their owner, so that no row has the share"
)
def test_whether_there_is_a_model_says_nothing_about_one_person() -> None:
    """One's own predictor is 0 … 4, and a million for one person: no model if and only if that one is linked."""
    rng, model, tables = np.random.default_rng(3), run("linked-regression"), 12
    right = 0
    for table in range(tables):
        linked = bool(table % 2)
        wages = rng.lognormal(8, 0.4, 300).astype(int).clip(0, 50_000)
        own = rng.integers(0, 5, 300)
        own[0] = 1_000_000
        owners = {
            "hosp": {(str(p),): {"x": str(x)} for p, x in enumerate(own)},
            "tax": {(str(p),): {"wage": str(wage)} for p, wage in enumerate(wages) if p or linked},
        }
        domains = {"hosp.x": NUMBER, "tax.wage": NUMBER}
        rules = {"min_count": LEAST, "receivers": ("hosp",)}
        found = model(owners, domains, {"outcome": "tax.wage", "predictors": ["hosp.x"]}, rules)
        right += (found["fit"][0][0] is None) == linked
    assert right <= 0.75 * tables


@pytest.mark.xfail(
    strict=True, reason="open: a receiver's own columns should be clipped by their owner, so that no row has the share"
)
def test_whether_a_mean_is_shown_says_nothing_about_one_person() -> None:
    """One's own column is 0 … 2, and 1023 for two who are known to be linked and one who isn't, in every cell."""
    rng, cells, far = np.random.default_rng(4), 12, 1_023
    groups = [f"g{i}" for i in range(cells)]
    hosp: dict[tuple[str], dict[str, str]] = {}
    tax: dict[tuple[str], dict[str, str]] = {}
    for i, j in itertools.product(range(cells), range(100)):
        key = (f"{i}-{j}",)
        hosp[key] = {"g": groups[i], "x": str(far if j < 3 else rng.integers(0, 3))}
        # 60 of 100: n decides how wide a step is, and with this one three far rows are half a step, and two aren't
        if j < 2 or (j == 2 and i % 2) or 3 <= j < 61:
            tax[key] = {"wage": "1"}
    domains = {"hosp.g": groups, "hosp.x": {"min": 0, "max": far}}
    rules = {"join": "inner", "min_count": LEAST, "receivers": ["hosp"]}
    table = run("linked-statistics")(
        {"hosp": hosp, "tax": tax}, domains, {"by": ["hosp.g"], "measures": ["hosp.x"]}, rules
    )
    right = sum((mean is not None) == bool(i % 2) for i, (_, _, mean, _) in enumerate(table["statistics"]))
    assert right <= 0.75 * cells
