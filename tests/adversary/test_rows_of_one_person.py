"""What counts as many rows, keys or names may be one person's: a node objects, or a person decides."""

from __future__ import annotations

import random
from typing import Any

import pytest

from mpcgov import registry
from mpcgov.jobs import check
from mpcgov.node import units
from mpcgov.node.decide import decide
from mpcgov.node.differencing import release
from mpcgov.node.facts import Deny, Facts, Line, Permit
from mpcgov.node.named_filters import dropped_by
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.policy import Policy
from mpcgov.spec.statement import Proposal
from mpcgov.spec.table import Declaration
from tests.adversary import toyworld
from tests.linked.test_references import reference

COLUMNS = {
    "id": {"kind": "key"},
    "month": {"kind": "integer", "min": 1, "max": 24},
    "last": {"kind": "key"},
    "name": {"kind": "text"},
    "sex": {"kind": "category", "values": ["F", "M"]},
    "wage": {"kind": "integer", "min": 0, "max": 9999},
}
PERSONS = validate({"max_rows": 9000, "unique": ["id"], "columns": COLUMNS}, Declaration, "d")
KEYED = validate(
    {"max_rows": 9000, "unique": ["id"], "columns": {**COLUMNS, "last": {"kind": "text"}}}, Declaration, "d"
)
MONTHLY = validate({"max_rows": 9000, "unique": [["id", "month"]], "columns": COLUMNS}, Declaration, "d")
HEALTH = validate({"max_rows": 9000, "unique": ["id", "last", ["id", "month"]], "columns": COLUMNS}, Declaration, "d")
USES = {name: ["key", "group", "filter", "measure"] for name in COLUMNS}
MONTHS = {"person": {"rows": 24, "key": ["id"]}}
ONE = {"person": {"rows": 1, "key": ["id"]}}
NOISE = {"noise": {"mechanism": "discrete-laplace", "epsilon": "1", "unit": "person", "bound": 1}}


def proposal(declaration: Declaration, **job: Any) -> Proposal:
    said = {"purpose": "p", "legal_basis": "l", "receivers": ["coordinator"]}
    built = validate(said | job, Job, "job")
    protocol = registry.find(built.protocol_name)
    declared = {"tax": declaration, "welfare": HEALTH}
    return Proposal(
        job=built, protocol_digest=protocol.digest, roster_digest=toyworld.ROSTER_DIGEST, threshold=1,
        declarations={
            party: declared[party].only(set(check.used_columns(built, protocol.manifest, party)))
            for party in built.data_parties
        },
        proposed_at=toyworld.NOW - 10, approve_before=toyworld.NOW + 100, nonce="0" * 32,
    )  # fmt: skip


def decided(declaration: Declaration, said: Any, uses: Any = None, facts: Any = None, **job: Any) -> Permit | Deny:
    """What tax's node says under a standing policy. `facts`: what it knows besides."""
    asked = proposal(declaration, **job)
    dataset = {"columns": uses or USES, "rows_per_unit": said}
    policy = validate(
        toyworld.POLICY | {"link": ["oblivious", "matcher"], "datasets": {"people": dataset}}, Policy, "policy"
    )
    protocol = registry.find(asked.job.protocol_name)
    return decide(
        asked,
        Facts(
            **vars(toyworld.facts("tax"))
            | {"policy": policy, "protocol": protocol, "declaration": declaration}
            | (facts or {})
        ),
    )


def counted(min_count: int = 10, **rules: Any) -> dict[str, Any]:
    return {
        "protocol": "joint-count",
        "params": {"by": ["sex"]},
        "parties": {"tax": {"dataset": "people"}, "welfare": {}, "statistics": {}},
        "disclosure": {"min_count": min_count, **rules},
    }


def linked(*key: str, min_count: int = 10, **more: Any) -> dict[str, Any]:
    return {
        "protocol": "linked-count",
        "link": {"method": "oblivious"},
        "params": {"by": ["welfare.sex"]},
        "parties": {
            "tax": {"dataset": "people", "key": list(key), **more},
            "welfare": {"dataset": "people", "key": list(key)},
            "statistics": {},
        },
        "disclosure": {"min_count": min_count},
    }


def compared(column: str, **tax: Any) -> dict[str, Any]:
    fields = [{"type": "name" if column == "name" else "code", "columns": {"tax": column, "welfare": column}}]
    return {
        "protocol": "record-linkage",
        "params": {"fields": fields, "threshold": "0.95", "output": "count"},
        "parties": {"tax": {"dataset": "people", **tax}, "welfare": {"dataset": "people"}, "statistics": {}},
    }


@pytest.mark.parametrize(
    ("job", "least"),
    [
        (counted(), "min_count 240: one person may have 24 rows"),
        (counted(239), "min_count 240"),
        (counted(240), ""),
        (linked("id", "month"), "min_count 240, or key id: one person may have 24 keys id, month"),
        (linked("id", duplicates={}), ""),
        (compared("id"), "min_count 240"),
    ],
)
def test_a_cell_must_hold_min_count_persons_however_many_rows_each_has(job: dict[str, Any], least: str) -> None:
    """24 monthly rows of one person were a cell of 24, which showed its mean pay."""
    found = decided(MONTHLY, MONTHS, **job)
    if not least:
        assert found == Permit("standing")
    else:
        assert isinstance(found, Deny)
        assert least in found.reasons[0]


@pytest.mark.parametrize(
    ("declaration", "said", "job", "approve"),
    [
        (PERSONS, ONE, linked("id"), "standing"),
        (PERSONS, ONE, linked("last", duplicates={}), "manual"),
        (KEYED, {}, linked("id"), "standing"),
        (PERSONS, {}, linked("id"), "manual"),
        (PERSONS, ONE, compared("id"), "standing"),
        (PERSONS, ONE, compared("name"), "manual"),
    ],
)
def test_a_key_that_several_share_is_a_persons_decision(
    declaration: Declaration, said: Any, job: dict[str, Any], approve: str
) -> None:
    """Ten common names are members for certain; the count of eleven told of the eleventh whether it earns so much."""
    assert decided(declaration, said, **job) == Permit(approve)


@pytest.mark.parametrize(
    ("declaration", "said", "approve"),
    [(KEYED, {}, "standing"), (PERSONS, ONE, "standing"), (MONTHLY, {}, "manual"), (PERSONS, {}, "manual")],
)
def test_noise_rests_on_what_is_said_about_rows_of_a_person(declaration: Declaration, said: Any, approve: str) -> None:
    """Noise for one row of a person hides nobody who has 24."""
    assert decided(declaration, said, **counted(**NOISE)) == Permit(approve)


def test_compared_records_of_other_rows_may_be_the_same_names() -> None:
    """Wages followed interval by interval, as no filter shared a row with another."""
    manifest, found = registry.find("record-linkage").manifest, {"unit id: wage by toy": "as it was"}
    low, high = (
        Line("", release(proposal(PERSONS, **compared("name", where=where)), manifest), None, "final", found, 0.0)
        for where in ("wage < 2000", "wage >= 2000")
    )
    assert not units.apart("tax", low, high, (("id",),))


# -- several records of a partner's for one of ours

FIELDS = [
    {"type": "name", "columns": {"welfare": "first", "tax": "first"}},
    {"type": "name", "columns": {"welfare": "last", "tax": "last"}},
    {"type": "date", "columns": {"welfare": "born", "tax": "born"}},
]
NAMED = {"output": "links", "identify": {"welfare": "no", "tax": "no"}}


def visits(rng: random.Random, match: str, *, there: bool) -> bool:
    """Whether links are released of twelve visits of one person, who is in tax's register or not."""
    names = [
        f"{a}{b}"
        for a in ("an", "ber", "cla", "do", "emi", "fri", "gus", "ha")
        for b in ("lena", "told", "rin", "mund")
    ]
    people = [
        {
            "no": str(n),
            "first": rng.choice(names),
            "last": rng.choice(names),
            "born": f"{rng.randint(1940, 2000)}0{n % 9 + 1}11",
        }
        for n in range(40)
    ]
    target, *others = people
    rows = [{**target, "no": f"v{n}"} for n in range(12)]
    owners = {
        "welfare": {row["no"]: row for row in rows},
        "tax": {row["no"]: row for row in (people if there else others)},
    }
    params = {"fields": FIELDS, "match": match, **NAMED}
    return bool(reference("record-linkage").run(owners, {}, params, {"min_count": 10, "receivers": ()})["links"])


def test_ten_links_may_be_one_persons() -> None:
    """Each of twelve visits is linked to the one person who made them; by pairs, one is, which is too few."""
    rng = random.Random(2)
    for match, tells in (("many-to-one", True), ("one-to-one", False)):
        for there in (True, False, True):
            assert visits(rng, match, there=there) == (there and tells)


@pytest.mark.parametrize(("match", "asks"), [("many-to-one", False), ("one-to-many", True), ("one-to-one", False)])
def test_a_person_decides_where_several_records_are_for_one_of_ours(match: str, asks: bool) -> None:
    """Job order is tax, welfare; this is tax's node. Without the last lines of `units.doubts` nobody is asked."""
    job = compared("id")
    job["params"] = {"fields": job["params"]["fields"], "match": match, "output": "links"}
    job["params"] |= {"identify": {"tax": "id", "welfare": "id"}}
    uses = USES | {"id": ["key", "identify"]}
    verdict = decided(PERSONS, ONE, uses=uses, **job)
    assert isinstance(verdict, Permit), verdict
    assert any("several records of welfare" in why for why in verdict.why) == asks
    assert (verdict.approve == "manual") == asks


def test_records_without_what_names_them_are_not_left_out_without_a_person() -> None:
    """Under `missing: drop` a job chooses by `identify` whose records are compared, as by a measure."""
    job = compared("id")
    job["params"] = {"fields": job["params"]["fields"], "output": "links", "identify": {"tax": "last", "welfare": "id"}}
    asked = proposal(PERSONS.model_copy(update={"missing": "drop"}), **job)
    assert dropped_by(asked, registry.find("record-linkage").manifest, "tax") == ["last"]
