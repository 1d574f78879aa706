"""The messages of one peer: those that came before anyone asked, and those that somebody waits for.

A message is known by its kind and label, and each may come once. DATA is handed over as bytes, for MPyC's protocols;
WORDS are written to memory that the caller provides, straight from the stream if it asks before they come.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from mpcgov.mpc.codec import WireError
from mpcgov.mpc.frames import (
    DATA,
    MAX_FRAME_BYTES,
    MAX_UNREAD_BYTES,
    MAX_UNREAD_FRAMES,
    PAUSE_BYTES,
    PAUSE_FRAMES,
    WORDS,
)

Key = tuple[int, int]


@dataclass
class _Wait:
    future: asyncio.Future[Any]
    into: memoryview | None
    idly: bool = False


@dataclass
class Inbox:
    """What has come and what is awaited, by (kind, label)."""

    unread_bytes: int = 0
    _unread: dict[Key, memoryview] = field(default_factory=dict)
    _waiting: dict[Key, _Wait] = field(default_factory=dict)
    _used: set[Key] = field(default_factory=set)

    @property
    def full(self) -> bool:
        """Whether so much is unread that the peer should wait."""
        return self.unread_bytes > PAUSE_BYTES or len(self._unread) > PAUSE_FRAMES

    @property
    def waiting(self) -> bool:
        """Whether somebody waits for a message, and not only in case that it comes."""
        return not all(wait.idly for wait in self._waiting.values())

    # -- who asks

    def receive(self, label: int) -> bytes | asyncio.Future[bytes]:
        """The DATA with this label, or a future of it."""
        payload = self._taken((DATA, label))
        return self._wait((DATA, label), None) if payload is None else bytes(payload)

    def fetch(self, label: int, into: memoryview, idly: bool = False) -> asyncio.Future[None]:
        """Have the WORDS with this label written to `into`, which must be exactly as long: when, the future says.

        Args:
            idly: there may be much to come before it, so the peer isn't read on for its sake.
        """
        payload = self._taken((WORDS, label))
        if payload is None:
            return self._wait((WORDS, label), into, idly)
        if payload.nbytes != into.nbytes:
            raise WireError(f"{payload.nbytes} bytes where {into.nbytes} belong")
        into[:] = payload
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def forget(self, labels: range) -> None:
        """Nobody wants the WORDS with these labels any more: those that came are dropped, and none will come."""
        for key in [key for key in self._unread if key[0] == WORDS and key[1] in labels]:
            self._taken(key)
        for key in [key for key in self._waiting if key[0] == WORDS and key[1] in labels]:
            self._waiting.pop(key).future.cancel()

    def _taken(self, key: Key) -> memoryview | None:
        payload = self._unread.pop(key, None)
        self.unread_bytes -= 0 if payload is None else payload.nbytes
        return payload

    def _wait(self, key: Key, into: memoryview | None, idly: bool = False) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[key] = _Wait(future, into, idly)
        return future

    # -- what comes

    def check(self, kind: int, label: int, length: int) -> None:
        """Raise WireError unless such a message may come; before its payload is read."""
        if length > MAX_FRAME_BYTES:
            raise WireError(f"a frame of {length} bytes; {MAX_FRAME_BYTES} is the most")
        if (kind, label) in self._used:
            raise WireError("two messages with the same label")
        wait = self._waiting.get((kind, label))
        if wait is not None and wait.into is not None and wait.into.nbytes != length:
            raise WireError(f"{length} bytes where {wait.into.nbytes} belong")

    def target(self, kind: int, label: int, length: int) -> memoryview:
        """Where the payload of a message is to be read to."""
        wait = self._waiting.get((kind, label))
        return memoryview(bytearray(length)) if wait is None or wait.into is None else wait.into

    def arrive(self, kind: int, label: int, payload: memoryview) -> None:
        """Hand a message to who waits for it, or keep it. Raises WireError when too much is kept."""
        key = (kind, label)
        self._used.add(key)
        wait = self._waiting.pop(key, None)
        if wait is None:
            self._unread[key] = payload
            self.unread_bytes += payload.nbytes
            if len(self._unread) > MAX_UNREAD_FRAMES or self.unread_bytes > MAX_UNREAD_BYTES:
                raise WireError("more messages than the computation can have")
        elif wait.into is None:
            _resolve(wait.future, bytes(payload))
        else:
            if payload is not wait.into:
                if payload.nbytes != wait.into.nbytes:
                    raise WireError(f"{payload.nbytes} bytes where {wait.into.nbytes} belong")
                wait.into[:] = payload
            _resolve(wait.future, None)


def _resolve(future: asyncio.Future[Any], value: object) -> None:
    if not future.done():  # the one who waited may have been cancelled
        future.set_result(value)
