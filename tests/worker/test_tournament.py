"""The least of each row of secret numbers: which it is, and that only few rounds are needed to find it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mpcgov.mpc.arrays import SecretArray
from mpcgov.mpc.config import SessionConfig
from mpcgov.rules import protections
from mpcgov.worker import tournament
from tests.linkage.linked_parties import engine
from tests.mpc.word.local import Party, make_parties, opened
from tests.mpc.word.virtual import took


def found(rows: np.ndarray, which: list[int]) -> tuple[np.ndarray, np.ndarray, int]:
    """The least of each row, where it is in the rows asked for, and the rounds."""

    async def program(party: Party) -> list[Any]:
        failures: list[BaseException] = []
        config = SessionConfig(("a", "b", "c"), party.me, 1, bytes(32), 59, 0)
        made = engine(party, config, failures)
        numbers, asked = (
            SecretArray.deal(made, values.reshape(-1) if party.me == 0 else None, 0, values.size, 0, high)
            for values, high in ((rows, 10**6), (np.array(which), 1))
        )
        least, stages = tournament.least(numbers.reshape(rows.shape))
        chosen = tournament.chosen(stages, asked.reshape((len(which), 1)))
        assert (least.low, least.high, chosen.low, chosen.high) == (0, 10**6, 0, 1)
        shares = [await least._backing.words(), await chosen._backing.words()]
        assert failures == []
        return shares

    parties = make_parties(3)
    results, _ = took(parties, program)
    least, chosen = (opened([result[part] for result in results], 1) for part in (0, 1))
    return least, chosen, max(party.line.rounds for party in parties)


@pytest.mark.by_day(6)
@pytest.mark.parametrize("width", [1, 2, 3, 5, 7, 8, 9, 11, 23, 97, 361])
def test_it_is_the_least_and_its_place_is_found_where_asked_for(width: int) -> None:
    rng = np.random.default_rng(width)
    rows = np.stack([rng.permutation(width + 5)[:width] * 7 for _ in range(4)])
    least, chosen, _ = found(rows, [1, 0, 1, 1])
    assert least.reshape(-1).tolist() == rows.min(axis=1).tolist()
    assert chosen.shape == rows.shape
    for row, place, asked in zip(chosen, rows.argmin(axis=1), [1, 0, 1, 1], strict=True):
        assert row.tolist() == [int(asked and k == place) for k in range(width)]


def test_plans_know_how_many_meet() -> None:
    assert (protections.MANY, protections.FEW) == (tournament.MANY, tournament.FEW)


def test_large_meetings_take_few_rounds() -> None:
    """One for dealing, five for a comparison, one for each doubling of what is multiplied, one for who is chosen."""
    rounds = {width: found(np.arange(width)[None], [1])[2] for width in (2, 4, 8, 361)}
    assert rounds == {2: 7, 4: 9, 8: 10, 361: 1 + (6 + 6 + 7 + 7 + 8) + 5}
