"""Whether all numbers of some alternative are 0 or more, for many elements at once, for m = 3: nothing is opened.

The outcomes of all comparisons stay bits until they have come together, by gates of up to four (`helped`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mpcgov.mpc.word import less, sign
from mpcgov.mpc.word.binary import flipped
from mpcgov.mpc.word.compare import LANES_CHUNK
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.helped import Helped, Job, every
from mpcgov.mpc.word.lanes import LANES, words_for
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sign import Pieces
from mpcgov.mpc.word.wire import Channel, in_batches

MOST = max(less.ARITIES)

Alternatives = Sequence[Sequence[int]]
"""Sets of numbers, by row: all of one set must be 0 or more."""


async def some_not_negative(
    channel: Channel, prss: Prss, x: Words, bits: int, questions: Sequence[Alternatives]
) -> Words:
    """For each question 1 where in some alternative no number is negative: shape (questions, n), of degree 1.

    `x`: of shape (rows, n), −2^bits ≤ x < 2^bits.
    """

    async def step(part: Channel, piece: slice) -> Words:
        return (await _answered(part, prss, np.ascontiguousarray(x[:, piece]), bits, questions)).T

    size = LANES * max(1, LANES_CHUNK // (LANES * len(x)))
    return np.ascontiguousarray((await in_batches(channel, x.shape[1], size, step)).T)


async def _answered(
    channel: Channel, prss: Prss, x: Words, bits: int, questions: Sequence[Alternatives]
) -> Words:  # fmt: skip
    """A row of lanes for each number, so that they are side by side."""
    count, words = x.shape[1], words_for(x.shape[1])
    padded = np.zeros((len(x), LANES * words), np.uint64)
    padded[:, :count] = x
    negative = await less.negative_bits(channel, prss, padded.reshape(-1), bits)
    held = flipped(prss, Pieces(negative.left.reshape(-1, words), negative.right.reshape(-1, words)))
    circuit = Helped(channel, prss, words)
    held = await _every(circuit, held, [one for alternatives in questions for one in alternatives])
    ends = np.cumsum([len(alternatives) for alternatives in questions])
    if ends[-1] > len(questions):  # some of several: not none of them
        places = [list(range(end - len(one), end)) for end, one in zip(ends.tolist(), questions, strict=True)]
        held = flipped(prss, await _every(circuit, flipped(prss, held), places))
    flat = Pieces(held.left.reshape(-1), held.right.reshape(-1))
    found = await sign.to_field(channel, prss, flat, len(questions) * LANES * words, ahead=True)
    return np.ascontiguousarray(found.reshape(len(questions), -1)[:, :count])


async def _every(circuit: Helped, bits: Pieces, sets: Sequence[Sequence[int]]) -> Pieces:
    """For each set of rows whether all are 1. A round for each factor of MOST."""
    while max(map(len, sets)) > 1:
        parts = [[list(some[at : at + MOST]) for at in range(0, len(some), MOST)] for some in sets]
        chosen = [part for of_set in parts for part in of_set]
        sizes = sorted({len(part) for part in chosen} - {1})
        jobs: list[Job] = []
        for size in sizes:
            rows = np.array([part for part in chosen if len(part) == size])
            jobs.append((every(size), [bits[rows[:, place]] for place in range(size)]))
        found = {size: outputs[0] for size, outputs in zip(sizes, await circuit.layer(jobs), strict=True)}
        found[1] = bits[np.array([part[0] for part in chosen if len(part) == 1], np.int64)]
        bits = _in_order(found, [len(part) for part in chosen])
        ends = np.cumsum([len(of_set) for of_set in parts]).tolist()
        sets = [range(end - len(of_set), end) for end, of_set in zip(ends, parts, strict=True)]
    return bits[np.array([some[0] for some in sets])]


def _in_order(found: dict[int, Pieces], sizes: Sequence[int]) -> Pieces:
    """Rows of gates of several sizes, as they were asked for."""
    words = found[1].left.shape[1]
    left, right = (np.empty((len(sizes), words), np.uint64) for _ in range(2))
    for size, rows in found.items():
        places = np.flatnonzero(np.array(sizes) == size)
        left[places], right[places] = rows.left, rows.right
    return Pieces(left, right)
