"""Requests as bytes over one connection that is kept alive: no client stands between that would mend them."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """`status`: 0 if the server hung up without a word. `head`: the header lines."""

    status: int
    head: str
    page: str


@dataclass
class Wire:
    """A connection to one server. `lines`: the header lines that every request has."""

    at: str
    lines: list[str] = field(default_factory=list)
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None

    async def ask(self, method: str, path: str, lines: list[str], body: bytes, length: int | None = None) -> Answer:
        """The answer to a request.

        Args:
            lines: header lines of this request besides.
            length: what it says that its body has bytes, if that is wrong; nothing more is sent then.
        """
        size = [] if body == b"" and length is None else [f"Content-Length: {len(body) if length is None else length}"]
        head = "\r\n".join([f"{method} {path} HTTP/1.1", *self.lines, *lines, *size, "", ""])
        sent, kept = head.encode() + body, self._writer is not None
        answer = await self._sent(sent, ends=length is not None)
        # After a request that is no HTTP the server hangs up: what was sent on that connection was never read.
        return await self._sent(sent, ends=length is not None) if answer.status == 0 and kept else answer

    async def _sent(self, data: bytes, ends: bool) -> Answer:
        try:
            if self._writer is None:
                parts = urlsplit(self.at)
                self._reader, self._writer = await asyncio.open_connection(parts.hostname, parts.port)
            self._writer.write(data)
            if ends:
                self._writer.write_eof()
            answer = await self._answer()
        except (asyncio.IncompleteReadError, OSError):
            answer = Answer(0, "", "")
        if ends or answer.status == 0:
            await self.close()
        return answer

    async def _answer(self) -> Answer:
        assert self._reader is not None
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        page = await self._reader.readexactly(int(fields.get("content-length", 0)))
        if fields.get("connection") == "close":
            await self.close()
        return Answer(int(head.split(" ", 2)[1]), head, page.decode(errors="replace"))

    async def close(self) -> None:
        """Hangs up."""
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
        self._writer = None
