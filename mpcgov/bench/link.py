"""How far apart the parties of a measurement are: a relay between every two of them that delays and limits the rate.

Real delay, such as netem's, needs privileges and isn't everywhere; a relay in user space works for whatever talks over
streams.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from mpcgov.errors import SpecError

_WORDS = re.compile(r"(?P<ms>[0-9]+(\.[0-9]+)?)ms,(?P<rate>[0-9]+(\.[0-9]+)?)(?P<unit>[mg])bit")
_BITS = {"m": 10**6, "g": 10**9}
MOST_MS = 10_000.0
LEAST_BITS_PER_S = 10**5


@dataclass(frozen=True)
class Link:
    """What is between every two parties: seconds there and back, and bits per second each way."""

    rtt_s: float
    bits_per_s: float

    @classmethod
    def read(cls, text: str) -> Link:
        """The link that a text such as `20ms,1gbit` means.

        Raises:
            SpecError: it means none, or one that nothing could be measured over.
        """
        found = _WORDS.fullmatch(text.strip().lower())
        ms, rate = (float(found["ms"]), float(found["rate"]) * _BITS[found["unit"]]) if found else (0.0, 0.0)
        if ms > MOST_MS or rate < LEAST_BITS_PER_S:
            raise SpecError(
                f"no link {text}",
                hint="say the time there and back, and how much fits each way: 20ms,1gbit or 40ms,100mbit",
                code="link",
            )
        return cls(ms / 1000, rate)


FAR = Link(0.02, 1e9)
"""How far apart parties are for which workloads have goals of their own."""


class Relay:
    """A process that lies between parties. A context manager: at its end nothing is carried any more."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._stack = ExitStack()

    def __enter__(self) -> Relay:
        with ExitStack() as stack:
            self._control, theirs = map(stack.enter_context, socket.socketpair())
            command = [sys.executable, "-P", "-m", "mpcgov.bench.relay", str(theirs.fileno())]
            command += [str(self._link.rtt_s / 2), str(self._link.bits_per_s)]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], start_new_session=True)  # noqa: S603
            theirs.close()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        self._process.kill()
        self._process.wait()

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """A stream as `socket.socketpair` makes it, whose ends are that far apart."""
        (a, near), (far, b) = socket.socketpair(), socket.socketpair()
        with near, far:
            self._hand_over({}, [near, far])
        return a, b

    def before(self, port: int) -> int:
        """A port of this machine; who dials it, reaches `port` over the link."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self._hand_over({"port": port}, [listening])
            return int(listening.getsockname()[1])

    def _hand_over(self, what: dict[str, Any], streams: Sequence[socket.socket]) -> None:
        socket.send_fds(self._control, [json.dumps(what).encode()], [one.fileno() for one in streams])
        if not self._control.recv(1):
            raise ConnectionError("the relay between the parties has ended")
