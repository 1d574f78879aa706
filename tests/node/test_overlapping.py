"""Tables whose rows may differ in few from an earlier one's: what people see, which yes is possible."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mpcgov import registry
from mpcgov.coordinator.ledgers import forecasts, leaves
from mpcgov.coordinator.propose import Draft
from mpcgov.errors import Refused
from mpcgov.node import operator, questions
from mpcgov.spec.codelists import load_datasets
from mpcgov.spec.job import Job
from mpcgov.spec.load import canonical_json, validate
from mpcgov.spec.order import ROWS
from mpcgov.spec.statement import job_id
from mpcgov.worker.fingerprint import fingerprints_of
from mpcgov.worker.source import open_table
from tests.node.network import PARTIES, POLICY, Network, refusal

FILTERS = POLICY.replace("sex: [group], age: [filter]", "sex: [group, filter], age: [filter]")
ASKS = FILTERS.replace("min_count: 5", "min_count: 5\n    overlapping: ask")
NORTH, SOUTH = 40, 30
ONE_EACH = "    rows_per_unit: {person: 1}\n"


@pytest.fixture
async def nodes(network: Network, read_here: None) -> Network:
    """Three nodes that ask about overlapping tables, each with 40 persons in the North and 30 in the South."""
    for party in PARTIES:
        network.policy(party, ASKS)
        rows = [f"North,F,{age}" for age in range(NORTH)] + [f"South,M,{age}" for age in range(SOUTH)]
        (network.home(party) / "people.csv").write_text("\n".join(["region,sex,age", *rows, ""]))
        network.workers[party].rows = {"all rows": f"{len(rows)}"}
    await network.start()
    return network


def asked(where: str | None, **changes: Any) -> dict[str, Any]:
    return {"parties": {party: {"dataset": "people", "where": where} for party in PARTIES}} | changes


def say_yes(network: Network, job: str, *parties: str) -> None:
    for party in parties or PARTIES:
        network.nodes[party].book.approve(job)
        network.nodes[party].service.decided(job)


async def submitted(network: Network, where: str | None, **changes: Any) -> tuple[str, dict[str, Any]]:
    proposal = network.proposal(**asked(where, **changes))
    return job_id(proposal.job_digest), await network.submit(proposal)


async def released(network: Network, where: str | None, *states: str) -> str:
    job, answers = await submitted(network, where)
    assert {answer["state"] for answer in answers.values()} <= {*(states or ("AWAITING_APPROVAL",))}, answers
    say_yes(network, job)
    await network.until(job, "RELEASED")
    return job


def ledger_of(network: Network, job: str, party: str = "labour") -> str:
    view = next(view for view in operator.jobs(network.home(party)) if view.job == job)
    return "\n".join(view.ledger)


async def test_a_table_over_other_rows_can_follow_with_a_yes_where_enough_differ(
    nodes: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # what differs is counted by processes of their own
    first = await released(nodes, None)
    job, _ = await submitted(nodes, "age < 20")
    shown = ledger_of(nodes, job)
    assert f"job {first} has released a table over labour's people, all rows" in shown
    assert "30 persons are in just one of the two tables" in shown
    assert "a yes is possible" in shown
    say_yes(nodes, job)
    await nodes.until(job, "RELEASED")
    with nodes.nodes["labour"]._store.read() as tx:
        assert questions.overlapping(tx, "people") == [(job, (first,))]


@pytest.mark.by_day(2)
@pytest.mark.parametrize("where", ["age != 39", "age < 27", "age < 200"], ids=["one", "few in a cell", "none"])
async def test_no_yes_is_possible_where_fewer_persons_differ_than_min_count(nodes: Network, where: str) -> None:
    """Of 70 persons all but one; all but three of the South; and all of them, no other than all but one."""
    await released(nodes, None)
    if where == "age < 27":
        where = "age < 27 or sex = 'F'"
    job, _ = await submitted(nodes, where)
    assert "no yes is possible" in ledger_of(nodes, job)
    before = await nodes.status("labour", job)
    with pytest.raises(Refused, match="in fewer than 10 persons"):
        nodes.nodes["labour"].book.approve(job)
    # Nobody outside hears of it: the job stands as one that nobody has looked at.
    assert await nodes.status("labour", job) == before
    assert before["state"] == "AWAITING_APPROVAL"
    assert len(nodes.workers["labour"].runs) == 1


async def test_no_yes_is_possible_once_the_data_have_changed(nodes: Network) -> None:
    """All, less both parts of it a day later, is who came in between; asked of one column that the table was by."""
    fingerprint = next(iter(await asyncio.to_thread(_prints, nodes.home("labour"))))
    assert fingerprint.startswith("all rows: region by ")
    nodes.workers["labour"].rows |= await asyncio.to_thread(_prints, nodes.home("labour"))
    await released(nodes, None)
    job, _ = await submitted(nodes, "age < 20")
    assert "a yes is possible" in ledger_of(nodes, job)
    people = nodes.home("labour") / "people.csv"
    people.write_text(people.read_text().replace("North,F,25", "South,F,25"))
    said = ledger_of(nodes, job)
    assert "no yes is possible" in said
    assert "the data set has changed since one of these tables" in said
    with pytest.raises(Refused, match="or have changed since"):
        nodes.nodes["labour"].book.approve(job)


async def test_a_yes_is_about_the_rows_that_were_counted(nodes: Network) -> None:
    first = await released(nodes, None)
    job, _ = await submitted(nodes, "age < 20")
    nodes.workers["labour"].rows = {"all rows": f"{NORTH + SOUTH + 1}"}
    say_yes(nodes, job)
    found = await nodes.until(job, "ABORTED", "FAILED")
    assert f"have changed since job {first}" in found["labour"]["reason"]


def _prints(home: Path) -> dict[str, str]:
    """What the reader finds the column region to be in labour's people."""
    dataset = load_datasets(home / "datasets.yaml").root["people"]
    with open_table(dataset, "people", home) as source:
        found = fingerprints_of(source, [["region"]])
    return {name: value for name, value in found.items() if name != ROWS}


async def test_a_no_goes_out_when_the_time_is_over_and_is_no_other_than_silence(nodes: Network) -> None:
    await released(nodes, None)
    silent, said = [(await submitted(nodes, "age != 39"))[0] for _ in range(2)]
    book = nodes.nodes["labour"].book
    with pytest.raises(Refused, match="a reason could tell"):
        book.reject(said, "one person only")
    book.reject(said, "")
    nodes.nodes["labour"].service.decided(said)
    with pytest.raises(Refused, match="a no was said"):
        book.approve(said)

    async def seen(job: str) -> list[dict[str, Any]]:
        return [await nodes.status(party, job) | {"job": ""} for party in PARTIES]

    assert await seen(said) == await seen(silent)
    assert {status["state"] for status in await seen(said)} == {"AWAITING_APPROVAL"}
    nodes.clock.offset_s = 3601
    await nodes.until(said, "EXPIRED")
    await nodes.until(silent, "EXPIRED")
    assert await seen(said) == await seen(silent)


async def test_a_yes_that_is_taken_back_ends_the_job_at_once(nodes: Network) -> None:
    await released(nodes, None)
    job, _ = await submitted(nodes, "age < 20")
    say_yes(nodes, job, "labour")
    nodes.nodes["labour"].book.reject(job, "")
    nodes.nodes["labour"].service.decided(job)
    await nodes.until(job, "REJECTED", parties=("labour",))
    await nodes.until(job, "CANCELLED", parties=("welfare", "education"))


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    "policy", [FILTERS, ASKS.replace("manual", "standing") + ONE_EACH], ids=["refuse", "nobody watches"]
)
async def test_without_a_person_who_is_asked_overlapping_tables_are_refused(network: Network, policy: str) -> None:
    for party in PARTIES:
        network.policy(party, policy)
    await network.start()
    job, _ = await submitted(network, None)
    if "manual" in policy:
        say_yes(network, job)
    await network.until(job, "RELEASED")
    _, answers = await submitted(network, "age != 39")
    assert {answer["state"] for answer in answers.values()} == {"DENIED"}


async def test_people_are_asked_so_often_and_no_more_whatever_they_say(
    nodes: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer tells a bit that depends on rows: an attacker who changes filters gets so many of them a month."""
    monkeypatch.setattr("mpcgov.node.beside.OVERLAPS_LIMIT", 2)
    await released(nodes, None)
    first, second = [(await submitted(nodes, f"age < {age}"))[0] for age in (20, 21)]
    nodes.nodes["labour"].book.reject(first, "")
    job, answers = await submitted(nodes, "age < 22")
    assert answers["labour"]["reasons"] == ["labour: its people were asked about 2 overlapping tables within 30 days"]
    nodes.clock.offset_s = 31 * 86400
    _, answers = await submitted(nodes, "age < 23")
    assert answers["labour"]["state"] == "AWAITING_APPROVAL"
    assert second != job


async def test_a_tracker_of_three_tables_finds_no_yes(nodes: Network) -> None:
    """By pairs they differ in ten or more; the third less the first two is one person."""
    await released(nodes, "age < 15")
    await released(nodes, "age >= 16 and age < 28")
    job, _ = await submitted(nodes, "age < 28")
    assert "the smallest of 2" in ledger_of(nodes, job)
    with pytest.raises(Refused, match="in fewer than 10 persons"):
        nodes.nodes["labour"].book.approve(job)


async def test_a_plan_asks_what_nodes_would_say_and_leaves_no_trace_but_that(nodes: Network) -> None:
    nodes.policy("labour", FILTERS)
    nodes.policy("education", FILTERS.replace("manual", "standing") + ONE_EACH)
    first = await released(nodes, None, "AWAITING_APPROVAL", "APPROVED")
    proposal = nodes.proposal(**asked("age < 20"))
    draft = Draft(
        proposal.job, registry.find("joint-count"), nodes.roster, nodes.roster_digest, dict(proposal.declarations)
    )
    async with nodes.client() as client:
        labour, welfare, education = await forecasts(client, draft)
    assert labour.startswith(f"labour would refuse; labour: job {first} has released a table over")
    assert welfare.startswith(f"welfare would ask its people; its rows may differ in few from those of job {first}")
    assert "education would refuse" in education
    for party in PARTIES:
        assert [view.job for view in operator.jobs(nodes.home(party))] == [first]
    body = canonical_json(proposal.model_dump(mode="json"))
    async with nodes.client("labour") as client:
        error = await refusal(client.request("welfare", "POST", "/v1/forecasts", body))
    assert (error.exit_status, error.code) == (3, "caller")


async def test_a_forecast_is_the_same_whatever_the_data(nodes: Network) -> None:
    await released(nodes, None)
    body, found = canonical_json(nodes.proposal(**asked("age < 20")).model_dump(mode="json")), []
    async with nodes.client() as client:
        for rows in ("", "North,F,19\n", "North,F,19\n" * 50, "Nowhere,X,-1\n"):
            (nodes.home("labour") / "people.csv").write_text("region,sex,age\n" + rows)
            found.append(await client.request("labour", "POST", "/v1/forecasts", body))
    assert found == [found[0]] * 4
    assert found[0]["answer"] == "ask"


@pytest.mark.parametrize("where", [None, "first_year >= 2038"])
def test_a_plan_names_a_partition_that_leaves_later_tables_possible(where: str | None) -> None:
    part = {"dataset": "people", "where": where}
    job = {"protocol": "joint-count", "purpose": "p", "legal_basis": "l", "parties": {"a": part, "b": part, "c": {}}}
    said = leaves(validate(job | {"params": {"by": ["sex"]}, "receivers": ["a"]}, Job, "job"))
    assert len(said) == 2
    assert ("one job for each part" if where is None else "up to all of those where not (first_year >= 2038)") in said[
        0
    ]


async def test_four_eyes_are_those_of_two_people(network: Network) -> None:
    network.policy("labour", FILTERS + "approvals: 2\n")
    await network.start()
    job, _ = await submitted(network, None)
    say_yes(network, job, "welfare", "education")
    book = network.nodes["labour"].book
    assert book.approve(job, "anna").state.value == "AWAITING_APPROVAL"
    assert book.approve(job, "anna").state.value == "AWAITING_APPROVAL"
    view = next(view for view in operator.jobs(network.home("labour")) if view.job == job)
    assert view.consent == "1 of 2 people have said yes: anna"
    assert "labour" in (await network.status("labour", job))["waiting_for"]
    book.approve(job, "bert")
    network.nodes["labour"].service.decided(job)
    await network.until(job, "RELEASED")
    records = [r for r in operator.audit_records(network.home("labour")) if r["event"] in ("yes", "approve")]
    assert [r["facts"].get("person") or r["facts"]["people"] for r in records] == ["anna", "anna", "anna, bert"]


async def test_who_said_yes_or_no_is_on_record(network: Network) -> None:
    await network.start()
    job, _ = await submitted(network, None)
    network.nodes["labour"].book.approve(job)
    operator.reject(network.home("welfare"), job, "not this year")
    for party, event, fact in (("labour", "approve", "people"), ("welfare", "reject", "person")):
        record = next(r for r in operator.audit_records(network.home(party)) if r["event"] == event)
        assert record["facts"][fact]
