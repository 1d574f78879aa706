"""One link per peer: frames over a connected stream, in a fixed order, with caps.

The peer is known from the socket that the caller hands us, never from the wire. The order is HELLO, WORD, KEYS,
DATA …, END; a frame out of order, of a wrong size or with a used label ends the job with an error that names the peer.
ABORT may come at any time after HELLO.
"""

from __future__ import annotations

import asyncio
import enum
import struct
from collections.abc import Callable
from typing import cast

from mpcgov.mpc.codec import WireError

MAGIC = b"mpcgov\x00\x01"
HEADER = struct.Struct("<BIq")
"""Kind, length of the payload, label: a signed 64-bit program counter for DATA, 0 otherwise."""
HELLO, WORD, KEYS, DATA, END, ABORT = range(1, 7)
HELLO_BYTES = len(MAGIC) + 4 + 32
READY, DATA_CONTRACT = b"\x01", b"\x02"


class Reason(enum.IntEnum):
    """Why a party ends a job; goes to its peers in ABORT, with the party that it blames, and nothing else."""

    LOST = 1
    DATA_CONTRACT = 2
    PROTOCOL = 3
    DEADLINE = 4
    FAULT = 5
    AGREEMENT = 6


MAX_FRAME_BYTES = 64 << 20
MAX_UNREAD_FRAMES = 100_000
MAX_UNREAD_BYTES = 1 << 30
"""Beyond this the peer is at fault; long before, at PAUSE_BYTES, we stop reading unless we wait for this very peer."""
PAUSE_BYTES = 64 << 20
WRITE_HIGH_BYTES = 8 << 20
LAST_WORDS_S = 0.2


class AgreementError(WireError):
    """A greeting with another hash: the peer runs another job, program, version or set of parameters."""


class LinkLostError(Exception):
    """The stream to a peer ended before the job did."""


class AbortError(Exception):
    """A peer ended the job; `culprit` is the index of the party that it blames, itself included."""

    def __init__(self, reason: Reason, culprit: int) -> None:
        super().__init__()
        self.reason = reason
        self.culprit = culprit


def abort_frame(reason: Reason, culprit: int) -> bytes:
    """The last word of a party that ends the job before its end."""
    return struct.pack("<BH", reason, culprit)


def _aborted(payload: bytes) -> Exception:
    reason, culprit = struct.unpack("<BH", payload)
    try:
        return AbortError(Reason(reason), culprit)
    except ValueError:
        return WireError("an end of the job without a known reason")


def hello_frame(sender: int, receiver: int, agreement: bytes) -> bytes:
    """What one party says first to another: who to whom, and the hash of all they must agree on."""
    return MAGIC + struct.pack("<HH", sender, receiver) + agreement


class Link(asyncio.Protocol):
    """The stream to one peer: what MPyC knows as a party's `protocol`. Faults go to `failed`, once each."""

    def __init__(
        self, me: int, peer: int, agreement: bytes, key_bytes: int, failed: Callable[[int, Exception], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        self.peer = peer
        self._me = me
        self._agreement = agreement
        self._key_bytes = key_bytes
        self._failed = failed
        self._loop = loop
        self._expected = HELLO
        self.hello: asyncio.Future[None] = loop.create_future()
        self.word: asyncio.Future[bytes] = loop.create_future()
        self.keys: asyncio.Future[bytes] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self.closing = False
        self._faulty = False
        self._ending = False
        self.bytes_sent = 0
        self._input = bytearray()
        self._unread: dict[int, bytes] = {}
        self._unread_bytes = 0
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._labels: set[int] = set()
        self._reading = True
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport | None = None

    # -- what the session and the runtime call

    def write(self, kind: int, payload: bytes, label: int = 0) -> None:
        """Queue one frame. Never blocks; call `drained` after a batch."""
        if self._transport is None or self.closing or self._transport.is_closing():
            return
        self._transport.write(HEADER.pack(kind, len(payload), label) + payload)
        self.bytes_sent += HEADER.size + len(payload)

    def send(self, label: int, payload: bytes) -> None:
        """Queue one message of the computation under its program counter."""
        self.write(DATA, payload, label)

    def receive(self, label: int) -> bytes | asyncio.Future[bytes]:
        """The peer's message with this program counter, or a future of it."""
        payload = self._unread.pop(label, None)
        if payload is not None:
            self._unread_bytes -= len(payload)
            return payload
        if self.ended.done():
            self._fault(WireError("the end before all of the computation"))
        future = self._waiting[label] = self._loop.create_future()
        self._read(True)
        return future

    def end(self) -> None:
        """Say that we have all we need, and read on until the peer has said so too."""
        self.write(END, b"")
        self._ending = True
        self._read(True)

    @property
    def waiting(self) -> bool:
        """Whether we wait for a message of this peer."""
        return bool(self._waiting)

    async def drained(self) -> None:
        """Wait until the peer has taken enough of what we wrote."""
        await self._writable.wait()

    def close(self) -> None:
        """Close once all that was written is sent. What the peer does from now on is no failure."""
        self.closing = True
        if self._transport is not None:
            self._transport.close()

    def half_close(self) -> None:
        """Say no more, but listen on: a peer that writes to a closed stream loses what it hasn't read of it."""
        self.closing = True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()

    def abort(self) -> None:
        """Close now."""
        self.closing = True
        if self._transport is not None and not self.closed.done():  # asyncio's transports can't be aborted twice
            self._transport.abort()

    # -- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_BYTES)
        self.write(HELLO, hello_frame(self._me, self.peer, self._agreement))

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._writable.set()
        if not self.closed.done():
            self.closed.set_result(None)
        if self.closing or self.ended.done():
            return
        # A failed write hides the peer's last words; another link may tell why it went, so give it the time to.
        wait_s = 0.0 if exc is None else LAST_WORDS_S
        self._loop.call_later(wait_s, self._failed, self.peer, LinkLostError())

    def data_received(self, data: bytes) -> None:
        if self.closing or self._faulty:
            return
        self._input += data
        try:
            while len(self._input) >= HEADER.size:
                kind, length, label = HEADER.unpack_from(self._input)
                self._check(kind, length, label)
                if len(self._input) < HEADER.size + length:
                    break
                payload = bytes(memoryview(self._input)[HEADER.size : HEADER.size + length])
                del self._input[: HEADER.size + length]
                self._take(kind, payload, label)
        except WireError as fault:
            self._fault(fault)
        except AbortError as aborted:
            self._faulty = True
            self._failed(self.peer, aborted)

    # -- one frame

    def _check(self, kind: int, length: int, label: int) -> None:
        """Raise unless a frame with this header may come now; before its payload is read."""
        sizes = {HELLO: HELLO_BYTES, WORD: 1, KEYS: self._key_bytes, END: 0, ABORT: 3}
        allowed = {self._expected} | {DATA: {END, ABORT}, HELLO: set()}.get(self._expected, {ABORT})
        if kind not in allowed:
            raise WireError(f"a frame of kind {kind} where kind {self._expected} belongs")
        if kind != DATA:
            if length != sizes[kind] or label:
                raise WireError(f"a frame of kind {kind} with {length} bytes")
        elif length > MAX_FRAME_BYTES:
            raise WireError(f"a frame of {length} bytes; {MAX_FRAME_BYTES} is the most")
        elif label in self._labels:
            raise WireError("two messages with the same label")

    def _take(self, kind: int, payload: bytes, label: int) -> None:
        if kind == DATA:
            self._take_message(payload, label)
        elif kind == HELLO:
            self._check_hello(payload)
            self._expected = WORD
            self.hello.set_result(None)
        elif kind == WORD:
            if payload not in (READY, DATA_CONTRACT):
                raise WireError("a word that isn't one")
            self._expected = KEYS
            self.word.set_result(payload)
            if payload == DATA_CONTRACT:
                raise AbortError(Reason.DATA_CONTRACT, self.peer)
        elif kind == KEYS:
            self._expected = DATA
            self.keys.set_result(payload)
        elif kind == END:
            self._expected = -1
            if self._waiting:
                raise WireError("the end before all of the computation")
            self.ended.set_result(None)
        else:
            raise _aborted(payload)

    def _check_hello(self, payload: bytes) -> None:
        if not payload.startswith(MAGIC):
            raise WireError("a greeting in another protocol or version")
        sender, receiver = struct.unpack_from("<HH", payload, len(MAGIC))
        if (sender, receiver) != (self.peer, self._me):
            raise WireError("a greeting with another party's number")
        if payload[-32:] != self._agreement:
            raise AgreementError("another job")

    def _take_message(self, payload: bytes, label: int) -> None:
        self._labels.add(label)
        waiting = self._waiting.pop(label, None)
        if waiting is not None:
            if not waiting.done():
                waiting.set_result(payload)
            return
        self._unread[label] = payload
        self._unread_bytes += len(payload)
        if len(self._unread) > MAX_UNREAD_FRAMES or self._unread_bytes > MAX_UNREAD_BYTES:
            raise WireError("more messages than the computation can have")
        if self._unread_bytes > PAUSE_BYTES and not self._waiting and not self._ending:
            self._read(False)

    def _read(self, on: bool) -> None:
        if on == self._reading or self._transport is None or self._transport.is_closing():
            return
        self._reading = on
        if on:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _fault(self, fault: WireError) -> None:
        self._faulty = True
        self._input.clear()
        self._failed(self.peer, fault)
