"""Whether all numbers of some alternative are 0 or more, against plain code, and in as few rounds as it may take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgov.mpc import Session, concatenate
from mpcgov.mpc.functions import some_not_negative
from mpcgov.mpc.word import decide
from tests.mpc.parties import opened as opened_shares
from tests.mpc.parties import run as run_jobs
from tests.mpc.parties import share_list
from tests.mpc.word.local import Party, make_parties, opened, run, share
from tests.mpc.word.virtual import took

Questions = list[list[list[int]]]


def plain(rows: list[list[int]], questions: Questions) -> list[list[int]]:
    return [
        [int(any(all(rows[row][at] >= 0 for row in one) for one in question)) for at in range(len(rows[0]))]
        for question in questions
    ]


def found(rows: list[list[int]], bits: int, questions: Questions) -> list[list[int]]:
    shares = share(rows, 3, 1)
    results = run(
        make_parties(3),
        lambda q: decide.some_not_negative(q.channel(), q.prss, shares[q.me], bits, questions),
    )
    return opened(results, 1).tolist()


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_answers_are_those_of_plain_code(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 12)), data.draw(st.sampled_from([1, 3, 64, 70]))
    number = st.sampled_from([0, -1, 1, 7, -(2**20), 2**20 - 1])
    rows = [data.draw(st.lists(number, min_size=width, max_size=width)) for _ in range(height)]
    alternative = st.lists(st.integers(0, height - 1), min_size=1, max_size=18)
    questions = data.draw(st.lists(st.lists(alternative, min_size=1, max_size=6), min_size=1, max_size=4))
    assert found(rows, 20, questions) == plain(rows, questions)


def test_batches_give_what_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    rows, questions = rng.integers(-2, 9, (5, 300)).tolist(), [[[0, 1], [2, 3, 4]], [[4]]]
    monkeypatch.setattr(decide, "LANES_CHUNK", 64)
    assert found(rows, 8, questions) == plain(rows, questions)


def test_sets_and_alternatives_take_a_round_for_each_factor_of_four() -> None:
    questions: list[Questions] = [[[[0]]], [[[0, 1, 2, 3]]], [[[0, 1, 2, 3, 4]]], [[[0, 1], [2, 3]]]]
    rounds = []
    for asked in questions:
        parties, shares = make_parties(3), share([[1]] * 5, 3, 1)

        async def program(q: Party, asked: Questions = asked, shares: list[np.ndarray] = shares) -> np.ndarray:
            return await decide.some_not_negative(q.channel(), q.prss, shares[q.me], 20, asked)

        _, seconds = took(parties, program)
        rounds.append(max(party.line.rounds for party in parties))
        assert seconds == rounds[-1]
    assert [more - rounds[0] for more in rounds] == [0, 1, 2, 2]


@pytest.mark.parametrize("m", [3, 4])
def test_secret_arrays_answer_alike_whoever_computes_them(m: int) -> None:
    rows = [[3, 0, -1, -7], [0, 0, 5, -1], [-1, 2, 2, -2]]
    questions = [[[0, 1], [2]], [[0, 1, 2]], [[1]]]

    async def job(session: Session, index: int) -> Any:
        dealt = [session.input(row if index == 0 else None, 0, 4, -7, 7).reshape((1, 4)) for row in rows]
        answers = some_not_negative(concatenate(dealt), questions)
        assert (answers.low, answers.high, answers.shape) == (0, 1, (3, 4))
        return [await share_list(session, answers[place]) for place in range(3)]

    outcomes = run_jobs(job, m, value_bits=59)
    assert [opened_shares(outcomes, part=place) for place in range(3)] == plain(rows, questions)
