"""The score of every pair of two owners' records, as secret bits: s ≥ 0 where their Dice is at least the threshold.

Each owner deals a row of small numbers for each of its records such that the rows' inner product is s. Shares of rows
multiply to a sharing of degree 2, of which each party holds one term λ·z; party 3 masks its own by a key it shares with
party 2 and sends it to party 1, which sees a uniform element. So party 1 and party 2 hold u and v with u + v = s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mpcgov.errors import InternalError
from mpcgov.linkage.similar import gates, small
from mpcgov.linkage.similar.best import CHUNK, Cubes, in_turns
from mpcgov.linkage.similar.small import MOST_TERMS, Small
from mpcgov.linked.blocks import together
from mpcgov.linked.encoding import SCORE_STEP
from mpcgov.mpc.word.lanes import LANES
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sign import Pieces
from mpcgov.mpc.word.wire import Channel

_LAMBDA = (3, -3, 1)

Vectors = Callable[[NDArray[np.int64]], Small]
"""An owner's rows of numbers: of some of its rows, shape (rows, terms)."""


@dataclass(frozen=True)
class Side:
    """One side's public facts: who owns it, how many records its padded list has, or each of its padded blocks."""

    owner: int
    records: int


@dataclass(frozen=True)
class Grid:
    """All pairs of every block: the `rows` side is held whole, the `columns` side is dealt piece by piece.

    `terms` of an inner product modulo 2^bits − 1. `filler`: the row of numbers that no record is like, for lanes left
    over. `blocks` of equal sizes, of which `first` is the number of the first one. `odd`: products are odd; of what is
    left when the last bit goes, the lowest bits are dropped too, so that SCORE_STEP of them are one.
    """

    rows: Side
    columns: Side
    terms: int
    bits: int
    filler: Small
    blocks: int = 1
    first: int = 0
    odd: bool = False

    def __post_init__(self) -> None:
        if self.terms > MOST_TERMS:
            raise InternalError(f"inner products of {self.terms} terms")

    @property
    def dropped_bits(self) -> int:
        """So many of the lowest bits of a score don't count."""
        return SCORE_STEP.bit_length() if self.odd else 0

    @property
    def words(self) -> int:
        """Words for a lane of each row of a block."""
        return -(-self.rows.records // LANES)

    @property
    def all_words(self) -> int:
        """Words for a lane of each row of all blocks."""
        return self.blocks * self.words

    @property
    def lanes(self) -> NDArray[np.int64]:
        """Which row of a block is in each of its lanes, word by word: lane l of word w has row l · words + w; fillers
        past the last."""
        return np.arange(LANES * self.words).reshape(LANES, self.words).T.reshape(-1)

    @property
    def places(self) -> NDArray[np.int64]:
        """In which of all blocks' lanes each row is."""
        in_block = np.argsort(self.lanes, kind="stable")[: self.rows.records]
        places: NDArray[np.int64] = np.arange(self.blocks)[:, None] * LANES * self.words + in_block
        return places.reshape(-1)

    def all_of(self, side: Side) -> int:
        """How many rows or columns all blocks have together."""
        return self.blocks * side.records

    def numbers(self, side: Side, some: slice) -> NDArray[np.int64]:
        """The numbers that some rows or columns of each block have among all of their owner's."""
        starts = np.arange(self.first, self.first + self.blocks) * side.records
        numbers: NDArray[np.int64] = starts[:, None] + np.arange(some.start, some.stop)
        return numbers.reshape(-1)

    def among(self, members: tuple[int, ...]) -> Grid:
        """The same, with the owners by their places among some parties."""
        rows, columns = (replace(side, owner=members.index(side.owner)) for side in (self.rows, self.columns))
        return replace(self, rows=rows, columns=columns)

    def turns(self) -> list[Grid]:
        """The same blocks, some after others: as many at a time as memory should hold."""
        step = together(self.rows.records)
        starts = range(0, self.blocks, step)
        return [replace(self, blocks=min(step, self.blocks - start), first=self.first + start) for start in starts]


async def scores(channel: Callable[[], Channel], prss: Prss, grid: Grid, own: Vectors | None) -> Cubes:
    """All scores as secret bits, 0 … p−1 with the top bit inverted: so they are in order, and negative ones end in 0.

    Shape (bits, columns, words), rows in lanes. Odd ones are in order as they are, without the dropped bits. `own`: an
    owner's numbers.
    """
    rows = await of_rows(channel(), prss, grid, own)
    found = Cubes.empty(grid.bits - grid.dropped_bits, grid.columns.records, grid.all_words)
    step = max(1, CHUNK // grid.all_words)

    async def compare(part: Channel, number: int) -> None:
        some = slice(number * step, min(grid.columns.records, (number + 1) * step))
        found.put(some, await some_scores(part, prss, grid, rows, some, own))

    await in_turns(channel(), -(-grid.columns.records // step), compare)
    return found


async def some_scores(
    channel: Channel, prss: Prss, grid: Grid, rows: NDArray[np.float64], some: slice, own: Vectors | None
) -> Pieces:
    """The scores of all rows with some columns of each block, as rows of bits. `rows`: what `of_rows` gives."""
    share = await _dealt(channel, prss, grid, grid.columns, some, own)
    shape = grid.bits, (some.stop - some.start) * grid.all_words

    def sums() -> NDArray[np.float64]:
        products: NDArray[np.float64] = np.matmul(share.astype(np.float64), rows)
        return np.ascontiguousarray(products.transpose(1, 0, 2))

    term = await _summand(channel, prss, grid.bits, sums, LANES * shape[1])
    planes = None if term is None else gates.to_planes(term, grid.bits)
    del term
    if grid.odd:
        return await gates.added_odd(channel, prss, planes, shape, grid.dropped_bits)
    return _ordered(prss.me, await gates.added(channel, prss, planes, shape))


async def _dealt(channel: Channel, prss: Prss, grid: Grid, side: Side, some: slice, own: Vectors | None) -> Small:
    """Our shares of the numbers of some rows or columns of each block, shape (blocks, some, terms)."""
    count = some.stop - some.start
    values = own(grid.numbers(side, some)).reshape(-1) if own is not None and prss.me == side.owner else None
    share = await small.deal(channel, grid.bits, side.owner, values, grid.blocks * count * grid.terms)
    return share.reshape(grid.blocks, count, grid.terms)


def _ordered(me: int, bits: Pieces) -> Pieces:
    """With the top bit inverted: numbers of one sign lie together, the negative ones first."""
    top = gates.inverted(me, bits[-1])
    bits.left[-1], bits.right[-1] = top.left, top.right
    return bits


async def of_rows(channel: Channel, prss: Prss, grid: Grid, own: Vectors | None) -> NDArray[np.float64]:
    """Our shares of the rows' numbers, shape (blocks, terms, lanes of a block)."""
    if prss.parties != 3:
        raise InternalError("records are compared by three parties")
    share = await _dealt(channel, prss, grid, grid.rows, slice(0, grid.rows.records), own)
    lanes = grid.lanes
    everyone = np.empty((grid.blocks, len(lanes), grid.terms), np.float64)
    real = lanes < grid.rows.records
    everyone[:, real] = share[:, lanes[real]]
    everyone[:, ~real] = grid.filler
    return np.ascontiguousarray(everyone.transpose(0, 2, 1))


async def _summand(
    channel: Channel, prss: Prss, bits: int, sums: Callable[[], NDArray[np.float64]], count: int
) -> Small | None:
    """u at party 1, v at party 2, None at party 3: modulo p they add up to the value that `sums` shares, which are
    large, and so made when they are needed."""
    me, number = prss.me, channel.draw()
    if me == 0:
        words = (await channel.exchange({}, {2: small.packed_words(count, bits)}))[2]
        return small.scaled_sum(sums(), _LAMBDA[0], small.unpacked(words, count, bits, 2), bits)
    mask = small.elements(prss.pair(3 - me, "scores", number), count, bits)
    if me == 1:
        return small.scaled_sum(sums(), _LAMBDA[1], mask, bits)
    masked = small.scaled_sum(sums(), _LAMBDA[2], np.uint32(small.modulus(bits)) - mask, bits)
    await channel.exchange({0: small.packed(masked, bits)}, {})
    return None
