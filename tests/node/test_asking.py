"""Why a person is asked is said in plain words, for each cause; the coordinator reads the same in a plan."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from mpcgov import registry
from mpcgov.node.decide import decide
from mpcgov.node.differencing import release
from mpcgov.node.facts import Line, Permit, View
from mpcgov.spec.table import Declaration
from tests.adversary import test_rows_of_one_person as rows
from tests.adversary.test_rows_of_one_person import MONTHLY, NOISE, ONE, PERSONS, compared, counted, linked
from tests.node.test_decide import PEOPLE, facts, proposal

ENOUGH = "2 jobs have released something from people, as many as may by themselves"
SAY_IT = "declare a person's number unique in datasets.yaml, or say rows_per_unit in policy.yaml"


def of(where: str, **more: Any) -> dict[str, Any]:
    """A job over some of labour's rows and all of welfare's."""
    parties = {"labour": {"dataset": "people", "where": where}, "welfare": {"dataset": "people"}, "education": {}}
    return {"parties": parties} | more


@pytest.mark.parametrize(
    ("declaration", "said", "job", "why"),
    [
        (MONTHLY, {}, counted(), f"it counts rows of people, and nothing says how many one person has there: {SAY_IT}"),
        (
            MONTHLY, {}, counted(**NOISE),
            f"its noise hides 1 row of a person, and nothing says how many one has in people: {SAY_IT}",
        ),
        (
            MONTHLY, {}, linked("id", "month"),
            f"it links by id, month, and nothing says which columns of people tell persons apart: {SAY_IT}",
        ),
        (
            PERSONS, ONE, linked("last", duplicates={}),
            "it links by last, which several persons may share: people tells them apart by id",
        ),
        (
            PERSONS, ONE, compared("name"),
            "it links by name, which several persons may share: people tells them apart by id",
        ),
    ],
)  # fmt: skip
def test_what_a_job_counts_or_says(declaration: Declaration, said: Any, job: dict[str, Any], why: str) -> None:
    found = rows.decided(declaration, said, **job)
    assert isinstance(found, Permit), found
    assert (found.approve, found.why) == ("manual", (why,))


def test_columns_that_are_made_of_one() -> None:
    """Of a date and the year of it, 50 rows lack the year and 49 the date: one is of a year that is no date's."""
    job = {
        "protocol": "data-quality",
        "params": {"columns": ["tax.sex", "tax.id"]},
        "parties": {"tax": {"dataset": "people"}, "welfare": {}, "statistics": {}},
    }
    apart, together = ({"sex": {"a"}, "id": {other}} for other in "ba")
    uses = {"sex": ["quality"], "id": ["quality"]}
    found = [rows.decided(PERSONS, ONE, uses, {"sources": sources}, **job) for sources in (apart, {}, together)]
    assert [getattr(one, "why", None) for one in found[:2]] == [(), ()]
    (said,) = getattr(found[2], "why", ())
    assert said.startswith("sex and id are made of one column: the difference of both numbers tells how many rows lack")


def why(earlier: dict[str, Any], snapshot: dict[str, str] | None = None, tables: int = 1) -> tuple[str, ...]:
    """Why labour is asked about a job after another one, or so many alike."""
    manifest = registry.find("joint-count").manifest
    line = Line("aaaa-aaaa-aaaa", release(proposal(earlier), manifest), None, "final", snapshot or {}, 0.0)
    one_each = {"people": PEOPLE | {"rows_per_unit": {"person": 1}, "filters": ["age < 30"]}}
    view = View((line,) * tables)
    found = decide(proposal(of("age < 30")), facts({"approve": "standing", "datasets": one_each}, ledger=view))
    assert isinstance(found, Permit), found
    return found.why


@pytest.mark.parametrize(
    ("allowed", "view", "why"),
    [
        ({"standing_jobs": 2}, View(jobs=1), ()),
        ({"standing_jobs": 2}, View(jobs=2), (ENOUGH,)),
        ({"standing_jobs": 2}, View(jobs=2, answer="aaaa-aaaa-aaaa"), ()),
        ({"standing_until": "2027-01-15"}, View(), ()),
        ({"standing_until": "2027-01-14"}, View(), ("jobs over people ran by themselves until 2027-01-14",)),
    ],
)  # fmt: skip
def test_a_series_ends_at_the_agency(allowed: dict[str, Any], view: View, why: tuple[str, ...]) -> None:
    one_each = {"people": PEOPLE | {"rows_per_unit": {"person": 1}, "filters": ["age < 30"]} | allowed}
    found = decide(proposal(of("age < 30")), facts({"approve": "standing", "datasets": one_each}, ledger=view))
    assert isinstance(found, Permit), found
    assert (found.approve, found.why) == ("manual" if why else "standing", why)


def test_what_was_released_before() -> None:
    assert why(of("age < 30")) == ()
    (text,) = why(of("age < 30", disclosure={"min_count": 20}))
    assert text.startswith("job aaaa-aaaa-aaaa has released other tables of the same rows")


def test_many_tables_about_the_same_rows() -> None:
    *_, few = why(of("age < 30", disclosure={"min_count": 20}), tables=4)
    *_, many = why(of("age < 30", disclosure={"min_count": 20}), tables=5)
    assert few.startswith("job aaaa-aaaa-aaaa")
    assert many.startswith("5 tables about these rows are out already")


def test_what_an_older_version_has_read_cannot_be_compared() -> None:
    """It took down which rows a job chose, and the node now takes down what the whole data set is."""
    older = "job aaaa-aaaa-aaaa was read by an older version, so that nothing tells whether its rows have changed"
    assert why(of("age < 30"), {"rows": "x", "age by duckdb 1": "y"}) == (older,)
    assert why(of("age < 30"), {"all rows": "x"}) == why(of("age < 30"), {"unit id: age by duckdb 1": "y"}) == ()


def test_the_policy_and_refusals() -> None:
    given = facts(ledger=View(refused=3))
    found = decide(proposal(), dataclasses.replace(given))
    assert isinstance(found, Permit)
    assert found.why == (
        f"it counts rows of people, and nothing says how many one person has there: {SAY_IT}",
        "3 jobs over its data have ended within a day because of them",
        "its policy says approve: manual",
    )
