"""Ten persons who are known to be in a register, or one more if what is asked of that one is true.

No two such jobs share a row, so that ledgers, which compare tables, let all of them pass: 59 jobs gave the wage
intervals of 12 of 12 persons. Under `approve: standing` only filters that the policy names run without a person.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mpcgov import registry
from mpcgov.jobs import check
from mpcgov.node import named_filters
from mpcgov.node.decide import decide
from mpcgov.node.differencing import release
from mpcgov.node.facts import Facts, Line, Permit, View
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.policy import DatasetPolicy, Policy
from mpcgov.spec.roster import Roster
from mpcgov.spec.statement import Proposal, job_id
from mpcgov.spec.table import Declaration
from mpcgov.spec.where import parse
from tests.adversary.toyworld import NOW, ROSTER_DIGEST, _card

LEAST = 10
WIDTH = 1_000
WAGES = (3 * WIDTH + 7, 5 * WIDTH + 1, 2 * WIDTH)
"""Of the three persons asked about, numbered from 0; everybody else's number is known to exist."""
WARDS = [f"w{ward}" for ward in range(100)]
"""Number n lives in ward n // LEAST; but each of those asked about alone, in one of the last."""
BANDS = [str(low) for low in range(0, 10 * WIDTH, WIDTH)]

PEOPLE = validate(
    {
        "max_rows": 5_000,
        "unique": ["id"],
        "columns": {
            "id": {"kind": "key"},
            "number": {"kind": "integer", "min": 0, "max": 9_999},
            "wage": {"kind": "integer", "min": 0, "max": 9_999},
            "born": {"kind": "date", "min": "1900-01-01", "max": "2025-12-31"},
            "ward": {"kind": "category", "values": WARDS},
            "band": {"kind": "category", "values": BANDS},
            "country": {"kind": "category", "values": ["PL"]},
        },
    },
    Declaration,
    "declaration",
)
ALL_FILTERS = ["number", "wage", "born", "ward", "band"]
ALLOWED: dict[str, Any] = {
    "columns": {"id": ["key"], "country": ["group"], **{name: ["filter"] for name in ALL_FILTERS}},
    "rows_per_unit": {"person": {"rows": 1, "key": ["id"]}},
    "filters": ["ward", "band", "born", "wage >= 2000", "number < 5000", "born < '2000-01-01' or born > '2010-01-01'"],
    "partner_filters": {"hosp": ["ward", "number >= 500 and number < 600"]},
}
PARTIES = ("tax", "hosp", "census")
FOUND = {f"unit id: {column} by toy": "as it was" for column in PEOPLE.columns}
STATISTICS = {"protocol": "joint-statistics", "params": {"by": ["country"], "measures": ["wage"]}}
LINKED = {"protocol": "linked-count", "params": {"by": ["tax.country"]}, "link": {"method": "oblivious"}}


def asked(where: str | None, hosp: str | None = "", **more: Any) -> Proposal:
    """A job that counts the tax office's persons who meet a condition; and the hospital's, or those who are in both."""
    key = {"key": "id"} if more.get("protocol") == "linked-count" else {}
    parts = {
        party: {"dataset": "people"} | key | ({"where": condition} if condition else {})
        for party, condition in (("tax", where), ("hosp", hosp))
        if condition != ""
    }
    counted = {"protocol": "joint-count", "params": {"by": ["country"]}}
    said = {"purpose": "p", "legal_basis": "l", "receivers": ["coordinator"]}
    parties = {"parties": {party: {} for party in PARTIES} | parts}
    job = validate(said | counted | parties | more, Job, "job")
    protocol = registry.find(job.protocol_name)
    declared = {
        party: PEOPLE.only(set(check.used_columns(job, protocol.manifest, party))) for party in job.data_parties
    }
    check.check_job(job, protocol.manifest, declared, 1)
    return Proposal(
        job=job, protocol_digest=protocol.digest, roster_digest=ROSTER_DIGEST, threshold=1, declarations=declared,
        proposed_at=NOW - 10, approve_before=NOW + 100, nonce="0" * 32,
    )  # fmt: skip


def verdict(proposal: Proposal, lines: list[Line], **allowed: Any) -> Permit:
    """What the tax office's node says under a standing policy, after these jobs; what runs is one of them from then."""
    roster = Roster(serial=1, threshold=1, parties=tuple(map(_card, PARTIES)), coordinator=_card("hq", "coordinator"))
    protocol = registry.find(proposal.job.protocol_name)
    said: dict[str, Any] = {name: ["*"] for name in ("protocols", "purposes", "partners")}
    said |= {"approve": "standing", "receivers": ["coordinator"], "link": ["oblivious"]}
    policy = validate(said | {"datasets": {"people": ALLOWED | allowed}}, Policy, "policy")
    given = Facts("tax", float(NOW), roster, ROSTER_DIGEST, policy, protocol, PEOPLE, None)
    found = decide(proposal, dataclasses.replace(given, ledger=View(tuple(lines), found=FOUND)))
    assert isinstance(found, Permit), found
    if found.approve == "standing":
        row = release(proposal, protocol.manifest)
        lines.append(Line(job_id(proposal.job_digest), row, None, "final", FOUND, 0.0))
    return found


Attack = Callable[[int, int, int], Proposal]
"""A job that tells whether a target's wage is from some number on, with persons who are known from another number on.

Targets are numbers below LEAST, so that none of them is among those who are known.
"""


def _padded(text: str) -> Attack:
    """As `tax`'s filter; `text` may name the target, its ward and band, and those who are known."""

    def attack(target: int, low: int, first: int) -> Proposal:
        return asked(_filled(text, target, low, first))

    return attack


def _filled(text: str, target: int, low: int, first: int) -> str:
    known = {"first": first, "last": first + LEAST - 1, "ward": WARDS[first // LEAST]}
    members = ", ".join(str(number) for number in range(first, first + LEAST))
    one = {"target": target, "low": low, "high": low + WIDTH - 1, "band": low, "alone": WARDS[-1 - target]}
    return text.format(**known, **one, members=members)


ATTACKS: dict[str, Attack] = {
    "a range of numbers": _padded(
        "number between {first} and {last} or (number = {target} and wage between {low} and {high})"
    ),
    "numbers one by one": _padded("number in ({members}) or (number = {target} and wage between {low} and {high})"),
    "twice denied": _padded(
        "not (number not in ({members}) and (number != {target} or wage not between {low} and {high}))"
    ),
    "and beside what is named": _padded(
        "number < 5000 and (number in ({members}) or (number = {target} and wage between {low} and {high}))"
    ),
    "or beside what is named": _padded("ward = '{ward}' or (ward = '{alone}' and band = '{band}')"),
    "wards together": _padded("ward in ('{ward}', '{alone}') and number < 5000"),
    "all wards but some": _padded("ward != '{ward}' and (number < {last} or band = '{band}')"),
    "dates": _padded("born = '1950-01-01' or (born = '1960-01-01' and band = '{band}')"),
    "a date": _padded("born = '1950-01-01' and wage >= {low}"),
    "a partner's rows": lambda target, low, first: asked(
        f"ward = '{WARDS[-1 - target]}' and band = '{low}'", _filled("number in ({members})", target, low, first)
    ),
    "a partner's rows that are linked": lambda target, low, first: asked(
        f"band = '{low}'", _filled("number in ({members}) or number = {target}", target, low, first), **LINKED
    ),
}


def gain(attack: Attack, **allowed: Any) -> int:
    """Of how many of the targets the wage's interval is found, by jobs that run by themselves."""
    lines: list[Line] = []
    padding = itertools.count(LEAST, LEAST)

    def shows(target: int, low: int) -> bool:
        runs = verdict(attack(target, low, next(padding)), lines, **allowed).approve == "standing"
        return runs and low <= WAGES[target] < low + WIDTH

    found = [next((low for low in range(0, 10 * WIDTH, WIDTH) if shows(t, low)), None) for t in range(len(WAGES))]
    return sum(low == wage // WIDTH * WIDTH for low, wage in zip(found, WAGES, strict=True))


@pytest.mark.parametrize("name", ATTACKS)
def test_no_filter_pads_one_person_with_others_who_are_known(name: str) -> None:
    """Without `named_filters.unnamed`, three of three by most of these."""
    assert gain(ATTACKS[name]) == 0


NAMED = (
    None, "ward = 'w1'", "ward = 'w1' and band = '3000'", "number < 5000", "wage >= 2000.0 and ward = 'w2'",
    "(born < '2000-01-01' or born > '2010-01-01') and (band = '0' and number < 5000)",
)  # fmt: skip


@pytest.mark.by_day(8)
@pytest.mark.parametrize("where", NAMED)
@pytest.mark.parametrize("hosp", ["", None, "ward = 'w7'", "number < 600 and ward = 'w7' and number >= 500"])
def test_filters_that_the_policy_names_run_by_themselves(where: str | None, hosp: str | None) -> None:
    assert verdict(asked(where, hosp), []) == Permit("standing")
    if where or hosp:
        assert verdict(asked(where, hosp), [], filters=[], partner_filters={}).approve == "manual"


def test_a_level_of_a_code_list_is_named_as_a_column_is() -> None:
    parsed = {text: parse(text) for text in ("ward@half = '1'", "ward@half in ('1', '2')", "ward = '1'")}
    columns: dict[str, Any] = dict.fromkeys(("ward", "ward@half"), PEOPLE.columns["ward"])
    allowed = validate(ALLOWED | {"filters": ["ward@half"], "partner_filters": {}}, DatasetPolicy, "policy")
    named = {text: named_filters._names(allowed.filters, condition, columns) for text, condition in parsed.items()}
    assert named == {"ward@half = '1'": True, "ward@half in ('1', '2')": False, "ward = '1'": False}


@pytest.mark.parametrize(
    ("where", "hosp", "field"),
    [
        ("born = '1950-01-01'", "", "filters"),  # named as a column, but not one of categories
        ("not ward = 'w1'", "", "filters"),
        ("ward in ('w1')", "", "filters"),
        ("ward is not null", "", "filters"),
        ("born < '2000-01-01'", "", "filters"),  # half of what is named
        ("number < 4999", "", "filters"),
        (None, "band = '0'", "partner_filters of hosp"),
        (None, "number >= 500", "partner_filters of hosp"),
        ("ward = 'w1'", "number < 5000", "partner_filters of hosp"),  # named of ours only
    ],
)
def test_a_person_reads_every_other_filter_and_hears_why(where: str | None, hosp: str | None, field: str) -> None:
    party = "hosp" if "hosp" in field else "tax"
    why = (
        f"tax's policy doesn't name the filter of {party}'s people under {field} of people, so that a person must "
        "read it even under approve: standing"
    )
    found = verdict(asked(where, hosp), [])
    assert isinstance(found, Permit)
    assert (found.approve, found.why) == ("manual", (why,))


def test_with_noise_any_filter_runs_and_is_paid_for() -> None:
    noise = {"mechanism": "discrete-laplace", "epsilon": "1", "unit": "person", "bound": 1}
    noisy = asked("number in (1, 2)", "number = 3", disclosure={"noise": noise})
    assert verdict(noisy, []) == Permit("standing")
    quiet = asked("number in (1, 2)", "number = 3")
    assert len(verdict(quiet, []).why) == 2


def cells() -> Iterator[tuple[str, str]]:
    wards, bands = WARDS[:3], BANDS[:3]
    for ward, band in itertools.product((None, *wards), (None, *bands)):
        parts = [f"ward = '{ward}'"] * (ward is not None) + [f"band = '{band}'"] * (band is not None)
        yield " and ".join(parts), f"{ward} {band}"


def test_what_named_columns_choose_is_one_table_by_these_columns() -> None:
    """Whatever the order in which jobs come, no person is in two of those that run: all of them together are one table
    by the columns, in which some cells are put together along whole columns."""
    rng, choices = random.Random(5), list(cells())
    for _ in range(5):
        lines: list[Line] = []
        ran = []
        for where, name in rng.sample(choices, len(choices)):
            proposal, before = asked(where or None), len(lines)
            given = decide_after(proposal, lines)
            ran += [name.split()] if given and len(lines) > before else []
        for a, b in itertools.combinations(ran, 2):
            assert any("None" not in (x, y) and x != y for x, y in zip(a, b, strict=True)), (a, b)


def decide_after(proposal: Proposal, lines: list[Line]) -> bool:
    """Whether it runs by itself after these; overlapping rows are refused."""
    try:
        return verdict(proposal, lines).approve == "standing"
    except AssertionError:
        return False


def test_rows_that_lack_a_value_are_not_left_out_without_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten known persons and the target have a wage in ward w1: a job chooses by its columns whose rows are left out."""
    dropping = PEOPLE.model_copy(update={"missing": "drop"})
    monkeypatch.setattr(sys.modules[__name__], "PEOPLE", dropping)
    uses = ALLOWED["columns"] | {"wage": ["filter", "measure"], "born": ["filter"]}
    count, mean = asked("ward = 'w1'"), asked("ward = 'w1'", **STATISTICS)
    assert verdict(count, [], columns=uses) == Permit("standing")
    for proposal, allowed in (
        (mean, {}),
        (asked("ward = 'w1' and wage > 5", **STATISTICS), {}),
        (mean, {"filters": []}),
    ):
        assert verdict(proposal, [], columns=uses, **allowed).approve == "manual"
    assert "doesn't name wage is not null under filters of people" in verdict(mean, [], columns=uses).why[0]
    named = [*ALLOWED["filters"], "wage is not null"]
    assert verdict(mean, [], columns=uses, filters=named) == Permit("standing")
    said = asked("ward = 'w1' and wage >= 2000", **STATISTICS)
    assert verdict(said, [], columns=uses) == Permit("standing")
    theirs = asked("ward = 'w1'", "ward = 'w7'", **STATISTICS)
    found = verdict(theirs, [], columns=uses, filters=named)
    assert [("partner_filters of hosp" in why) for why in found.why] == [True]
