"""What counts as many rows, keys or names may be one person's: a node objects, or a person decides."""

from __future__ import annotations

from typing import Any

import pytest

from mpcgov import registry
from mpcgov.jobs import check
from mpcgov.node import units
from mpcgov.node.decide import decide
from mpcgov.node.differencing import release
from mpcgov.node.facts import Deny, Facts, Line, Permit
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.policy import Policy
from mpcgov.spec.statement import Proposal
from mpcgov.spec.table import Declaration
from tests.adversary import toyworld

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


def decided(declaration: Declaration, said: Any, **job: Any) -> Permit | Deny:
    """What tax's node says under a standing policy."""
    asked = proposal(declaration, **job)
    dataset = {"columns": USES, "rows_per_unit": said}
    policy = validate(
        toyworld.POLICY | {"link": ["oblivious", "matcher"], "datasets": {"people": dataset}}, Policy, "policy"
    )
    protocol = registry.find(asked.job.protocol_name)
    return decide(
        asked,
        Facts(**{**vars(toyworld.facts("tax")), "policy": policy, "protocol": protocol, "declaration": declaration}),
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
