"""What each party of a regression over linked rows receives, between processes: as `test_linkage_views`, for a protocol
that goes on from words to integers of another engine.

Two worlds with equal padded sizes: nobody matches; or there are twice as many, everybody does, and there is a model.
"""

from __future__ import annotations

from typing import Any

import pytest

from mpcgov.mpc import Session
from mpcgov.mpc.codec import width_of
from mpcgov.mpc.frames import DATA, WORDS
from mpcgov.mpc.links import Link
from tests.adversary.laws import Label, check_views
from tests.linkage.linked_parties import Case
from tests.linked.test_regression import job_of, settings_of
from tests.mpc.parties import Parties, put

PEOPLE = 40
MOST_WORDS = 20
"""Of a message so many are looked at."""

DECLARED: dict[str, dict[str, dict[str, Any]]] = {
    "tax": {"income": {"kind": "integer", "min": 0, "max": 1000}},
    "edu": {"age": {"kind": "integer", "min": 0, "max": 120}},
}


def world(everybody: bool) -> Case:
    rows = {}
    for place, (name, column) in enumerate({"tax": "income", "edu": "age"}.items()):
        first = 0 if everybody else place * PEOPLE
        people = range(first, first + PEOPLE * (1 + everybody))
        rows[name] = [{"key": f"38001{i:06}", column: str(i * i * (i % 7) % 100)} for i in people]
    return Case(
        "linked-regression", DECLARED, rows, {"outcome": "tax.income", "predictors": ["edu.age"]}, rules={"digits": 1}
    )


class Watched:
    """A party's process in which all that it sends is kept, and its job done again and again."""

    def __init__(self, made: Case, runs: int) -> None:
        self._once, self._runs = job_of(made), runs  # a session has masks for so many
        self._sent: list[tuple[int, int, int, bytes]] = []
        self.parties = Parties(
            self._job, made.parties, before=self._watch, deadline_s=600, **settings_of(made, 1 + runs)
        )

    def _watch(self, _: int) -> None:
        inner = Link.write

        def write(link: Link, kind: int, payload: bytes | memoryview, label: int = 0) -> None:
            self._sent.append((link.peer, kind, label, bytes(payload)))
            inner(link, kind, payload, label)

        put(Link, "write", write)

    async def _job(self, session: Session, index: int) -> list[list[tuple[int, int, str]]]:
        """By run, receiver, length and beginning of each message, in an order that is the same in every run."""
        width, result = width_of(int(session._runtime.field.modulus)), []
        await self._once(session, index)  # with the first, keys are sent that are all runs'
        for _ in range(self._runs):
            self._sent.clear()
            await self._once(session, index)
            words = sorted(
                ((p, label, m) for p, kind, label, m in self._sent if kind == WORDS), key=lambda one: one[:2]
            )
            found = [(peer, len(message), message[: 8 * MOST_WORDS].hex()) for peer, _, message in words]
            for peer, kind, _, message in self._sent:
                if kind == DATA:  # of an element of some hundred bits, its lowest
                    starts = range(0, len(message), width)[:MOST_WORDS]
                    found.append((peer, len(message), b"".join(message[at : at + 8] for at in starts).hex()))
            result.append(found)
        return result


def views(watched: Watched) -> tuple[dict[Label, list[bytes]], dict[Label, list[int]]]:
    """What was sent from whom to whom, message by message, in each run; and how long it was."""
    messages: dict[Label, list[bytes]] = {}
    lengths: dict[Label, list[int]] = {}
    for sender in range(watched.parties.m):
        outcome = watched.parties.outcome(sender, 600)
        assert outcome is not None
        assert outcome.message == ""
        for run in outcome.value:
            assert len(run) == len(outcome.value[0])
            for place, (receiver, length, beginning) in enumerate(run):
                label = sender, receiver, place
                messages.setdefault(label, []).append(bytes.fromhex(beginning))
                lengths.setdefault(label, []).append(length)
    return messages, lengths


@pytest.mark.parametrize("runs", [12, pytest.param(40, marks=pytest.mark.slow)])
def test_what_parties_receive_of_a_regression_does_not_go_with_the_data(runs: int) -> None:
    """In so many runs of each world."""
    nobody, everybody = Watched(world(False), runs), Watched(world(True), runs)
    with nobody.parties, everybody.parties:
        (here, long), (there, longer) = views(nobody), views(everybody)
    assert long == longer
    assert all(len(set(sizes)) == 1 and len(sizes) == runs for sizes in long.values())
    assert len(long) > 400
    check_views(here, there, together=30)
