"""Whether other rows are other persons': what a register must say and be, and what becomes of jobs when it changes."""

from __future__ import annotations

from typing import Any

import pytest

from mpcgov import registry
from mpcgov.node import operator, units
from mpcgov.node.decide import decide
from mpcgov.node.differencing import Release, release
from mpcgov.node.facts import Deny, Line, Permit, View
from mpcgov.node.parts import Part
from mpcgov.spec.load import validate
from mpcgov.spec.policy import DatasetPolicy
from mpcgov.spec.statement import job_id
from mpcgov.spec.table import Dataset, Declaration
from tests.node.network import DATASETS, PARTIES, POLICY, Network, standing
from tests.node.test_decide import OWN, facts, proposal

COLUMNS = {
    "id": {"kind": "key"},
    "row": {"kind": "integer", "min": 1, "max": 999},
    "name": {"kind": "text"},
    "region": {"kind": "category", "values": ["North", "South"]},
    "age": {"kind": "integer", "min": 0, "max": 120},
}
UNIQUE = DATASETS.replace("  columns:", "  unique: [id]\n  columns:\n    id: {kind: key}")
STANDING = standing(POLICY, "age < 25", "age between 25 and 64", "age >= 65", "age > 64")


def declared(*unique: Any, **columns: Any) -> Declaration:
    return validate({"columns": COLUMNS | columns, "unique": list(unique)}, Declaration, "declaration")


def allowed(**rows_per_unit: Any) -> DatasetPolicy:
    return validate({"rows_per_unit": rows_per_unit}, DatasetPolicy, "policy")


@pytest.mark.parametrize(
    ("declaration", "policy", "found"),
    [
        (declared("id"), None, (("id",),)),
        (declared("id", ["name", "age"]), None, (("id",),)),
        (declared(), None, ()),
        (declared(["id", "age"]), None, ()),
        (declared("row"), None, ()),
        (declared("row", ["id", "age"]), None, ()),
        (declared("row", "id"), None, (("id",), ("row",))),
        (declared("id", household={"kind": "key"}), None, ()),
        (declared("id", household={"kind": "key"}), allowed(person={"rows": 1, "key": ["id"]}), (("id",),)),
        (declared("id"), allowed(person={"rows": 12, "key": ["id"]}), ()),
        (declared(["name", "age"]), allowed(person={"rows": 1, "key": ["name", "age"]}), (("name", "age"),)),
        (declared("row"), allowed(person={"rows": 1, "key": ["id"]}), ()),
        (declared("id"), allowed(person={"rows": 1, "key": ["id"]}, household={"rows": 5, "key": ["id"]}), ()),
        (None, None, ()),
    ],
)  # fmt: skip
def test_who_has_one_row_is_said_by_the_declaration_and_the_policy(
    declaration: Declaration | None, policy: DatasetPolicy | None, found: units.Units
) -> None:
    assert units.known(declaration, policy) == found


def part(where: tuple[str, ...] = ("region",), key: list[str] | None = None, edition: str | None = None) -> Part:
    columns = {name: declared("id").columns[name] for name in where}
    fields = {"party": "a", "dataset": "people", "where": None, "columns": columns, "used": (), "duplicates": None}
    return Part(**fields, key=None if key is None else tuple(key), edition=edition)


def test_other_rows_are_other_persons_while_what_both_filters_test_is_as_it_was() -> None:
    by = (("id",),)
    here = {"unit id: region by duckdb 1": "x", "unit id: age by duckdb 1": "y", "all rows": "3"}

    def kept(now: dict[str, str], one: Part | None = None, other: Part | None = None) -> bool:
        return units.kept_apart(one or part(), now, other or part(), here, by)

    assert kept(here | {"all rows": "4", "unit id: age by duckdb 1": "z"})
    assert kept(here, part(("region", "age")), part(("region",)))
    assert not kept(here | {"unit id: region by duckdb 1": "z"})
    assert not kept({"unit id: region by duckdb 2": "x"}), "another version hashes otherwise"
    assert not kept({})
    assert not units.kept_apart(part(), here | {"unit id: region by duckdb 1": ""}, part(), dict.fromkeys(here, ""), by)
    assert not units.kept_apart(part(), here, part(), here, ())
    assert kept(here, part(key=["id"]), part(key=["id", "age"]))
    assert not kept(here, part(key=["name"])), "linked by something else"
    assert not kept(here, part(edition="2025-11"), part(edition="2025-12"))
    assert kept(here, part(edition="2025-11"), part(edition="2025-11"))


@pytest.mark.parametrize(
    ("persons", "key", "edition", "why"),
    [
        ((), None, None, "nothing says that there is one row of each person: declare a person's number unique"),
        ((("id",),), ["name"], None, "one of both links by what several persons may share, and not by id"),
        ((("id",),), ["id"], "2025-12", "they are of another edition, in which persons may have come to the filter's"),
        ((("id",),), ["id"], "2025-11", "somebody's region may have changed between the two"),
    ],
)
def test_why_other_rows_may_be_the_same_persons(
    persons: units.Units, key: list[str] | None, edition: str | None, why: str
) -> None:
    def released(issue: str | None) -> Release:
        fields = {"every_set": False, "settings": "", "cells": "", "rules": ""}
        return Release(parts=(part(key=key, edition=issue),), link="none" if key is None else "inner", **fields)

    assert units.not_apart("a", released("2025-11"), released(edition or "2025-11"), persons).startswith(why)


def test_how_values_are_made_of_the_sources_is_told_by_column() -> None:
    said: dict[str, Any] = {
        "region": {"kind": "category", "values": ["North", "South"]},
        "age": {"kind": "integer", "min": 0, "max": 120},
        "band": {"kind": "category", "derive": {"band": "age", "edges": [0, 65]}},
    }

    def made(**more: dict[str, Any]) -> dict[str, str]:
        columns = {name: column | more.get(name, {}) for name, column in said.items()}
        return units.made(validate({"source": "people.csv", "columns": columns}, Dataset, "dataset"))

    def otherwise(**more: dict[str, Any]) -> set[str]:
        found = made(**more)
        return {name for name, one in made().items() if found[name] != one}

    assert otherwise(region={"recode": {"N": "North"}}) == {"region"}
    assert otherwise(age={"missing": ["999"]}) == {"age", "band"}
    assert otherwise(band={"derive": {"band": "age", "edges": [0, 67]}}) == {"band"}
    assert otherwise(region={"from": "Region"}, age={"from": "Alter"}) == set()


@pytest.mark.parametrize(
    ("column", "where", "side"),
    [
        ("age", "age < 25", "unclear"),
        ("region", "age < 25", "unclear"),
        ("age", "age >= 25", "unclear"),
        ("region", "age >= 25", "apart"),
        ("sex", "age < 25", "same"),
    ],
)
def test_other_values_of_the_same_source_are_another_choice_of_rows(column: str, where: str, side: str) -> None:
    """Known before anything is read, and where hashes of another version of an engine can't be compared."""
    dataset = {"columns": {"region": ["group"], "age": ["filter"]}, "filters": ["age < 25", "age >= 25"]}
    allowed = {"approve": "standing", "datasets": {"people": dataset | {"rows_per_unit": {"person": 1}}}}
    before, (old, new) = (
        dict.fromkeys(("age", "region", "sex"), "x"),
        (
            {"labour": {"dataset": "people", "where": one}, "welfare": {}, "education": {}}
            for one in ("age < 25", where)
        ),
    )
    used = {"declarations": {"labour": OWN.only({"region", "age"})}}
    earlier = release(proposal({"parties": old}, **used), registry.find("joint-count").manifest, "labour", before)
    line = Line("aaaa-aaaa-aaaa", earlier, None, "final", {}, 0.0)
    here = facts(allowed, ledger=View((line,)), made=before | {column: "y"})
    found = decide(proposal({"parties": new}, **used), here)
    assert isinstance(found, Deny) is (side == "unclear")
    if isinstance(found, Permit):
        assert found.approve == ("standing" if side == "same" else "manual")


def test_what_was_found_out_last_is_known() -> None:
    assert units.latest([{"all rows": "3", "unit id: age by d": "x"}, {"all rows": "4", "unit id: age by d": "y"}]) == {
        "unit id: age by d": "y"
    }
    waits = {"unit id: age by d": "x"}  # of a job that has read nothing itself
    assert units.latest([{"all rows": "4", "unit id: age by d": "y"}, waits]) == {"unit id: age by d": "y"}


def test_without_all_that_a_person_weighs_other_rows_whatever_approve_says() -> None:
    manifest = registry.find("joint-count").manifest
    own = declared("id", sex={"kind": "category", "values": ["F", "M"]})
    both = {
        where: {party: {"dataset": "people", "where": where} for party in ("labour", "welfare")} | {"education": {}}
        for where in ("age < 25", "age >= 25")
    }
    used = dict.fromkeys(("labour", "welfare"), own.only({"region", "age"}))
    young, old = (proposal({"parties": parties}, declarations=used) for parties in both.values())
    found = {"unit id: age by duckdb 1": "as it was"}
    line = Line("aaaa-aaaa-aaaa", release(young, manifest), None, "final", found, 0.0)

    def says(declaration: Declaration = own, now: dict[str, str] = found, **policy: Any) -> Permit | Deny:
        named = ["age < 25", "age >= 25"]
        dataset = {"columns": {"region": ["group"], "age": ["filter"]}, "filters": named} | policy
        dataset |= {"partner_filters": {"welfare": named}}
        given = {"approve": "standing", "datasets": {"people": dataset}}
        return decide(old, facts(given, declaration=declaration, ledger=View((line,), found=now)))

    assert says() == Permit("standing")
    weighed = Permit("manual", ("aaaa-aaaa-aaaa",))
    assert says(declaration=declared(["id", "age"])) == weighed
    assert says(now={"unit id: age by duckdb 1": "changed"}) == weighed
    assert says(min_count=5, rows_per_unit={"person": {"rows": 2, "key": ["id"]}}) == weighed
    assert isinstance(says(now={}, more_tables="refuse"), Deny)


async def test_a_register_that_has_changed_is_noticed_before_the_commit_and_then_people_are_asked(
    network: Network,
) -> None:
    for party in PARTIES:
        network.policy(party, STANDING)
        (network.home(party) / "datasets.yaml").write_text(UNIQUE)
        network.workers[party].rows = {"all rows": "40", "unit id: age by duckdb 1": "as it was"}
    await network.start()

    async def submitted(where: str) -> tuple[str, set[str]]:
        asked = network.proposal(parties={party: {"dataset": "people", "where": where} for party in PARTIES})
        return job_id(asked.job_digest), {one["state"] for one in (await network.submit(asked)).values()}

    first, _ = await submitted("age < 25")
    await network.until(first, "RELEASED")
    second, states = await submitted("age between 25 and 64")
    assert "AWAITING_APPROVAL" not in states, "parts of a register with one row of each person run by themselves"
    await network.until(second, "RELEASED")

    network.workers["welfare"].rows = {"all rows": "9", "unit id: age by duckdb 1": "somebody has had a birthday"}
    job, _ = await submitted("age >= 65")
    await network.until(job, "FAILED", parties=("welfare",))
    reason = (await network.status("welfare", job))["reason"]
    assert reason.startswith(f"welfare: the rows of people have changed since job {first} released them")
    assert all(worker.phases.count("deal") == 2 for worker in network.workers.values())

    again, _ = await submitted("age > 64")
    assert (await network.status("welfare", again))["state"] == "AWAITING_APPROVAL"
    view = next(view for view in operator.jobs(network.home("welfare")) if view.job == again)
    assert [text.split(": ", 1)[1] for text in view.asks if first in text] == [
        "somebody's age may have changed between the two"
    ]
    network.nodes["welfare"].book.approve(again)
    network.nodes["welfare"].service.decided(again)
    await network.until(again, "RELEASED")
