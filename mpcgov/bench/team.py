"""The processes of one contender, one per party: started, connected, told to run, ended."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import socket
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from mpcgov.bench.contenders import Contender
from mpcgov.bench.link import Relay
from mpcgov.bench.task import Array, Task
from mpcgov.errors import InternalError

READY_TIMEOUT_S = 300.0
RUN_TIMEOUT_S = 900.0
QUIET_LINES = 3
"""How much of a party's own words on stderr a failure shows."""


@dataclass(frozen=True)
class Turn:
    """One run: seconds from the first party's start to the result at the receiver, and what it took.

    `cpu_s` of the party that used the most; `bytes_sent` by all parties together, None where the program doesn't tell;
    `peak_mb` of the party that held the most since it was started; `rounds` in which parties wait for each other, None
    where the program doesn't tell. `computing_s`: of a job, from dealing to opening at the engine that took longest.
    """

    elapsed_s: float
    cpu_s: float
    peak_mb: float
    bytes_sent: int | None
    result: Array
    rounds: int | None = None
    computing_s: float | None = None


class Team:
    """One contender's parties on this machine. A context manager: at the end no process is left."""

    def __init__(
        self, contender: Contender, workload: str, task: Task, folder: Path, data: Path, relay: Relay | None = None
    ) -> None:
        """`data`: the folder of a job's files; `relay`: what lies between the parties."""
        self.contender = contender
        self._relay = relay
        self._workload = workload
        self._read = task.read
        self._folder = folder
        self._data = data
        self._result = folder / "result.npy"
        self._inputs = {party: folder / f"inputs-{party}.npz" for party in range(contender.parties)}
        self._parties: list[asyncio.subprocess.Process] = []
        for party, path in self._inputs.items():
            np.savez(path, allow_pickle=False, **task.inputs[party])

    async def __aenter__(self) -> Team:
        with ExitStack() as stack:
            streams, opening = self._streams(stack)
            ports = _free_ports(2 * self.contender.parties)
            dialled = ports if self._relay is None else [self._relay.before(port) for port in ports]
            for party in range(self.contender.parties):
                own = range(party, len(ports), self.contender.parties)
                seen = [port if place in own else dialled[place] for place, port in enumerate(ports)]
                await self._start(party, seen, streams[party], opening[party])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._parties:
            if process.returncode is None:
                os.kill(process.pid, signal.SIGKILL)
        for process in self._parties:
            await process.wait()

    async def ready(self) -> None:
        """Returns once every party is connected and warm."""
        await self._answers(READY_TIMEOUT_S)

    async def run(self) -> Turn:
        """One measured run."""
        for process in self._parties:
            _stdin(process).write(b"run\n")
        answers = await self._answers(RUN_TIMEOUT_S)
        sent = [answer["bytes_sent"] for answer in answers]
        return Turn(
            elapsed_s=answers[0]["end"] - min(answer["start"] for answer in answers),
            cpu_s=max(answer["cpu_s"] for answer in answers),
            peak_mb=max(answer["peak_mb"] for answer in answers),
            bytes_sent=None if None in sent else sum(sent),
            result=self._read(np.load(self._result)),
            rounds=max((answer["rounds"] or 0 for answer in answers), default=0) or None,
        )

    def _streams(self, stack: ExitStack) -> tuple[list[dict[int, socket.socket]], list[dict[int, socket.socket]]]:
        """A socket pair for every two parties, and one more between each party and the receiver."""
        count = range(self.contender.parties)
        streams: list[dict[int, socket.socket]] = [{} for _ in count]
        opening: list[dict[int, socket.socket]] = [{} for _ in count]
        pair = socket.socketpair if self._relay is None else self._relay.pair
        if self.contender.environment is None:
            for ends, pairs in ((streams, itertools.combinations(count, 2)), (opening, ((0, b) for b in count[1:]))):
                for a, b in pairs:
                    ends[a][b], ends[b][a] = map(stack.enter_context, pair())
        return streams, opening

    async def _start(
        self, party: int, ports: list[int], streams: dict[int, socket.socket], opening: dict[int, socket.socket]
    ) -> None:
        sockets, extra = ({peer: end.fileno() for peer, end in ends.items()} for ends in (streams, opening))
        with self._log(party).open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *self.contender.command(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=self._folder if self.contender.environment else None,  # some peers write where they are
                env=self.contender.surroundings(),
                pass_fds=[*sockets.values(), *extra.values()],
                start_new_session=True,
            )
        self._parties.append(process)
        order = {
            "workload": self._workload,
            "party": party,
            "parties": self.contender.parties,
            "ports": ports,
            "sockets": sockets,
            "opening": extra,
            "inputs": {index: str(path) for index, path in self._inputs.items()},
            "result": str(self._result),
            "options": {**self.contender.options, "data": str(self._data)},
        }
        _stdin(process).write(json.dumps(order).encode() + b"\n")

    async def _answers(self, timeout_s: float) -> list[dict[str, Any]]:
        """Every party's next answer; the first that ends or takes too long fails the team."""
        tasks = [asyncio.create_task(self._answer(party)) for party in range(len(self._parties))]
        try:
            async with asyncio.timeout(timeout_s):
                return list(await asyncio.gather(*tasks))
        except TimeoutError:
            raise InternalError(f"{self.contender.name}: no answer within {timeout_s:g} s") from None
        finally:
            for task in tasks:
                task.cancel()

    async def _answer(self, party: int) -> dict[str, Any]:
        stream = self._parties[party].stdout
        line = await stream.readline() if stream is not None else b""
        if not line:
            raise InternalError(f"{self.contender.name}: party {party} ended: {self._last_words(party)}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _log(self, party: int) -> Path:
        return self._folder / f"party-{party}.log"

    def _last_words(self, party: int) -> str:
        with self._log(party).open(encoding="utf-8", errors="replace") as log:
            return " | ".join(deque((line.strip() for line in log if line.strip()), QUIET_LINES)) or "without a word"


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; peers want to be told numbers, not sockets."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def _stdin(process: asyncio.subprocess.Process) -> asyncio.StreamWriter:
    if process.stdin is None:
        raise InternalError("a party without stdin")
    return process.stdin
