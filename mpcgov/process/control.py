"""Between a parent and its worker children: JSON messages over one socket pair, open files passed along with them.

A message is its length (4 bytes, big-endian) and its JSON. Descriptors travel with the length. Both ends are ours
and run as one user, yet lengths are bounded and the JSON is strict, as everywhere.
"""

from __future__ import annotations

import array
import asyncio
import socket
from collections.abc import Sequence
from typing import TypeVar

from mpcgov.errors import InternalError, SpecError
from mpcgov.spec.load import Frozen, canonical_json, parse_json

LIMIT_BYTES = 512 << 20
MAX_DESCRIPTORS = 129

Model = TypeVar("Model", bound=Frozen)


class Channel:
    """One end of the pair, for asyncio."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._sending = asyncio.Lock()

    async def send(self, message: Frozen, descriptors: Sequence[int] = ()) -> None:
        """Sends a message, and copies of some open descriptors with it; messages go out in the order of the calls.

        Raises:
            InternalError: the other end is gone.
        """
        body = canonical_json(message.model_dump(mode="json"))
        head = len(body).to_bytes(4, "big")
        async with self._sending:
            try:
                if descriptors:
                    # A socket that nothing was sent on yet takes four bytes without blocking.
                    socket.send_fds(self._socket, [head], list(descriptors))
                    head = b""
                await asyncio.get_running_loop().sock_sendall(self._socket, head + body)
            except OSError:
                raise InternalError("a process of this job is gone", hint="see the log", code="worker") from None

    async def receive(self, model: type[Model]) -> Model | None:
        """The next message; None when the other end is gone, in the middle of a message too."""
        try:
            head = await self._exactly(4)
            body = None if head is None else await self._exactly(_length(head))
        except ConnectionError:
            return None
        return None if body is None else _parse(body, model)

    async def _exactly(self, size: int) -> bytes | None:
        loop = asyncio.get_running_loop()
        data = bytearray()
        while len(data) < size:
            chunk = await loop.sock_recv(self._socket, min(size - len(data), 1 << 20))
            if not chunk:
                return None
            data.extend(chunk)
        return bytes(data)

    def close(self) -> None:
        """Closes this end; the other one reads the end of the stream."""
        self._socket.close()


def receive_first(sock: socket.socket, model: type[Model]) -> tuple[Model, list[int]] | None:
    """Waits, blocking, for the first message and the descriptors that came with it; None if the parent is gone."""
    sock.setblocking(True)
    head, ancillary, _, _ = sock.recvmsg(4, socket.CMSG_LEN(MAX_DESCRIPTORS * array.array("i").itemsize))
    descriptors = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    if not head:
        return None
    with sock.dup() as copy, copy.makefile("rb") as stream:
        head += stream.read(4 - len(head)) if len(head) < 4 else b""
        if len(head) < 4 or len(body := stream.read(size := _length(head))) < size:
            return None
    return _parse(body, model), list(descriptors)


def _length(head: bytes) -> int:
    size = int.from_bytes(head, "big")
    if size > LIMIT_BYTES:
        raise InternalError("a message between our own processes is too long")
    return size


def _parse(body: bytes, model: type[Model]) -> Model:
    try:
        return parse_json(body, model, "worker", LIMIT_BYTES)
    except SpecError as error:
        raise InternalError(f"a message between our own processes is broken: {error.message}") from None
