"""A party that dies, stops or fails: the others end at once, name it, and say in which phase."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mpcgov.errors import InternalError
from mpcgov.mpc import Session
from mpcgov.mpc.links import Link
from mpcgov.mpc.runtime import MPYC
from tests import nightly
from tests.mpc.parties import NAMES, Outcome, Parties, passes_when, put, share_list

VICTIM = 1
PHASES = ["hello", "ready", "deal", "compute", "open", "close"]


def in_phase(phase: str, action: Callable[[], Any]) -> Callable[[Session, int], Any]:
    """A job in which the victim does something when it enters a phase; those before `deal` are handled by `before`."""

    async def job(session: Session, index: int) -> list[int]:
        if index == VICTIM:
            watch(session, phase, action)
        x = session.input(np.arange(300) if index == 0 else None, 0, 300, 0, 1000)
        session.enter("compute")
        bit = x >= 10
        await session._guard(bit.shares())
        return await share_list(session, bit)

    return job


def watch(session: Session, phase: str, action: Callable[[], Any]) -> None:
    inner = session._on_phase

    def on_phase(entered: str) -> None:
        inner(entered)
        if entered == phase:
            action()

    session._on_phase = on_phase


def early(phase: str, action: Callable[[], Any]) -> Callable[[int], None]:
    """Before the session: have the victim act in a phase that comes before the job."""

    def before(index: int) -> None:
        if index != VICTIM or phase not in {"hello", "ready", "deal"}:
            return
        inner = Session.enter

        def enter(self: Session, entered: str) -> None:
            inner(self, entered)
            if entered == phase:
                action()

        put(Session, "enter", enter)

    return before


def survivors(parties: Parties) -> list[Outcome]:
    outcomes = [parties.outcome(index) for index in range(parties.m) if index != VICTIM]
    reported = [outcome for outcome in outcomes if outcome is not None]
    assert len(reported) == parties.m - 1
    return reported


def told(outcomes: list[Outcome]) -> str:
    """What failed, in all words."""
    return str([outcome.error for outcome in outcomes])


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(("m", "phase"), nightly.first(len(PHASES), itertools.product((3, 5), PHASES)))
def test_a_killed_party_is_named_with_the_phase_by_all_others(m: int, phase: str) -> None:
    with Parties(in_phase(phase, kill), m, before=early(phase, kill)) as parties:
        outcomes = survivors(parties)
    for outcome in outcomes:
        assert outcome.error is not None
        assert outcome.error["exit_status"] == 4
        assert outcome.error["code"] == "peer-lost"
        assert outcome.message.startswith(f"lost connection to {NAMES[VICTIM]} ("), outcome.message
    phases = {outcome.message.partition("(")[2].rstrip(")").partition(",")[0] for outcome in outcomes}
    assert phases <= set(PHASES)


def test_a_killed_party_is_named_even_by_those_who_learn_of_it_from_others() -> None:
    """Party 3 sleeps through it: it first sees the streams of the others end, and still names the right one."""

    async def job(session: Session, index: int) -> list[int]:
        x = session.input([5] if index == 0 else None, 0, 1, 0, 9)
        await share_list(session, x)
        if index == VICTIM:
            kill()
        if index == 3:
            time.sleep(1.5)  # noqa: ASYNC251  busy, as in a long computation
        bit = x >= 3
        return await share_list(session, bit)

    with Parties(job, 5, threshold=2) as parties:
        outcomes = survivors(parties)
    for outcome in outcomes:
        assert outcome.message.startswith(f"lost connection to {NAMES[VICTIM]} (open"), outcome.message


def test_a_stopped_party_ends_the_job_at_the_deadline_and_is_named() -> None:
    stopped, looks = multiprocessing.get_context("fork").Event(), itertools.count()

    def stop() -> None:
        stopped.set()
        os.kill(os.getpid(), signal.SIGSTOP)

    def holds(session: Session) -> bool:
        """Still: what it sent before is read by the third look after its stop."""
        return stopped.is_set() and next(looks) > 1 and session._phase == "compute" and session._links[VICTIM].waiting

    over = passes_when(2.0, holds)
    with Parties(in_phase("compute", stop), deadline_s=2.0, before=over) as parties:
        outcomes = survivors(parties)
    for outcome in outcomes:
        assert outcome.error is not None
        assert outcome.error["code"] == ("hearsay" if " says: " in outcome.message else "deadline")
        assert outcome.error["exit_status"] == 4
    # Who is behind may wait for the other survivor, too.
    waits = [outcome.message.partition("still waiting for ")[2] for outcome in outcomes]
    assert any(NAMES[VICTIM] in awaited for awaited in waits), told(outcomes)


def said(outcome: Outcome) -> str:
    """What is said of the victim, by itself or by the other survivor, who may have heard of it first."""
    others = [name for name in NAMES[:3] if name != NAMES[VICTIM]]
    found = [outcome.message.removeprefix(f"{name} says: ") for name in others if outcome.message.startswith(name)]
    return found[0] if found else outcome.message


def test_a_party_that_fails_reports_its_own_fault_and_the_others_name_it() -> None:
    def fail() -> None:
        raise ValueError("count 4711")

    with Parties(in_phase("compute", fail)) as parties:
        outcomes = survivors(parties)
        own = parties.outcome(VICTIM)
    for outcome in outcomes:
        assert outcome.error is not None
        assert outcome.error["code"] == ("hearsay" if " says: " in outcome.message else "peer-failed")
        assert outcome.error["exit_status"] == 4
        assert said(outcome).startswith(f"{NAMES[VICTIM]} stopped with an error of its own (")
    assert own is not None
    assert own.error is not None
    assert own.error["exit_status"] == InternalError.exit_status
    assert own.message.startswith("ValueError at test_failures.py:")
    assert "4711" not in told([own, *outcomes])


def test_an_error_inside_an_mpyc_coroutine_is_the_reported_cause() -> None:
    """MPyC would stop the event loop and lose it."""

    async def job(session: Session, index: int) -> list[int]:
        x = session.input([5] if index == 0 else None, 0, 1, 0, 9)
        await share_list(session, x)
        if index == VICTIM:
            session._runtime.np_sgn = broken
        return await share_list(session, x >= 3)

    def broken(*_arguments: object, **_settings: object) -> None:
        raise ZeroDivisionError("count 4711")

    with Parties(job) as parties:
        outcomes = survivors(parties)
        own = parties.outcome(VICTIM)
    assert own is not None
    assert own.message.startswith("ZeroDivisionError at test_failures.py:")
    assert "4711" not in told([own, *outcomes])
    for outcome in outcomes:
        assert said(outcome).startswith(f"{NAMES[VICTIM]} stopped")


@pytest.mark.parametrize("repair", ["links", "errors"])
def test_without_the_repair_the_others_learn_nothing_until_the_deadline(repair: str) -> None:
    """The hole is real: with lost streams ignored, or MPyC's handling of errors back, survivors just wait."""

    def fail(*_arguments: object, **_settings: object) -> None:
        raise ZeroDivisionError

    async def job(session: Session, index: int) -> list[int]:
        x = session.input([5] if index == 0 else None, 0, 1, 0, 9)
        await share_list(session, x)
        if index == VICTIM:
            if repair == "links":
                kill()
            session._runtime.np_sgn = fail
        return await share_list(session, x >= 3)

    def before(_index: int) -> None:
        if repair == "links":
            put(Link, "connection_lost", lambda _link, _exc: None)
        else:
            from mpcgov.mpc import session

            def lose(declared: Any, task: asyncio.Task[Any]) -> None:
                MPYC.asyncoro.runtime._pc_level -= 1
                if declared is not None and not task.cancelled() and task.exception() is None:
                    MPYC.asyncoro.__dict__["__reconcile"](declared, task.result())

            put(session, "check_fixes", lambda: None)
            put(MPYC.asyncoro, "_reconcile", lose)

    with Parties(job, deadline_s=1.5, before=before) as parties:
        outcomes = survivors(parties)
    for outcome in outcomes:
        assert outcome.error is not None
        # Its own, or that of a party which heard of it from the one whose time ran out first.
        assert outcome.error["code"] in ("deadline", "hearsay")
        assert "deadline" in outcome.message or "ran out of time" in outcome.message
