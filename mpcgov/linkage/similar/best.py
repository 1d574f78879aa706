"""The best of each row and of each column, on secret bits: tournaments whose outcomes nobody sees.

Numbers lie as cubes of bits: bit by bit, competitor by competitor, and 64 competitions side by side in a word.
Neighbours meet, the greater goes on, of equal ones the first, so the first of all greatest wins. One secret bit is kept
of each meeting; back from the last meeting to the first they become a 1 for the winner and 0 for all others.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mpcgov.linkage.similar.gates import FEW_WORDS, Circuit, Meeting, greater, ones, turned
from mpcgov.mpc.word import steps
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sign import Pieces
from mpcgov.mpc.word.wire import OVERLAP, Channel

CHUNK = 1 << 16
"""Words of a row that are compared at once: four million comparisons."""

LANES = 64
CHANNELS = 8

T = TypeVar("T")
Cube = NDArray[np.uint64]
"""Words of shape (bits, competitors, words)."""


async def in_turns(channel: Channel, count: int, step: Callable[[Channel, int], Awaitable[None]]) -> None:
    """Run steps 0 … count−1, each on a channel of its own, a few at a time: one computes while another waits."""
    channels = [channel.branch() for _ in range(count)]

    async def every_other(first: int) -> None:
        for i in range(first, count, OVERLAP):
            await step(channels[i], i)

    await steps.together(*(every_other(first) for first in range(min(OVERLAP, count))))


async def programs(
    channel: Callable[[], Channel], count: int, program: Callable[[Callable[[], Channel], int], Awaitable[T]]
) -> list[T]:
    """What programs 0 … count−1 give, of which each opens channels of its own, at most CHANNELS; side by side, so that
    one computes and sends while others wait."""
    own = [opened_before(channel, CHANNELS) for _ in range(count)]
    return await steps.together(*(program(one, number) for number, one in enumerate(own)))


@dataclass
class Cubes:
    """A party's two pieces of cubes of bits."""

    left: Cube
    right: Cube

    @property
    def shape(self) -> tuple[int, int, int]:
        """Bits, competitors, words."""
        bits, count, words = self.left.shape
        return bits, count, words

    @classmethod
    def empty(cls, bits: int, count: int, words: int) -> Cubes:
        """Room for so many."""
        return cls(np.empty((bits, count, words), np.uint64), np.empty((bits, count, words), np.uint64))

    @classmethod
    def beside(cls, parts: Sequence[Cubes]) -> Cubes:
        """All competitors of several cubes."""
        return cls(*(np.concatenate([getattr(part, side) for part in parts], 1) for side in ("left", "right")))

    def rows(self, competitors: slice) -> Pieces:
        """Some competitors' bits as rows of words."""
        bits = len(self.left)
        left, right = (np.ascontiguousarray(cube[:, competitors]).reshape(bits, -1) for cube in (self.left, self.right))
        return Pieces(left, right)

    def put(self, competitors: slice, rows: Pieces) -> None:
        """The reverse."""
        for cube, values in ((self.left, rows.left), (self.right, rows.right)):
            part = cube[:, competitors]
            part[:] = values.reshape(part.shape)

    def swapped(self, blocks: int) -> Cubes:
        """Competitors and each block's words in each other's place; blocks stay side by side in the words."""
        bits, count, words = self.shape
        shapes = (bits, count, blocks, words // blocks), (bits, words // blocks, blocks * count)
        return Cubes(
            *(cube.reshape(shapes[0]).transpose(0, 3, 2, 1).reshape(shapes[1]) for cube in (self.left, self.right))
        )

    def turned(self) -> Cubes:
        """One competitor's words as 64 competitors, a lane each."""
        bits, _, words = self.left.shape
        wide = -(-words // LANES)
        return Cubes(
            *(turned(cube.reshape(bits, words)).reshape(bits, LANES, wide) for cube in (self.left, self.right))
        )

    def turned_back(self, words: int) -> Cubes:
        """The reverse: one competitor with so many words."""
        return Cubes(*(_turned_back(cube)[:, None, :words].copy() for cube in (self.left, self.right)))


def _turned_back(cube: Cube) -> Words:
    """Turning is its own reverse, but for the order of the words before and after it."""
    bits, _, wide = cube.shape
    rows = cube.transpose(0, 2, 1).reshape(bits, -1)
    return turned(rows).reshape(bits, LANES, wide).transpose(0, 2, 1).reshape(bits, -1)


@dataclass
class Tournament:
    """The greatest of each competition, and how each meeting ended, level by level."""

    best: Cubes
    outcomes: list[Cubes]


async def tournament(
    channel: Callable[[], Channel], prss: Prss, numbers: Cubes, left: int = 1, few_words: int = FEW_WORDS
) -> Tournament:
    """Let competitors of each lane meet until at most so many are left, each the best of a run of neighbours.

    ⌈bits / 2⌉ + 1 rounds for each of ⌈log₂ competitors⌉ levels, and batches. `few_words`: see `gates.greater`.
    """
    outcomes = []
    while numbers.shape[1] > left:
        numbers, outcome = await _level(channel(), prss, numbers, few_words)
        outcomes.append(outcome)
    return Tournament(numbers, outcomes)


async def _level(channel: Channel, prss: Prss, numbers: Cubes, few_words: int) -> tuple[Cubes, Cubes]:
    bits, count, words = numbers.shape
    pairs = count // 2
    winners, outcome = Cubes.empty(bits, count - pairs, words), Cubes.empty(1, pairs, words)
    step = max(1, CHUNK // words)

    async def meet(part: Channel, number: int) -> None:
        first, last = number * step, min(pairs, (number + 1) * step)
        left = numbers.rows(slice(2 * first, 2 * last, 2))
        right = numbers.rows(slice(2 * first + 1, 2 * last + 1, 2))
        meeting = Meeting(part, prss, (last - first) * words)
        later = await greater(meeting, right, left, few_words)
        outcome.put(slice(first, last), later)
        winners.put(slice(first, last), await meeting.choose(later, right, left))

    await in_turns(channel, -(-pairs // step), meet)
    if count % 2:
        winners.put(slice(pairs, None), numbers.rows(slice(count - 1, count)))
    return winners, outcome


async def one_hot(channel: Callable[[], Channel], prss: Prss, outcomes: list[Cubes], count: int, start: Cubes) -> Cubes:
    """A 1 for the winner of each run of competitors, shape (1, competitors, words); where `start` is 0, none."""
    counts = [count]
    for _ in outcomes:
        counts.append(counts[-1] - counts[-1] // 2)
    for outcome, below in zip(reversed(outcomes), reversed(counts[:-1]), strict=True):
        start = await _down(channel(), prss, start, outcome, below)
    return start


async def _down(channel: Channel, prss: Prss, above: Cubes, outcome: Cubes, count: int) -> Cubes:
    _, pairs, words = outcome.shape
    below = Cubes.empty(1, count, words)
    step = max(1, 8 * CHUNK // words)

    async def pass_on(part: Channel, number: int) -> None:
        first, last = number * step, min(pairs, (number + 1) * step)
        circuit = Circuit(part, prss, 1, (last - first) * words)
        parent = above.rows(slice(first, last))[0]
        right = await circuit.both(parent, outcome.rows(slice(first, last))[0])
        below.put(slice(2 * first + 1, 2 * last + 1, 2), right)
        below.put(slice(2 * first, 2 * last, 2), parent ^ right)

    await in_turns(channel, -(-pairs // step), pass_on)
    if count % 2:
        below.put(slice(count - 1, count), above.rows(slice(pairs, None)))
    return below


def everywhere(me: int, words: int, count: int = 1) -> Cubes:
    """A 1 in every lane of each competitor."""
    start = Cubes.empty(1, count, words)
    for one in range(count):
        start.put(slice(one, one + 1), ones(me, words))
    return start


@dataclass
class Chosen:
    """Of a grid of numbers, rows in lanes: which pairs are best of their row and of their column; each row's best.

    `pairs`: shape (1, columns, words). `best`: shape (bits, 1, words).
    """

    pairs: Cubes
    best: Cubes

    def per_row(self) -> Pieces:
        """Whether each row has such a pair: one row of lanes. It has one at most, so the sum is local."""
        return Pieces(*(np.bitwise_xor.reduce(cube[0], axis=0) for cube in (self.pairs.left, self.pairs.right)))


async def mutual_best(channel: Callable[[], Channel], prss: Prss, numbers: Cubes, blocks: int = 1) -> Chosen:
    """`numbers`: shape (bits, columns, words), rows in lanes: of a block's W words lane l of word w is row l · W + w.

    The pairs that are the first greatest of their row and of their column: at most one in each. Blocks are side by side
    in the words, and each by itself: a row has so many columns of its own, and a column so many rows.
    """
    _, columns, words = numbers.shape

    async def of_rows(channel: Callable[[], Channel]) -> tuple[Cubes, Cubes]:
        by_row = await tournament(channel, prss, numbers)
        return await one_hot(channel, prss, by_row.outcomes, columns, everywhere(prss.me, words)), by_row.best

    async def of_columns(channel: Callable[[], Channel]) -> tuple[Cubes, Cubes]:
        across = await tournament(channel, prss, numbers.swapped(blocks))
        lanes = await tournament(channel, prss, across.best.turned())
        lane = await one_hot(channel, prss, lanes.outcomes, LANES, everywhere(prss.me, lanes.best.shape[2]))
        start = lane.turned_back(blocks * columns)
        return (await one_hot(channel, prss, across.outcomes, words // blocks, start)).swapped(blocks), lanes.best

    (of_row, best), (of_column, _) = await steps.together(
        of_rows(opened_before(channel, 2 * levels(columns))),
        of_columns(opened_before(channel, 2 * (levels(words // blocks) + levels(LANES)))),
    )
    pairs = Cubes.empty(1, columns, words)
    step = max(1, 8 * CHUNK // words)

    async def meet(part: Channel, number: int) -> None:
        some = slice(number * step, min(columns, (number + 1) * step))
        circuit = Circuit(part, prss, 1, (some.stop - some.start) * words)
        pairs.put(some, await circuit.both(of_row.rows(some)[0], of_column.rows(some)[0]))

    await in_turns(channel(), -(-columns // step), meet)
    return Chosen(pairs, best)


def levels(count: int) -> int:
    """How many there are in a tournament of so many competitors."""
    return (count - 1).bit_length()


def opened_before(channel: Callable[[], Channel], count: int) -> Callable[[], Channel]:
    """Channels opened before what uses them, which runs beside something else and so in an order of its own."""
    return iter([channel() for _ in range(count)]).__next__
