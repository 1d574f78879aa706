"""Messages between a process and its children."""

from __future__ import annotations

import os
import socket

import pytest

from mpcgov.errors import InternalError
from mpcgov.process.control import LIMIT_BYTES, Channel, receive_first
from mpcgov.spec.order import Fault, Go, Report


async def test_messages_arrive_whole_in_order_and_the_end_is_none() -> None:
    left, right = socket.socketpair()
    a, b = Channel(left), Channel(right)
    for i in range(50):
        await a.send(Report(event="phase", phase=f"{i}"))
    a.close()
    phases = []
    while (report := await b.receive(Report)) is not None:
        phases.append(report.phase)
    assert phases == [str(i) for i in range(50)]
    b.close()


async def test_descriptors_travel_with_the_first_message() -> None:
    left, right = socket.socketpair()
    reading, writing = os.pipe()
    await Channel(left).send(Go(), [writing])
    os.close(writing)
    message, descriptors = receive_first(right, Go)
    assert message == Go()
    os.write(descriptors[0], b"x")
    assert os.read(reading, 1) == b"x"
    for descriptor in (*descriptors, reading):
        os.close(descriptor)
    left.close()
    right.close()


def test_a_child_whose_parent_is_gone_gets_none() -> None:
    left, right = socket.socketpair()
    left.close()
    assert receive_first(right, Go) is None
    right.close()


@pytest.mark.parametrize("sent", [b"\0\0", b"\0\0\0\5", b'\0\0\0\5{"a'])
async def test_an_end_killed_in_the_middle_of_a_message_is_gone_and_its_message_not_broken(sent: bytes) -> None:
    for read_first in (False, True):
        left, right = socket.socketpair()
        left.sendall(sent)
        left.close()
        assert (receive_first(right, Go) if read_first else await Channel(right).receive(Report)) is None
        right.close()


@pytest.mark.parametrize("data", [(LIMIT_BYTES + 1).to_bytes(4, "big"), b"\0\0\0\2{}", b"\0\0\0\5[oops"])
async def test_what_is_no_message_is_our_own_fault(data: bytes) -> None:
    left, right = socket.socketpair()
    left.sendall(data)
    with pytest.raises(InternalError):
        await Channel(right).receive(Fault)
    left.close()
    right.close()


async def test_sending_to_a_process_that_is_gone_is_an_error_of_ours() -> None:
    left, right = socket.socketpair()
    right.close()
    with pytest.raises(InternalError, match="is gone"):
        await Channel(left).send(Go())
    left.close()
