"""The other owner's columns brought to the rows that they are linked with, as secret words.

Links are secret bits, at most one in each row, and the other's columns are bits that it enters. Their product in GF(2)
is summed before its terms are masked and sent, so a column costs one bit per row and bit; each bit that comes out
becomes a word that is 0 or 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from mpcgov.linkage.similar.best import Chosen, Cubes
from mpcgov.linkage.similar.gates import Circuit, enter
from mpcgov.linkage.similar.scores import Grid
from mpcgov.linked.dealing import Dealing
from mpcgov.linked.facts import Linked
from mpcgov.linked.qualified import Qualified
from mpcgov.mpc.word import field, lanes
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.kernels import kernel
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sign import Pieces, to_field
from mpcgov.mpc.word.wire import Channel, in_batches

FIELD_CHUNK = 1 << 19


@kernel("void(" + ", ".join(["uint64[:, ::1]"] * 4) + ", int64, int64, int64, uint64[:, ::1])")
def _linked_bits(xl: Words, xr: Words, yl: Words, yr: Words, words: Any, columns: Any, first: Any, out: Words) -> None:
    """A party's terms of Σⱼ x[j]·y[bit, j]: x rows of lanes, y bits of columns in lanes; out one row for each bit.

    Of each block its `words` lanes are rows, and of its `columns`, which are those of y that come next, the ones from
    the `first` on are x's.
    """
    for c in range(out.shape[0]):
        for block in range(out.shape[1] // words):
            for j in range(xl.shape[0]):
                column = block * columns + first + j
                shift = np.uint64(column & 63)
                own = (yr[c, column >> 6] >> shift) & np.uint64(1)
                other = (yl[c, column >> 6] >> shift) & np.uint64(1)
                of_right = np.uint64(0) - (own ^ other)
                of_left = np.uint64(0) - own
                for w in range(block * words, (block + 1) * words):
                    out[c, w] ^= (xr[j, w] & of_right) ^ (xl[j, w] & of_left)


def bit_rows(values: Words, widths: Sequence[int]) -> Words:
    """The lowest bits of each row's numbers as rows of bits, one after the other: shape (Σ widths, words)."""
    parts = [lanes.to_rows(row)[:width] for row, width in zip(values, widths, strict=True)]
    return np.ascontiguousarray(np.concatenate(parts))


async def linked_bits(
    channel: Channel, prss: Prss, grid: Grid, links: Cubes, own: Words | None, count: int, runs: int = 1
) -> Pieces:  # fmt: skip
    """`count` bits of each column's owner's record where it is linked to a row, else 0: rows of lanes. Two rounds.

    Args:
        links: shape (1, columns, words): of so many columns of each block.
        own: at the owner of the columns' side, `bit_rows` of these columns.
        runs: into how many runs of 2^k neighbours the columns fall; what comes of each is side by side.
    """
    _, columns, words = links.shape
    entered = await enter(channel, prss, grid.columns.owner, own, (count, lanes.words_for(grid.blocks * columns)))
    circuit = Circuit(channel, prss, count, runs * words)
    plus, minus = circuit.masks(count)
    terms = plus ^ minus
    for run in range(runs):
        some = run_of(run, runs, columns)
        there = np.ascontiguousarray(terms[:, run * words : (run + 1) * words])
        x = links.left[0, some], links.right[0, some]
        _linked_bits(*x, entered.left, entered.right, grid.words, columns, some.start, there)
        terms[:, run * words : (run + 1) * words] = there
    return await circuit.finish(terms)


def run_of(run: int, runs: int, columns: int) -> slice:
    """Which columns are in a run: all have the same length 2^k, but the last."""
    length = 1
    while -(-columns // length) > runs:
        length *= 2
    return slice(run * length, min(columns, (run + 1) * length))


async def kept(channel: Channel, prss: Prss, bit: Pieces, rows: Pieces) -> Pieces:
    """The rows where the bit is 1, else 0. One round."""
    count, words = rows.left.shape
    circuit = Circuit(channel, prss, count, words)
    none = Pieces(np.zeros_like(rows.left), np.zeros_like(rows.right))
    return await circuit.choose(bit, rows, none)


async def as_words(channel: Channel, prss: Prss, bits: Pieces) -> Words:
    """Rows of bits as shares of 0 and 1, shape (rows, lanes)."""
    rows, words = bits.left.shape
    flat = Pieces(bits.left.reshape(-1), bits.right.reshape(-1))

    async def step(part: Channel, piece: slice) -> Words:
        some = slice(piece.start // lanes.LANES, piece.stop // lanes.LANES)
        return await to_field(part, prss, Pieces(flat.left[some], flat.right[some]), piece.stop - piece.start)

    return (await in_batches(channel, rows * words * lanes.LANES, FIELD_CHUNK, step)).reshape(rows, -1)


@dataclass(frozen=True)
class Brought:
    """What the columns' owner has of each row's best, as shares; shape (columns, rows).

    `linked`: columns that are 0 without a link. `best`: columns of the best, alike enough or not, 0 if it isn't mutual.
    `link`, `mutual`: 1 where there is such a one; shape (rows,). `score`: of a mutual best.
    """

    linked: Words
    best: Words
    link: Words
    mutual: Words
    score: Words

    def stacked(self) -> Words:
        """All of it as one matrix, shape (columns + 3, rows)."""
        return np.concatenate([self.linked, self.best, self.link[None], self.mutual[None], self.score[None]])

    @classmethod
    def of(cls, stacked: Words, kept_columns: int) -> Brought:
        """The reverse."""
        *columns, link, mutual, score = stacked
        rows = np.array(columns, np.uint64).reshape(len(columns), stacked.shape[1])
        return cls(rows[:kept_columns], rows[kept_columns:], link, mutual, score)


async def brought(
    channel: Callable[[], Channel],
    prss: Prss,
    grid: Grid,
    chosen: Chosen,
    widths: Sequence[int],
    kept_columns: int,
    own: Words | None,
) -> Brought:
    """The columns of the columns' owner at the rows.

    Args:
        widths: how many bits each column's numbers have, 61 if they may be any elements.
        kept_columns: the first so many are brought where there is a link, the others of every mutual best.
        own: at that owner, its columns, shape (columns, its padded records).
    """
    count, first = sum(widths), sum(widths[:kept_columns])
    rows = None if own is None else bit_rows(own, widths)
    bits = await linked_bits(channel(), prss, grid, chosen.pairs, rows, count)
    mutual = chosen.per_row()
    best = chosen.best.rows(slice(None))
    link = await kept(channel(), prss, mutual, best[-1:])
    linked = await kept(channel(), prss, link[0], bits[:first])
    score = await kept(channel(), prss, mutual, best)
    together = [linked, bits[first:], link, Pieces(mutual.left[None], mutual.right[None]), score]
    stacked = Pieces(*(np.concatenate([getattr(part, side) for part in together]) for side in ("left", "right")))
    words = (await as_words(channel(), prss, stacked))[:, grid.places]
    columns = numbers(words[:count], widths) if widths else words[:0]
    top = field.subtract(words[count + 1], words[-1])  # 1 where a mutual best's score is negative
    plain = numbers(words[count + 2 : -1], [grid.bits - 1])[0]
    below = field.scale(top, (1 << (grid.bits - 1)) - ((1 << grid.bits) - 1))
    return Brought(
        columns[:kept_columns], columns[kept_columns:], words[count], words[count + 1], field.add(plain, below)
    )


def numbers(bits: Words, widths: Sequence[int]) -> Words:
    """Shares of each number from those of its bits, lowest first: shape (numbers, lanes)."""
    result: list[Any] = []
    at = 0
    for width in widths:
        result.append(field.combine([1 << b for b in range(width)], list(bits[at : at + width])))
        at += width
    return np.stack(result)


def column_widths(linked: Linked, plan: Dealing, owner: str) -> list[int]:
    """How many bits an owner's dealt columns need: all of an element's if it may be negative, one if it is 0 or 1."""
    result = []
    for one in plan.dealt[owner]:
        numbers = [linked.number(Qualified(owner, name)) for name in one.factor]
        whole = prod(number.high for number in numbers).bit_length()
        negative = any(number.low < 0 for number in numbers)
        result.append(field.BITS if negative else one.radix_bits or max(1, whole))
    return result
