"""Whole jobs through real workers: the released table is the plain count, put through the plain disclosure rules."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import threading
import time
from dataclasses import replace

import pytest

from mpcgov.bench import jobteam
from mpcgov.errors import InternalError, LocalError, PeerError, SpecError
from mpcgov.spec.job import Job
from mpcgov.spec.load import load_yaml
from mpcgov.trial.simulation import Simulation, simulate

REGIONS = ["North", "South", "Öst", 'W"est, 1']
SEXES = ["F", "M"]


def people(rng: random.Random, count: int) -> list[dict[str, str]]:
    return [
        {"region": rng.choice(REGIONS), "sex": rng.choice(SEXES), "all": "yes", "age": str(rng.randint(0, 99))}
        for _ in range(count)
    ]


def fill(workspace, sizes: list[int | None], seed: int = 1) -> None:
    rng = random.Random(seed)
    workspace.domains = {"region": REGIONS, "sex": SEXES, "all": ["yes"]}
    for i, size in enumerate(sizes):
        workspace.agency(f"agency-{i}", None if size is None else people(rng, size))


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    ("sizes", "threshold", "by", "rules"),
    [
        ([40, 50, 60], 1, ["region", "sex"], {"min_count": 10}),
        ([40, 0, None], 1, ["sex"], {"min_count": 3, "round_to": 5}),
        ([0, 0, 0], 1, ["region"], {"min_count": 3}),
        pytest.param([30, None, None, 30], 1, ["all"], {"min_count": 10, "round_to": 4}, marks=pytest.mark.slow),
        ([20, 30, 25, None, 40], 2, ["sex", "region"], {"min_count": 8, "round_to": 5}),
        pytest.param(
            [9, 8, 7, 6, 5, 4, 3], 3, ["region", "all", "sex"], {"min_count": 5, "round_to": 5}, marks=pytest.mark.slow
        ),
    ],
)
def test_the_released_table_is_the_plain_count_after_the_plain_rules(workspace, sizes, threshold, by, rules) -> None:
    fill(workspace, sizes)
    job = workspace.job(by, where="age < 50 and region != 'South'", disclosure=rules)
    result = simulate(job, workspace.folder, threshold)
    kept = lambda row: int(row["age"]) < 50 and row["region"] != "South"
    expected = workspace.plain(by, kept, rules["min_count"], rules.get("round_to"))
    assert result["tables"]["count"] == {"columns": [*by, "count"], "rows": expected}
    released = [row[-1] for row in expected if row[-1] is not None]
    assert result["disclosure"]["total"] == sum(released)
    assert result["disclosure"]["suppressed"] == len(expected) - len(released)
    assert set(result["cost"]["bytes_sent"]) == set(result["parties"]) == set(workspace.rows)


def test_cells_around_the_threshold_are_decided_exactly(workspace) -> None:
    counts = {f"v{n}": n for n in (0, 1, 8, 9, 10, 11, 12, 13, 199)}
    workspace.domains = {"value": list(counts)}
    rows = [{"value": value, "age": "1"} for value, n in counts.items() for _ in range(n)]
    random.Random(2).shuffle(rows)
    for i in range(3):
        workspace.agency(f"p{i}", rows[i::3])
    result = simulate(workspace.job(["value"], disclosure={"min_count": 10, "round_to": 5}), workspace.folder)
    assert result["tables"]["count"]["rows"] == [
        ["v0", None], ["v1", None], ["v8", None], ["v9", None], ["v10", 10], ["v11", 10], ["v12", 10], ["v13", 15],
        ["v199", 200],
    ]  # fmt: skip


def test_bytes_and_rounds_do_not_depend_on_the_data(workspace, tmp_path) -> None:
    costs = []
    for seed, size in ((1, 5), (2, 400)):
        one = type(workspace)(tmp_path / str(seed))
        fill(one, [size] * 3, seed)
        result = simulate(one.job(["region"], disclosure={"min_count": 5, "round_to": 5}), one.folder)
        costs.append((result["cost"]["rounds"], result["cost"]["bytes_sent"]))
    assert costs[0] == costs[1]


def test_every_owner_hears_of_its_own_faults_without_a_value(workspace) -> None:
    fill(workspace, [20, 20, 20])
    for party, line in (("agency-0", "Atlantis,F,yes,31"), ("agency-2", "North,F,yes,4711")):
        with (workspace.folder / party / "people.csv").open("a", encoding="utf-8") as file:
            file.write(line + "\r\n")
    with pytest.raises(LocalError) as caught:
        simulate(workspace.job(["region"], where="age < 50"), workspace.folder)
    message = caught.value.line()
    assert "agency-0: people: column region: 1 row" in message
    assert "agency-2: people: column age: 1 row" in message
    assert "Atlantis" not in message
    assert "4711" not in message


def test_other_values_than_at_the_first_party_are_named_with_party_and_column(workspace) -> None:
    fill(workspace, [5, 5, 5])
    path = workspace.folder / "agency-1/datasets.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('"South", ', ""), encoding="utf-8")
    with pytest.raises(SpecError, match="column region has other values at agency-1 than at agency-0"):
        simulate(workspace.job(["region"]), workspace.folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"params": {"by": ["age"]}}, "is a integer, not a category|is an integer, not a category"),
        ({"params": {"by": ["nowhere"]}}, "no column nowhere"),
        ({"params": {"by": ["region", "region"]}}, "stands twice"),
        ({"params": {"by": []}}, "1 to 8 columns"),
        ({"params": {}}, "params.by: missing"),
        ({"params": {"by": ["region"], "more": 1}}, "no such parameter"),
        ({"disclosure": {"min_count": 2}}, "greater than or equal to 3"),
        ({"disclosure": {"min_count": 6, "round_to": 5}}, "would stand for only 2"),
        ({"receivers": ["police"]}, "neither a party of the job"),
        ({"protocol": "guess"}, "not on this machine"),
        ({"surprise": 1}, "unknown key"),
    ],
)
def test_a_job_that_cannot_run_is_exit_2_before_anything_starts(workspace, change, says) -> None:
    fill(workspace, [5, 5, 5])
    with pytest.raises(Exception, match=says) as caught:
        simulate(workspace.job(["region"], **{"params": {"by": ["region"]}} | change), workspace.folder)
    assert caught.value.exit_status == 2


def test_too_many_parties_to_trust_are_refused(workspace) -> None:
    fill(workspace, [5, 5, 5, 5])
    with pytest.raises(SpecError, match="too few for the consortium's threshold 2"):
        simulate(workspace.job(["region"]), workspace.folder, threshold=2)


def test_two_parties_are_refused(workspace) -> None:
    fill(workspace, [5, 5])
    with pytest.raises(SpecError, match="at least three must compute"):
        simulate(workspace.job(["region"]), workspace.folder)


def test_a_deadline_ends_the_job(workspace) -> None:
    fill(workspace, [30, 30, 30])
    with pytest.raises(PeerError, match="deadline"):
        simulate(workspace.job(["sex"], deadline_s=1), workspace.folder, on_phase=lambda *_: time.sleep(1.1))


async def test_parties_that_are_ended_before_they_begin_leave_no_stream(workspace) -> None:
    fill(workspace, [30, 30, 30])
    made: list[socket.socket] = []

    begun = asyncio.Event()

    def pair() -> tuple[socket.socket, socket.socket]:
        ends = socket.socketpair()
        made.extend(ends)
        begun.set()
        return ends

    job = load_yaml(workspace.job(["sex"]), Job)
    simulation = replace(Simulation.of(job, workspace.folder), pair=pair)
    running = asyncio.create_task(simulation.run(simulation.supervisors()))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(made) == 6
    assert {one.fileno() for one in made} == {-1}


def computing() -> list[int]:
    """The children of this process that compute."""
    return sorted(pid for pid, kind in jobteam.workers() if kind == "run")


@pytest.mark.by_day(1)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_killed_or_stopped_worker_ends_the_job_soon(workspace, how: signal.Signals) -> None:
    workspace.domains = {"value": [f"v{i}" for i in range(20_000)]}
    for i in range(3):
        workspace.agency(f"p{i}", [])
    struck = threading.Event()

    def strike(party: str, phase: str) -> None:
        if phase == "clear" and not struck.is_set():
            struck.set()
            os.kill(computing()[0], how)

    with pytest.raises((PeerError, InternalError)) as caught:
        simulate(workspace.job(["value"]), workspace.folder, on_phase=strike)
    assert struck.is_set()
    assert "worker" in caught.value.code or "lost" in caught.value.code
    assert computing() == []


def test_a_simulated_result_reads_as_the_contract_says(workspace) -> None:
    fill(workspace, [30, 30, 30])
    result = simulate(workspace.job(["sex"], receivers=["coordinator", "agency-1"]), workspace.folder)
    assert list(result) == [
        "job",
        "protocol",
        "parties",
        "tables",
        "disclosure",
        "learned",
        "cost",
        "protection",
        "request",
    ]
    assert result["protocol"].startswith("joint-count@sha256:")
    assert {"what": "tables.count"} in result["learned"]["agency-1"]
    assert {"what": "tables.count"} not in result["learned"]["agency-0"]
    json.dumps(result, allow_nan=False)
