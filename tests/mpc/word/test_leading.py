"""Where a number's leading digit is, found for all places at once."""

from __future__ import annotations

import random

import numpy as np
import pytest

from mpcgov.mpc.word.leading import none_from
from tests.mpc.word.local import make_parties, opened, run, share

BOUND = 4
EDGES = [0, 1, -1, BOUND - 1, 1 - BOUND, BOUND, -BOUND, 2**60 - 1 - BOUND, BOUND + 1 - 2**60]


def plain(rows: list[list[int]]) -> list[list[int]]:
    """1 where a word and all to its right are between −BOUND and BOUND."""
    return [[int(all(abs(word) < BOUND for word in row[at:])) for at in range(len(row))] for row in rows]


@pytest.mark.parametrize("m", [3, 4])
@pytest.mark.parametrize("columns", [2, 3, 5, 9, 33])
def test_ones_are_where_nothing_leads_from_there_on(m: int, columns: int) -> None:
    rng = random.Random(columns)
    rows = [[rng.choice(EDGES[:5]) for _ in range(columns)] for _ in range(3)]
    for place in range(columns):
        rows.append([0] * columns)
        rows[-1][place] = EDGES[place % len(EDGES)]
    parties, shares = make_parties(m), share(rows, m, 1)
    found = run(parties, lambda q: none_from(q.channel(), q.prss, shares[q.me], BOUND))
    assert opened(found, 1).tolist() == plain(rows)


def test_four_neighbours_meet_in_a_round() -> None:
    rounds = []
    for columns in (2, 8, 32):
        parties, shares = make_parties(3), share(np.zeros((70, columns), np.int64), 3, 1)
        run(parties, lambda q, own=shares: none_from(q.channel(), q.prss, own[q.me], BOUND))
        rounds.append(parties[0].line.rounds)
    assert np.diff(rounds).tolist() == [1, 1]
