"""The contract of the command line, by hand: what three agencies and a coordinator type, and what they get."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpcgov import registry
from tests.integration.conftest import PARTIES, POLICY, Network, checkout_copy, write_home

TABLE = {"columns": ["region", "count"], "rows": [["North", 40], ["South", None]]}


@pytest.fixture(autouse=True)
def _as_it_was(network: Network) -> Iterator[None]:
    yield
    for party in PARTIES:
        (network.folder / party / "policy.yaml").unlink(missing_ok=True)
        write_home(network.folder / party, party)


def test_two_of_three_approvals_dont_run_it_and_three_do(network: Network) -> None:
    job = network.submit()
    network.approve(job, "tax", "welfare")
    time.sleep(1.5)
    status = network.status(job)
    assert status == {
        "job": job, "state": "AWAITING_APPROVAL", "waiting_for": ["census"], "phase": "", "reason": "",
        "percent": None, "left_s": None,
    }  # fmt: skip
    error = network.json("job", "result", job, "--home", "hq", expect=4)["error"]
    assert error["code"] == "too-early"
    assert "waits for census" in error["message"]

    assert network.typed("node", "approve", job, "--home", "census").returncode == 0
    network.released(job)
    typed = network.typed("job", "result", job, "--home", "hq", "--json")
    assert (typed.returncode, typed.stderr) == (0, "")
    result = json.loads(typed.stdout)
    assert result["job"] == job
    assert result["protocol"] == f"joint-count@{registry.find('joint-count').digest}"
    assert result["parties"] == list(PARTIES)
    assert result["tables"] == {"count": TABLE}
    assert result["disclosure"] == {"min_count": 10, "round_to": None, "suppressed": 1, "total": 40}
    assert {"what": "tables.count"} in result["learned"]["coordinator"]
    assert not any({"what": "tables.count"} in result["learned"][party] for party in PARTIES)
    for party in PARTIES:
        assert "complete and unchanged" in network.mpcgov("node", "audit", "verify", "--home", party).stdout


def test_what_waits_is_shown_with_what_it_would_reveal(network: Network) -> None:
    job = network.submit(purpose="A purpose to be read")
    shown = network.mpcgov("node", "jobs", "--home", "welfare").stdout
    for words in (job, "A purpose to be read", "Statistics Act, section 12", "people", "age >= 18", "coordinator"):
        assert words in shown
    why = "it counts rows of people, and nothing says how many one person has there"
    assert f"asks you: {why}" in " ".join(shown.split())
    planned = network.mpcgov("job", "plan", network.job(), "--home", "hq").stdout
    assert f"welfare would ask its people; {why}" in " ".join(planned.split())
    network.mpcgov("job", "cancel", job, "--home", "hq")
    assert network.status(job)["state"] == "CANCELLED"
    assert f"{job}  CANCELLED" in network.mpcgov("node", "jobs", "--home", "welfare").stdout
    assert network.json("job", "result", job, "--home", "hq", expect=4)["error"]["code"] == "cancelled"


def test_one_no_ends_it_for_all_and_says_whose(network: Network) -> None:
    job = network.submit()
    network.approve(job, "tax")
    network.mpcgov("node", "reject", job, "--home", "census", "--reason", "not this year")
    assert network.ended(job)["reason"] == "census: not this year"
    message = network.json("job", "result", job, "--home", "hq", expect=3)["error"]["message"]
    assert "census" in message
    assert "not this year" in message
    network.heard(job, "CANCELLED", "welfare")
    network.mpcgov("node", "approve", job, "--home", "welfare", expect=4)


@pytest.mark.slow
def test_only_the_named_receiver_gets_the_result(network: Network) -> None:
    job = network.submit(receivers=["tax"])
    network.approve(job, *PARTIES)
    network.released(job)
    assert network.json("node", "result", job, "--home", "tax")["tables"] == {"count": TABLE}
    assert "census is not a receiver" in network.mpcgov("node", "result", job, "--home", "census", expect=3).stderr
    assert "coordinator is not a receiver" in network.mpcgov("job", "result", job, "--home", "hq", expect=3).stderr


@pytest.mark.slow
def test_a_party_without_data_only_computes(network: Network) -> None:
    # Not a data set of which others have been released with another filter: that would be refused.
    parties = {"census": {}, "tax": {"dataset": "others"}, "welfare": {"dataset": "others", "where": "age < 18"}}
    job = network.submit(parties=parties, disclosure={"min_count": 10, "round_to": 5})
    network.approve(job, *PARTIES)
    network.released(job)
    assert network.json("job", "result", job, "--home", "hq")["tables"]["count"]["rows"] == [
        ["North", 25], ["South", None]
    ]  # fmt: skip


@pytest.mark.parametrize("policy", [None, "", "protocols: [", "approve: maybe\n", "surprise: yes\n", "unreadable"])
def test_a_policy_that_is_missing_empty_or_broken_allows_nothing(network: Network, policy: str | None) -> None:
    path = network.folder / "welfare" / "policy.yaml"
    if policy is None:
        path.unlink()
    elif policy == "unreadable":
        path.chmod(0)
    else:
        path.write_text(policy)
    assert "welfare: " in network.denied()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"disclosure": {"min_count": 5}}, "10"),
        ({"receivers": ["census"]}, "census"),
        ({"parties": {p: {"dataset": "people", "where": "region = 'North'"} for p in PARTIES}}, "region"),
    ],
)
def test_what_the_policy_doesnt_allow_is_denied_with_every_reason(
    network: Network, change: dict[str, object], words: str
) -> None:
    line = network.denied(**change)
    assert words in line
    assert all(party in line for party in PARTIES)


def test_a_policy_that_changes_after_the_approval_stops_the_job(network: Network) -> None:
    job = network.submit()
    network.approve(job, "tax", "welfare")
    (network.folder / "tax" / "policy.yaml").write_text(POLICY.replace("joint-count", "other"))
    network.approve(job, "census")
    ended = network.ended(job)
    assert ended["state"] in ("ABORTED", "CANCELLED")
    network.mpcgov("job", "result", job, "--home", "hq", expect=3)


def test_data_that_arent_as_declared_are_told_to_their_owner_only(network: Network) -> None:
    people = network.folder / "census" / "people.csv"
    people.write_text(people.read_text() + "West,30\n")
    job = network.submit()
    network.approve(job, *PARTIES)
    ended = network.ended(job)
    assert ended["state"] in ("FAILED", "ABORTED")
    assert "census: data contract" in ended["reason"]
    line = network.mpcgov("job", "result", job, "--home", "hq", expect=2).stderr
    assert "census: data contract" in line
    assert "West" not in line
    assert "region" not in line


@pytest.mark.slow
def test_one_changed_byte_of_a_program_is_noticed_with_node_and_digests(network: Network, tmp_path: Path) -> None:
    checkout = checkout_copy(tmp_path)
    program = checkout / "protocols" / "joint-count" / "program.py"
    program.write_bytes(program.read_bytes().replace(b"Counts", b"counts", 1))
    changed = registry.read(checkout / "protocols" / "joint-count").digest
    network.stop("welfare")
    network.start("welfare", checkout=checkout)
    try:
        line = network.denied()
        plan = network.mpcgov("job", "plan", network.job(), "--home", "hq", expect=3).stderr
    finally:
        network.stop("welfare")
        network.start("welfare")
    own = registry.find("joint-count").digest
    assert own != changed
    for text in (line, plan):
        assert all(words in text for words in ("welfare", own, changed))


@pytest.mark.slow
def test_one_changed_byte_of_the_engine_is_noticed_before_anything_is_shared(network: Network, tmp_path: Path) -> None:
    checkout = checkout_copy(tmp_path)
    clear = checkout / "mpcgov" / "worker" / "clear.py"
    clear.write_text(f"{clear.read_text()}\n# changed\n")
    network.stop("census")
    network.start("census", checkout=checkout)
    try:
        job = network.submit()
        network.approve(job, *PARTIES)
        reason = network.ended(job)["reason"]
    finally:
        network.stop("census")
        network.start("census")
    assert "census" in reason
    assert reason.count("sha256:") == 2


def test_a_node_that_is_down_is_named(network: Network) -> None:
    network.stop("tax")
    try:
        line = network.mpcgov("job", "submit", network.job(), "--home", "hq", expect=4).stderr
    finally:
        network.start("tax")
    assert "tax: no connection" in line


def test_doctor_finds_a_sound_node_sound(network: Network) -> None:
    shown = network.mpcgov("node", "doctor", "--home", "welfare").stdout
    assert "FAULT" not in shown
    assert "2 data sets" in " ".join(shown.split())
    assert all(party in shown for party in ("tax", "census"))


def test_a_noisy_job_is_planned_shown_and_released_as_such(network: Network) -> None:
    """The policy insists on noise: a job without is denied."""
    for party in PARTIES:
        policy = POLICY.replace("min_count: 10", "min_count: 10, max_epsilon: '1'")
        (network.folder / party / "policy.yaml").write_text(policy)
    assert "needs noise with epsilon at most 1" in network.denied()
    noise = {"mechanism": "discrete-laplace", "epsilon": "1.0", "unit": "person", "bound": 1}
    asked = {"disclosure": {"min_count": 10, "noise": noise}}
    plan = network.mpcgov("job", "plan", network.job(**asked), "--home", "hq").stdout
    assert "in 95% of cells by at most 11" in " ".join(plan.split())
    job = network.submit(**asked)
    assert (
        "discrete-laplace noise, epsilon 1.0 for one person" in network.mpcgov("node", "jobs", "--home", "tax").stdout
    )
    network.approve(job, *PARTIES)
    network.released(job)
    result = network.json("job", "result", job, "--home", "hq")
    assert result["disclosure"]["noise"]["numbers"] == {"count.count": {"deviation": 5.172, "half_width": 11}}
    ((_, count), _), (ends, _) = result["tables"]["count"]["rows"], result["tables"]["count"]["intervals"]["rows"]
    assert abs(count - 40) < 60
    assert ends == [[max(0, count - 11), count + 11]]


def test_an_equal_job_gets_the_same_result_again_and_only_of_the_same_rows(network: Network) -> None:
    """Through real workers: what was computed once is given again; what would tell by subtraction is refused."""
    asked = {"params": {"by": ["region"]}, "purpose": "Asked again and again"}
    results = []
    for _ in range(2):
        job = network.submit(**asked)
        network.approve(job, *PARTIES)
        network.released(job)
        results.append(network.mpcgov("job", "result", job, "--home", "hq", "--json").stdout)
    assert results[0] == results[1]
    fewer = {party: {"dataset": "people", "where": "age >= 19"} for party in PARTIES}
    line = network.denied(**asked | {"parties": fewer})
    assert json.loads(results[0])["job"] in line
    assert "may differ from those in few" in line

    people = network.folder / "welfare" / "people.csv"
    people.write_text(people.read_text() + "North,30\n")
    job = network.submit(**asked)
    network.approve(job, *PARTIES)
    network.ended(job)
    error = network.json("job", "result", job, "--home", "hq", expect=3)["error"]
    assert error["code"] == "snapshot"
    assert "welfare: the rows of people have changed since job" in error["message"]
    assert "the rows of people have changed" in network.mpcgov("node", "jobs", "--home", "welfare").stdout


def test_budgets_are_set_and_shown(network: Network) -> None:
    network.mpcgov("node", "budget", "set", "others", "--epsilon", "0.5", "--home", "tax")
    shown = network.json("node", "budget", "show", "--home", "tax")["budgets"]
    assert {
        "dataset": "others",
        "unit": "person",
        "measure": "epsilon",
        "total": "0.5",
        "spent": "0",
        "left": "0.5",
    } in (shown)
    assert "0.5" in network.mpcgov("node", "budget", "show", "--home", "tax").stdout
    network.mpcgov("node", "budget", "set", "nothing", "--epsilon", "1", "--home", "tax", expect=2)
    noise = {"mechanism": "discrete-laplace", "epsilon": "1.0", "unit": "person", "bound": 1}
    asked = {
        "parties": {party: {"dataset": "others"} for party in PARTIES},
        "disclosure": {"min_count": 10, "noise": noise},
    }
    line = network.denied(**asked)
    assert "tax: others has epsilon 0.5 left for a person, and this job would take 1" in line
    assert "welfare" not in line.split(": ", 2)[2]
