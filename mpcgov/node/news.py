"""Lets what waits for a job wake up when something has happened, instead of looking again and again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable


class News:
    """What happens at one node. Who waits looks for itself whether it was what it waits for."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def tell(self) -> None:
        """Something has happened."""
        told, self._next = self._next, asyncio.Event()
        told.set()

    async def until(self, holds: Callable[[], bool], wait_s: float) -> None:
        """Returns as soon as this holds, or after a while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while not holds():
                    await self._next.wait()
