"""Real processes, one per party, joined by socket pairs: what every test of the engine runs on.

A test gives a coroutine `job(session, index)`; each party runs it between `start` and `close` in a process of its own
and reports what it returns, or the error that ended it. `before(index)` runs in a party's process before its session
is made: the place to break something there.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import socket
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from mpcgov.errors import MpcgovError
from mpcgov.mpc import SecretArray, Session, SessionConfig
from mpcgov.mpc.config import WORD_BITS
from tests.patience import LONG_S

NAMES = ("tax", "welfare", "education", "labour", "health", "justice", "statistics")
Job = Callable[[Session, int], Coroutine[Any, Any, Any]]


@dataclass
class Outcome:
    """What one party reported: a value, or an error as {code, message, hint, exit_status}; neither if it died."""

    value: Any = None
    error: dict[str, Any] | None = None
    phases: list[str] = field(default_factory=list)
    rounds: int = 0
    bytes_sent: int = 0
    modulus: int = 0
    transcripts: dict[str, list[str]] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """The error's message, or nothing."""
        return "" if self.error is None else str(self.error["message"])


def config_for(
    m: int, index: int, *, threshold: int = 1, value_bits: int = 64, masked: int = 1000, solver_bits: int = 0
) -> SessionConfig:
    """The configuration of one of m parties with names from NAMES; of words if there is a solver."""
    value_bits = WORD_BITS if solver_bits else value_bits
    return SessionConfig(NAMES[:m], index, threshold, b"\x07" * 32, value_bits, masked, solver_bits)


class Parties:
    """m processes that run one job. Use as a context manager: whatever is left is killed at the end."""

    def __init__(
        self,
        job: Job,
        m: int = 3,
        *,
        deadline_s: float = LONG_S,
        before: Callable[[int], None] = lambda _: None,
        change: Callable[[SessionConfig], SessionConfig] = lambda config: config,
        data_ok: Callable[[int], bool] = lambda _: True,
        **config: Any,
    ) -> None:
        self.m = m
        context = multiprocessing.get_context("fork")
        pairs = {pair: socket.socketpair() for pair in combinations(range(m), 2)}
        self._pipes = []
        self.processes = []
        for index in range(m):
            receiver, sender = context.Pipe(duplex=False)
            mine = {b if index == a else a: pairs[a, b][index == b] for a, b in pairs if index in (a, b)}
            others = [end for pair in pairs.values() for end in pair if end not in mine.values()]

            def main(index: int = index, sender: Any = sender, mine: Any = mine, others: Any = others) -> None:
                for end in others:
                    end.close()
                before(index)
                settings = change(config_for(m, index, **config))
                outcome = asyncio.run(_party(job, settings, mine, deadline_s, data_ok(index)))
                sender.send_bytes(json.dumps(outcome.__dict__).encode())
                os._exit(0)

            process = context.Process(target=main)
            process.start()
            sender.close()
            self._pipes.append(receiver)
            self.processes.append(process)
        for pair in pairs.values():
            for end in pair:
                end.close()

    def outcome(self, index: int, timeout_s: float = 2 * LONG_S) -> Outcome | None:
        """What a party reports, or None if it dies or takes too long."""
        try:
            if self._pipes[index].poll(timeout_s):
                return Outcome(**json.loads(self._pipes[index].recv_bytes()))
        except EOFError:
            pass
        return None

    def __enter__(self) -> Parties:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.kill()
            process.join()


async def _party(
    job: Job, config: SessionConfig, sockets: dict[int, socket.socket], deadline_s: float, data_ok: bool
) -> Outcome:
    outcome = Outcome()
    session: Session | None = None

    async def whole() -> Any:
        if session is None:
            return None
        await session.hello()
        await session.ready(data_ok)
        await session.start()
        value = await job(session, config.me)
        await session.close()
        return value

    try:
        session = Session(config, sockets, outcome.phases.append)
        outcome.modulus = session.modulus
        outcome.value = await session.run(whole(), deadline_s)
    except MpcgovError as error:
        outcome.error = error.to_json()
    if session is not None:
        outcome.rounds, outcome.bytes_sent = session.cost.rounds, session.cost.bytes_sent
        outcome.transcripts = {str(peer): [h.hex() for h in pair] for peer, pair in session.transcripts.items()}
    return outcome


def run(job: Job, m: int = 3, **settings: Any) -> list[Outcome]:
    """All parties' outcomes; raises if a party died."""
    with Parties(job, m, **settings) as parties:
        outcomes = [parties.outcome(index) for index in range(m)]
    reported = [outcome for outcome in outcomes if outcome is not None]
    if len(reported) != m:
        raise RuntimeError("a party died without a report")
    return reported


async def share_list(session: Session, x: SecretArray) -> list[int]:
    """The own shares as a list, for `opened`."""
    return [int(share) for share in await session.share_of(x)]


def opened(outcomes: Sequence[Outcome], threshold: int = 1, part: Any = None) -> list[int]:
    """The values behind the shares that all parties returned, signed; raises unless they are of degree `threshold`."""
    modulus = outcomes[0].modulus
    messages = [outcome.message for outcome in outcomes]
    if any(messages):
        raise RuntimeError(f"a party failed: {messages}")
    rows = [outcome.value if part is None else outcome.value[part] for outcome in outcomes]
    values = []
    for shares in zip(*rows, strict=True):
        points = dict(enumerate(shares, start=1))
        known = {x: points[x] for x in range(1, threshold + 2)}
        for x, share in points.items():
            if interpolate(known, x, modulus) != share:
                raise RuntimeError("the shares don't lie on one polynomial of the degree that they should have")
        value = interpolate(known, 0, modulus)
        values.append(value - modulus if value > modulus // 2 else value)
    return values


def interpolate(points: dict[int, int], at: int, modulus: int) -> int:
    """The polynomial through the points, at another."""
    total = 0
    for x, y in points.items():
        numerator = denominator = 1
        for other in points:
            if other != x:
                numerator = numerator * (at - other) % modulus
                denominator = denominator * (x - other) % modulus
        total += y * numerator * pow(denominator, -1, modulus)
    return total % modulus


def passes_when(timeout_s: float, holds: Callable[[Session], bool]) -> Callable[[int], None]:
    """For `before`: so many seconds of a session, and no others, are over as soon as this holds, and not before."""
    inner = Session._first

    async def first(session: Session, future: asyncio.Future[Any], limit_s: float | None) -> None:
        if limit_s != timeout_s:
            await inner(session, future, limit_s)
            return
        while not (future.done() or session._failure.done() or holds(session)):  # noqa: ASYNC110 - of a test's own
            await asyncio.sleep(0.01)

    return lambda _index: put(Session, "_first", first)


async def forever() -> None:
    """What a party waits for that does no more: its streams end with the session, when the others end theirs."""
    await asyncio.Event().wait()


def put(target: Any, name: str, part: Any) -> None:
    """Replace a part of a module, class or object, in a party's process: what a type checker wouldn't let pass."""
    setattr(target, name, part)
