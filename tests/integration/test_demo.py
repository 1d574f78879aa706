"""The demo: what it prints is the plain count and join of the example records, and nothing of it stays behind."""

from __future__ import annotations

import csv
import json
import os
import re
import select
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mpcgov import disclosure
from mpcgov.trial import demo, rehearsal
from tests import nightly
from tests.integration.conftest import CHECKOUT, environment
from tests.patience import LONG_S
from tests.processes import processes_in

COMMAND = [sys.executable, "-m", "mpcgov", "demo"]
NUMBERS = [signal.SIGINT, signal.SIGTERM]
KEY = ("first_name", "last_name", "born")
Row = dict[str, str]
RECORDS: dict[str, Callable[[Row], bool]] = {
    "tax/taxpayers.csv": lambda row: row["first_year"] != "" and int(row["first_year"]) >= 2038,
    "social-security/numbers.csv": lambda row: row["issued"] >= "2038-01-01",
    "welfare/participants.csv": lambda row: row["first_year"] != "" and int(row["first_year"]) >= 2038,
}


def plain_counts() -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for name, keeps in RECORDS.items():
        with (CHECKOUT / "examples" / "agencies" / name).open(encoding="utf-8", newline="") as file:
            counts.update((row["age_group"], row["sex"]) for row in csv.DictReader(file) if keeps(row))
    return counts


def plain_wages() -> dict[str, list[int]]:
    """The wages of those who are written alike in both registers, and were there before 2038, by race and ethnicity."""
    registers = []
    for name in ("tax/taxpayers.csv", "welfare/participants.csv"):
        with (CHECKOUT / "examples" / "agencies" / name).open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["first_year"] != "" and int(row["first_year"]) < 2038]
            registers.append({tuple(row[column] for column in KEY): row for row in rows})
    tax, welfare = registers
    found: dict[str, list[int]] = {}
    for key in set(tax) & set(welfare):
        if all(key) and tax[key]["wages"] and welfare[key]["race_ethnicity"]:
            found.setdefault(welfare[key]["race_ethnicity"], []).append(int(tax[key]["wages"]))
    return found


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(CHECKOUT) | {"TMPDIR": str(tmp_path)}


def test_the_demo_gives_the_plain_tables_and_leaves_nothing_behind(env: dict[str, str], tmp_path: Path) -> None:
    process = subprocess.run([*COMMAND, "--json"], env=env, capture_output=True, text=True, timeout=LONG_S, check=False)
    assert (process.returncode, process.stderr) == (0, "")
    result, counts = json.loads(process.stdout), plain_counts()
    rows = result["tables"]["count"]["rows"]
    expected = disclosure.cleared((counts[row[0], row[1]] for row in rows), 10, None)
    assert [-1 if row[2] is None else row[2] for row in rows] == expected
    assert len(rows) == 18
    assert result["disclosure"]["suppressed"] == expected.count(disclosure.SENTINEL) > 0
    wages = plain_wages()
    rows = result["linked"]["tables"]["statistics"]["rows"]
    assert {group for group, *_ in rows} >= set(wages)
    assert sum(count is not None for _, count, *_ in rows) == 3
    for group, count, mean, variance in rows:
        paid = wages.get(group, [])
        if len(paid) < 10:
            assert (count, mean, variance) == (None, None, None)
        elif len(paid) < 12:  # too few for what two numbers tell
            assert (count, mean, variance) == (len(paid), None, None)
        else:
            assert (count, mean) == (len(paid), pytest.approx(statistics.mean(paid), rel=6e-4))
            assert variance == pytest.approx(statistics.variance(paid), rel=6e-4)
    assert list(tmp_path.iterdir()) == []
    assert processes_in(tmp_path) == []


def names_below(pid: int) -> Counter[str]:
    """What a process's children and theirs are called, but for those that work on a job or wait for one."""
    found: Counter[str] = Counter()
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found[Path(f"/proc/{child}/comm").read_text().strip()] += 1
        found += names_below(int(child))
    return Counter({name: count for name, count in found.items() if name not in ("mpcgov-read", "mpcgov-run")})


@pytest.mark.parametrize("number", nightly.first(1, NUMBERS))
def test_a_demo_that_is_interrupted_ends_its_nodes(number: int, env: dict[str, str], tmp_path: Path) -> None:
    with subprocess.Popen(COMMAND, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + LONG_S
        loaded_once = {"mpcgov-template": 2, "mpcgov-node": 3}
        while names_below(process.pid) != loaded_once and time.monotonic() < deadline:
            time.sleep(0.05)
        assert names_below(process.pid) == loaded_once
        os.kill(process.pid, number)
        errors = process.communicate(timeout=LONG_S)[1]
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert errors.endswith("interrupted\n")
    assert list(tmp_path.iterdir()) == []
    assert processes_in(tmp_path) == []


def test_a_node_that_is_a_copy_ends_with_what_it_is_a_copy_of_however_that_ends() -> None:
    code = "from mpcgov.trial.copied import Copy\ncopy = Copy()\nprint(copy.pid, flush=True)\ncopy.wait()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        copy = os.pidfd_open(int(process.stdout.readline()))
        process.kill()
    assert select.select([copy], [], [], LONG_S)[0] == [copy]
    os.close(copy)


def test_a_nodes_port_is_given_to_nobody_before_it_listens() -> None:
    with rehearsal.kept_ports(2) as ports:
        for port in ports:
            with socket.socket() as other, pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", port))
            socket.create_server(("127.0.0.1", port)).close()


@pytest.fixture(params=[signal.SIG_IGN, signal.default_int_handler])
def ctrl_c(request: pytest.FixtureRequest) -> Iterator[None]:
    """As a shell starts what runs in the background, and as all else."""
    before = signal.signal(signal.SIGINT, request.param)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("number", NUMBERS)
def test_an_interrupted_start_leaves_no_node(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def tell(what: str) -> None:
        os.kill(os.getpid(), number)
        told.append(what)

    def start(*_: Any, **__: Any) -> Any:
        tell("start")
        return SimpleNamespace(terminate=lambda: tell("end"), wait=lambda _: tell("wait"))

    monkeypatch.setattr(rehearsal.subprocess, "Popen", start)
    with pytest.raises(KeyboardInterrupt), demo._terminable(), rehearsal.daemons({"tax": tmp_path}, print):
        pytest.fail("went on")
    assert told == ["start", "end", "wait"]


@pytest.mark.parametrize("number", NUMBERS)
def test_an_interrupted_yes_is_whole(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle the database would complain of it, with a trace."""
    said: list[str] = []

    async def submitted(*_: Any) -> Any:
        return SimpleNamespace(id="aaaa-aaaa-aaaa")

    def approve(home: Path, _job: str) -> None:
        os.kill(os.getpid(), number)
        said.append(home.name)

    monkeypatch.setattr(demo.service, "submit_job", submitted)
    monkeypatch.setattr(demo.operator, "approve", approve)
    homes = {party: tmp_path / party for party in ("tax", "social-security", "welfare")}
    with pytest.raises(KeyboardInterrupt), demo._terminable():
        demo._job(tmp_path, CHECKOUT / "examples/jobs" / demo.MAIN_JOB, homes, 4, print)
    assert len(said) == 1


def steady(text: str) -> list[str]:
    """A transcript without what differs from run to run: ids, ports, digests, times and progress."""
    for pattern, name in (
        (r"\b[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}\b", "JOB"),
        (r"127\.0\.0\.1:\d+", "ADDRESS"),
        (r"sha256:[0-9a-f]{64}", "DIGEST"),
        (r"\d+\.\d+ s\b", "SECONDS"),
    ):
        text = re.sub(pattern, name, text)
    progress = re.compile(r"\s+(APPROVED|READY|RUNNING|RELEASED)\b|.* from the last yes to the result|\s*$")
    return [line.rstrip() for line in text.splitlines() if not progress.match(line)]


def test_the_tour_shows_what_the_demo_prints(env: dict[str, str]) -> None:
    process = subprocess.run(COMMAND, env=env, capture_output=True, text=True, timeout=LONG_S, check=True)
    tour = (CHECKOUT / "docs" / "tour.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- transcript: .* -->\n```\n(.*?)```\n<!-- /transcript -->", tour, re.DOTALL)
    assert shown is not None
    printed = steady(process.stderr + process.stdout)
    assert [line for line in steady(shown.group(1)) if line not in printed] == []
