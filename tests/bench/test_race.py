"""Contenders run in turns, in processes of their own; whoever fails or is wrong is out; nobody is left running."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mpcgov.bench import contenders, jobteam, nodeteam, race
from mpcgov.bench.contenders import CONTENDERS, HIDDEN, LINKED, MPCGOV, NODES, WITH_MATCHER, Contender
from mpcgov.bench.link import Link
from mpcgov.bench.programs import PROGRAMS
from mpcgov.bench.race import Measured
from mpcgov.bench.team import Turn
from mpcgov.bench.workloads import WORKLOADS
from mpcgov.errors import InternalError
from tests import nightly
from tests.bench.conftest import Fake
from tests.processes import processes_in


async def run(*entrants: Contender, size: int = 20) -> dict[str, Measured]:
    workload = WORKLOADS["W1"]
    measured = await race.race(workload, entrants, lambda text: None, workload.make(size))
    return {one.contender.name: one for one in measured}


async def test_contenders_take_turns_and_none_is_left_running(fake: Fake, tmp_path: Path) -> None:
    measured = await run(fake("a"), fake("b"))
    lines = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    assert [name for name, _ in lines] == [*"abba" * 2, "a", "b"]
    assert [len(one.turns) for one in measured.values()] == [5, 5]
    assert measured["a"].bytes_sent == 100 + 10 + 10
    assert measured["a"].seconds > 0
    assert measured["a"].peak_mb > 10
    for pid in {int(pid) for _, pid in lines}:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_what_is_run_once_is_not_run_to_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = []

    async def turn(team: jobteam.JobTeam) -> Turn:
        turns.append(team)
        return Turn(1.0, 1.0, 1.0, 1, np.array([25.0]))

    monkeypatch.setattr(jobteam.JobTeam, "run", turn)
    workload = replace(WORKLOADS["W2"], once=True)
    (measured,) = await race.race(workload, [LINKED], lambda text: None, workload.make(50))
    assert len(turns) == len(measured.turns) == 1


async def test_mpyc_as_it_comes_connects_and_sums(fake: Fake) -> None:
    measured = await run(contenders.MPYC)
    assert (len(measured["MPyC"].turns), measured["MPyC"].failure) == (5, "")


async def test_bytes_are_unknown_when_one_party_does_not_tell(fake: Fake) -> None:
    assert (await run(fake("a", "counts nothing")))["a"].bytes_sent is None


async def test_a_peer_that_dies_is_out_and_its_last_words_say_why(fake: Fake) -> None:
    measured = await run(fake("dead", "dies"), fake("b"))
    assert measured["dead"].turns == ()
    assert "dead: party 1 ended: no such library" in measured["dead"].failure
    assert len(measured["b"].turns) == 5


async def test_a_peer_with_a_wrong_result_is_out(fake: Fake) -> None:
    measured = await run(fake("liar", "lies"), fake("b"))
    assert (measured["liar"].turns, measured["liar"].failure) == ((), "liar: 20 of 20 numbers are wrong")
    assert (len(measured["b"].turns), measured["b"].failure) == (5, "")


async def test_a_wrong_result_of_our_own_is_our_fault(fake: Fake) -> None:
    with pytest.raises(InternalError, match="numbers are wrong"):
        await run(fake("own", "lies", own=True))


async def test_who_takes_too_long_runs_once(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race, "PATIENCE_S", 1e-9)
    assert len((await run(fake("slow")))["slow"].turns) == 1


@pytest.mark.parametrize("name", nightly.first(1, ["W7", "W9", *sorted(PROGRAMS.keys() - {"W7", "W9"})]))
async def test_our_own_programs_are_right(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race, "RUNS", 1)
    workload = WORKLOADS[name]
    (measured,) = await race.race(workload, [MPCGOV], lambda text: None, workload.make(100))
    assert measured.bytes_sent is not None
    assert measured.bytes_sent > 100 * 8 * 3


def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are run without a run before, and without waiting long for a quiet moment."""
    monkeypatch.setattr(jobteam, "QUIET_S", 0.1)
    for team in (jobteam.JobTeam, nodeteam.NodeTeam):
        monkeypatch.setattr(team, "ready", lambda team: asyncio.sleep(0))


async def test_our_own_jobs_are_right_and_none_of_their_workers_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race, "RUNS", 1)
    at_once(monkeypatch)
    (measured,) = await race.race(WORKLOADS["W4"], [LINKED], lambda text: None, WORKLOADS["W4"].make(2000))
    assert measured.bytes_sent is not None
    assert measured.bytes_sent > 2 * 16 * 2000
    assert measured.peak_mb > 100
    assert 0 < measured.cpu_s < 60
    assert list(jobteam.workers()) == []


@pytest.mark.slow
async def test_a_job_on_running_nodes_far_apart_is_right_and_no_process_of_theirs_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two runs, as a second equal job would be answered without computing."""
    link = Link(0.02, 1e9)
    monkeypatch.setattr(race, "RUNS", 2)
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    at_once(monkeypatch)
    (measured,) = await race.race(WORKLOADS["W8"], [NODES], lambda text: None, WORKLOADS["W8"].make(3), link)
    assert len(measured.turns) == 2
    assert measured.rounds
    assert measured.seconds >= measured.rounds * link.rtt_s / 2
    assert all(turn.bytes_sent for turn in measured.turns)
    assert measured.peak_mb > 200
    assert processes_in(tmp_path) == []
    folder.rmdir()  # nor a file


def test_a_thread_that_ends_while_workers_are_looked_up_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(jobteam.Path, "read_text", gone)
    assert list(jobteam.workers()) == []


async def test_the_oblivious_job_runs_beside_the_same_with_a_matcher_and_sends_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(race, "RUNS", 1)
    at_once(monkeypatch)
    workload = WORKLOADS["W4-oblivious"]
    hidden, matched = await race.race(workload, [HIDDEN, WITH_MATCHER], lambda text: None, workload.make(2000))
    assert hidden.bytes_sent is not None
    assert matched.bytes_sent is not None
    assert hidden.bytes_sent > 2 * matched.bytes_sent


async def test_a_peers_result_is_read_before_it_is_compared(fake: Fake) -> None:
    task = replace(WORKLOADS["W1"].make(20), expected=np.array([0.75]), read=lambda table: np.array([len(table) / 20]))
    (measured,) = await race.race(WORKLOADS["W1"], [fake("a")], lambda text: None, task)
    assert measured.failure == "a: 1 of 1 numbers are wrong"
    (measured,) = await race.race(WORKLOADS["W1"], [fake("a")], lambda text: None, replace(task, tolerance=0.4))
    assert measured.f1 == 1.0


async def test_a_wrong_table_of_our_own_job_is_our_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    task = WORKLOADS["W2"].make(200)
    at_once(monkeypatch)
    lying = replace(task, numbers=lambda result: np.array([99.0]))
    with pytest.raises(InternalError, match="1 of 1 numbers are wrong"):
        await race.race(WORKLOADS["W2"], [LINKED], lambda text: None, lying)


def test_we_run_every_workload_that_we_have_a_program_for() -> None:
    assert {name for name, entrants in CONTENDERS.items() if MPCGOV in entrants} == set(PROGRAMS)
    jobs = {LINKED.module, NODES.module}
    whole = {name for name, entrants in CONTENDERS.items() if any(one.module in jobs for one in entrants)}
    assert whole == {name for name, workload in WORKLOADS.items() if workload.make(20).files is not None}
    assert set(CONTENDERS) == set(WORKLOADS)


def test_a_worker_that_has_ended_is_none_although_nobody_has_heard_of_it() -> None:
    script = "printf mpcgov-run > /proc/$$/comm; echo; read word"
    with subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert (child.pid, "run") in jobteam.workers()
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert Path(f"/proc/{child.pid}").is_dir()
        assert list(jobteam.workers()) == []
