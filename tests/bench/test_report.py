"""Figures as programs and people get them."""

from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mpcgov.bench import contenders, report
from mpcgov.bench.contenders import ABY3, CONTENDERS, MPCGOV, MPYC
from mpcgov.bench.race import Measured
from mpcgov.bench.report import Result
from mpcgov.bench.team import Turn
from mpcgov.bench.workloads import WORKLOADS, Workload
from mpcgov.cli.main import run
from mpcgov.errors import SpecError

ROOT = Path(__file__).resolve().parents[2]
KEYS = ["workload", "case", "mpcgov_s", "peak_mb", "bytes_sent", "peer", "peer_s", "ratio"]


def turns(*seconds: float, sent: int | None = 5_000_000, f1: float = 0) -> tuple[Turn, ...]:
    return tuple(Turn(s, 0.1, 100 + s, sent, np.array([f1])) for s in seconds)


OWN = Measured(MPCGOV, turns(9.0, 1.0, 2.0))
RESULTS = [
    Result(WORKLOADS["W1"], [OWN, Measured(ABY3, turns(4.0, 4.0, 5.0)), Measured(MPYC, turns(40.0, sent=None))]),
    Result(WORKLOADS["W5"], [OWN]),
    Result(WORKLOADS["W7"], [Measured(ABY3, turns(8.0))]),
]


def test_rows_for_programs() -> None:
    rows = report.rows(RESULTS)
    assert [list(row) for row in rows] == [KEYS] * 4
    assert [(row["workload"], row["mpcgov_s"], row["peer"], row["peer_s"], row["ratio"]) for row in rows] == [
        ("W1", 2.0, "SPU ABY3", 4.0, 0.5),
        ("W1", 2.0, "MPyC", 40.0, 0.05),
        ("W5", 2.0, None, None, None),
        ("W7", None, "SPU ABY3", 8.0, None),
    ]
    assert (rows[0]["peak_mb"], rows[0]["bytes_sent"]) == (109.0, 5_000_000)


def test_table_for_people() -> None:
    table = report.table(RESULTS)
    assert table[0][1:] == ["mpcgov", "2.000", "0.10", "109", "5.0", "3", "", "", "≤ 0.5 × SPU SEMI2K not measured"]
    assert table[1][1:] == ["SPU ABY3", "4.000", "0.10", "105", "5.0", "3", "0.500", "", ""]
    assert table[2][1:] == ["MPyC", "40.000", "0.10", "140", "unknown", "1", "0.050", "", ""]
    assert all(len(line) == len(report.HEADS) for line in table)


def test_links_are_judged_by_their_f1_and_by_the_peers() -> None:
    workload = WORKLOADS["W3-registers"]
    own, anonlink, splink = CONTENDERS[workload.name]
    ours = Measured(own, turns(50.0, 62.0, f1=0.99) + turns(70.0, f1=0.97))
    for peer, f1, verdict in ((splink, 0.974, "met"), (splink, 0.995, "missed"), (anonlink, 1, "not measured")):
        results = [Result(workload, [ours, Measured(peer, turns(2.0, f1=f1))])]
        mine, other = report.table(results)
        assert mine[-2:] == ["0.9700", f"F1 ≥ Splink's − 0.005 {verdict}; ≤ 60 s missed"]
        assert other[-2:] == [f"{f1:.4f}", ""]
        (row,) = report.rows(results)
        assert list(row) == [*KEYS, "f1", "peer_f1"]
        assert (row["f1"], row["peer_f1"]) == (0.97, f1)


def test_of_what_is_run_once_rows_a_second_are_told_and_it_is_run_only_by_its_name() -> None:
    workload = WORKLOADS["W3-million"]
    ours = Measured(CONTENDERS[workload.name][0], turns(400.0, sent=12_345_000_000, f1=0.96))
    assert report.throughput([Result(workload, [ours]), *RESULTS, Result(workload)]) == [
        "W3-million: 2,000,000 rows, 5,000 rows/s; 12.35 GB sent by all, 0.50 GB at a party"
    ]
    assert report._named("W3-million") == ["W3-million"]
    assert report._named("W3") == ["W3-febrl", "W3-febrl-60", "W3-low", "W3-registers"]


@pytest.mark.parametrize(
    ("name", "seconds", "peer_seconds", "goals"),
    [
        ("W2", 2.0, 7.0, "≤ 0.3 × SPU RR22 met; ≤ 1,000 MB met"),
        ("W2", 920.0, 7.0, "≤ 0.3 × SPU RR22 missed; ≤ 1,000 MB missed"),
        ("W1", 2.0, 4.0, "≤ 0.5 × SPU SEMI2K met"),
        ("W4", 2.0, 1.0, "≤ 2 s met"),
        ("W5", 2.0, 3.9, "≤ 0.5 × SPU ABY3 missed"),
    ],
)
def test_goals_are_met_or_missed(name: str, seconds: float, peer_seconds: float, goals: str) -> None:
    own, peer, *_ = CONTENDERS[name]
    measured = [Measured(own, turns(seconds)), Measured(peer, turns(peer_seconds))]
    assert [line[-1] for line in report.table([Result(WORKLOADS[name], measured)])] == [goals, ""]


def test_trust_models_are_said_once_each() -> None:
    assert [name for name, _ in report.trust(RESULTS)] == ["mpcgov", "SPU ABY3", "MPyC"]
    linked = Measured(CONTENDERS["W4"][0], turns(1.0))
    (_, lines), *_ = report.trust([*RESULTS, Result(WORKLOADS["W4"], [linked])])
    assert lines == [f"W1, W5: {MPCGOV.trust}", f"W4: {linked.contender.trust}"]


def test_command_prints_json_and_says_which_peers_are_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fake_race(workload: object, entrants: list[object], tell: object, link: object = None) -> list[Measured]:
        return [OWN] if entrants == [MPCGOV] else []

    monkeypatch.setattr(report, "race", fake_race)
    monkeypatch.setattr(contenders, "interpreter", lambda peer: Path("/nowhere"))
    assert run(["bench", "W5", "--peers", "--json"]) == 0
    shown = capsys.readouterr()
    assert [list(row) for row in json.loads(shown.out)] == [KEYS]
    assert "W5: MPyC isn't installed: scripts/bench-peers mpyc" in shown.err
    assert run(["bench", "W1"]) == 0
    shown = capsys.readouterr()
    assert "mpcgov/peer" in shown.out
    assert "at most 1 curious" in shown.out
    assert "isn't installed" not in shown.err


def test_another_size_is_run_and_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ran = []

    async def fake_race(
        workload: Workload, entrants: list[object], tell: object, link: object = None
    ) -> list[Measured]:
        ran.append((workload.name, workload.size))
        return [OWN]

    monkeypatch.setattr(report, "race", fake_race)
    assert run(["bench", "W5", "W6", "--size", "12345", "--json"]) == 0
    assert ran == [("W5", 12345), ("W6", 12345)]
    assert all(row["case"].endswith(", 12,345") for row in json.loads(capsys.readouterr().out))
    assert run(["bench", "W5", "--size", "0"]) == 2


def test_a_name_may_mean_several_and_what_takes_long_is_measured_only_when_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fake_race(
        workload: Workload, entrants: list[object], tell: object, link: object = None
    ) -> list[Measured]:
        return [OWN]

    monkeypatch.setattr(report, "race", fake_race)

    def measured(*names: str) -> list[str]:
        return [result.workload.name for result in report.measure(names, False, lambda text: None)]

    assert measured("W3", "W4") == ["W3-febrl", "W3-febrl-60", "W3-low", "W3-registers", "W4"]
    assert measured() == ["W1", "W2", "W4", "W4-large", "W4-oblivious", "W5", "W6", "W7", "W8", "W9"]


async def _fails_in_w5(workload: Workload, entrants: list[object], tell: object, link: object = None) -> list[Measured]:
    if workload.name == "W5":
        raise SpecError("no data here", hint="fetch them", code="workload")
    return [OWN]


def test_a_workload_that_fails_takes_no_others_figures_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "race", _fails_in_w5)
    assert run(["bench", "W1", "W5", "W6"]) == 2
    shown = capsys.readouterr()
    assert [line.split()[0] for line in shown.out.splitlines() if line[:1] == "W"] == ["W1", "W5", "W6", "What"]
    assert [" failed" in line for line in shown.out.splitlines() if line[:2] == "W5"] == [True]
    assert "mpcgov: W5: no data here; fetch them\n" in shown.err
    assert shown.err.endswith("mpcgov: no data here; fetch them\n")


def test_a_failure_is_in_its_row_for_programs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "race", _fails_in_w5)
    error = {"code": "workload", "message": "no data here", "hint": "fetch them"}
    assert run(["bench", "W1", "W5", "W6", "--json"]) == 2
    first, failed, last = json.loads(capsys.readouterr().out)
    assert (list(first), first["mpcgov_s"], last["mpcgov_s"]) == (KEYS, 2.0, 2.0)
    assert list(failed) == [*KEYS, "error"]
    assert [failed[key] for key in KEYS] == ["W5", WORKLOADS["W5"].title + ", 10^5", *[None] * 6]
    assert failed["error"] == error | {"exit_status": 2}
    assert run(["bench", "W5", "--json"]) == 2
    assert json.loads(capsys.readouterr().out) == {"error": error}


def test_an_unknown_workload_is_refused_with_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "W99"]) == 2
    assert "no workload W99; there are W1, " in capsys.readouterr().err


def test_programs_of_peers_use_nothing_of_ours() -> None:
    for path in (ROOT / "mpcgov/bench/peers").glob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 0]
        assert not [name for name in names if name.startswith("mpcgov")], path


def test_every_peer_can_be_installed_and_unknown_ones_are_refused() -> None:
    script = ROOT / "scripts/bench-peers"
    listed = subprocess.run([script, "--list"], capture_output=True, text=True, check=True).stdout
    for entrant in (entrant for entrants in CONTENDERS.values() for entrant in entrants if entrant.environment):
        assert f"{entrant.environment}: " in listed
    refused = subprocess.run([script, "telepathy"], capture_output=True, text=True, check=False)
    assert (refused.returncode, "no peer telepathy" in refused.stderr) == (2, True)
