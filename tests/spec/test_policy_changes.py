"""Every change of a policy is said in words, as what it is: something more is allowed, or something less."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from mpcgov.console.texts import catalogue
from mpcgov.node.consent import partners_lacking
from mpcgov.rules.privacy import floor_faults
from mpcgov.spec.load import parse_yaml
from mpcgov.spec.noise import CellNoise, GaussianNoise, LaplaceNoise
from mpcgov.spec.policy import DatasetPolicy, Policy
from mpcgov.spec.policy_changes import changes

STRICT = {
    "approve": "manual", "approvals": 2, "passkeys": "required", "partner_approvals": {"*": 2}, "protocols": [],
    "purposes": [], "partners": [], "receivers": [], "size_noise": {"epsilon": "1"}, "link": [],
    "datasets": {"people": {
        "columns": {"age": ["filter"]}, "min_count": 20, "margins": False, "contributors": 4, "dominance": 10,
        "max_epsilon": "1", "max_rho": "0.1", "rows_per_unit": {"person": 1}, "total_epsilon": "5", "total_rho": "1",
        "matcher_epsilon": "5", "more_tables": "refuse", "overlapping": "refuse", "filters": [],
        "partner_filters": {}, "standing_jobs": 3, "standing_until": "2030-01-01", "listed": False,
    }},
}  # fmt: skip
LOOSE = {
    "approve": "standing", "approvals": 1, "passkeys": "optional", "partner_approvals": {"*": 1},
    "protocols": ["joint-count"], "purposes": ["Youth on support, *"], "partners": ["*"], "receivers": ["coordinator"],
    "size_noise": "off", "link": ["matcher"],
    "datasets": {"people": {
        "columns": {"age": ["filter", "group"]}, "min_count": 5, "margins": True, "contributors": 3, "dominance": 5,
        "max_epsilon": "2", "max_rho": "0.2", "rows_per_unit": {"person": 2}, "total_epsilon": "6", "total_rho": "2",
        "matcher_epsilon": "6", "more_tables": "ask", "overlapping": "ask", "filters": ["age >= 15"],
        "partner_filters": {"welfare": ["year = 2040"]}, "standing_jobs": 4, "standing_until": "2031-01-01",
        "listed": True,
    }},
}  # fmt: skip


def policy(value: Any) -> Policy:
    import yaml

    return parse_yaml(yaml.safe_dump(value), Policy, "policy.yaml")


def of_dataset(value: dict[str, Any], field: str, other: dict[str, Any]) -> dict[str, Any]:
    changed = value["datasets"]["people"] | {field: other["datasets"]["people"][field]}
    return value | {"datasets": {"people": changed}}


@pytest.mark.parametrize("field", [*Policy.model_fields, *(f"people.{name}" for name in DatasetPolicy.model_fields)])
def test_each_field_has_words_in_each_language_and_says_which_way_it_goes(field: str) -> None:
    name = field.removeprefix("people.")
    base = STRICT if field != "people.filters" else of_dataset(STRICT, "columns", LOOSE)
    looser = of_dataset(base, name, LOOSE) if field != name else base | {name: LOOSE[name]}
    for before, after, effect in ((base, looser, "more"), (looser, base, "less")):
        found = changes(policy(before), policy(after))
        assert found, field
        if name not in ("rows_per_unit", "datasets"):
            assert {one.effect for one in found} == {effect}
        for one in found:
            said = str(catalogue("de").sentence(one.text))
            assert "lang=" not in said, one.text
            assert not {"results", "computing", "linking", "protocol", "purpose"} & set(said.split()), said
    assert changes(policy(base), policy(base)) == []


def test_a_data_set_that_is_new_is_told_of_with_all_that_may_be_done_with_it() -> None:
    before, after = policy(STRICT | {"datasets": {}}), policy(STRICT)
    found = changes(before, after)
    assert {one.effect for one in found} == {"more"}
    assert [one.text for one in found][:3] == [
        "data set people may be used", "people: column age may choose rows",
        "people: smallest cell shown: 20 (before: 10)",
    ]  # fmt: skip
    assert [one.text for one in changes(after, before)] == ["data set people may no longer be used"]


@pytest.mark.parametrize(("then", "now", "effect"), [("1", None, "more"), (None, "1", "less"), ("1", "0.9", "less")])
def test_no_limit_allows_most(then: str | None, now: str | None, effect: str) -> None:
    alone = of_dataset(STRICT, "max_epsilon", {"datasets": {"people": {"max_epsilon": None}}})
    before, after = (policy(of_dataset(alone, "max_rho", {"datasets": {"people": {"max_rho": at}}}))
                     for at in (then, now))  # fmt: skip
    assert [one.effect for one in changes(before, after)] == [effect]


def alike(one: Any, **fields: Any) -> Policy:
    """A policy with nothing but these fields of its own, and those of `one` for its data set."""
    return policy(fields | {"datasets": {"people": {name: value for name, value in one.items() if value is not None}}})


def never_only_less(policies: list[tuple[Policy, set[Any]]]) -> None:
    """Of any two policies, with what each allows: if one allows what the other doesn't, that is said, and else not."""
    for (before, allowed), (after, now) in itertools.product(policies, repeat=2):
        effects = {one.effect for one in changes(before, after)}
        if now - allowed:
            assert effects & {"more", "other"}, (before, after)
        else:
            assert "more" not in effects, (before, after)


def test_no_noise_becomes_allowed_by_what_is_said_to_allow_less() -> None:
    laplace = [LaplaceNoise(mechanism="discrete-laplace", unit="person", bound=1, epsilon=size)
               for size in ("0.1", "1", "2", "10")]  # fmt: skip
    gauss = [GaussianNoise(mechanism="discrete-gaussian", unit="person", bound=1, rho=size)
             for size in ("0.01", "0.5", "10")]  # fmt: skip
    jobs: list[CellNoise | None] = [None, *laplace, *gauss]
    limits = itertools.product((None, "0.5", "1", "3"), (None, "0.1", "0.5", "999"))
    policies = [alike({"max_epsilon": epsilon, "max_rho": rho}) for epsilon, rho in limits]
    never_only_less([
        (one, {at for at, job in enumerate(jobs) if not [*floor_faults(job, one.datasets["people"])]})
        for one in policies
    ])  # fmt: skip


def test_no_partners_yes_becomes_enough_by_what_is_said_to_allow_less() -> None:
    people = {"welfare": (None, 1, 2), "education": (None, 2), "*": (None, 1, 2)}
    policies = []
    for counts in itertools.product(*people.values()):
        said = {party: count for party, count in zip(people, counts, strict=True) if count is not None}
        policies.append(alike({}, partner_approvals=said))
    words = list(itertools.product(("welfare", "education", "tax"), (0, 1, 2)))
    never_only_less([
        (one, {word for word in words if not partners_lacking(one, dict([word]))}) for one in policies
    ])  # fmt: skip


def test_no_tables_may_be_put_to_people_by_what_is_said_to_allow_less() -> None:
    found = changes(alike({"overlapping": "ask"}, approve="standing"), alike({"overlapping": "ask"}, approve="manual"))
    assert [(one.effect, one.text) for one in found] == [
        ("less", "every job takes a person's yes"),
        ("more", "people: tables of nearly the same rows: ask (before: refuse)"),
    ]
