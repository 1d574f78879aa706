"""People sign in and sign: what counts as a person's yes, and everything that doesn't."""

from __future__ import annotations

import asyncio
import re

import pytest
import sqlalchemy as sql

from mpcgov.errors import Refused, SpecError
from mpcgov.lifecycle import State
from mpcgov.node import operator
from mpcgov.node.consent import counted, own_lacking, partners_lacking
from mpcgov.node.desk import enrolment
from mpcgov.node.explain import Weighed
from mpcgov.node.statements import read_approval
from mpcgov.node.tables import JOBS
from mpcgov.spec.assertion import check, check_all
from mpcgov.spec.envelope import Envelope
from mpcgov.spec.load import parse_json
from mpcgov.spec.policy import Policy
from mpcgov.spec.statement import Approval
from mpcgov.trust import sessions
from tests.console.agency import Agency
from tests.console.authenticator import PRESENT, Authenticator
from tests.node.network import POLICY


async def test_two_people_approve_and_both_words_travel_with_the_approval(agency: Agency) -> None:
    """Four eyes: the first yes leaves the job waiting, the same person's second too; peers can check both."""
    agency.network.policy("labour", POLICY.replace("manual", "manual\napprovals: 2"))
    anna, bert = await agency.person("anna"), await agency.person("bert")
    job = await agency.job()
    assert await anna.say(job) == (200, {"next": f"/jobs/{job}"})
    assert (await anna.say(job))[0] == 200
    assert agency.book.job(job).state.value == "AWAITING_APPROVAL"
    assert "1 of 2" in (await anna.get(f"/jobs/{job}"))[1]
    assert (await bert.say(job))[0] == 200
    assert agency.book.job(job).state.value == "APPROVED"

    body, proposal = agency.book.approvals(job)["labour"], agency.book.proposal(job)
    card = agency.network.roster.member("labour")
    approval = read_approval(body, card, proposal, agency.network.clock.now())
    assert [one.known_as for one in approval.people] == ["person 1", "person 2"]
    said = [record for record in operator.audit_records(agency.home) if record["event"] == "yes"]
    assert [record["facts"]["person"] for record in said] == ["anna", "anna", "bert"]
    assert said[-1]["facts"]["assertion"] == approval.people[1].model_dump(mode="json")
    assert operator.audit_verify(agency.home) > 0


async def test_a_yes_counts_while_its_person_may_say_it_and_what_is_decided_stands(agency: Agency) -> None:
    """Neither a thief's passkey's, once its owner is removed, nor a second one of somebody who has another name now."""
    agency.network.policy("labour", POLICY.replace("manual", "manual\napprovals: 2"))
    job, anna = await agency.job(), await agency.person("anna")
    assert (await anna.say(job))[0] == 200
    await asyncio.to_thread(enrolment.remove, agency.home, "anna")
    berg = await agency.person("anna.berg")
    assert (await berg.say(job))[0] == 200
    anna = await agency.person("anna")
    assert agency.book.job(job).state.value == "AWAITING_APPROVAL"
    assert "1 of 2" in (await anna.get(f"/jobs/{job}"))[1]
    await asyncio.to_thread(enrolment.remove, agency.home, "anna.berg")
    assert (await anna.say(job))[0] == 200
    assert "1 of 2" in (await anna.get(f"/jobs/{job}"))[1]
    bert = await agency.person("bert")
    assert (await bert.say(job))[0] == 200
    assert agency.book.job(job).state.value == "APPROVED"
    approval = parse_json(parse_json(agency.book.approvals(job)["labour"], Envelope, "").body, Approval, "")
    said = [one["facts"]["assertion"] for one in operator.audit_records(agency.home) if one["event"] == "yes"]
    assert [one.model_dump(mode="json") for one in approval.people] == said[2:]  # by the new passkey of anna's
    await asyncio.to_thread(enrolment.remove, agency.home, "bert")
    policy = Policy(approvals=2)
    with agency.book.view() as tx:
        assert own_lacking(tx, job, policy) == ""
        assert counted(tx, job, policy) == ("anna", "bert")


async def test_peers_refuse_words_that_say_something_else_or_are_of_one_person(agency: Agency) -> None:
    anna = await agency.person("anna")
    job = await agency.job()
    await anna.say(job)
    proposal = agency.book.proposal(job)
    approval = parse_json(parse_json(agency.book.approvals(job)["labour"], Envelope, "").body, Approval, "")
    (word,) = approval.people
    check(word, proposal.job_digest, "labour", "approve")
    other = "sha256:" + "0" * 64
    for arguments in (
        (word, other, "labour", "approve"),
        (word, proposal.job_digest, "welfare", "approve"),
        (word, proposal.job_digest, "labour", "reject"),
        *(
            (word.model_copy(update=change), proposal.job_digest, "labour", "approve")
            for change in (
                {"known_as": "person 2"}, {"nonce": "0" * 32}, {"signature": word.signature[:-8] + "AAAAAAA="},
                {"key": "AAAA"}, {"authenticator_data": word.authenticator_data[:-8]}, {"client_data": "W10="},
            )
        ),
    ):  # fmt: skip
        with pytest.raises(SpecError):
            check(*arguments)
    twice = approval.model_copy(update={"people": (word, word)})
    with pytest.raises(SpecError, match="two of the people who said yes are one"):
        check_all(twice.people, proposal.job_digest, "labour", "approve")


async def test_an_answer_counts_once_for_one_job_one_word_and_one_person(agency: Agency) -> None:
    anna, bert = await agency.person("anna"), await agency.person("bert")
    first, second = await agency.job(), await agency.job(purpose="Another")
    asked = await anna.asked(first)
    other = await anna.asked(second)
    no = await anna.asked(first, "reject")
    signed = anna.device.signed(asked["options"])
    for ticket in (other["ticket"], no["ticket"], "made-up"):
        status, answer = await anna.post(f"/jobs/{first}/decide", {"ticket": ticket, "credential": signed})
        assert (status, "error" in answer) == (403, True)
    # Somebody else's session with her answer; and her session with somebody else's answer.
    status, _ = await bert.post(f"/jobs/{first}/decide", {"ticket": asked["ticket"], "credential": signed})
    assert status == 403
    asked = await anna.asked(first)
    theirs = bert.device.signed(asked["options"])
    assert (await anna.post(f"/jobs/{first}/decide", {"ticket": asked["ticket"], "credential": theirs}))[0] == 403
    for job in (first, second):
        assert agency.book.job(job).state.value == "AWAITING_APPROVAL"
    # A yes that was taken up isn't taken up again.
    asked = await anna.asked(first)
    body = {"ticket": asked["ticket"], "credential": anna.device.signed(asked["options"])}
    assert (await anna.post(f"/jobs/{first}/decide", body))[0] == 200
    before = len(agency.events())
    assert (await anna.post(f"/jobs/{first}/decide", body))[0] == 403
    assert len(agency.events()) == before


@pytest.mark.parametrize("wrong", ["origin", "unverified", "copy", "stranger"])
async def test_nobody_signs_in_with_an_answer_that_doesnt_hold(agency: Agency, wrong: str) -> None:
    anna = await agency.person("anna")
    if wrong == "origin":
        anna.device.origin = "http://localhost:9999"
    elif wrong == "unverified":
        anna.device.flags = PRESENT
    elif wrong == "copy":
        anna.device.count -= 1
    else:
        anna.device = Authenticator(anna.origin)
    before = anna.cookie
    assert await anna.sign_in() == 403
    assert anna.cookie == before


async def test_a_session_ends_by_itself_and_when_its_person_is_let_in_no_more(agency: Agency) -> None:
    anna = await agency.person("anna")
    clock = agency.network.clock
    for _ in range(40):
        clock.offset_s += sessions.IDLE_S - 60
        if clock.offset_s < sessions.LONGEST_S:
            assert (await anna.get("/"))[0] == 200
    assert (await anna.get("/"))[0] == 303
    await anna.sign_in()
    clock.offset_s += sessions.IDLE_S + 1
    assert (await anna.get("/"))[0] == 303
    await anna.sign_in()
    await asyncio.to_thread(enrolment.remove, agency.home, "anna")
    assert (await anna.get("/"))[0] == 303
    assert await anna.sign_in() == 403


async def test_who_is_removed_and_added_again_is_somebody_else_to_a_session(agency: Agency) -> None:
    """As after a lost device: whoever holds the old session neither sees anything nor makes the new passkey."""
    anna = await agency.person("anna")
    await asyncio.to_thread(enrolment.remove, agency.home, "anna")
    await asyncio.to_thread(enrolment.add, agency.home, "anna", "approver")
    assert (await anna.get("/"))[0] == 303


async def test_a_link_works_once_and_within_its_day(agency: Agency) -> None:
    link = await asyncio.to_thread(enrolment.add, agency.home, "anna", "viewer")
    newer = await asyncio.to_thread(enrolment.link, agency.home, "anna")
    assert await agency.browser().enrol(link) == 403
    assert await agency.browser().enrol(newer) == 200
    assert await agency.browser().enrol(newer) == 403
    late = await asyncio.to_thread(enrolment.link, agency.home, "anna")
    agency.network.clock.offset_s += enrolment.LINK_S + 1
    assert await agency.browser().enrol(late) == 403


async def test_only_approvers_decide_and_the_command_line_counts_where_the_policy_lets_it(agency: Agency) -> None:
    carl = await agency.person("carl", "viewer")
    job, second = await agency.job(), await agency.job(purpose="Another")
    assert (await carl.post(f"/jobs/{job}/options", {"said": "approve"}))[0] == 403
    await asyncio.to_thread(operator.approve, agency.home, job)  # nobody who may approve has a passkey yet
    assert agency.book.job(job).state.value == "APPROVED"
    await agency.person("anna")
    with pytest.raises(Refused, match="only a yes with a passkey counts"):
        await asyncio.to_thread(operator.approve, agency.home, second)
    assert agency.book.job(second).state.value == "AWAITING_APPROVAL"
    agency.network.policy("labour", "passkeys: optional\n" + POLICY)
    await asyncio.to_thread(operator.approve, agency.home, second)
    assert agency.book.job(second).state.value == "APPROVED"


async def test_a_no_goes_to_everybody_with_its_reason(agency: Agency) -> None:
    anna = await agency.person("anna")
    job = await agency.job()
    assert (await anna.say(job, "reject", "not before\nthe election"))[0] == 200
    row = agency.book.job(job)
    assert (row.state.value, row.reason) == ("REJECTED", "not before the election")
    (no,) = [record for record in operator.audit_records(agency.home) if record["event"] == "no"]
    assert no["facts"]["assertion"]["reason"] == "not before the election"


async def test_a_usual_job_is_shown_in_german_from_top_to_bottom(agency: Agency) -> None:
    """What has no German words is marked as English; of counts of rows nothing is."""
    anna = await agency.person("anna")
    job = await agency.job(receivers=["coordinator", "labour"], disclosure={"min_count": 10, "round_to": 5})
    _, page = await anna.get(f"/jobs/{job}", **{"Accept-Language": "de-DE,de;q=0.9"})
    assert '<html lang="de">' in page
    assert "Zellen unter 10 werden unterdrückt" in page
    assert re.findall(r'<span lang="en">.*', page) == []
    assert "<dt>Wer das Ergebnis bekäme</dt>" in page
    with agency.book._store.write() as tx:
        tx.execute(sql.update(JOBS).where(JOBS.c.id == job).values(state=State.RELEASED.value))
    _, page = await anna.get(f"/jobs/{job}", **{"Accept-Language": "de"})
    assert "<dt>Wer das Ergebnis bekommt</dt>" in page


async def test_a_job_starts_only_with_as_many_signed_words_as_the_policies_ask_for_by_then(agency: Agency) -> None:
    """Looked at just before the start: of partners, and of one's own people where the policy now wants more."""
    network = agency.network
    await network.start("welfare", "education")
    anna = await agency.person("anna")
    network.policy("welfare", "partner_approvals: {labour: 2}\n" + POLICY)
    first, second = network.proposal(), network.proposal(purpose="Another")
    jobs = [(await network.submit(one))["labour"]["job"] for one in (first, second)]
    for job in jobs:
        assert (await anna.say(job))[0] == 200
    await asyncio.to_thread(operator.approve, network.home("welfare"), jobs[0])
    await asyncio.to_thread(operator.approve, network.home("education"), jobs[0])
    found = await network.until(jobs[0], "ABORTED")
    assert "labour's yes must be signed by 2 people, and 1 did" in found["welfare"]["reason"]

    network.policy("welfare", POLICY)
    network.policy("labour", "approvals: 2\n" + POLICY)
    for party in ("welfare", "education"):
        await asyncio.to_thread(operator.approve, network.home(party), jobs[1])
    found = await network.until(jobs[1], "ABORTED")
    assert "asks for 2 people's yes, and 1 counts" in found["labour"]["reason"]


def test_a_partner_that_is_named_needs_what_is_said_of_it_and_others_what_is_said_of_any() -> None:
    policy = Policy(partner_approvals={"*": 1, "tax": 2, "health": 1})
    assert partners_lacking(policy, {"tax": 2, "health": 1, "labour": 1}) == ""
    assert partners_lacking(policy, {"tax": 1}).startswith("tax's yes must be signed by 2 people, and 1 did")
    assert partners_lacking(policy, {"labour": 0}).startswith("labour's yes must be signed by 1")
    assert partners_lacking(Policy(), {"labour": 0}) == ""


async def test_a_job_beside_very_many_earlier_ones_has_a_page(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer longer than one piece arrives whole, and a page doesn't have thousands of sentences."""
    sentences = tuple(f"job {i} has released something, {'x' * 900}" for i in range(1000))
    monkeypatch.setattr("mpcgov.node.desk.jobs.MOST_SENTENCES", 500)
    monkeypatch.setattr(agency.book.decisions, "weighed", lambda _: Weighed(asks=sentences))
    anna = await agency.person("anna")
    status, page = await anna.get(f"/jobs/{await agency.job()}")
    assert status == 200
    assert "job 499 has released" in page
    assert "job 500 has released" not in page
    assert "more of this kind: 500" in page
