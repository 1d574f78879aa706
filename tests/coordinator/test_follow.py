"""Waiting for a job's end, with answers that come in any order."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from mpcgov.results import follow

PARTIES = ("tax", "welfare")
JOB = "aaaa-bbbb-cccc"


class Answers:
    """Nodes that answer a first look at once, and a second one and who waits for the end only when told to."""

    def __init__(self) -> None:
        self.ended, self.looked, self.stuck = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._asked: Counter[str] = Counter()

    async def request(self, party: str, method: str, path: str, **options: Any) -> dict[str, Any]:
        if path.endswith("/ended"):
            await self.ended.wait()
            return self._view(party, "RELEASED")
        self._asked[party] += 1
        if self._asked[party] > 1:
            self.stuck.set()
            await self.looked.wait()
        return self._view(party, "RUNNING")

    def _view(self, party: str, state: str) -> dict[str, Any]:
        return {"job": JOB, "party": party, "state": state, "waiting_for": []}


@pytest.mark.parametrize("later", range(-12, 13))
async def test_a_look_that_is_answered_late_does_not_undo_the_end(later: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """`later`: by how many turns of the loop the look's answers come after the end's."""
    monkeypatch.setattr(follow, "LOOK_S", 0.0)
    answers, told = Answers(), list[str]()
    client: Any = answers
    following = asyncio.create_task(follow.follow(client, PARTIES, JOB, lambda status: told.append(status.state.value)))
    await answers.stuck.wait()
    first, second = (answers.ended, answers.looked) if later > 0 else (answers.looked, answers.ended)
    first.set()
    for _ in range(abs(later)):
        await asyncio.sleep(0)
    second.set()
    assert (await following).state.value == "RELEASED"
    assert told == ["RUNNING", "RELEASED"]
