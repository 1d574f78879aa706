"""Where the time went: every process and phase, in a page that needs nothing from elsewhere, and in a node's log."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
import structlog

from mpcgov.cli.main import run
from mpcgov.node import logs
from mpcgov.process.meter import Idle, Meter, runner
from mpcgov.publish import profile
from mpcgov.trial.profiled import profiled, told

ROOT = Path(__file__).resolve().parents[2]
JOB = ROOT / "examples/jobs/people-in-several-registers.yaml"


class Tags(HTMLParser):
    """The tags of a page, and what they point to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.elsewhere: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.elsewhere += [name for name, _ in attrs if name in ("src", "href", "onload", "onclick")]


def test_a_page_shows_every_process_and_needs_nothing_from_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []
    page = profile.page
    monkeypatch.setattr(profile, "page", lambda taken, title: kept.extend(taken) or page(taken, title))
    out = tmp_path / "where.html"
    assert run(["simulate", str(JOB), "--agencies", str(ROOT / "examples/agencies"), "--profile", str(out)]) == 0
    found, text = Tags(), out.read_text(encoding="utf-8")
    found.feed(text)
    assert found.elsewhere == []
    assert {"script", "link", "img", "iframe"} & set(found.tags) == set()
    assert found.tags.count("rect") >= len(kept)
    assert {(party, step.at) for party, step in kept} == {
        (party, at) for party in ("tax", "welfare", "census") for at in ("node", "reader", "engine")
    }
    engine = [step for party, step in kept if party == "tax" and step.at == "engine"]
    assert [step.phase for step in engine][:5] == ["start", "hello", "read", "ready", "deal"]
    for before, after in itertools.pairwise(engine):
        assert after.started_s == pytest.approx(before.started_s + before.seconds)
    assert all(step.waited_s <= step.seconds for step in engine)
    rounds = Counter[str]()
    for party, step in kept:
        rounds[party] += step.rounds
    assert f"{max(rounds.values())} rounds" in capsys.readouterr().err
    waited = next(step for step in engine if step.phase == "read")
    assert waited.waited_s > waited.cpu_s


def test_a_file_of_another_kind_is_refused_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", str(JOB), "--agencies", str(ROOT / "examples/agencies"), "--profile", "where.pdf"]) == 2
    assert "FILE.html" in capsys.readouterr().err


def test_waiting_is_what_the_event_loop_waits() -> None:
    idle = Idle()
    meter = Meter("engine", "work", idle, lambda: (3, 100))

    async def work() -> None:
        meter.enter("wait")
        gone = threading.Event()
        threading.Timer(0.5, gone.set).start()
        await asyncio.to_thread(gone.wait)
        meter.enter("after")

    with runner(idle) as loop:
        loop.run(work())
    steps = {step.phase: step for step in meter.steps()}
    assert steps["wait"].waited_s > 0.02
    assert steps["wait"].waited_s > steps["wait"].cpu_s
    assert steps["work"].rounds == 0
    assert profile.text([("tax", step) for step in steps.values()]).startswith("party")


def test_who_doesnt_ask_keeps_nothing() -> None:
    step = Meter("reader", "read").steps()
    told("tax")("job", step)
    with profiled() as found:
        told("tax")("job", step)
    assert found == [("tax", step[0])]
    assert profile.summary([]) == ["nothing was run"]
    assert b"nothing was run" in profile.page([], "Where the time of nothing went")


def test_a_nodes_log_has_them() -> None:
    with structlog.testing.capture_logs() as said:
        logs.steps("abcd-abcd-abcd", Meter("reader", "read").steps())
    assert [(line["event"], line["process"], list(line["seconds"])) for line in said] == [
        ("job's steps", "reader", ["read"])
    ]
