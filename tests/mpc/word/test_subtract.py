"""The bits of c − r, where parties 1 and 2 know c and party 3 knows r: every pair of short numbers, and long ones."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from mpcgov.mpc.word import lanes, ring
from mpcgov.mpc.word.helped import Helped
from mpcgov.mpc.word.sign import Pieces
from mpcgov.mpc.word.subtract import DIGIT, MOST, bits_of_difference, levels
from tests.mpc.word.local import Party, make_parties, run
from tests.mpc.word.test_ring import held, read


def together(pieces: Sequence[Pieces]) -> np.ndarray:
    """The bits that three parties' pieces stand for."""
    assert all((pieces[i].right == pieces[(i + 1) % 3].left).all() for i in range(3))
    bits: np.ndarray = pieces[0].left ^ pieces[0].right ^ pieces[1].right
    return bits


def difference(c: list[int], r: list[int], rows: int) -> tuple[list[int], list[Party]]:
    digits, parties = ring.digits_for(rows), make_parties(3)

    async def protocol(party: Party) -> Pieces:
        own = ring.to_rows(held(r if party.me == 2 else c, digits), rows)
        circuit = Helped(party.channel(), party.prss, lanes.words_for(len(c)))
        return await bits_of_difference(circuit, own)

    return read(ring.from_rows(together(run(parties, protocol)), len(c), digits)), parties


@pytest.mark.parametrize("rows", [4, 5, 6])
def test_all_pairs_of_short_numbers(rows: int) -> None:
    c, r = (list(map(int, numbers.reshape(-1))) for numbers in np.meshgrid(range(1 << rows), range(1 << rows)))
    found, _ = difference(c, r, rows)
    assert found == [(x - y) % (1 << rows) for x, y in zip(c, r, strict=True)]


@pytest.mark.parametrize("rows", [7, 12, 13, 15, 16, 39, 42, 43, 100, 119, 147, 148, 150, 151, 200])
def test_borrows_run_through_any_number_of_digits(rows: int) -> None:
    rng, top = random.Random(rows), 1 << rows
    pairs = [(0, 1), (0, top - 1), (top - 1, 0), (top >> 1, 1), (0, 0), (1, top >> 1)]
    for k in range(rows):
        pairs += [(1 << k, 1), (0, 1 << k), ((1 << k) - 1, 1 << k), (top - 1 - (1 << k), top - 1)]
        pairs.append((rng.randrange(top), rng.randrange(top)))
    found, parties = difference([c for c, _ in pairs], [r for _, r in pairs], rows)
    assert found == [(c - r) % top for c, r in pairs]
    blocks, depth = -(-rows // DIGIT) - 1, 0
    while MOST * 4**depth < blocks:
        depth += 1
    assert [party.line.rounds for party in parties] == [2 + depth, 2 + depth, 0]
    assert len(levels(blocks)) == depth


def test_levels_take_no_more_neighbours_together_than_they_must() -> None:
    assert [tuple(levels(blocks)) for blocks in (1, 3, 4, 9, 12, 13, 39, 48)] == [
        (),
        (),
        (2,),
        (3,),
        (4,),
        (2, 3),
        (4, 4),
        (4, 4),
    ]
