"""Who else reaches a party that nothing comes from: what one node doesn't hear says no more than that.

Before a node puts a silent party's name on record, it asks the job's other parties whether they reach it. If one says
so, the reason names the connection, and the witness; if nobody answers, it says that this node reaches nobody. A
witness can only take blame away, under its own name: what it says makes nobody guilty.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from mpcgov.errors import MpcgovError, PeerError
from mpcgov.lifecycle import State
from mpcgov.node.causes import Silence
from mpcgov.trust.client import Client

ANSWER_LIMIT_BYTES = 64 << 10
PROBE_S = 1.0
"""How long a witness waits for the party's answer. One that takes longer isn't reached."""

WITNESS_S = 3.0
"""How long a witness may take; a machine that has much to do is no sign that this node is cut off."""


class Witness:
    """What this node says of others: whom it reaches."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._looking: dict[tuple[str, str], asyncio.Task[bool]] = {}

    async def reaches(self, job: str, party: str) -> bool:
        """Whether a party's node answers this one now, and hasn't failed in this job.

        However often it is asked at once, it looks once: or one party could keep its connections to another busy.
        """
        key = (job, party)
        if key not in self._looking:
            self._looking[key] = asyncio.create_task(self._look(job, party))
            self._looking[key].add_done_callback(lambda _: self._looking.pop(key))
        return await asyncio.shield(self._looking[key])

    async def _look(self, job: str, party: str) -> bool:
        answer = await _answer(self._client, party, f"/v1/jobs/{job}", PROBE_S)
        state = answer.get("state") if isinstance(answer, dict) else None
        return state in [each.value for each in State if each is not State.FAILED]


async def judged(client: Client, silence: Silence, job: str, parties: Sequence[str]) -> PeerError:
    """What the silence of some parties of a job comes to, once its other parties were asked."""
    me = client.identity.name
    asked = [party for party in parties if party not in (me, *silence.parties)]
    questions = [(witness, party) for witness in asked for party in silence.parties]
    answers = await asyncio.gather(*(_says(client, job, *question) for question in questions))
    if all(answer is None for answer in answers):
        quiet = f"; {', '.join(asked)}: no answer either" if asked else ""
        return PeerError(f"{me} reaches nobody: {silence.message}{quiet}", hint=silence.hint, code="cut-off")
    says = {party: witness for (witness, party), reached in zip(questions, answers, strict=True) if reached}
    unreached = tuple(party for party in silence.parties if party not in says)
    if unreached:
        return Silence(unreached, silence.what, silence.code, silence.hint)
    names, witness = ", ".join(says), next(iter(says.values()))
    text = f"the connection with {names}: {silence.what}; {witness} says that it reaches {names}"
    return PeerError(text, hint="is something between the two nodes?", code="link")


async def _says(client: Client, job: str, witness: str, party: str) -> bool | None:
    """Whether a witness reaches a party, as it says; None if it says nothing."""
    answer = await _answer(client, witness, f"/v1/jobs/{job}/reaches/{party}", WITNESS_S)
    return None if answer is None else isinstance(answer, dict) and answer.get("reached") is True


async def _answer(client: Client, party: str, path: str, within_s: float) -> Any:
    """What a node answers, be it a refusal; None if nothing comes from it."""
    try:
        return await client.request(party, "GET", path, None, within_s, ANSWER_LIMIT_BYTES)
    except Silence:
        return None
    except MpcgovError as error:
        return error
