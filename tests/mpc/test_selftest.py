"""The self-tests fail closed: with any repair taken out, no session greets its peers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mpcgov.errors import InternalError
from mpcgov.mpc import codec, runtime, selftest, session
from mpcgov.mpc.runtime import MPYC, JobRuntime
from mpcgov.mpc.word import field
from tests.mpc.parties import config_for, run


def take_out(name: str) -> None:
    """Undo one repair."""
    import pickle

    actions: dict[str, Callable[[], Any]] = {
        "pickle": lambda: setattr(MPYC.runtime, "pickle", pickle),
        "output": lambda: setattr(JobRuntime, "output", MPYC.runtime.Runtime.output),
        "_reshare": lambda: setattr(JobRuntime, "_reshare", MPYC.runtime.Runtime._reshare),
        "transfer": lambda: setattr(JobRuntime, "transfer", MPYC.runtime.Runtime.transfer),
        "shutdown": lambda: setattr(JobRuntime, "shutdown", MPYC.runtime.Runtime.shutdown),
        "errors": lambda: setattr(MPYC.asyncoro, "_reconcile", lambda _declared, _task: None),
        "range": lambda: setattr(codec, "below", lambda words, _bound: np.ones(len(words), dtype=bool)),
        "zero sharing": lambda: setattr(
            JobRuntime, "zero_shares", lambda _self, _field, count: np.zeros(count, dtype=object)
        ),
        "kernel": lambda: setattr(field, "product", field.add),
        "zero sharing of 1": lambda: setattr(
            MPYC.thresha, "np_pseudorandom_share_0", MPYC.thresha.np_pseudorandom_share
        ),
    }
    actions[name]()


@pytest.mark.parametrize(
    "name",
    [
        "pickle",
        "output",
        "_reshare",
        "transfer",
        "shutdown",
        "errors",
        "range",
        "kernel",
        "zero sharing",
        "zero sharing of 1",
    ],
)
def test_without_a_repair_no_session_starts(name: str) -> None:
    async def job(_session: session.Session, _index: int) -> None:
        return None

    def before(index: int) -> None:
        if index == 0:
            take_out(name)

    outcomes = run(job, before=before, change=lambda c: type(c)(**{**c.__dict__, "hello_timeout_s": 2.0}))
    assert outcomes[0].error is not None
    assert outcomes[0].error["exit_status"] == InternalError.exit_status
    assert outcomes[0].message.startswith("self-test:")
    assert outcomes[0].bytes_sent == 0
    assert all(outcome.error is not None for outcome in outcomes)


@pytest.mark.parametrize(("m", "t"), [(3, 1), (7, 3)])
def test_the_self_tests_leave_the_runtime_as_it_was(m: int, t: int) -> None:
    async def check() -> None:
        job = JobRuntime(config_for(m, 1, threshold=t), lambda _error: None)
        counter, masters = list(job._program_counter), dict(job._masters)
        selftest.check_fixes()
        await selftest.check_openings(job)
        assert job._program_counter == counter
        assert job._masters == masters
        assert job.exchanges == 0
        assert not job._used_inputs

    asyncio.run(check())


def test_what_mpyc_offers_beside_its_protocols_is_refused() -> None:
    from mpcgov.errors import Refused

    async def check() -> None:
        job = runtime.JobRuntime(config_for(3, 0), lambda _error: None)
        for name in ("transfer", "peek", "input", "start", "shutdown", "run", "throttler", "logging", "_distribute"):
            with pytest.raises(Refused):
                getattr(job, name)("x")

    asyncio.run(check())


def test_prss_never_uses_a_program_counter_twice() -> None:
    async def check() -> None:
        job = runtime.JobRuntime(config_for(3, 0), lambda _error: None)
        job._prss_uci()
        job._program_counter[0] -= 1
        with pytest.raises(InternalError):
            job._prss_uci()

    asyncio.run(check())
