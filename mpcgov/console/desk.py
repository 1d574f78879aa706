"""The console's way to the node's desk: one question, one answer."""

from __future__ import annotations

import json
import os
from typing import Any

import aiohttp

from mpcgov.errors import InternalError, MpcgovError, PeerError

ANSWER_S = 60.0
LIMIT_BYTES = 8 << 20


class Desk:
    """Asks the running node; `path` is its socket."""

    def __init__(self, path: str) -> None:
        self._folder, self._name = os.path.split(path)
        self._session: aiohttp.ClientSession | None = None
        self._at = -1

    async def __aenter__(self) -> Desk:
        try:
            self._at = os.open(self._folder, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            raise not_running() from None
        # By a short way there: a socket's name may have 107 letters, and a folder's many more.
        connector = aiohttp.UnixConnector(f"/proc/self/fd/{self._at}/{self._name}")
        self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=ANSWER_S))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
        os.close(self._at)

    async def ask(self, question: str, **what: Any) -> dict[str, Any]:
        """The answer to a question.

        Raises:
            MpcgovError: what the desk says against it, or that the node doesn't run.
        """
        if self._session is None:
            raise not_running()
        body = json.dumps(what, ensure_ascii=False).encode(errors="replace")
        try:
            async with self._session.post(f"http://desk/{question}", data=body) as response:
                data = bytearray()
                async for chunk in response.content.iter_any():
                    data.extend(chunk)
                    if len(data) > LIMIT_BYTES:
                        raise too_long()
                answer = json.loads(data)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
            raise not_running() from None
        if not isinstance(answer, dict):
            raise not_running()
        if response.status != 200:
            raise MpcgovError.from_json(answer.get("error", {}))
        return answer


def too_long() -> MpcgovError:
    """What is said of an answer that no page should have."""
    return InternalError("the node's answer is too long for a page")


def not_running() -> MpcgovError:
    """What is said when nobody answers."""
    return PeerError("the node doesn't answer", hint="is it running? mpcgov node serve", code="desk")
