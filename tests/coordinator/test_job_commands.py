"""The coordinator's commands against nodes that answer what a test wants, over real TLS."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from mpcgov import registry
from mpcgov.cli.main import run
from mpcgov.coordinator import service
from mpcgov.coordinator import submit as submitting
from mpcgov.errors import MpcgovError, PeerError, Refused
from mpcgov.results.progress import View
from mpcgov.spec.codelists import read_declarations
from mpcgov.spec.statement import Proposal
from tests.coordinator.conftest import MODULUS, Consortium, FakeNode, cancel, declare, share_envelope, take

Output = pytest.CaptureFixture[str]


def submitted(consort: Consortium, capsys: Output, **changes: Any) -> str:
    assert run(["job", "submit", consort.job(**changes), "--home", str(consort.hq)]) == 0
    return capsys.readouterr().out.splitlines()[-1]


def deal(consort: Consortium, counts: list[int]) -> None:
    """Gives every node its share of the counts, as if the job had run."""
    for point, node in enumerate(consort.nodes.values(), 1):
        node.state = "RELEASED"
        node.counts_share = [(count + point * 12345) % MODULUS for count in counts]


def error_of(output: str) -> dict[str, str]:
    error: dict[str, str] = json.loads(output)["error"]
    assert set(error) == {"code", "message", "hint"}
    return error


def test_submit_proposes_the_same_pinned_job_to_all_and_prints_its_id_last(consort: Consortium, capsys: Output) -> None:
    job = submitted(consort, capsys)
    proposals = [node.proposals[job] for node in consort.nodes.values()]
    proposal = proposals[0]
    assert proposals == [proposal] * 3
    assert proposal.job.protocol == proposal.protocol
    assert set(proposal.declarations["tax"].columns) == {"region", "age"}
    assert set(proposal.declarations["welfare"].columns) == {"region"}
    assert proposal.approve_before - proposal.proposed_at == 336 * 3600
    assert (consort.hq / "jobs" / f"{job}.json").is_file()
    assert all(node.callers == {"hq"} for node in consort.nodes.values())


def test_the_same_file_submitted_twice_is_two_jobs(consort: Consortium, capsys: Output) -> None:
    assert submitted(consort, capsys) != submitted(consort, capsys)


def test_a_proposal_is_on_disk_before_any_node_sees_it(consort: Consortium, capsys: Output) -> None:
    found: list[int] = []

    def look(node: FakeNode, body: bytes) -> Any:
        found.append(len(list((consort.hq / "jobs").glob("*.json"))))
        return take(node, body)

    consort.nodes["tax"].answers["POST", "/v1/jobs"] = look
    submitted(consort, capsys)
    assert found == [1]


def test_one_denial_cancels_everywhere_and_gives_every_reason(consort: Consortium, capsys: Output) -> None:
    for party, reason in (("tax", "tax doesn't allow this purpose"), ("census", "needs min_count 20")):
        consort.nodes[party].state, consort.nodes[party].reason = "DENIED", reason
    assert run(["job", "submit", consort.job(), "--home", str(consort.hq), "--json"]) == 3
    output = capsys.readouterr()
    error = error_of(output.out)
    assert error["code"] == "denied"
    assert "tax doesn't allow this purpose; census: needs min_count 20" in error["message"]
    assert len(output.err.splitlines()) == 1
    assert consort.nodes["welfare"].state == "CANCELLED"


def test_a_node_that_is_down_at_submission_is_named_and_the_job_cancelled(consort: Consortium, capsys: Output) -> None:
    consort.stop("census")
    assert run(["job", "submit", consort.job(), "--home", str(consort.hq)]) == 4
    assert "census: no connection" in capsys.readouterr().err
    assert consort.nodes["tax"].state == consort.nodes["welfare"].state == "CANCELLED"


def test_a_node_that_says_nothing_is_given_up_on(
    consort: Consortium, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others have enough time, on a busy machine too."""
    monkeypatch.setattr(submitting, "VERDICT_TIMEOUT_S", 5.0)
    consort.nodes["welfare"].answers["POST", "/v1/jobs"] = lambda node, body: 600.0
    assert run(["job", "submit", consort.job(), "--home", str(consort.hq)]) == 4
    assert "welfare: no answer in time" in capsys.readouterr().err
    assert consort.nodes["tax"].state == "CANCELLED"


def test_a_refused_declaration_ends_it_before_anything_is_proposed(consort: Consortium, capsys: Output) -> None:
    def refuse(_node: FakeNode, _body: bytes) -> Any:
        raise Refused("the policy lists no data set claimants", code="policy")

    consort.nodes["welfare"].answers["POST", "/v1/declarations"] = refuse
    assert run(["job", "submit", consort.job(), "--home", str(consort.hq)]) == 3
    assert "welfare: the policy lists no data set claimants" in capsys.readouterr().err
    assert not (consort.hq / "jobs").exists()
    assert not any(consort.asked(party, "/v1/jobs") for party in consort.nodes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"params": {}}, "params.by: missing"),
        ({"params": {"by": "region"}}, "params.by: expected a list"),
        ({"params": {"by": ["age"]}}, "column age of payers is a integer, not a category"),
        ({"parties": {"tax": {"dataset": "payers"}, "police": {}, "census": {}}}, "police: not in the consortium"),
        ({"protocol": "magic"}, "protocol magic: not on this machine"),
        ({"protocol": "joint-count@sha256:" + "0" * 64}, "the job pins sha256:" + "0" * 64),
        ({"disclosure": {"min_count": 6, "round_to": 5}}, "round_to 5 with min_count 6"),
        ({"disclosure": {"min_count": 2}}, "disclosure.min_count"),
        ({"receivers": ["mayor"]}, "mayor: neither a party of the job nor 'coordinator'"),
    ],
)
def test_a_job_that_makes_no_sense_is_exit_2_and_never_proposed(
    consort: Consortium, capsys: Output, changes: dict[str, Any], message: str
) -> None:
    assert run(["job", "submit", consort.job(**changes), "--home", str(consort.hq)]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1
    assert not (consort.hq / "jobs").exists()


def test_plan_says_what_is_opened_to_whom_and_proposes_nothing(consort: Consortium, capsys: Output) -> None:
    assert run(["job", "plan", consort.job(), "--home", str(consort.hq)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for words in (
        "table count (region, count), 2 cells, to coordinator only",
        "cells below 10 are suppressed",
        "tax: payers, rows where age < 25; uses region, age",
        "census: brings no data, only computes",
        "Must approve tax, welfare, census, within 336 h",
        "any t+1 = 2 of the 3 parties together could read",
        "Leaks besides",
        "all parties and the coordinator: whether each agency's data set is as it was when an earlier job released",
        "rounds, and",
    ):
        assert words in text
    assert not (consort.hq / "jobs").exists()


def test_plan_says_how_long_messages_are_on_the_way_to_the_farthest(consort: Consortium, capsys: Output) -> None:
    version = registry.find("joint-count").digest

    def far(node: FakeNode, body: Any) -> dict[str, str]:
        time.sleep(0.03)
        return {"digest": version}

    consort.nodes["census"].answers["GET", "/v1/protocols/joint-count"] = far
    assert run(["job", "plan", consort.job(), "--home", str(consort.hq)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    found = re.search(r"(\d+) rounds, and .* about ([\d.]+) s on the way.*, ([\d.e+]+) ms there and back", text)
    assert found is not None
    rounds, seconds, rtt_ms = map(float, found.groups())
    assert rtt_ms >= 30
    assert seconds == pytest.approx(rounds * rtt_ms / 2000, rel=0.1)


def test_declarations_are_written_for_a_rehearsal_and_never_over_others(consort: Consortium, capsys: Output) -> None:
    out, job = consort.hq / "cards", consort.job()
    assert run(["job", "declarations", job, "--home", str(consort.hq), "--out", str(out)]) == 0
    assert set(read_declarations(out / "tax" / "datasets.yaml")["payers"].columns) == {"region", "age"}
    assert not (out / "census").exists()
    assert run(["job", "declarations", job, "--home", str(consort.hq), "--out", str(out)]) == 2
    assert "there already" in capsys.readouterr().err
    assert not (consort.hq / "jobs").exists()


def test_plan_refuses_a_node_with_another_version_of_the_protocol(consort: Consortium, capsys: Output) -> None:
    other = "sha256:" + "ab" * 32
    consort.nodes["census"].answers["GET", "/v1/protocols/joint-count"] = lambda node, body: {"digest": other}
    assert run(["job", "plan", consort.job(), "--home", str(consort.hq)]) == 3
    err = capsys.readouterr().err
    assert f"census: has another version of the protocol, {other}; here it is sha256:" in err


def status(consort: Consortium, capsys: Output, job: str) -> dict[str, Any]:
    assert run(["job", "status", job, "--home", str(consort.hq), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_status_names_those_who_havent_approved(consort: Consortium, capsys: Output) -> None:
    job = submitted(consort, capsys)
    consort.nodes["tax"].state = "APPROVED"
    expected = {
        "job": job,
        "state": "AWAITING_APPROVAL",
        "waiting_for": ["welfare", "census"],
        "phase": "",
        "reason": "",
        "percent": None,
        "left_s": None,
    }
    assert status(consort, capsys, job) == expected


def test_status_names_a_node_that_cant_be_reached(consort: Consortium, capsys: Output) -> None:
    job = submitted(consort, capsys)
    for node in consort.nodes.values():
        node.state, node.waiting_for = "APPROVED", ["census"]
    consort.stop("census")
    found = status(consort, capsys, job)
    assert (found["state"], found["waiting_for"]) == ("APPROVED", ["census"])
    assert "census: no connection" in found["reason"]
    consort.nodes["tax"].state = "AWAITING_APPROVAL"
    assert status(consort, capsys, job)["waiting_for"] == ["tax", "census"]


def test_status_without_any_node_is_exit_4(consort: Consortium, capsys: Output) -> None:
    job = submitted(consort, capsys)
    for party in consort.nodes:
        consort.stop(party)
    assert run(["job", "status", job, "--home", str(consort.hq), "--json"]) == 4
    message = error_of(capsys.readouterr().out)["message"]
    assert all(f"{party}: no connection" in message for party in consort.nodes)


def test_a_running_job_is_released_only_when_all_say_so(consort: Consortium, capsys: Output) -> None:
    job = submitted(consort, capsys)
    deal(consort, [12, 345])
    consort.nodes["welfare"].state, consort.nodes["welfare"].phase = "RUNNING", "reveal"
    found = status(consort, capsys, job)
    assert (found["state"], found["waiting_for"], found["phase"]) == ("RUNNING", ["welfare"], "reveal")


def test_the_cause_of_a_bad_end_goes_before_its_consequences(consort: Consortium, capsys: Output) -> None:
    job = submitted(consort, capsys)
    for party, state, reason in (
        ("tax", "CANCELLED", "rejected by census: not now"),
        ("welfare", "CANCELLED", "rejected by census: not now"),
        ("census", "REJECTED", "not now"),
    ):
        consort.nodes[party].state, consort.nodes[party].reason = state, reason
    found = status(consort, capsys, job)
    assert (found["state"], found["waiting_for"], found["reason"]) == ("REJECTED", [], "census: not now")


def test_a_no_stays_a_no_when_the_one_that_said_it_cant_be_asked_any_more(consort: Consortium, capsys: Output) -> None:
    job = submitted(consort, capsys)
    for party in ("tax", "welfare"):
        consort.nodes[party].state, consort.nodes[party].reason = "CANCELLED", "denied by census: its policy allows no"
        consort.nodes[party].code = "policy"
    consort.nodes["census"].state = "DENIED"
    assert status(consort, capsys, job)["state"] == "DENIED"
    consort.stop("census")
    assert status(consort, capsys, job)["state"] == "DENIED"


def test_result_opens_the_shares_and_shows_suppressed_cells(consort: Consortium, capsys: Output) -> None:
    job = submitted(consort, capsys)
    deal(consort, [345, -1])
    assert run(["job", "result", job, "--home", str(consort.hq), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["tables"] == {"count": {"columns": ["region", "count"], "rows": [["North", 345], ["South", None]]}}
    assert result["disclosure"] == {"min_count": 10, "round_to": None, "suppressed": 1, "total": 345}
    assert result["job"] == job
    assert run(["job", "result", job, "--home", str(consort.hq)]) == 0
    assert capsys.readouterr().out == (
        "region  count\n"
        "──────  ─────\n"
        "North     345\n"
        "South       ·\n"
        "\n"
        "Total of the released cells: 345.\n"
        "· 1 cell is suppressed: fewer than 10 rows, or none; nobody saw how many.\n"
    )


def test_result_before_all_approved_is_too_early_and_names_them(consort: Consortium, capsys: Output) -> None:
    job = submitted(consort, capsys)
    consort.nodes["tax"].state = consort.nodes["welfare"].state = "APPROVED"
    assert run(["job", "result", job, "--home", str(consort.hq), "--json"]) == 4
    error = error_of(capsys.readouterr().out)
    assert error["code"] == "too-early"
    assert "AWAITING_APPROVAL, waits for census" in error["message"]


@pytest.mark.by_day(3)
@pytest.mark.parametrize(
    ("state", "code", "exit_status"),
    [
        ("DENIED", "policy", 3), ("REJECTED", "rejected", 3), ("FAILED", "store", 4), ("ABORTED", "", 4),
        ("EXPIRED", "expired", 4), ("CANCELLED", "cancelled", 4), ("FAILED", "data-contract", 2),
    ],
)  # fmt: skip
def test_a_job_that_ended_badly_says_why_to_receivers_and_others(
    consort: Consortium, capsys: Output, state: str, code: str, exit_status: int
) -> None:
    jobs = [submitted(consort, capsys), submitted(consort, capsys, receivers=["tax"])]
    node = consort.nodes["welfare"]
    node.state, node.reason, node.code = state, "a good reason", code
    assert run(["job", "result", jobs[0], "--home", str(consort.hq), "--json"]) == exit_status
    error = error_of(capsys.readouterr().out)
    with pytest.raises(MpcgovError) as waited:
        asyncio.run(service.wait_for(consort.hq, jobs[1], lambda status: None))
    for job, found in zip(jobs, (error, waited.value.to_json()), strict=True):
        assert found["message"] == f"job {job}: {state}: welfare: a good reason"
        assert found["code"] == (code or state.lower())
    assert waited.value.exit_status == exit_status


@pytest.mark.parametrize(
    ("state", "code", "exit_status"), [("ABORTED", "data-contract", 2), ("CANCELLED", "policy", 3)]
)
def test_who_only_heard_of_the_end_of_a_job_makes_it_no_other(
    consort: Consortium, capsys: Output, state: str, code: str, exit_status: int
) -> None:
    job = submitted(consort, capsys)
    consort.nodes["tax"].state, consort.nodes["tax"].reason, consort.nodes["tax"].code = state, "census: no", code
    consort.nodes["census"].state = "RUNNING"
    assert run(["job", "result", job, "--home", str(consort.hq)]) == exit_status
    assert f"job {job}: {state}: tax says: census: no" in capsys.readouterr().err


def test_who_is_no_receiver_gets_nothing_and_asks_no_node(consort: Consortium, capsys: Output) -> None:
    job = submitted(consort, capsys, receivers=["tax"])
    deal(consort, [345, 12])
    assert run(["job", "result", job, "--home", str(consort.hq)]) == 3
    assert "coordinator is not a receiver" in capsys.readouterr().err
    assert not any(consort.asked(party, "/share") for party in consort.nodes)


def test_shares_that_disagree_are_no_result(consort: Consortium, capsys: Output) -> None:
    job = submitted(consort, capsys)
    deal(consort, [345, 12])
    consort.nodes["tax"].counts_share[1] += 1
    assert run(["job", "result", job, "--home", str(consort.hq)]) == 4
    assert "the shares don't agree" in capsys.readouterr().err


Forge = Callable[[Consortium, FakeNode, Proposal], Any]


@pytest.mark.by_day(2)
@pytest.mark.parametrize(
    "forge",
    [
        lambda c, node, proposal: share_envelope(node, proposal, "tax", node.identity),
        lambda c, node, proposal: share_envelope(c.nodes["tax"], proposal, "coordinator", node.identity),
        lambda c, node, proposal: share_envelope(node, proposal, "coordinator", c.identities["tax"]),
        lambda c, node, proposal: share_envelope(
            node, proposal.model_copy(update={"nonce": "0" * 32}), "coordinator", node.identity
        ),
    ],
    ids=["another receiver", "another party", "another signer", "another job"],
)
def test_a_share_made_for_something_else_isnt_used(consort: Consortium, capsys: Output, forge: Forge) -> None:
    job = submitted(consort, capsys)
    deal(consort, [345, 12])
    node = consort.nodes["census"]
    answer = forge(consort, node, node.proposals[job]).model_dump(mode="json")
    node.answers["GET", "/v1/jobs/ID/share"] = lambda _node, _body: answer
    assert run(["job", "result", job, "--home", str(consort.hq)]) == 4
    assert "census: its share" in capsys.readouterr().err


def test_submit_with_wait_follows_the_job_to_its_result(consort: Consortium, capsys: Output) -> None:
    def approve_and_run(node: FakeNode, body: bytes) -> Any:
        answer = take(node, body)
        deal(consort, [12, 345])
        return answer

    consort.nodes["census"].answers["POST", "/v1/jobs"] = approve_and_run
    assert run(["job", "submit", consort.job(), "--home", str(consort.hq), "--wait"]) == 0
    output = capsys.readouterr()
    assert output.out.splitlines()[2] == "North      12"
    (job,) = consort.nodes["tax"].proposals
    assert output.out.splitlines()[-1] == job
    assert "RELEASED" in output.err


def test_wait_ends_with_the_status_when_others_receive(consort: Consortium, capsys: Output) -> None:
    def run_at_once(node: FakeNode, body: bytes) -> Any:
        deal(consort, [12, 345])
        return take(node, body)

    consort.nodes["census"].answers["POST", "/v1/jobs"] = run_at_once
    arguments = ["job", "submit", consort.job(receivers=["tax"]), "--home", str(consort.hq), "--wait", "--json"]
    assert run(arguments) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "RELEASED"


def test_cancel_ends_the_job_at_all_and_says_where_it_couldnt(consort: Consortium, capsys: Output) -> None:
    def too_late(_node: FakeNode, _body: bytes) -> Any:
        raise PeerError("the job is RUNNING: too late to cancel", code="state")

    job = submitted(consort, capsys)
    assert run(["job", "cancel", job, "--home", str(consort.hq)]) == 0
    assert "cancelled at tax, welfare, census" in capsys.readouterr().err
    consort.nodes["tax"].answers["POST", "/v1/jobs/ID/cancel"] = too_late
    consort.nodes["census"].answers["POST", "/v1/jobs/ID/cancel"] = cancel
    assert run(["job", "cancel", job, "--home", str(consort.hq)]) == 4
    assert "tax: the job is RUNNING: too late to cancel" in capsys.readouterr().err


def test_list_shows_every_proposed_job_and_its_state(consort: Consortium, capsys: Output) -> None:
    jobs = [submitted(consort, capsys, purpose=f"Purpose {i}") for i in range(2)]
    assert run(["job", "list", "--home", str(consort.hq)]) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert {line.split()[0] for line in lines} == set(jobs)
    assert all("AWAITING_APPROVAL" in line and "Purpose" in line for line in lines)


def test_a_job_of_another_home_is_unknown(consort: Consortium, capsys: Output) -> None:
    for job in ("aaaa-bbbb-cccc", "../../etc/passwd"):
        assert run(["job", "status", job, "--home", str(consort.hq)]) == 2
        assert "not proposed from" in capsys.readouterr().err


def test_a_stored_proposal_that_was_changed_isnt_used(consort: Consortium, capsys: Output) -> None:
    job, other = submitted(consort, capsys), submitted(consort, capsys)
    folder = consort.hq / "jobs"
    value = json.loads((folder / f"{job}.json").read_bytes())
    value["payload"] = json.loads((folder / f"{other}.json").read_bytes())["payload"]
    (folder / f"{job}.json").write_text(json.dumps(value))
    assert run(["job", "status", job, "--home", str(consort.hq)]) == 2
    assert "signature of hq doesn't hold" in capsys.readouterr().err


def test_words_from_a_node_cant_steer_the_terminal(consort: Consortium, capsys: Output) -> None:
    consort.nodes["tax"].state, consort.nodes["tax"].reason = "DENIED", "\x1b[2Jcleared\nmpcgov: all fine"
    assert run(["job", "submit", consort.job(), "--home", str(consort.hq)]) == 3
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert len(err.splitlines()) == 1


def test_nonsense_from_a_node_is_its_fault(consort: Consortium, capsys: Output) -> None:
    job = submitted(consort, capsys)
    for answer in ([], {"state": "RELEASED"}, View(job=job, party="tax", state="FLYING", waiting_for=[]).model_dump()):
        for node in consort.nodes.values():
            node.answers["GET", "/v1/jobs/ID"] = lambda node, body, answer=answer: answer
        assert run(["job", "status", job, "--home", str(consort.hq)]) == 4
    consort.nodes["tax"].answers["POST", "/v1/declarations"] = lambda node, body: {"columns": {}}
    assert run(["job", "submit", consort.job(), "--home", str(consort.hq)]) == 4
    assert "tax: declaration of payers" in capsys.readouterr().err
    assert declare(consort.nodes["tax"], b'{"columns": ["age"]}')["columns"]["age"]["max"] == 120
