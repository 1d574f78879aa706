"""Self-tests of the repairs to MPyC: run before every job, in milliseconds; a failure ends the worker.

They test what is in force in this process, not what the source says: another import may have replaced a part.
"""

from __future__ import annotations

import asyncio
import functools
import os
import sys
from collections.abc import Callable
from itertools import combinations

import numpy as np

from mpcgov.errors import InternalError
from mpcgov.mpc import codec, prf, runtime
from mpcgov.mpc.imports import NoPickle, check_interpreter
from mpcgov.mpc.runtime import MPYC, JobRuntime
from mpcgov.mpc.shamir import recombine

_OURS = ("output", "_reshare", "deal", "transfer", "peek", "input", "_distribute", "start", "shutdown", "prfs")


def check_fixes() -> None:
    """Raise InternalError unless MPyC has no pickle and our exchanges, and the codec refuses what it must."""
    check_interpreter()
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "mpyc" and not isinstance(getattr(module, "pickle", NoPickle()), NoPickle):
            raise InternalError("self-test: MPyC can unpickle")
    for name in _OURS:
        if getattr(JobRuntime, name) is getattr(MPYC.runtime.Runtime, name, None):
            raise InternalError(f"self-test: MPyC's own {name} is in force")
    if MPYC.asyncoro._reconcile is not runtime._reconcile:
        raise InternalError("self-test: MPyC's own error handling is in force")
    modulus = 2**61 - 1
    good = codec.encode(np.array([1, modulus - 1], dtype=object), modulus)
    if codec.decode(good, 2, modulus).tolist() != [1, modulus - 1]:
        raise InternalError("self-test: the codec changes numbers")
    for bad in (good[:-1], good + b"\0", b"\xff" * 16, b"\x80\x04K\x01.", b""):
        _must_refuse(functools.partial(codec.decode, bad, 2, modulus))


def _must_refuse(action: Callable[[], object]) -> None:
    try:
        action()
    except codec.WireError:
        return
    raise InternalError("self-test: the codec accepts what it must refuse")


class _Recorder:
    """A link that keeps what is sent and never answers."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.asked: list[asyncio.Future[bytes]] = []

    def send(self, _label: int, payload: bytes) -> None:
        self.sent.append(payload)

    def receive(self, _label: int) -> asyncio.Future[bytes]:
        self.asked.append(asyncio.get_running_loop().create_future())
        return self.asked[-1]

    async def drained(self) -> None:
        return None


async def check_openings(job: JobRuntime) -> None:
    """Raise InternalError unless an opening at degree 2t is re-randomised and zero sharings are sharings of zero.

    Runs `output` itself against links that only record. Call it before the real links and keys are there; the program
    counter and the count of exchanges are put back.
    """
    counter, exchanges, masters = list(job._program_counter), job.exchanges, dict(job._masters)
    recorder = _Recorder()
    for party in job.parties:
        party.protocol = recorder
    job._masters.update({s: os.urandom(prf.KEY_BYTES) for s in job.subsets if job.pid in s})
    bare = np.array([1, 2, 3], dtype=object)
    try:
        job.output(job.field.array(bare, check=False), threshold=2 * job.threshold)
        await asyncio.sleep(0)
        for question in recorder.asked:
            question.cancel()
        await job.idle()
    finally:
        job._program_counter[:], job.exchanges, job._masters = counter, exchanges, masters
        job._prfs.clear()
        job._used_inputs.clear()
        for party in job.parties:
            party.protocol = None
    if not recorder.sent:
        raise InternalError("self-test: an opening sent nothing")
    if (codec.decode(recorder.sent[0], 3, job.field.modulus) == bare).any():
        raise InternalError("self-test: an opening above the threshold isn't re-randomised")
    _check_zero_sharing(job)


def _check_zero_sharing(job: JobRuntime) -> None:
    """Three parties' points of zero sharings of degree 2, computed here with throw-away keys, must meet in 0 at 0."""
    field, subsets = job.field, list(combinations(range(3), 2))
    functions = {s: prf.Prf(os.urandom(prf.KEY_BYTES), field.order) for s in subsets}
    rows = []
    for party in range(3):
        mine = {s: function for s, function in functions.items() if party in s}
        rows.append(MPYC.thresha.np_pseudorandom_share_0(field, 3, party, mine, b"self-test", 2).value)
    if recombine([1, 2, 3], rows, int(field.modulus)).any() or not rows[0].all():
        raise InternalError("self-test: a sharing of zero isn't one")
