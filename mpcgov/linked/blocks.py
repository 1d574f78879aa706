"""Blocks: only records of one block are compared. Which blocks there are follows from the declarations alone.

A block is a combination of values, one of each of the job's `blocks`, that all owners declare. An owner knows which of
its own records are in which block, and pads every block to the length of its fullest one: that length, rounded up as
lists' lengths are, is all that others learn. A record without a value, or with one that another owner doesn't
declare, is in no block, and compared with nobody.

A job may divide its records in several ways, one pass after the other: then two records are compared if they are in one
block in any of the passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt, prod
from typing import Literal

from mpcgov.errors import SpecError
from mpcgov.linked.encoding import MOST_PAIRS
from mpcgov.linked.sizes import padded_length
from mpcgov.spec.table import CategoryColumn, Column, DateColumn, Declaration, IntegerColumn

BlockType = Literal["value", "year", "day"]
"""By what a column divides records: its values, its years, or its days of the year, whatever the year."""

MOST_BLOCKS = 10_000
"""So many blocks a pass may have."""
MOST_PASSES = 4
MOST_BLOCKED_PAIRS = 1_000_000_000
"""So many pairs are compared at most in all blocks of all passes together; in each, MOST_PAIRS."""

DAYS_OF_A_YEAR = 12 * 31
"""Month and day as one number, 31 to the month."""

ROWS_AT_ONCE = 8192
"""Rows of several blocks that are compared at once: 70 MB of shares."""
MOST_SEVERAL = ROWS_AT_ONCE
"""Rows of a block, where several may be linked to one column, so that their list may be the longer one."""


def block_column(number: int) -> str:
    """The name under which the number of each record's block in a pass goes with its columns; no column has it."""
    return f"(block {number})"


@dataclass(frozen=True)
class BlockColumn:
    """A column of each owner that divides the records."""

    type: BlockType
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Axis:
    """What all owners declare of one of the job's `blocks`: each value is one step along it."""

    type: BlockType
    columns: Mapping[str, str]
    values: Sequence[str] | range


Pass = tuple[Axis, ...]
"""What divides the records in one pass; nothing if all of them are compared."""


def passes(asked: Sequence[Sequence[BlockColumn]], declarations: Mapping[str, Declaration]) -> tuple[Pass, ...]:
    """The public values of each, for columns of which `faults` finds nothing to say."""
    return tuple(tuple(Axis(one.type, one.columns, _common(one, declarations)) for one in each) for each in asked)


def count(found: Pass) -> int:
    """How many blocks there are; one if the records aren't divided."""
    return prod(len(axis.values) for axis in found)


def faults(asked: Sequence[Sequence[BlockColumn]], declarations: Mapping[str, Declaration]) -> list[str]:
    """What is wrong with the columns, all of which are declared."""
    several = len(asked) > 1
    places = [f"params.blocks[{number}]" if several else "params.blocks" for number in range(len(asked))]
    found = [
        fault
        for place, each in zip(places, asked, strict=True)
        for number, one in enumerate(each)
        for fault in _column_faults(one, f"{place}[{number}]", declarations)
    ]
    for place, each in zip(places, [] if found else passes(asked, declarations), strict=not found):
        if (blocks := count(each)) > MOST_BLOCKS:
            found.append(f"{place}: {blocks:,} blocks; at most {MOST_BLOCKS:,}")
    return found


def _column_faults(one: BlockColumn, place: str, declarations: Mapping[str, Declaration]) -> Iterator[str]:
    kinds = {party: declarations[party].columns[name] for party, name in one.columns.items()}
    if one.type == "year" and not all(isinstance(kind, DateColumn | IntegerColumn) for kind in kinds.values()):
        yield f"{place}: years are of dates, or of integers that are years"
    elif one.type == "day" and not all(isinstance(kind, DateColumn) for kind in kinds.values()):
        yield f"{place}: days of the year are of dates"
    elif one.type == "value" and not any(
        all(isinstance(kind, wanted) for kind in kinds.values()) for wanted in (CategoryColumn, IntegerColumn)
    ):
        yield f"{place}: values are of two categories or of two integers"
    elif not _common(one, declarations):
        yield f"{place}: the {'two ' if len(kinds) == 2 else ''}columns are declared without a value in common"


def _common(one: BlockColumn, declarations: Mapping[str, Declaration]) -> Sequence[str] | range:
    kinds = [declarations[party].columns[name] for party, name in one.columns.items()]
    first = kinds[0]
    if one.type == "day":
        return range(DAYS_OF_A_YEAR)
    if isinstance(first, CategoryColumn):
        others = [set(kind.values) for kind in kinds if isinstance(kind, CategoryColumn)]
        return tuple(value for value in first.values if all(value in values for values in others))
    ends = [_ends(kind) for kind in kinds]
    return range(max(low for low, _ in ends), min(high for _, high in ends) + 1)


def _ends(kind: Column) -> tuple[int, int]:
    if isinstance(kind, DateColumn):
        return int(kind.min[:4]), int(kind.max[:4])
    return (kind.min, kind.max) if isinstance(kind, IntegerColumn) else (0, -1)


def together(rows: int) -> int:
    """How many blocks of so many rows are compared at once."""
    return max(1, ROWS_AT_ONCE // rows)


def lengths(blocks: int, lists: Sequence[int]) -> list[int]:
    """How long the blocks are if lists of these lengths are spread evenly over them."""
    return [padded_length(-(-length // blocks)) for length in lists]


def turns(blocks: int, lists: Sequence[int]) -> int:
    """How many turns those of two lists take, or of each spoke: some are compared at once, then the next ones."""
    if blocks == 1:
        return 1
    rows = lengths(blocks, lists)
    return -(-blocks // together(min(rows) if len(rows) == 2 else rows[0]))


def spokes(lists: Sequence[int]) -> list[tuple[int, int]]:
    """Which lists are compared with each other: the first with each of the others."""
    return [(lists[0], other) for other in lists[1:]]


def planned_pairs(passes: Sequence[int], lists: Sequence[int]) -> int:
    """How many pairs a plan assumes, for lists of these lengths: if they are spread evenly over each pass's blocks."""
    if tuple(passes) == (1,):
        return sum(min(prod(two), MOST_PAIRS) for two in spokes(lists))
    each = [sum(blocks * prod(lengths(blocks, two)) for blocks in passes) for two in spokes(lists)]
    return sum(min(pairs, MOST_BLOCKED_PAIRS) for pairs in each)


def check_passes(sizes: Sequence[tuple[int, tuple[int, int]]], divided: bool) -> None:
    """Nothing, if the passes can be compared one after the other: of each, how many blocks, and as `check_pairs`.

    Raises:
        SpecError: there are too many pairs.
    """
    for blocks, lengths in sizes:
        check_pairs(blocks, lengths, divided)
    pairs = sum(blocks * prod(lengths) for blocks, lengths in sizes)
    if pairs > MOST_BLOCKED_PAIRS:
        raise SpecError(
            f"{len(sizes)} passes have {pairs:,} pairs together; at most {MOST_BLOCKED_PAIRS:,}",
            hint="divide one of the passes of params.blocks by one more column, or leave one out",
            code="pairs",
        )


def check_pairs(blocks: int, lengths: Sequence[int], divided: bool) -> None:
    """Nothing, if blocks of these lengths, or lists if the records aren't divided, can be compared.

    Args:
        blocks: how many there are.
        lengths: of the rows' owner, then of the columns'.
        divided: whether the job has blocks.

    Raises:
        SpecError: there are too many pairs.
    """
    first, second = lengths
    if first * second > MOST_PAIRS:
        what = "records in a block" if divided else "records"
        raise SpecError(
            f"{first:,} and {second:,} {what} are more than {MOST_PAIRS:,} pairs to compare",
            hint="divide by one more of params.blocks, so that the fullest block gets smaller" if divided
            else "name params.blocks, such as the year of birth: only records of the same block are compared",
            code="pairs",
        )  # fmt: skip
    if first > MOST_SEVERAL:  # more than the shorter list can have
        raise SpecError(
            f"{first:,} records{' in a block' if divided else ''} of the owner that has the rows; at most "
            f"{MOST_SEVERAL:,}",
            hint="name one more of params.blocks, such as the year of birth"
            + (
                ""
                if divided
                else "; or let a shorter list have the rows: leave out params.match, or name its owner first"
            ),
            code="pairs",
        )
    if blocks * first * second > MOST_BLOCKED_PAIRS:
        raise SpecError(
            f"{blocks:,} blocks of {first:,} and {second:,} records are more than {MOST_BLOCKED_PAIRS:,} pairs",
            hint="params.blocks should divide the records more evenly: all blocks are as long as the fullest one",
            code="pairs",
        )


def most_matches(passes: Sequence[int], records: int, one_to_one: bool = True) -> int:
    """No more records are linked, where the rows' list has at most so many: so many pairs as may be have no more rows.

    Args:
        passes: how many blocks each has.
        one_to_one: then a block of r rows and c columns has at most the root of r · c links, and so many blocks as
            there are, the root of all pairs times their number; else rows may be as many as there may be.
    """
    blocks = sum(passes)
    if not one_to_one:
        return min(records, blocks * MOST_SEVERAL, MOST_BLOCKED_PAIRS // padded_length(1))
    return min(records, blocks * isqrt(MOST_PAIRS), isqrt(MOST_BLOCKED_PAIRS * blocks))
