"""What a hostile party may send to the word-size engine: forged numbers, wrong sizes, repeated labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mpcgov.mpc import Session, frames, sort
from mpcgov.mpc.word import engine, sharing
from mpcgov.mpc.word.field import P
from tests.mpc.parties import Outcome, forever, put, run, share_list

EVIL = 1
HONEST = (0, 2)
NAME = "welfare"


def blame(outcomes: list[Outcome], what: str) -> None:
    """All honest parties name the hostile one: who saw it says what it did; of others' words it says whose they are."""
    for index in HONEST:
        error = outcomes[index].error
        assert error is not None
        teller, second_hand, said = outcomes[index].message.rpartition(" says: ")
        assert (error["exit_status"], error["code"]) == (4, "hearsay" if second_hand else "peer-protocol")
        assert teller == NAME or said.startswith(f"{NAME} broke the protocol"), outcomes[index].message
    assert any(what in outcomes[index].message for index in HONEST)


async def compute(current: Session, index: int) -> list[int]:
    """Something of everything: dealing, a product, a comparison, a sort."""
    x = current.input([5, 3] if index == EVIL else None, EVIL, 2, 0, 9)
    return await share_list(current, sort(x * x) * (x < 4))


def test_honest_parties_get_through() -> None:
    assert [outcome.message for outcome in run(compute, value_bits=32)] == ["", "", ""]


def forged_rows(values: Any, dealer: int, parties: int, degree: int) -> Any:
    keys, rows = sharing_split(values, dealer, parties, degree)
    return keys, {party: np.full_like(row, P) for party, row in rows.items()}


sharing_split = sharing.split


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda payload: payload[:-8], "bytes where"),
        (lambda payload: memoryview(bytes(payload) + bytes(8)), "bytes where"),
        (lambda payload: memoryview(b""), "bytes where"),
    ],
)
def test_a_message_of_another_size_names_its_sender(change: Callable[[memoryview], memoryview], what: str) -> None:
    def before(index: int) -> None:
        if index == EVIL:
            inner = engine.LinkWire.post
            put(engine.LinkWire, "post", lambda self, peer, label, payload: inner(self, peer, label, change(payload)))

    blame(run(compute, value_bits=32, before=before), what)


def test_a_number_outside_the_field_names_its_sender() -> None:
    def before(index: int) -> None:
        if index == EVIL:
            put(sharing, "split", forged_rows)

    blame(run(compute, value_bits=32, before=before), "a number outside the field")


def test_a_message_that_comes_twice_names_its_sender() -> None:
    def before(index: int) -> None:
        if index == EVIL:
            inner = engine.LinkWire.post

            def twice(self: Any, peer: int, label: int, payload: memoryview) -> None:
                inner(self, peer, label, payload)
                inner(self, peer, label, payload)

            put(engine.LinkWire, "post", twice)

    blame(run(compute, value_bits=32, before=before), "the same label")


@pytest.mark.parametrize("large", [False, True])
def test_a_frame_of_words_that_nobody_asked_for_stays_unread(large: bool) -> None:
    """Kept, counted, never taken for another: the job ends as if it hadn't come."""

    async def job(current: Session, index: int) -> list[int]:
        if index == EVIL:
            for link in current._links.values():
                link.write(frames.WORDS, memoryview(bytes(10**6 if large else 10)), -7)
        return await compute(current, index)

    assert [outcome.message for outcome in run(job, value_bits=32)] == ["", "", ""]


def test_the_end_before_all_words_is_the_peers_fault() -> None:
    async def job(current: Session, index: int) -> list[int]:
        if index == EVIL:
            for link in current._links.values():
                link.write(frames.END, b"")
            await forever()
        return await compute(current, index)

    blame(run(job, value_bits=32), "the end before all of the computation")
