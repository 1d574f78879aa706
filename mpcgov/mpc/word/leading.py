"""Which digits of secret numbers lie above their leading ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mpcgov.mpc.word import compare, field, less, sign
from mpcgov.mpc.word.binary import flipped
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.helped import Helped, Job, every
from mpcgov.mpc.word.lanes import LANES
from mpcgov.mpc.word.less import ARITIES, stacked
from mpcgov.mpc.word.product import product
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sign import Pieces
from mpcgov.mpc.word.wire import Channel


async def none_from(channel: Channel, prss: Prss, words: Words, bound: int) -> Words:
    """1 where a word, and all to its right, are between −bound and bound: words and result of shape (n, columns)."""
    least = np.full(words.shape, bound - 1, np.uint64)
    over = np.stack([field.subtract(least, words), field.add(least, words)])  # negative if it isn't
    return await (_in_lanes if prss.parties == 3 else _in_field)(channel, prss, over)


async def _in_field(channel: Channel, prss: Prss, over: Words) -> Words:
    within = field.subtract(np.ones_like(over), await compare.negative(channel, prss, over))
    bits, step = await product(channel, prss, within[0], within[1]), 1
    while step < bits.shape[1]:
        left, right = (np.ascontiguousarray(part) for part in (bits[:, :-step], bits[:, step:]))
        bits = np.concatenate([await product(channel, prss, left, right), bits[:, -step:]], axis=1)
        step *= 2
    return bits


async def _in_lanes(channel: Channel, prss: Prss, over: Words) -> Words:
    """A row of lanes for each column, so that numbers are side by side and gates take several columns at once."""
    _, count, columns = over.shape
    lanes = LANES * -(-count // LANES)
    padded = np.zeros((2, columns, lanes), np.uint64)
    padded[:, :, :count] = over.transpose(0, 2, 1)
    found = flipped(prss, await less.negative_bits(channel, prss, padded.reshape(-1)))
    below, above = (
        Pieces(*(piece.reshape(2, columns, -1)[side] for piece in (found.left, found.right))) for side in (0, 1)
    )
    circuit = Helped(channel, prss, lanes // LANES)
    rows = await _of_right(circuit, [below, above], 1)
    flat = Pieces(rows.left.reshape(-1), rows.right.reshape(-1))
    bits = await sign.to_field(channel, prss, flat, columns * lanes, ahead=True)
    return np.ascontiguousarray(bits.reshape(columns, lanes)[:, :count].T)


async def _of_right(circuit: Helped, parts: Sequence[Pieces], span: int) -> Pieces:
    """Of rows that are each the AND of `parts`, each of so many neighbours: the AND of each with all after it. Four
    factors meet in each round."""
    most = max(ARITIES) // len(parts)
    jobs, tail = of_right(parts, span, most)
    together = stacked([*(output for (output,) in await circuit.layer(jobs)), *tail])
    return together if span * most >= len(parts[0].left) else await _of_right(circuit, [together], span * most)


def of_right(parts: Sequence[Pieces], span: int, most: int) -> tuple[list[Job], list[Pieces]]:
    """One step of this: gates that take so many neighbours together, at most, and the rows that come after what these
    give."""
    rows = len(parts[0].left)
    jobs: list[Job] = []
    for taken, some in _runs(rows, span, most):
        factors = [part[some.start + span * k : some.stop + span * k] for part in parts for k in range(taken)]
        jobs.append((every(len(factors)), factors))
    if len(parts) > 1:
        return jobs, []
    return [job for job in jobs if len(job[1]) > 1], [parts[0][rows - span :]]  # the last rows hold all that is to come


def _runs(rows: int, span: int, most: int) -> list[tuple[int, slice]]:
    """How many spans from each row on there are, at most so many, and for which rows."""
    found = []
    for taken in range(most, 0, -1):
        start = 0 if taken == most else max(0, rows - span * taken)
        stop = max(0, rows - span * (taken - 1))
        if start < stop:
            found.append((taken, slice(start, stop)))
    return found
