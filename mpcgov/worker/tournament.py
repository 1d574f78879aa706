"""The least of secret numbers that are all different, and where it is: several meet at once, so that rounds are few.

In a meeting of n numbers all pairs are compared side by side, and the one that is less than all others goes on. Numbers
meet by twos while they are many, as larger meetings take more comparisons. Nobody learns an outcome.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mpcgov.mpc import SecretArray, concatenate
from mpcgov.mpc.whole import within

MANY, FEW = 96, 8
"""More than MANY numbers meet by twos, more than FEW by fours, and so many all at once."""


@dataclass(frozen=True)
class Block:
    """Meetings of equally many: the columns of each member, and by member but the last 1 where it is the least."""

    members: Sequence[slice]
    wins: Sequence[SecretArray]

    @property
    def meetings(self) -> int:
        """How many there are."""
        first: slice = self.members[0]
        return int(first.stop - first.start)


Stage = Sequence[Block]
"""Meetings side by side; those who go on from each block come after those of the blocks before."""


def least(numbers: SecretArray) -> tuple[SecretArray, list[Stage]]:
    """The least of each row of numbers, which are all different, shape (rows, 1); and how the meetings ended."""
    stages = []
    while (width := numbers.shape[1]) > 1:
        numbers, stage = _meet(numbers, 2 if width > MANY else 4 if width > FEW else width)
        stages.append(stage)
    return numbers, stages


def chosen(stages: Sequence[Stage], which: SecretArray) -> SecretArray:
    """1 where the least of each row is, of the rows where `which`, shape (rows, 1), is 1; elsewhere 0."""
    for stage in reversed(stages):
        starts = itertools.accumulate((block.meetings for block in stage), initial=0)
        winners = [which[:, start : start + block.meetings] for start, block in zip(starts, stage, strict=False)]
        found = _products([[after, win] for block, after in zip(stage, winners, strict=True) for win in block.wins])
        parts, rest = [], iter(found)
        for block, after in zip(stage, winners, strict=True):
            first = list(itertools.islice(rest, len(block.wins)))
            last = within(after - sum(first[1:], start=first[0]), 0, 1) if first else after
            parts.append([*first, last])
        which = concatenate(
            [part for member in itertools.zip_longest(*parts) for part in member if part is not None], axis=1
        )
    return which


def _meet(numbers: SecretArray, size: int) -> tuple[SecretArray, Stage]:
    """Those who go on, and how they did. Meeting k is of the columns k, k + n, k + 2n … if there are n meetings."""
    blocks = [Block(members, ()) for members in _members(numbers.shape[1], size)]
    pairs = [pair for block in blocks for pair in itertools.combinations(block.members, 2)]
    columns = [concatenate([numbers[:, pair[side]] for pair in pairs], axis=1) for side in (0, 1)]
    outcomes = _apart(columns[0] < columns[1], [first.stop - first.start for first, _ in pairs])
    before = {
        pair: bit
        for (a, b), less in zip(pairs, outcomes, strict=True)
        for pair, bit in (((a.start, b.start), less), ((b.start, a.start), 1 - less))
    }
    wanted = []
    for block in blocks:
        *others, last = block.members
        for own in others:
            bits = [before[own.start, other.start] for other in block.members if other != own]
            wanted += [bits, [*bits, numbers[:, own] - numbers[:, last]]]
    found = iter(_products(wanted))
    winners, stage = [], []
    for block in blocks:
        both = [(next(found), next(found)) for _ in block.members[1:]]
        best = numbers[:, block.members[-1]]
        winners.append(within(sum((more for _, more in both), start=best), numbers.low, numbers.high))
        stage.append(Block(block.members, [win for win, _ in both]))
    return concatenate(winners, axis=1), stage


def _members(width: int, size: int) -> Iterator[list[slice]]:
    """Meetings of at most so many columns: first those that the last members are in, then those that they aren't."""
    meetings = -(-width // size)
    whole, rest = divmod(width, meetings)
    for some, members in ((slice(0, rest), whole + 1), (slice(rest, meetings), whole)):
        if some.start < some.stop:
            yield [slice(k * meetings + some.start, k * meetings + some.stop) for k in range(members)]


def _products(factors: Sequence[Sequence[SecretArray]]) -> list[SecretArray]:
    """The product of each group of factors of one shape: bits, but for the last. A round for each doubling of the
    longest group; a pair of factors that several groups have is multiplied once."""
    groups = [list(group) for group in factors]
    while any(len(group) > 1 for group in groups):
        pairs = {(id(a), id(b)): (a, b) for group in groups for a, b in zip(group[::2], group[1::2], strict=False)}
        left, right = (concatenate([pair[side] for pair in pairs.values()], axis=1) for side in (0, 1))
        parts = _apart(left * right, [a.shape[1] for a, _ in pairs.values()])
        known = {
            pair: within(part, min(0, b.low), max(0, b.high))
            for (pair, (_, b)), part in zip(pairs.items(), parts, strict=True)
        }
        groups = [
            [
                *(known[id(a), id(b)] for a, b in zip(group[::2], group[1::2], strict=False)),
                *group[len(group) // 2 * 2 :],
            ]
            for group in groups
        ]
    return [group[0] for group in groups]


def _apart(x: SecretArray, widths: Sequence[int]) -> list[SecretArray]:
    ends = list(itertools.accumulate(widths))
    return [x[:, end - width : end] for width, end in zip(widths, ends, strict=True)]
