"""How a party's process and the race that started it take turns. Standard library and numpy only: every peer runs it.

The race writes one order, a JSON object, to stdin. The party connects, warms up and says {"ready": true}; then each
line "run" is answered by one measured run, and the end of stdin ends the process. All answers are JSON lines on stdout;
whatever else a library prints there goes to stderr. Between runs the event loop goes on, as what a party has sent may
still be on its way.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Order:
    """What one party is to do.

    `ports`: where each party may listen on 127.0.0.1, by index, and then as many more. `sockets`: descriptors of
    streams to the other parties, by index, for programs that get them from us; `opening`: more of them, between the
    receiver and each other party. `inputs`: an .npz file of every party's arrays, by party; a party deals its own only.
    The receiver, party 0, writes what it got to `result`. `options`: the contender's own, and `data`: the folder of a
    job's files.
    """

    workload: str
    party: int
    parties: int
    ports: list[int]
    sockets: dict[int, int]
    opening: dict[int, int]
    inputs: dict[int, Path]
    result: Path
    options: dict[str, str]

    @classmethod
    def read(cls, line: str) -> Order:
        """The order in a line of JSON."""
        fields = json.loads(line)
        for name, kind in (("sockets", int), ("opening", int), ("inputs", Path)):
            fields[name] = {int(party): kind(value) for party, value in fields[name].items()}
        return cls(**{**fields, "result": Path(fields["result"])})

    @property
    def receives(self) -> bool:
        """Whether this party gets the result."""
        return self.party == 0

    def arrays(self, party: int) -> dict[str, Array]:
        """A party's data. Programs read their own; of the others' they may use shapes and types, which are public."""
        with np.load(self.inputs[party]) as file:
            return dict(file)


@dataclass(frozen=True)
class Done:
    """The end of one run at one party: the result if it receives it; bytes it sent and rounds, if the program tells."""

    result: Array | None
    bytes_sent: int | None
    rounds: int | None = None


Run = Callable[[], Awaitable[Done]]


def serve(prepare: Callable[[Order], Awaitable[Run]]) -> None:
    """Take turns until the race ends. `prepare` returns once this party is connected and warm."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    asyncio.run(_serve(prepare, answers))


async def _serve(prepare: Callable[[Order], Awaitable[Run]], answers: TextIO) -> None:
    order = Order.read(sys.stdin.readline())
    turns: asyncio.Queue[str] = asyncio.Queue()
    threading.Thread(target=_listen, args=(asyncio.get_running_loop(), turns), daemon=True).start()
    run = await prepare(order)
    answers.write('{"ready": true}\n')
    while True:
        await turns.get()
        answers.write(json.dumps(await _measured(run, order)) + "\n")


def _listen(loop: asyncio.AbstractEventLoop, turns: asyncio.Queue[str]) -> None:
    """Pass the race's lines on. When it is over, or gone, so are we, at once: some libraries' threads never end."""
    for line in sys.stdin:
        loop.call_soon_threadsafe(turns.put_nowait, line)
    os._exit(0)


async def _measured(run: Run, order: Order) -> dict[str, Any]:
    """One run: when it started and ended by the clock that all processes share, and what it took."""
    cpu_s, start = time.process_time(), time.monotonic()
    done = await run()
    end, cpu_s = time.monotonic(), time.process_time() - cpu_s
    if done.result is not None:
        np.save(order.result, done.result)
    told = {"bytes_sent": done.bytes_sent, "rounds": done.rounds}
    return {"start": start, "end": end, "cpu_s": cpu_s, "peak_mb": peak_mb(), **told}


def peak_mb() -> float:
    """The most memory that this process ever held, in 10^6 bytes.

    Linux's own figure for the address space: getrusage's also counts what the parent held when it started us.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return int(lines["VmHWM"].split()[0]) * 1024 / 1e6
    units = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * units / 1e6
