"""Waiting for a job's end: each node says it when it comes, and is asked now and then how the job stands until then."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from mpcgov.errors import InternalError, MpcgovError, PeerError
from mpcgov.lifecycle import TERMINAL, State
from mpcgov.results.progress import Status, View, combine, status_or_bad_end
from mpcgov.spec.load import validate
from mpcgov.trust.client import Client

LOOK_S = 0.5
"""How often nodes are asked how a job stands that hasn't ended."""

END_TIMEOUT_S = 10.0
"""Longer than a node lets anybody wait for a job's end."""

AGAIN_S = 0.02
"""A node that let us wait in vain is asked again after that."""

SILENCE_LIMIT_S = 30.0
"""How long all nodes together may be unreachable before waiting for a job gives up."""

_ENDS = frozenset(state.value for state in TERMINAL)


async def follow(
    client: Client, parties: Sequence[str], job: str, tell: Callable[[Status], None],
    paced: Callable[[Status, float], Status] = lambda status, _: status,
) -> Status:  # fmt: skip
    """The status of a job once it has ended; `tell` hears of every change on the way.

    Args:
        paced: says how far it is, from how it stands and when.

    Raises:
        MpcgovError: no node has answered for a while.
    """
    one = _Follower(client, parties, job, tell, paced)
    if await one.look():
        return one.now
    ways = [asyncio.create_task(one.watch()), asyncio.create_task(one.hear())]
    try:
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in done:
            way.result()
        return one.now
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


class _Follower:
    """What is known of a job that hasn't ended yet, and two ways to learn that it has."""

    def __init__(
        self, client: Client, parties: Sequence[str], job: str, tell: Callable[[Status], None],
        paced: Callable[[Status, float], Status],
    ) -> None:  # fmt: skip
        self._client = client
        self._parties = parties
        self._job = job
        self._tell = tell
        self._paced = paced
        self._clock = asyncio.get_running_loop().time
        self._heard_at = self._clock()
        self._bad = asyncio.Event()
        self._now: Status | None = None

    @property
    def now(self) -> Status:
        """How the job stands; it has been looked at."""
        if self._now is None:
            raise InternalError("a job that nobody has looked at")
        return self._now

    async def look(self) -> bool:
        """Asks all how the job stands: whether it has ended. Raises: PeerError: nobody has answered for a while."""
        try:
            self._hear(await status_or_bad_end(self._client, self._parties, self._job))
        except PeerError:
            if self._clock() - self._heard_at > SILENCE_LIMIT_S:
                raise
            return False
        return self.now.ended

    async def watch(self) -> None:
        """Looks now and then, and whenever it has ended badly somewhere, until it has ended."""
        ended = False
        while not ended:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._bad.wait(), LOOK_S)
            self._bad.clear()
            ended = await self.look()

    async def hear(self) -> None:
        """Returns once all say that it has been released."""
        async with asyncio.TaskGroup() as asking:
            ends = {party: asking.create_task(self._end(party)) for party in self._parties}
        views = {party: end.result() for party, end in ends.items()}
        if any(view.state != State.RELEASED.value for view in views.values()):
            await asyncio.Event().wait()  # what it came to is seen by looking
        self._hear(combine(self._job, views))

    async def _end(self, party: str) -> View:
        """What a party's node says of the job once that has ended there; one that can't be asked is asked again."""
        path = f"/v1/jobs/{self._job}/ended"
        while True:
            try:
                answer = await self._client.request(party, "GET", path, timeout_s=END_TIMEOUT_S)
                view = validate(answer, View, f"{party}: answer")
                if view.state in _ENDS:
                    break
            except (MpcgovError, KeyError):
                await asyncio.sleep(LOOK_S)
            await asyncio.sleep(AGAIN_S)
        if view.state != State.RELEASED.value:
            self._bad.set()
        return view

    def _hear(self, status: Status) -> None:
        self._heard_at = self._clock()
        if self._now is not None and self._now.ended:
            return  # what was asked before the end may be answered after it
        before, self._now = self._now, self._paced(status, self._clock())
        if self._now != before:
            self._tell(self._now)
