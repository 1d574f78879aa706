"""Numbers of a receiver's own columns tell it who is linked: each ledger counts them, of all together."""

from __future__ import annotations

from typing import Any

from mpcgov import registry
from mpcgov.node import released_numbers
from mpcgov.node.differencing import release
from mpcgov.node.facts import Line
from mpcgov.node.units import Register
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.statement import Proposal
from mpcgov.spec.table import Declaration

COLUMN = {"kind": "integer", "min": 0, "max": 10**6}
DECLARED = validate(
    {"max_rows": 1000, "columns": {"id": {"kind": "key"}, "x": COLUMN, "z": COLUMN}}, Declaration, "declaration"
)
PROTOCOL = registry.find("linked-statistics")
NOWHERE = "sha256:" + "0" * 64


def asked(*receivers: str, **params: Any) -> Proposal:
    part = {"dataset": "people", "key": "id", "duplicates": {"x": "max", "z": "max"}}
    job = {
        "protocol": "linked-statistics", "purpose": "p", "legal_basis": "l", "receivers": list(receivers),
        "parties": {"tax": part, "wel": part, "sta": {}}, "params": params,
    }  # fmt: skip
    return Proposal(
        job=validate(job, Job, "job"), protocol_digest=NOWHERE, roster_digest=NOWHERE, threshold=1,
        declarations=dict.fromkeys(("tax", "wel"), DECLARED), proposed_at=0, approve_before=1, nonce="0" * 32,
    )  # fmt: skip


def test_each_owners_ledger_counts_them() -> None:
    told = release(asked("tax", measures=["tax.x", "wel.x"]), PROTOCOL.manifest)
    assert told.numbers == {"tax.x": 2, "wel.x": 2, "who is linked with tax": 2}
    assert released_numbers.own(told, "wel") == {"x": 2, "who is linked with tax": 2}
    assert "who is linked with tax" not in (release(asked("wel", measures=["tax.x"]), PROTOCOL.manifest).numbers or {})


def test_a_second_own_column_must_allow_for_what_the_first_told_of_who_is_linked() -> None:
    first, second = (release(asked("tax", measures=[f"tax.{name}"]), PROTOCOL.manifest) for name in "xz")
    lines = [Line(str(n), told, None, "final", {}, 0.0) for n, told in enumerate((first, second))]
    assert released_numbers.needed(lines[1], lines[:1], "tax", Register()) == {"who is linked with tax": 4, "z": 2}
    assert released_numbers.needed(lines[1], lines[:1], "wel", Register()) == {"who is linked with tax": 4}
    assert released_numbers.totals(lines, "wel", Register()) == {"who is linked with tax": 4}
