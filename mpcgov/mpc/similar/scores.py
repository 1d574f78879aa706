"""The score of every pair of two owners' records, as secret bits: s ≥ 0 where their Dice is at least the threshold.

Each owner deals a row of small numbers for each of its records such that the rows' inner product is s. Shares of rows
multiply to a sharing of degree 2, of which each party holds one term λ·z; party 3 masks its own by a key it shares with
party 2 and sends it to party 1, which sees a uniform element. So party 1 and party 2 hold u and v with u + v = s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpcgov.errors import InternalError
from mpcgov.mpc.similar import gates, small
from mpcgov.mpc.similar.best import CHUNK, Cubes, in_turns
from mpcgov.mpc.similar.small import MOST_TERMS, Small
from mpcgov.mpc.word.lanes import LANES
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sign import Pieces
from mpcgov.mpc.word.wire import Channel

_LAMBDA = (3, -3, 1)

Vectors = Callable[[slice], Small]
"""An owner's rows of numbers: of some of its records, shape (records, terms)."""


@dataclass(frozen=True)
class Side:
    """One side's public facts: who owns it, how many records its padded list has."""

    owner: int
    records: int


@dataclass(frozen=True)
class Grid:
    """All pairs: the `rows` side is held whole, the `columns` side is dealt piece by piece. Three parties.

    `terms` of an inner product modulo 2^bits − 1. `filler`: the row of numbers that no record is like, for lanes left
    over.
    """

    rows: Side
    columns: Side
    terms: int
    bits: int
    filler: Small

    def __post_init__(self) -> None:
        if self.terms > MOST_TERMS:
            raise InternalError(f"inner products of {self.terms} terms")

    @property
    def words(self) -> int:
        """Words for a lane of each row."""
        return -(-self.rows.records // LANES)

    @property
    def lanes(self) -> NDArray[np.int64]:
        """Which row is in each lane, word by word: lane l of word w has row l · words + w; fillers past the last."""
        return np.arange(LANES * self.words).reshape(LANES, self.words).T.reshape(-1)


async def scores(channel: Callable[[], Channel], prss: Prss, grid: Grid, own: Vectors | None) -> Cubes:
    """All scores as secret bits, 0 … p−1 with the top bit inverted: so they are in order, and negative ones end in 0.

    Shape (bits, columns, words), rows in lanes. `own`: an owner's numbers.
    """
    if prss.parties != 3:
        raise InternalError("records are compared by three parties")
    rows = await _rows(channel(), prss, grid, own)
    found = Cubes.empty(grid.bits, grid.columns.records, grid.words)
    step = max(1, CHUNK // grid.words)

    async def compare(part: Channel, number: int) -> None:
        some = slice(number * step, min(grid.columns.records, (number + 1) * step))
        count = some.stop - some.start
        values = own(some).reshape(-1) if own is not None and prss.me == grid.columns.owner else None
        share = await small.deal(part, grid.bits, grid.columns.owner, values, count * grid.terms)
        sums = share.astype(np.float64).reshape(count, grid.terms) @ rows
        term = await _summand(part, prss, grid.bits, sums)
        planes = None if term is None else gates.to_planes(term, grid.bits)
        bits = await gates.added(part, prss, planes, (grid.bits, count * grid.words))
        found.put(some, _ordered(prss.me, bits))

    await in_turns(channel(), -(-grid.columns.records // step), compare)
    return found


def _ordered(me: int, bits: Pieces) -> Pieces:
    """With the top bit inverted: numbers of one sign lie together, the negative ones first."""
    top = gates.inverted(me, bits[-1])
    bits.left[-1], bits.right[-1] = top.left, top.right
    return bits


async def _rows(channel: Channel, prss: Prss, grid: Grid, own: Vectors | None) -> NDArray[np.float64]:
    """Our shares of the rows' numbers, shape (terms, lanes)."""
    count = grid.rows.records
    values = own(slice(0, count)).reshape(-1) if own is not None and prss.me == grid.rows.owner else None
    share = (await small.deal(channel, grid.bits, grid.rows.owner, values, count * grid.terms)).reshape(count, -1)
    lanes = grid.lanes
    everyone = np.empty((len(lanes), grid.terms), np.float64)
    real = lanes < count
    everyone[real] = share[lanes[real]]
    everyone[~real] = grid.filler
    return np.ascontiguousarray(everyone.T)


async def _summand(channel: Channel, prss: Prss, bits: int, sums: NDArray[np.float64]) -> Small | None:
    """u at party 1, v at party 2, None at party 3: modulo p they add up to the value that `sums` shares."""
    me, number, count = prss.me, channel.draw(), sums.size
    if me == 0:
        words = (await channel.exchange({}, {2: small.packed_words(count)}))[2]
        return small.scaled_sum(sums, _LAMBDA[0], small.unpacked(words, count, bits, 2), bits)
    mask = small.elements(prss.pair(3 - me, "scores", number), count, bits)
    if me == 1:
        return small.scaled_sum(sums, _LAMBDA[1], mask, bits)
    masked = small.scaled_sum(sums, _LAMBDA[2], np.uint32(small.modulus(bits)) - mask, bits)
    await channel.exchange({0: small.packed(masked)}, {})
    return None
