"""What peers send each other arrives whole and in order."""

from __future__ import annotations

import socket
import threading

import pytest

from mpcgov.bench.peers.streams import PIECE_BYTES, Stream, accept, call
from tests.ports import free_ports


def test_messages_of_any_length_arrive_whole_whoever_starts_first() -> None:
    (port,) = free_ports(1)
    callers: list[Stream] = []
    calling = threading.Thread(target=lambda: callers.append(call(port)))
    calling.start()
    (server,) = accept(port, 1)
    calling.join()
    long = bytes(range(256)) * (2 * PIECE_BYTES // 256 + 1)
    sending = threading.Thread(target=lambda: [server.send(part) for part in (b"", long, b"x")])
    sending.start()
    assert [callers[0].receive() for _ in range(3)] == [b"", long, b"x"]
    sending.join()
    assert server.sent == len(long) + 1
    for stream in (server, *callers):
        stream._end.close()


def test_a_party_that_goes_away_is_noticed() -> None:
    one, other = socket.socketpair()
    one.sendall((100).to_bytes(8, "little") + b"a part")
    one.close()
    with other, pytest.raises(SystemExit, match="gone"):
        Stream(other).receive()
