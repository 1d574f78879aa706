"""The policy decision, rule by rule: every rule has a case that it alone denies, and nothing is allowed by default."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from mpcgov import registry
from mpcgov.node import decide as rules
from mpcgov.node.decide import decide
from mpcgov.node.differencing import release
from mpcgov.node.facts import Balance, Deny, Facts, Line, Permit, View
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.policy import Policy
from mpcgov.spec.roster import Card, Roster
from mpcgov.spec.statement import Proposal
from mpcgov.spec.table import Declaration

NOW = 1_800_000_000
OTHER_DIGEST = "sha256:" + "0" * 64
ROSTER_DIGEST = "sha256:" + "1" * 64
PARTIES = ("labour", "welfare", "education")
JOB: dict[str, Any] = {
    "protocol": "joint-count",
    "purpose": "Youth on support, 2025 report",
    "legal_basis": "Statistics Act, section 12",
    "parties": {
        "labour": {"dataset": "people", "where": "age < 25"},
        "welfare": {"dataset": "people"},
        "education": {},
    },
    "params": {"by": ["region"]},
    "disclosure": {"min_count": 10},
    "receivers": ["coordinator"],
}
POLICY: dict[str, Any] = {
    "protocols": ["joint-count"],
    "purposes": ["Youth on support, *"],
    "partners": ["welfare", "education"],
    "receivers": ["coordinator"],
    "datasets": {"people": {"columns": {"region": ["group"], "age": ["filter"]}, "min_count": 10}},
}
PEOPLE = POLICY["datasets"]["people"]
ONE_EACH = {"rows_per_unit": {"person": 1}}
WITH_SEX = {"columns": {"region": ["group"], "sex": ["group"], "age": ["filter"]}}
NOISY = {
    "disclosure": {"noise": {"mechanism": "discrete-laplace", "epsilon": "1.5", "unit": "person", "bound": 1}},
}
OWN = validate(
    {
        "max_rows": 1000,
        "columns": {
            "region": {"kind": "category", "values": ["North", "South"]},
            "sex": {"kind": "category", "values": ["F", "M"]},
            "age": {"kind": "integer", "min": 0, "max": 120},
        },
    },
    Declaration,
    "declaration",
)


def card(name: str, role: str = "party") -> Card:
    digits = f"{sum(name.encode()):064x}"
    return Card.model_validate(
        {
            "role": role,
            "id": name,
            "address": f"127.0.0.1:{7000 + len(name)}" if role == "party" else None,
            "certificate": "not read here",
            "certificate_digest": f"sha256:{digits}",
            "signing_key": digits,
        }
    )


ROSTER = Roster(serial=1, threshold=1, parties=tuple(map(card, PARTIES)), coordinator=card("hq", "coordinator"))


def facts(policy: dict[str, Any] | None = None, **changes: Any) -> Facts:
    base = Facts(
        me="labour",
        now=float(NOW),
        roster=ROSTER,
        roster_digest=ROSTER_DIGEST,
        policy=validate(POLICY | (policy or {}), Policy, "policy"),
        protocol=registry.find("joint-count"),
        declaration=OWN,
        known_digest=None,
    )
    return dataclasses.replace(base, **changes)


def proposal(job: dict[str, Any] | None = None, **changes: Any) -> Proposal:
    built = validate(JOB | (job or {}), Job, "job")
    fields = {
        "job": built,
        "protocol_digest": registry.find("joint-count").digest,
        "roster_digest": ROSTER_DIGEST,
        "threshold": 1,
        "declarations": {"labour": OWN.only({"region", "age"}), "welfare": OWN.only({"region"})},
        "proposed_at": NOW - 10,
        "approve_before": NOW + 100,
        "nonce": "0" * 32,
    }
    return Proposal.model_validate(fields | changes)


def totals() -> Proposal:
    """One that asks for true totals."""
    declared = {"labour": OWN, "welfare": OWN.only({"region", "sex"})}
    job = {"params": {"by": ["region", "sex"]}, "disclosure": {"margins": True}}
    return proposal(job, declarations=declared)


def with_party(name: str, **part: Any) -> dict[str, Any]:
    return {"parties": JOB["parties"] | {name: part}}


LINKED_OWN = validate(
    {
        "max_rows": 1000,
        "unique": ["id"],
        "columns": {"id": {"kind": "key"}, "wage": {"kind": "integer", "min": 0, "max": 99}},
    },
    Declaration,
    "declaration",
)


def linked(
    policy: dict[str, Any] | None = None,
    link: dict[str, Any] | None = None,
    receivers: tuple[str, ...] = ("welfare",),
    params: dict[str, Any] | None = None,
) -> tuple[Proposal, Facts]:
    """Welfare's wages over the persons that labour has too; welfare receives their sums."""
    part = {"dataset": "people", "key": "id"}
    job = {
        "protocol": "linked-statistics",
        "parties": {"labour": part, "welfare": part, "education": {}},
        "params": params or {"measures": ["welfare.wage"]},
        "receivers": receivers,
        "link": link,
    }
    protocol = registry.find("linked-statistics")
    declarations = {"labour": LINKED_OWN if params else LINKED_OWN.only({"id"}), "welfare": LINKED_OWN}
    allowed = {
        "protocols": ["linked-statistics"],
        "receivers": ["coordinator", "welfare"],
        "link": ["matcher"],
        "datasets": {"people": {"columns": {"id": ["key"]}}},
    }
    proposed = proposal(job, protocol_digest=protocol.digest, declarations=declarations)
    return proposed, facts(allowed | (policy or {}), protocol=protocol, declaration=LINKED_OWN)


def counted() -> tuple[Proposal, Facts]:
    """Labour's wages again, of the same rows."""
    allowed = {"people": {"columns": {"id": ["key"], "wage": ["measure"]}}}
    proposed, known = linked({"datasets": allowed}, params={"measures": ["labour.wage"]})
    assert known.protocol is not None
    line = Line("aaaa-aaaa-aaaa", release(proposed, known.protocol.manifest), None, "final", {}, 0.0)
    return proposed, dataclasses.replace(known, ledger=View(earlier=(line,)))


def compared(
    policy: dict[str, Any] | None = None,
    output: str = "links",
    receivers: tuple[str, ...] = ("coordinator",),
    exact: bool = False,
) -> tuple[Proposal, Facts]:
    """Labour's records compared with welfare's, and named to the coordinator."""
    part = {"dataset": "people"}
    params = {
        "fields": [{"type": "name", "columns": {"labour": "name", "welfare": "name"}}],
        "threshold": "0.65", "output": output, "identify": {"labour": "id", "welfare": "id"},
    }  # fmt: skip
    params |= {"exact": ["welfare.name"]} if exact else {}
    job = {
        "protocol": "record-linkage",
        "parties": {"labour": part, "welfare": part, "education": {}},
        "params": params,
        "receivers": receivers,
    }
    protocol = registry.find("record-linkage")
    columns = {"id": {"kind": "key"}, "name": {"kind": "text"}}
    own = validate({"max_rows": 1000, "columns": columns}, Declaration, "declaration")
    allowed = {
        "protocols": ["record-linkage"],
        "link": ["matcher"],
        "datasets": {"people": {"columns": {"id": ["identify", "key"], "name": ["key"]}}},
    }
    proposed = proposal(job, protocol_digest=protocol.digest, declarations={"labour": own, "welfare": own})
    return proposed, facts(allowed | (policy or {}), protocol=protocol, declaration=own)


def earlier(parties: dict[str, Any] | None = None, **job: Any) -> Line:
    """What a job has released that is the one of `proposal` but for these changes."""
    changed = proposal(job | ({"parties": JOB["parties"] | parties} if parties else {}))
    return Line("aaaa-aaaa-aaaa", release(changed, registry.find("joint-count").manifest), None, "final", {}, 0.0)


def spent(amount: str) -> Balance:
    """So much of a budget of epsilon 3."""
    return Balance("people", "person", "epsilon", Fraction(3), Fraction(amount))


def with_ledger(*lines: Line, balance: Balance | None = None, answer: str | None = None, **allowed: Any) -> Facts:
    dataset = POLICY["datasets"]["people"] | allowed
    return facts({"datasets": {"people": dataset}}, ledger=View(lines, balance, answer))


CASES: dict[str, tuple[str, Callable[[], tuple[Proposal, Facts]], str]] = {
    "records that are compared where none are linked": (
        "_linking_allowed", lambda: compared({"link": []}), "labour takes no part in jobs that link rows",
    ),
    "exact pairs where only the matcher's join is allowed": (
        "_linking_allowed", lambda: compared(exact=True), "labour takes no part in jobs with params.exact",
    ),
    "exact pairs for an owner who is a receiver by wildcard only": (
        "_linking_allowed",
        lambda: compared({"link": ["exact"], "receivers": ["*"]}, "count", ("welfare",), exact=True),
        "labour must name welfare as a receiver: statistics and pairs",
    ),
    "linked records named to whoever comes": (
        "_naming_allowed", lambda: compared({"receivers": ["*"]}), "labour must name coordinator as a receiver",
    ),
    "linked records named by a column that may only link": (
        "_data_allowed",
        lambda: compared({"datasets": {"people": {"columns": {"id": ["key"], "name": ["key"]}}}}),
        "labour doesn't allow column id of people as identify",
    ),
    "a name compared that may only be counted": (
        "_data_allowed",
        lambda: compared({"datasets": {"people": {"columns": {"id": ["identify"], "name": ["group"]}}}}),
        "labour doesn't allow column name of people as key",
    ),
    "another job under the same id": (
        "_not_replayed", lambda: (proposal(), facts(known_digest=OTHER_DIGEST)), "already knows another job",
    ),
    "too late": ("_in_time", lambda: (proposal(), facts(now=NOW + 100.0)), "the time to approve it is over"),
    "a time to approve that begins later": (
        "_in_time",
        lambda: (proposal(proposed_at=NOW + 10**8, approve_before=NOW + 10**8 + 3600), facts()),
        "labour's clock is 100000000 s behind the coordinator's",
    ),
    "a longer time to approve than the job says": (
        "_in_time", lambda: (proposal(approve_before=NOW + 337 * 3600), facts()), "longer than approve_within_h",
    ),
    "another roster": (
        "_same_roster",
        lambda: (proposal(roster_digest=OTHER_DIGEST), facts()),
        f"labour has roster {ROSTER_DIGEST}, the proposal pins {OTHER_DIGEST}",
    ),
    "another threshold": ("_same_roster", lambda: (proposal(threshold=2), facts()), "the proposal says 2"),
    "a party that is not in the roster": (
        "_same_roster", lambda: (proposal(with_party("stranger")), facts()), "stranger is not in the roster",
    ),
    "a job without this agency": (
        "_same_roster", lambda: (proposal(), facts(me="tax")), "tax is no party of the job",
    ),
    "a protocol that isn't on this disk": (
        "_same_protocol", lambda: (proposal(), facts(protocol=None)), "labour has no protocol joint-count",
    ),
    "another version of the protocol": (
        "_same_protocol",
        lambda: (proposal(protocol_digest=OTHER_DIGEST), facts()),
        f"labour has joint-count {registry.find('joint-count').digest}, the proposal pins {OTHER_DIGEST}",
    ),
    "a job that pins another version than its proposal": (
        "_same_protocol",
        lambda: (proposal({"protocol": f"joint-count@{OTHER_DIGEST}"}), facts()),
        "another version of the protocol than the proposal pins",
    ),
    "a declaration too few": (
        "_declarations_complete",
        lambda: (proposal(declarations={"labour": OWN.only({"region", "age"})}), facts()),
        "exactly one declaration",
    ),
    "a declaration of a party without data": (
        "_declarations_complete",
        lambda: (
            proposal(declarations={p: OWN.only({"region", "age"} if p == "labour" else {"region"}) for p in PARTIES}),
            facts(),
        ),
        "exactly one declaration",
    ),
    "a column to group by that is no category": (
        "_sound",
        lambda: (proposal({"params": {"by": ["age"]}}, declarations=dict.fromkeys(PARTIES[:2], OWN)), facts()),
        "not a category",
    ),
    "a rounding that shows small counts": (
        "_sound", lambda: (proposal({"disclosure": {"min_count": 6, "round_to": 5}}), facts()), "round",
    ),
    "a data set that this agency doesn't have": (
        "_own_declaration", lambda: (proposal(), facts(declaration=None)), "labour has no data set people",
    ),
    "another declaration than this agency's own": (
        "_own_declaration",
        lambda: (
            proposal(),
            facts(declaration=OWN.model_copy(update={"max_rows": 999})),
        ),
        "declares people otherwise than labour does",
    ),
    "a protocol that the policy doesn't list": (
        "_protocol_allowed", lambda: (proposal(), facts({"protocols": ["overlap"]})), "doesn't allow protocol",
    ),
    "a version that the policy doesn't pin": (
        "_protocol_allowed",
        lambda: (proposal(), facts({"protocols": [f"joint-count@{OTHER_DIGEST}"]})),
        "doesn't allow protocol",
    ),
    "a purpose that the policy doesn't list": (
        "_purpose_allowed", lambda: (proposal({"purpose": "Fraud"}), facts()), "doesn't allow this purpose",
    ),
    "a purpose that only begins like an allowed one": (
        "_purpose_allowed",
        lambda: (proposal({"purpose": "Report and more"}), facts({"purposes": ["Report"]})),
        "doesn't allow this purpose",
    ),
    "a purpose that only ends like an allowed one": (
        "_purpose_allowed",
        lambda: (proposal({"purpose": "x Report"}), facts({"purposes": ["Report"]})),
        "doesn't allow this purpose",
    ),
    "a purpose whose beginning and end overlap": (
        "_purpose_allowed",
        lambda: (proposal({"purpose": "abc"}), facts({"purposes": ["ab*bc"]})),
        "doesn't allow this purpose",
    ),
    "a purpose with the words in another order": (
        "_purpose_allowed",
        lambda: (proposal({"purpose": "2025 Youth"}), facts({"purposes": ["*Youth*2025*"]})),
        "doesn't allow this purpose",
    ),
    "a pattern whose dots are meant as dots": (
        "_purpose_allowed",
        lambda: (proposal({"purpose": "Q1 2025"}), facts({"purposes": ["Q1.2025"]})),
        "doesn't allow this purpose",
    ),
    "a partner that the policy doesn't list": (
        "_partners_allowed",
        lambda: (proposal(), facts({"partners": ["welfare"]})),
        "labour doesn't compute with education",
    ),
    "a receiver that the policy doesn't list": (
        "_receivers_allowed",
        lambda: (proposal({"receivers": ["coordinator", "welfare"]}), facts()),
        "labour doesn't allow welfare to receive the result",
    ),
    "this agency itself as a receiver that its policy doesn't list": (
        "_receivers_allowed",
        lambda: (proposal({"receivers": ["labour"]}), facts()),
        "labour doesn't allow labour to receive the result",
    ),
    "a data set that the policy doesn't list": (
        "_data_allowed", lambda: (proposal(), facts({"datasets": {}})), "labour doesn't allow data set people",
    ),
    "a column that the policy doesn't list": (
        "_data_allowed",
        lambda: (proposal(), facts({"datasets": {"people": {"columns": {"age": ["filter"]}}}})),
        "labour doesn't allow column region of people as group",
    ),
    "a column for another use than the policy allows": (
        "_data_allowed",
        lambda: (proposal(), facts({"datasets": {"people": {"columns": {"region": ["group"], "age": ["group"]}}}})),
        "labour doesn't allow column age of people as filter",
    ),
    "a smaller cell than the policy's floor": (
        "_data_allowed",
        lambda: (proposal({"disclosure": {"min_count": 5}}), facts()),
        "labour needs min_count 10, the job says 5",
    ),
    "fewer agencies in a cell than the policy's floor": (
        "_data_allowed",
        lambda: (proposal(), facts({"datasets": {"people": PEOPLE | {"contributors": 3}}})),
        "labour needs contributors 3, the job says none",
    ),
    "true totals where the policy wants none": (
        "_data_allowed",
        lambda: (totals(), facts({"datasets": {"people": WITH_SEX | {"margins": False}}})),
        "labour needs a job without true margins",
    ),
    "no noise where the policy wants some": (
        "_data_allowed",
        lambda: (proposal(), facts({"datasets": {"people": PEOPLE | {"max_epsilon": "1"}}})),
        "labour needs noise with epsilon at most 1; the job has none",
    ),
    "less noise than the policy's floor": (
        "_data_allowed",
        lambda: (proposal(NOISY), facts({"datasets": {"people": PEOPLE | {"max_epsilon": "1"}}})),
        "labour needs noise with epsilon at most 1; the job has discrete-laplace noise, epsilon 1.5 for one person",
    ),
    "fewer rows of a unit than it can have here": (
        "_data_allowed",
        lambda: (proposal(NOISY), facts({"datasets": {"people": PEOPLE | {"rows_per_unit": {"person": 3}}}})),
        "labour needs noise.bound 3: so many rows one person may have; the job says 1",
    ),
    "a matcher that would learn more than the policy lets it": (
        "_matchers_bounded",
        lambda: linked({"datasets": {"people": {"columns": {"id": ["key"]}, "matcher_epsilon": "0.5"}}}),
        "labour: education may learn epsilon 0.5 of a unit in people by matching (matcher_epsilon)",
    ),
    "linking by a method that the policy doesn't name": (
        "_linking_allowed", lambda: linked({"link": []}), "labour takes no part in jobs that link rows by matcher",
    ),
    "the oblivious method where the policy names the matcher's": (
        "_linking_allowed",
        lambda: linked(link={"method": "oblivious"}),
        "labour takes no part in jobs that link rows by oblivious",
    ),
    "a matcher that may count": (
        "_linking_allowed",
        lambda: linked(link={"size_noise": "off"}),
        "needs size_noise epsilon 1, delta 1e-6, the job says off",
    ),
    "less noise for the matcher than the policy's floor": (
        "_linking_allowed",
        lambda: linked(link={"size_noise": {"epsilon": "1.5"}}),
        "the job says epsilon 1",
    ),
    "a delta above the policy's floor": (
        "_linking_allowed",
        lambda: linked(link={"size_noise": {"delta": "1e-5"}}),
        "the job says epsilon 1",
    ),
    "a measure's owner who is a receiver by wildcard only": (
        "_linking_allowed", lambda: linked({"receivers": ["*"]}), "must name welfare as a receiver",
    ),
    "a correlated column's owner who is a receiver by wildcard only": (
        "_linking_allowed",
        lambda: linked({"receivers": ["*"]}, params={"correlations": [["labour.wage", "welfare.wage"]]}),
        "must name welfare as a receiver",
    ),
    "rows that may differ in few from released ones": (
        "no_difference_tells",
        lambda: (proposal(), with_ledger(earlier({"labour": {"dataset": "people", "where": "age < 26"}}))),
        "labour: job aaaa-aaaa-aaaa has released a table over labour's people, rows where age < 26",
    ),
    "released rows in other cells, where the policy refuses that": (
        "no_difference_tells",
        lambda: (proposal(), with_ledger(earlier(disclosure={"min_count": 20}), more_tables="refuse")),
        "job aaaa-aaaa-aaaa has released related tables",
    ),
    "fewer numbers than earlier jobs have released with it": (
        "numbers_suffice",
        counted,
        "4 numbers are about wage of the same rows, and this job allows for 2: say disclosure.numbers: 4 or more",
    ),
    "more than is left of a budget": (
        "_affordable",
        lambda: (proposal(NOISY), with_ledger(balance=spent("2.5"))),
        "labour: people has epsilon 0.5 left for a person, and this job would take 1.5",
    ),
    "a key that is no key": (
        "_data_allowed",
        lambda: linked({"datasets": {"people": {"columns": {"id": ["group"]}}}}),
        "column id of people as key",
    ),
}  # fmt: skip


def test_what_the_policy_lists_is_permitted() -> None:
    assert decide(proposal(), facts()) == Permit("manual")
    named = {"datasets": {"people": PEOPLE | ONE_EACH | {"filters": ["age < 25"]}}}
    assert decide(proposal(), facts({"approve": "standing"} | named)) == Permit("standing")


def test_what_was_released_and_spent_leaves_room_for_what_is_harmless() -> None:
    assert decide(proposal(), with_ledger(earlier())) == Permit("manual")
    apart = {party: {"dataset": "people", "where": "age >= 25"} for party in ("labour", "welfare")}
    lower = {party: {"dataset": "people", "where": "age < 25"} for party in ("labour", "welfare")}
    job = {"parties": JOB["parties"] | lower}
    declared = {party: OWN.only({"region", "age"}) for party in ("labour", "welfare")}
    lower_job = proposal(job, declarations=declared)
    old = release(
        proposal({"parties": JOB["parties"] | apart}, declarations=declared), registry.find("joint-count").manifest
    )
    line = Line("aaaa-aaaa-aaaa", old, None, "final", {}, 0.0)
    assert decide(lower_job, with_ledger(line)) == Permit("manual", ("aaaa-aaaa-aaaa",))
    clash = earlier({"labour": {"dataset": "people", "where": "age < 26"}})
    assert decide(proposal(NOISY), with_ledger(clash, balance=spent("1.5"))) == Permit("manual")
    assert decide(proposal(NOISY), with_ledger(balance=spent("3"), answer="bbbb-bbbb-bbbb")) == Permit("manual")


def test_other_cells_of_released_rows_are_for_a_person_to_weigh() -> None:
    given = with_ledger(earlier(disclosure={"min_count": 20}))
    policy = given.policy.model_copy(update={"approve": "standing"})
    found = decide(proposal(), dataclasses.replace(given, policy=policy))
    assert isinstance(found, Permit)
    assert (found.approve, found.beside) == ("manual", ("aaaa-aaaa-aaaa",))


def test_cells_that_a_job_calls_impossible_are_for_a_person_to_weigh() -> None:
    """That one of them is empty counts as known: whoever proposes a job can't have that by itself."""
    declared = {"labour": OWN, "welfare": OWN.only({"region", "sex"})}
    rules = {"margins": True, "impossible": [{"sex": OWN.columns["sex"].values[0]}]}
    named = proposal({"params": {"by": ["region", "sex"]}, "disclosure": rules}, declarations=declared)
    dataset = WITH_SEX | ONE_EACH | {"filters": ["age < 25"]}
    given = facts({"approve": "standing", "datasets": {"people": dataset}})
    assert decide(totals(), given) == Permit("standing")
    found = decide(named, given)
    assert found == Permit("manual")
    assert isinstance(found, Permit)
    assert found.why == (
        "it says that some cells can't have rows (disclosure.impossible): whether they can, people know",
    )


def test_linked_jobs_are_permitted_as_the_policy_says() -> None:
    assert decide(*linked()) == Permit("manual")
    assert decide(*linked({"receivers": ["*"]}, receivers=("coordinator",))) == Permit("manual")
    strict = {"link": ["oblivious"], "size_noise": {"epsilon": "0.1"}}
    assert decide(*linked(strict, {"method": "oblivious"})) == Permit("manual")
    assert decide(*linked({"size_noise": "off"}, {"size_noise": "off"})) == Permit("manual")
    assert decide(*linked(link={"size_noise": {"epsilon": "0.5", "delta": "1e-7"}})) == Permit("manual")


def test_compared_records_are_permitted_as_the_policy_says() -> None:
    assert decide(*compared()) == Permit("manual")
    assert decide(*compared({"link": ["oblivious"]}, "count")) == Permit("manual")
    assert decide(*compared({"receivers": ["*"]}, "count")) == Permit("manual")
    assert decide(*compared({"link": ["exact"]}, exact=True)) == Permit("manual")


def test_more_protection_than_the_floor_is_permitted() -> None:
    assert decide(proposal({"disclosure": {"min_count": 11}}), facts()) == Permit("manual")


@pytest.mark.parametrize(
    "policy",
    [
        {"protocols": ["*"]},
        {"protocols": [f"joint-count@{registry.find('joint-count').digest}"]},
        {"purposes": ["*"]},
        {"purposes": ["Youth*2025*"]},
        {"purposes": ["*support*report"]},
        {"purposes": ["Youth on support, *2025 report"]},
        {"purposes": ["Youth on support, 2025 report"]},
        {"partners": ["*"]},
        {"receivers": ["*"]},
    ],
)
def test_wildcards_and_pins_permit_what_they_name(policy: dict[str, Any]) -> None:
    assert decide(proposal(), facts(policy)) == Permit("manual")


def test_a_hostile_purpose_costs_no_time() -> None:
    pattern, purpose = "*a" * 20 + "b", "a" * 1000  # by trying all ways, it would take for ever
    assert isinstance(decide(proposal({"purpose": purpose}), facts({"purposes": [pattern]})), Deny)


def test_an_empty_policy_permits_nothing() -> None:
    nothing = decide(proposal(), facts({key: type(value)() for key, value in POLICY.items()}))
    assert isinstance(nothing, Deny)
    assert len(nothing.reasons) == 6


@pytest.mark.parametrize("case", CASES)
def test_denied(case: str) -> None:
    _, build, reason = CASES[case]
    decision = decide(*build())
    assert isinstance(decision, Deny)
    assert reason in "; ".join(decision.reasons)


@pytest.mark.parametrize("case", CASES)
def test_it_is_that_rule_which_denies(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, build, reason = CASES[case]
    for group in ("AGREEMENT", "MEANING", "POLICY"):
        monkeypatch.setattr(rules, group, tuple(rule for rule in getattr(rules, group) if rule.__name__ != name))
    decision = decide(*build())
    assert isinstance(decision, Permit) or reason not in "; ".join(decision.reasons)


def test_every_rule_has_a_case() -> None:
    listed = {rule.__name__ for rule in (*rules.AGREEMENT, *rules.MEANING, *rules.POLICY)}
    assert listed == {name for name, _, _ in CASES.values()}


def test_an_error_in_a_rule_denies(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Any:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(rules, "POLICY", (*rules.POLICY, broken))
    decision = decide(proposal(), facts())
    assert decision == Deny(("labour could not evaluate its policy (ZeroDivisionError)",))


def test_all_objections_are_given_at_once() -> None:
    decision = decide(proposal({"disclosure": {"min_count": 5}, "purpose": "Fraud"}), facts({"partners": []}))
    assert isinstance(decision, Deny)
    assert len(decision.reasons) == 4


def test_a_party_without_data_checks_all_but_the_data() -> None:
    own = facts({"datasets": {}, "partners": ["labour", "welfare"]}, me="education", declaration=None)
    assert decide(proposal(), own) == Permit("manual")


def test_a_security_officer_can_read_it_all() -> None:
    assert len(Path(rules.__file__).read_text(encoding="utf-8").splitlines()) <= 140


def test_floors_concern_only_the_rules_that_a_protocol_has() -> None:
    """A floor for dominance is no reason against counts, which have no sums; margins are allowed unless forbidden."""
    floors = {"datasets": {"people": WITH_SEX | {"dominance": 10}}}
    assert decide(totals(), facts(floors)) == Permit("manual")
