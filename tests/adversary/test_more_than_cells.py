"""Tables that tell more than how many are in cells, beside others that overlap them: people say yes if they can.

By how many persons two tables differ is counted by cells. Of a column's quality are the rows at the ends of its range,
which are in no cell: a table of those rows, less one person, tells whether that person is among them. And a mean of a
column of 0 and 1 is how many have a 1: of two groups that differ in ten persons, how many of the ten. No two of these
tables differ in few. Gains are persons found of persons tried.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from mpcgov import disclosure, registry
from mpcgov.node.decide import decide
from mpcgov.node.differencing import release
from mpcgov.node.facts import Facts, Line, Permit, View
from mpcgov.node.overlaps import question_of
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.policy import Policy
from mpcgov.spec.statement import Proposal, job_id
from mpcgov.spec.table import Declaration
from mpcgov.worker import differing
from tests.adversary import toyworld
from tests.linked.test_references import reference

LEAST, PERSONS, TRIED = 10, 400, 20
TARGET = 101
"""Everybody knows that one person is so old."""
DECLARED: dict[str, Any] = {
    "max_rows": 1000,
    "unique": ["person"],
    "columns": {
        "person": {"kind": "key"},
        "age": {"kind": "integer", "min": 0, "max": 120},
        "pay": {"kind": "integer", "min": 0, "max": 99},
        "fined": {"kind": "integer", "min": 0, "max": 1},
        "all": {"kind": "category", "values": ["yes"]},
    },
}
COLUMNS = list(DECLARED["columns"])
DECLARATION = validate(DECLARED, Declaration, "declaration")
USES = {"person": ["quality"], "age": ["filter"], "pay": ["filter", "quality"], "fined": ["measure"], "all": ["group"]}
PEOPLE = {"columns": USES, "min_count": LEAST, "overlapping": "ask"}
POLICY = validate(toyworld.POLICY | {"approve": "manual", "datasets": {"people": PEOPLE}}, Policy, "policy")
Rows = list[dict[str, str]]


def proposal(protocol: str, params: dict[str, Any], where: str | None) -> Proposal:
    part = {"dataset": "people"} | ({"where": where} if where else {})
    asked = {
        "protocol": protocol, "purpose": "p", "legal_basis": "l", "receivers": ["coordinator"], "params": params,
        "parties": {"tax": part, "welfare": {}, "statistics": {}}, "disclosure": {"min_count": LEAST},
    }  # fmt: skip
    job = validate(asked, Job, "job")
    if protocol == "joint-statistics":
        job = validate(asked | {"disclosure": {"min_count": LEAST, "numbers": 4}}, Job, "job")
    return Proposal(
        job=job, protocol_digest=registry.find(protocol).digest, roster_digest=toyworld.ROSTER_DIGEST, threshold=1,
        declarations={"tax": DECLARATION.only(toyworld.used(job, "tax"))}, proposed_at=toyworld.NOW - 10,
        approve_before=toyworld.NOW + 100, nonce="0" * 32,
    )  # fmt: skip


def comes_out(folder: Path, rows: Rows, new: Proposal, earlier: Proposal) -> bool:
    """Whether people who say yes wherever they can let a job through after another."""
    old = release(earlier, registry.find(earlier.job.protocol_name).manifest)
    line = Line(job_id(earlier.job_digest), old, None, "final", toyworld.FOUND, 0.0)
    more = {"policy": POLICY, "protocol": registry.find(new.job.protocol_name), "declaration": DECLARATION}
    said = decide(new, Facts(**vars(toyworld.facts("tax")) | more | {"ledger": View((line,), found=toyworld.FOUND)}))
    if not isinstance(said, Permit) or said.beside:
        return False
    lines = [",".join(COLUMNS), *(",".join(row[name] for name in COLUMNS) for row in rows), ""]
    (folder / "people.csv").write_text("\n".join(lines))
    (folder / "datasets.yaml").write_text(yaml.safe_dump({"people": {"source": "people.csv"} | DECLARED}))
    asked = release(new, registry.find(new.job.protocol_name).manifest)
    assert said.overlaps
    return differing.found(question_of("tax", str(folder / "datasets.yaml"), LEAST, asked, [old], [])).least >= LEAST


def register(rng: random.Random) -> Rows:
    rows = [
        {"age": str(rng.randrange(100)), "pay": str(rng.choice((2, 50, 70, 98))), "fined": str(rng.randrange(2))}
        for _ in range(PERSONS)
    ]
    rows[0]["age"] = str(TARGET)
    return [{"person": str(number), "all": "yes"} | row for number, row in enumerate(rows)]


def test_a_columns_quality_and_a_table_tell_of_nobody(tmp_path: Path) -> None:
    """How many have the lowest pay, and how many of these but the oldest."""
    rng, found = random.Random(1), 0
    quality = proposal("data-quality", {"columns": ["tax.pay"]}, None)
    table = proposal("joint-count", {"by": ["all"]}, f"pay <= 4 and age != {TARGET}")
    for _ in range(TRIED):
        rows = register(rng)
        chosen = [row for row in rows if int(row["pay"]) <= 4 and row["age"] != str(TARGET)]
        if not all(comes_out(tmp_path, rows, *pair) for pair in ((table, quality), (quality, table))):
            continue
        domains = {"tax.pay": {"kind": "integer", "min": 0, "max": 99}}
        told = reference("data-quality").run(
            {"tax": dict(enumerate(rows))}, domains, {"columns": ["tax.pay"]}, {"min_count": LEAST}
        )
        lowest = told["columns"][0][5]
        ((count,),) = disclosure.released(
            [len(chosen)], validate({"min_count": LEAST}, type(table.job.disclosure), "d")
        )
        assert lowest is not None
        assert count != disclosure.SENTINEL
        found += (lowest - count == 1) == (int(rows[0]["pay"]) <= 4)
    assert found == 0


@pytest.mark.parametrize("few", [1, 2])
def test_means_of_two_groups_tell_of_no_few_of_those_in_one(few: int, tmp_path: Path) -> None:
    """Of ten persons who are in one group only, one or two have a fine."""
    rng, found = random.Random(few), 0
    everybody, others = (
        proposal("joint-statistics", {"by": ["all"], "measures": ["fined"]}, where)
        for where in (None, f"age < {TARGET}")
    )
    for _ in range(TRIED):
        rows = register(rng)
        for place, row in enumerate(rows[:LEAST]):
            row |= {"age": str(TARGET), "fined": str(int(place < few))}
        if not comes_out(tmp_path, rows, others, everybody):
            continue
        domains = {"all": ["yes"], "fined": {"kind": "integer", "min": 0, "max": 1}}
        params, rules = {"by": ["all"], "measures": ["fined"]}, {"min_count": LEAST, "numbers": 4}
        numbers = []
        for some in (rows, rows[LEAST:]):
            ((_, n, mean, _),) = reference("joint-statistics").run({"tax": some}, domains, params, rules)["statistics"]
            numbers.append(n * mean)
        found += round(numbers[0] - numbers[1]) == few
    assert found == 0
