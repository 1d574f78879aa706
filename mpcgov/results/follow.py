"""Waiting for a job's end: each node says it when it comes, and is asked now and then how the job stands until then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from mpcgov.errors import MpcgovError, PeerError
from mpcgov.lifecycle import TERMINAL, State
from mpcgov.results.progress import BAD_ENDS, Status, View, combine, status_or_bad_end
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
    loop = asyncio.get_running_loop()
    told, heard_at, ends = None, loop.time(), dict[str, asyncio.Task[View]]()
    try:
        while True:
            try:
                now = paced(await status_or_bad_end(client, parties, job), loop.time())
                heard_at = loop.time()
            except PeerError:
                if loop.time() - heard_at > SILENCE_LIMIT_S:
                    raise
            else:
                if now != told:
                    tell(now)
                    told = now
                if now.ended:
                    return now
            ends = ends or {party: asyncio.create_task(_end(client, party, job)) for party in parties}
            if await _all_released(ends, LOOK_S):
                now = paced(combine(job, {party: end.result() for party, end in ends.items()}), loop.time())
                tell(now)
                return now
    finally:
        for end in ends.values():
            end.cancel()
        await asyncio.gather(*ends.values(), return_exceptions=True)


async def _all_released(ends: Mapping[str, asyncio.Task[View]], wait_s: float) -> bool:
    """Whether a job has been released at all parties; False after a while, or as soon as it ends badly at one."""
    loop = asyncio.get_running_loop()
    until, pending = loop.time() + wait_s, {end for end in ends.values() if not end.done()}
    while pending and loop.time() < until:
        done, pending = await asyncio.wait(
            pending, timeout=until - loop.time(), return_when=asyncio.FIRST_COMPLETED
        )  # fmt: skip
        if any(State(end.result().state) in BAD_ENDS for end in done):
            return False
    if not pending and all(end.result().state == State.RELEASED.value for end in ends.values()):
        return True
    await asyncio.sleep(max(0.0, until - loop.time()))
    return False


async def _end(client: Client, party: str, job: str) -> View:
    """What a party's node says of a job once that has ended there; one that can't be asked is asked again."""
    while True:
        try:
            answer = await client.request(party, "GET", f"/v1/jobs/{job}/ended", timeout_s=END_TIMEOUT_S)
            view = validate(answer, View, f"{party}: answer")
            if view.state in _ENDS:
                return view
        except (MpcgovError, KeyError):
            await asyncio.sleep(LOOK_S)
        await asyncio.sleep(AGAIN_S)
