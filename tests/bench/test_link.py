"""Parties that are far apart: what a relay between them does to their streams, and what a race over it shows."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace

import pytest

from mpcgov.bench import race, report
from mpcgov.bench.contenders import CONTENDERS, MPCGOV, MPYC
from mpcgov.bench.goals import computing_within
from mpcgov.bench.link import FAR, Link, Relay
from mpcgov.bench.workloads import WORKLOADS
from mpcgov.cli.main import run
from mpcgov.errors import SpecError
from tests.bench.conftest import Fake
from tests.patience import LONG_S


@pytest.mark.parametrize(
    ("text", "rtt_s", "bits_per_s"),
    [
        ("20ms,1gbit", 0.02, 1e9),
        ("0.5ms,10gbit", 0.0005, 1e10),
        (" 40MS,100Mbit ", 0.04, 1e8),
        ("0ms,2.5gbit", 0, 2.5e9),
    ],
)
def test_a_link_is_a_time_there_and_back_and_a_rate(text: str, rtt_s: float, bits_per_s: float) -> None:
    assert Link.read(text) == Link(rtt_s, bits_per_s)


@pytest.mark.parametrize(
    "text",
    ["", "20ms", "1gbit,20ms", "20,1gbit", "20ms,1gb", "-1ms,1gbit", "20ms,0gbit", "1e9ms,1gbit", "99999ms,1gbit"],
)
def test_what_is_no_link_is_refused_in_one_line(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SpecError, match="no link"):
        Link.read(text)
    assert run(["bench", "W5", "--link", text]) == 2
    assert (
        capsys.readouterr().err == f"mpcgov: no link {text}; say the time there and back, and how much fits each way: "
        "20ms,1gbit or 40ms,100mbit\n"
    )


def test_bytes_come_whole_and_no_earlier_than_the_link_allows() -> None:
    sent, link = bytes(range(256)) * 4000, Link(0.04, 1e8)
    with Relay(link) as relay:
        a, b = relay.pair()
        with a, b:
            for near, far in ((a, b), (b, a)):
                start, got = time.monotonic(), bytearray()
                sending = threading.Thread(target=near.sendall, args=(sent,))
                sending.start()
                while len(got) < len(sent):
                    got += far.recv(1 << 20)
                    assert time.monotonic() - start >= link.rtt_s / 2
                sending.join()
                assert got == sent
                assert (
                    time.monotonic() - start >= link.rtt_s / 2 + 8 * (len(sent) - (1 << 16)) / link.bits_per_s - 0.002
                )
            a.shutdown(socket.SHUT_WR)
            assert b.recv(1) == b""
            b.sendall(b"still")
            assert a.recv(5) == b"still"


def test_a_byte_on_an_idle_line_is_never_early() -> None:
    with Relay(Link(0.01, 1e9)) as relay:
        a, b = relay.pair()
        with a, b:
            for _ in range(20):
                start = time.monotonic()
                a.sendall(b"?")
                b.sendall(b.recv(1))
                assert a.recv(1) == b"?"
                assert time.monotonic() - start >= 0.01


def test_a_port_behind_a_link_answers_late_and_waits_for_who_listens() -> None:
    with Relay(Link(0.02, 1e9)) as relay, socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = relay.before(server.getsockname()[1])
        with socket.create_connection(("127.0.0.1", port)) as caller:
            start = time.monotonic()
            caller.sendall(b"?")
            server.listen()
            called, _ = server.accept()
            with called:
                called.sendall(called.recv(1))
                assert caller.recv(1) == b"?"
            assert time.monotonic() - start >= 0.02


def test_no_relay_is_left() -> None:
    with Relay(Link(0, 1e9)) as relay:
        process = relay._process
        a, b = relay.pair()
    assert process.returncode is not None
    with a, b:
        a.settimeout(LONG_S)
        assert a.recv(1) == b""


async def test_rounds_take_as_long_as_the_way_and_the_table_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race, "RUNS", 1)
    link, workload = Link(0.01, 1e9), WORKLOADS["W5"]
    measured = await race.race(workload, [MPCGOV], lambda text: None, workload.make(100), link)
    (own,) = measured
    assert own.rounds
    assert own.seconds >= 4 * link.rtt_s / 2  # some of its rounds run side by side
    results = [report.Result(workload, measured)]
    (row,) = report.rows(results, link)
    assert (row["rounds"], row["per_round_trip"]) == (own.rounds, own.seconds / (own.rounds * link.rtt_s))
    (line,) = report.link_table(results, link)
    assert (len(line), line[4]) == (len(report.LINK_HEADS), str(own.rounds))


async def test_of_a_far_job_the_table_says_what_its_computing_took_and_whether_that_is_as_it_must_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(race, "RUNS", 1)
    workload = WORKLOADS["example-count"]
    measured = await race.race(workload, CONTENDERS[workload.name], lambda text: None, link=FAR)
    (own,) = measured
    assert own.computing_s is not None
    assert own.rounds is not None
    assert own.rounds * FAR.rtt_s / 2 <= own.computing_s < own.seconds
    results = [report.Result(replace(workload, goals=(computing_within(60),)), measured)]
    (line,) = report.link_table(results, FAR)
    assert (line[3], line[-1]) == (f"{own.computing_s:.3f}", "computing ≤ 60 s met")
    (row,) = report.rows(results, FAR)
    assert row["computing_s"] == own.computing_s
    slow = replace(own, turns=tuple(replace(turn, computing_s=61.0) for turn in own.turns))
    assert report.link_table([replace(results[0], measured=[slow])], FAR)[0][-1] == "computing ≤ 60 s missed"


async def test_peers_that_dial_ports_are_as_far_apart(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race, "RUNS", 1)
    link, workload = Link(0.04, 1e9), WORKLOADS["W1"]
    (mpyc,) = await race.race(workload, [MPYC], lambda text: None, workload.make(20), link)
    assert not mpyc.failure
    assert mpyc.seconds >= link.rtt_s / 2
