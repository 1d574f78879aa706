"""One link per peer: frames over a connected stream, in a fixed order, with caps and back-pressure.

The peer is known from the socket that the caller hands us, never from the wire. A frame out of order, of a wrong size
or with a used label ends the job with an error that names the peer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from blake3 import blake3

from mpcgov.mpc.codec import WireError
from mpcgov.mpc.frames import (
    ABORT,
    ABORT_BYTES,
    DATA,
    DATA_CONTRACT,
    END,
    HEADER,
    HELLO,
    HELLO_BYTES,
    KEYS,
    LAST_WORDS_S,
    MESSAGES,
    READ_BYTES,
    READY,
    SALT_BYTES,
    SMALL_BYTES,
    WORD,
    WORDS,
    WRITE_HIGH_BYTES,
    AbortError,
    LinkLostError,
    Reason,
    aborted,
    check_hello,
    hello_frame,
)
from mpcgov.mpc.inbox import Inbox


class Link(asyncio.BufferedProtocol):
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
        self._ending = False
        self._faulty = False
        self.bytes_sent = 0
        self.sent, self.received = blake3(), blake3()  # of all frames so far: `Session.transcripts`
        self._inbox = Inbox()
        self._input = memoryview(bytearray(READ_BYTES))
        self._filled = 0
        self._large: tuple[int, int, memoryview] | None = None  # kind, label, payload of a frame that is being read
        self._large_filled = 0
        self._keep_reading = 0
        self._reading = True
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport | None = None

    # -- what the session and the engines call

    def write(self, kind: int, payload: bytes | memoryview, label: int = 0) -> None:
        """Queue one frame. Never blocks; call `drained` after a batch."""
        if self._transport is None or self.closing or self._transport.is_closing():
            return
        size = len(payload)
        header = HEADER.pack(kind, size, label)
        if size <= SMALL_BYTES:
            self._transport.write(b"".join((header, payload)))
        else:
            self._transport.write(header)
            self._transport.write(payload)
        self.sent.update(header)  # while the peer reads
        self.sent.update(payload)
        self.bytes_sent += HEADER.size + size

    def send(self, label: int, payload: bytes) -> None:
        """Queue one message of MPyC's under its program counter."""
        self.write(DATA, payload, label)

    def send_words(self, label: int, payload: memoryview) -> None:
        """Queue one message of the word-size engine's, by its channel's label."""
        self.write(WORDS, payload, label)

    def receive(self, label: int) -> bytes | asyncio.Future[bytes]:
        """The peer's message with this program counter, or a future of it."""
        payload = self._inbox.receive(label)
        if not isinstance(payload, bytes):
            self._expect_more()
        return payload

    def fetch(self, label: int, into: memoryview, idly: bool = False) -> asyncio.Future[None]:
        """Have the peer's WORDS with this label written to `into`, which must be exactly as long; see `Inbox.fetch`."""
        try:
            done = self._inbox.fetch(label, into, idly)
        except WireError as fault:
            self._fault(fault)
            return self._loop.create_future()
        if not (done.done() or idly):
            self._expect_more()
        return done

    def forget(self, labels: range) -> None:
        """See `Inbox.forget`; the peer has been told before that nobody sends such messages any more."""
        self._inbox.forget(labels)

    def end(self) -> None:
        """Say that we have all we need, and read on until the peer has said so too."""
        self.write(END, b"")
        self._ending = True
        self._read(True)

    @property
    def waiting(self) -> bool:
        """Whether we wait for a message of this peer."""
        return self._inbox.waiting

    @property
    def writable(self) -> bool:
        """Whether the peer has taken enough of what we wrote."""
        return self._writable.is_set()

    async def drained(self) -> None:
        """Wait until the peer has taken enough of what we wrote."""
        await self._writable.wait()

    def keep_reading(self, on: bool) -> None:
        """Read on whatever is unread, as long as somebody waits to write: else parties could wait for each other."""
        self._keep_reading += 1 if on else -1
        if on:
            self._read(True)

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

    def eof_received(self) -> None:
        """The peer says no more: the transport closes, and `connection_lost` says so."""

    def get_buffer(self, _size_hint: int) -> memoryview:
        return self._input[self._filled :] if self._large is None else self._large[2][self._large_filled :]

    def buffer_updated(self, size: int) -> None:
        if self.closing or self._faulty:
            self._filled, self._large = 0, None
            return
        try:
            if self._large is None:
                self._filled += size
                self._parse()
            else:
                filled, self._large_filled = self._large_filled, self._large_filled + size
                self.received.update(self._large[2][filled : self._large_filled])
                if self._large_filled == len(self._large[2]):
                    (kind, label, payload), self._large = self._large, None
                    self._take(kind, payload, label)
        except WireError as fault:
            self._fault(fault)
        except AbortError as abort:
            self._faulty = True
            self._failed(self.peer, abort)

    def _parse(self) -> None:
        """Take all whole frames from the buffer; a large one that has begun is read straight to where it belongs."""
        start = 0
        while self._large is None and self._filled - start >= HEADER.size:
            kind, length, label = HEADER.unpack_from(self._input, start)
            self._check(kind, length, label)
            begin = start + HEADER.size
            there = min(length, self._filled - begin)
            if there < length <= SMALL_BYTES:
                break
            self.received.update(self._input[start : begin + there])
            start = begin + there
            payload = self._inbox.target(kind, label, length) if kind in MESSAGES else memoryview(bytearray(length))
            payload[:there] = self._input[begin:start]
            if there == length:
                self._take(kind, payload, label)
            else:
                self._large, self._large_filled = (kind, label, payload), there
        self._input[: self._filled - start] = self._input[start : self._filled]
        self._filled -= start

    # -- one frame

    def _check(self, kind: int, length: int, label: int) -> None:
        """Raise unless a frame with this header may come now; before its payload is read."""
        sizes = {HELLO: HELLO_BYTES, WORD: 1, KEYS: SALT_BYTES + self._key_bytes, END: 0, ABORT: ABORT_BYTES}
        allowed = {self._expected} | {DATA: {WORDS, END, ABORT}, HELLO: set()}.get(self._expected, {ABORT})
        if kind not in allowed:
            raise WireError(f"a frame of kind {kind} where kind {self._expected} belongs")
        if kind in MESSAGES:
            self._inbox.check(kind, label, length)
        elif length != sizes[kind] or label:
            raise WireError(f"a frame of kind {kind} with {length} bytes")

    def _take(self, kind: int, content: memoryview, label: int) -> None:
        if kind in MESSAGES:
            self._inbox.arrive(kind, label, content)
            if self._inbox.full and not (self.waiting or self._ending or self._keep_reading):
                self._read(False)
            return
        payload = bytes(content)
        if kind == HELLO:
            check_hello(payload, self.peer, self._me, self._agreement)
            self._expected = WORD
            self.hello.set_result(None)
        elif kind == WORD:
            if payload not in (READY, DATA_CONTRACT):
                raise WireError("a word that isn't one")
            self._expected = KEYS
            self.word.set_result(payload)
            if payload == DATA_CONTRACT:
                raise AbortError(Reason.DATA_CONTRACT, self.peer, self.peer)
        elif kind == KEYS:
            self._expected = DATA
            self.keys.set_result(payload[SALT_BYTES:])
        elif kind == END:
            self._expected = -1
            if self.waiting:
                raise WireError("the end before all of the computation")
            self.ended.set_result(None)
        else:
            raise aborted(payload)

    def _expect_more(self) -> None:
        if self.ended.done():
            self._fault(WireError("the end before all of the computation"))
        self._read(True)

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
        self._filled, self._large = 0, None
        self._failed(self.peer, fault)
