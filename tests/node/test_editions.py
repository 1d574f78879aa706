"""A register that was issued anew: which tables of it may follow those of the edition before."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from mpcgov import registry
from mpcgov.node.decide import decide
from mpcgov.node.differencing import release
from mpcgov.node.facts import Deny, Facts, Line, Permit
from mpcgov.spec.statement import Proposal
from tests.node.test_decide import OWN, proposal, with_ledger

MANIFEST = registry.find("joint-count").manifest


def of_edition(edition: str | None, party: str = "labour") -> Proposal:
    made = proposal()
    declared = {**made.declarations, party: made.declarations[party].model_copy(update={"edition": edition})}
    return made.model_copy(update={"declarations": declared})


def knows(made: Proposal, line: Line, **allowed: Any) -> Facts:
    return dataclasses.replace(with_ledger(line, **allowed), declaration=made.declarations["labour"])


def line_of(edition: str | None) -> Line:
    return Line("aaaa-aaaa-aaaa", release(of_edition(edition), MANIFEST), None, "final", {}, 0.0)


@pytest.mark.parametrize("allowed", [{}, {"overlapping": "ask"}])
def test_the_same_rows_of_another_edition_are_denied_before_anybody_approves(allowed: dict[str, Any]) -> None:
    new = of_edition("2025-12")
    found = decide(new, knows(new, line_of("2025-11"), **allowed))
    assert isinstance(found, Deny)
    assert "of edition 2025-11, and edition 2025-12 may differ in few persons" in "; ".join(found.reasons)
    assert "disclosure.noise" in "; ".join(found.reasons)


@pytest.mark.parametrize("before", ["2025-12", None])
def test_the_same_edition_and_one_that_nobody_said_are_left_to_fingerprints(before: str | None) -> None:
    new = of_edition("2025-12")
    assert decide(new, knows(new, line_of(before))) == Permit("manual")


def test_a_partners_other_edition_is_another_choice_of_its_rows() -> None:
    old = Line("aaaa-aaaa-aaaa", release(of_edition("2025-11", "welfare"), MANIFEST), None, "final", {}, 0.0)
    found = decide(of_edition("2025-12", "welfare"), with_ledger(old))
    assert isinstance(found, Permit)
    assert found.beside == ("aaaa-aaaa-aaaa",)  # for a person to weigh


def test_one_filter_beside_other_columns_is_told_why_its_rows_may_be_others() -> None:
    """Where rows without a value are left out, a table by sex leaves out others than one by region and sex."""
    own = OWN.model_copy(update={"missing": "drop"})
    old, new = (
        proposal(
            {"params": {"by": sorted(by)}},
            declarations={"labour": own.only({*by, "age"}), "welfare": own.only(by)},
        )
        for by in ({"region", "sex"}, {"sex"})
    )
    line = Line("aaaa-aaaa-aaaa", release(old, MANIFEST), None, "final", {}, 0.0)
    found = decide(new, dataclasses.replace(with_ledger(line), declaration=own))
    assert isinstance(found, Deny)
    assert "and only one of both jobs uses region)" in "; ".join(found.reasons)
