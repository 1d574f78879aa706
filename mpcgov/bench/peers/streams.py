"""Messages between two parties over a socket, each its length first. Standard library only."""

from __future__ import annotations

import socket
import struct
import time

TRIES, WAIT_S = 100, 0.1
PIECE_BYTES = 1 << 20


class Stream:
    """One end, and how many bytes it has sent."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self.sent = 0

    def send(self, content: bytes) -> None:
        """One message."""
        self._end.sendall(struct.pack("<Q", len(content)))
        self._end.sendall(content)
        self.sent += len(content)

    def receive(self) -> bytes:
        """The other's next message."""
        (size,) = struct.unpack("<Q", self._exactly(8))
        return self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        content = bytearray()
        while len(content) < size:
            part = self._end.recv(min(PIECE_BYTES, size - len(content)))
            if not part:
                raise SystemExit("the other party is gone")
            content += part
        return bytes(content)


def accept(port: int, callers: int) -> list[Stream]:
    """Streams to so many that call, in the order in which they do."""
    with socket.create_server(("127.0.0.1", port)) as server:
        return [Stream(server.accept()[0]) for _ in range(callers)]


def call(port: int) -> Stream:
    """A stream to who listens there, or will in some seconds."""
    for _ in range(TRIES):
        try:
            return Stream(socket.create_connection(("127.0.0.1", port)))
        except ConnectionRefusedError:
            time.sleep(WAIT_S)
    raise SystemExit("the other party isn't there")
