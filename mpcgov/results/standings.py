"""How many jobs stand at once, for lists: a node that doesn't answer is waited for once, and not for each job."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Self

from mpcgov.errors import MpcgovError
from mpcgov.results.progress import Status, View, ask, combine
from mpcgov.trust.client import Client

AT_ONCE = 4
"""So many questions are under way to one node; what waits for its turn isn't taken for silence."""

AGAIN_S = 5.0
"""A silent node is asked again after so long, beside whoever asks: they are told at once that it was silent."""


class Standings:
    """Asks nodes how jobs stand, over connections that are kept. Use as `async with`, like the client."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._turns: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE))
        self._silent: dict[str, tuple[float, MpcgovError]] = {}
        self._tries: set[asyncio.Task[View | MpcgovError]] = set()

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Asks nobody any more, and gives the connections back."""
        for task in self._tries:
            task.cancel()
        await asyncio.gather(*self._tries, return_exceptions=True)
        await self._client.__aexit__(None, None, None)

    async def status(self, parties: Sequence[str], job: str) -> Status:
        """How a job stands.

        Raises:
            MpcgovError: no node can say anything of the job.
        """
        answers = await asyncio.gather(*(self._answer(party, job) for party in parties))
        return combine(job, dict(zip(parties, answers, strict=True)))

    async def _answer(self, party: str, job: str) -> View | MpcgovError:
        async with self._turns[party]:
            if party not in self._silent:
                return await self._asked(party, job)
            at, error = self._silent[party]
            if time.monotonic() - at > AGAIN_S:
                self._silent[party] = (time.monotonic(), error)
                task = asyncio.create_task(self._asked(party, job))
                self._tries.add(task)
                task.add_done_callback(self._tries.discard)
            return error

    async def _asked(self, party: str, job: str) -> View | MpcgovError:
        answer = await ask(self._client, party, job)
        if isinstance(answer, MpcgovError) and answer.code == "unreachable":
            self._silent[party] = (time.monotonic(), answer)
        else:
            self._silent.pop(party, None)
        return answer
