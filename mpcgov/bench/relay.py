"""What carries bytes between parties, late and no faster than a link: `python -m mpcgov.bench.relay FD DELAY RATE`.

Whoever started it hands over, through the socket FD, two streams to lie between, or a listening one and the port behind
it; each is answered by a byte. Threads, as an event loop's waits end up to a millisecond late, and a thread's don't.
"""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import sys
import threading
import time

CHUNK_BYTES = 1 << 16
TRY_S = 0.05
TRIES = 1200
SLACK_S = 0.002
"""So much of the time that a line was idle may be made up for, as nobody is woken to the microsecond."""


class Line:
    """One direction of a stream: each chunk leaves once those before it have, and arrives `delay_s` later."""

    def __init__(self, source: socket.socket, sink: socket.socket, delay_s: float, bytes_per_s: float) -> None:
        self._source = source
        self._sink = sink
        self._delay_s = delay_s
        self._bytes_per_s = bytes_per_s
        self._under_way: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()

    def start(self) -> None:
        """Carry from now to the end of the stream."""
        for work in (self._take, self._bring):
            threading.Thread(target=work, daemon=True).start()

    def _take(self) -> None:
        free, data = 0.0, b"-"
        while data:
            try:
                data = self._source.recv(CHUNK_BYTES)
            except OSError:
                data = b""
            taken = time.monotonic()
            free = max(free, taken - SLACK_S) + len(data) / self._bytes_per_s
            self._under_way.put((max(free, taken) + self._delay_s, data))
            # What hasn't left isn't taken, so whoever sends too fast waits.
            _until(free - SLACK_S)

    def _bring(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                due, data = self._under_way.get()
                _until(due)
                if not data:
                    self._sink.shutdown(socket.SHUT_WR)
                    return
                self._sink.sendall(data)


def _until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def _between(a: socket.socket, b: socket.socket, delay_s: float, bytes_per_s: float) -> None:
    for source, sink in ((a, b), (b, a)):
        Line(source, sink, delay_s, bytes_per_s).start()


def _accept(listening: socket.socket, port: int, delay_s: float, bytes_per_s: float) -> None:
    while True:
        caller, _ = listening.accept()
        work = (caller, port, delay_s, bytes_per_s)
        threading.Thread(target=_connect, args=work, daemon=True).start()


def _connect(caller: socket.socket, port: int, delay_s: float, bytes_per_s: float) -> None:
    """Some programs take a connection for a party that is there, so a caller is kept until somebody listens."""
    for _ in range(TRIES):
        with contextlib.suppress(OSError):
            called = socket.create_connection(("127.0.0.1", port))
            for one in (caller, called):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _between(caller, called, delay_s, bytes_per_s)
            return
        time.sleep(TRY_S)
    caller.close()


def serve(control: socket.socket, delay_s: float, bytes_per_s: float) -> None:
    """Take over streams until whoever started us is gone."""
    while True:
        message, numbers, _, _ = socket.recv_fds(control, 4096, 2)
        if not message:
            return
        streams = [socket.socket(fileno=number) for number in numbers]
        if (port := json.loads(message).get("port")) is None:
            near, far = streams
            _between(near, far, delay_s, bytes_per_s)
        else:
            # A daemon, as is each line: all end with us.
            threading.Thread(target=_accept, args=(*streams, port, delay_s, bytes_per_s), daemon=True).start()
        control.sendall(b"+")


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), float(sys.argv[2]), float(sys.argv[3]) / 8)
