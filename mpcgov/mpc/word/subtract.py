"""The bits of c − r for m = 3, t = 1, with c known to parties 1 and 2 and r to party 3: nothing is opened.

Bits are taken by three. Of r's digits party 3 deals what parties 1 and 2 need to have shares of whether the lowest
bits of c's digit, one, two or three, are less than r's, or equal (see `less`). These become pieces. Neighbours are
taken together, up to four at a time and for each place (Kogge and Stone, 1973), until the borrow into each bit is one
gate more: bit i is cᵢ ⊕ rᵢ ⊕ that.

Rounds: 1 for the digits, 1 for each level, 1 for the borrows; 49 digits have two levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product
from math import prod

import numpy as np

from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.helped import Helped, Job, chain
from mpcgov.mpc.word.less import ARITIES, picked, stacked, thresholds
from mpcgov.mpc.word.sign import Pieces

DIGIT = 3
"""Bits of a digit."""
MOST = 3
"""How many blocks of digits meet in the last gate, at most."""


@dataclass(frozen=True)
class _Ends:
    """Generate and propagate of the lowest bits of digits: of these nothing propagates through digit 0, which has no
    row in `propagate`."""

    generate: Pieces
    propagate: Pieces

    def wires(self, start: int, count: int, span: int, blocks: int, lowest: bool) -> list[Pieces]:
        """Those of `chain`: for each digit from `start` on, so many blocks that end there, each of `span` digits. A
        digit below `span` is the end of all below it."""
        found = []
        for block in range(blocks):
            at = start - block * span
            found.append(self.generate[at : at + count])
            if not (lowest and block == blocks - 1):
                found.append(self.propagate[at - span : at - span + count])
        return found


async def bits_of_difference(circuit: Helped, public: Words) -> Pieces:
    """All bits of c − r, modulo 2 to the power of how many there are. `public`: rows of bits of c, or at party 3 of r,
    four or more."""
    rows = len(public)
    ends, total = await _leaves(circuit, public)
    whole, span = ends[-1], 1
    for arity in levels(len(whole.generate.left)):
        whole, span = await _level(circuit, whole, span, arity), span * arity
    jobs, places = [], []
    for bit in range(min(DIGIT, rows)):
        for start, stop, blocks in _borrows(-(-(rows - bit) // DIGIT), span):
            wires = [] if blocks == 0 else whole.wires(start - 1, stop - start, span, blocks, lowest=True)
            if bit:
                wires = [*ends[bit - 1].wires(start, stop - start, 1, 1, lowest=blocks == 0), *wires]
            if wires:
                jobs.append((chain(blocks + (bit > 0), lowest=True), wires))
                places.append(slice(DIGIT * start + bit, DIGIT * (stop - 1) + bit + 1, DIGIT))
    for place, (share,) in zip(places, await circuit.shares(jobs), strict=True):
        total[place] ^= share
    return await circuit.masked(total)


async def _leaves(circuit: Helped, public: Words) -> tuple[list[_Ends], Words]:
    """The ends of digits by how many of their lowest bits count, where there are more; of all bits, of the digits but
    the last. And shares of c ⊕ r. One round."""
    me, rows = circuit.me, len(public)
    count = -(-rows // DIGIT)
    padded = np.zeros((DIGIT * count, public.shape[1]), np.uint64)
    padded[:rows] = public
    digits = padded.reshape(count, DIGIT, -1)
    parts = [digits[: -(-(rows - bits) // DIGIT), :bits] for bits in range(1, DIGIT)] + [digits[:-1]]
    sizes = [((1 << part.shape[1]) - 1) * len(part) for part in parts]
    known = None
    if me == 2:
        known = np.concatenate([*(thresholds(part).reshape(-1, public.shape[1]) for part in parts), public])
    *tables, total = np.split(await circuit.deal(known, sum(sizes) + rows), np.cumsum(sizes))
    if me == 0:
        total = total ^ public
    shares = []
    for part, table in zip(parts, tables, strict=True):
        generate, propagate = picked(me, part, table.reshape((1 << part.shape[1]) - 1, len(part), -1))
        shares += [generate, propagate[1:]]
    pieces = await circuit.masked(np.concatenate(shares))
    ends = iter(_split(pieces, [len(share) for share in shares]))
    return [_Ends(generate, next(ends)) for generate in ends], np.ascontiguousarray(total)


async def _level(circuit: Helped, ends: _Ends, span: int, arity: int) -> _Ends:
    """Blocks of `arity` times as many digits. One round."""
    count = len(ends.generate.left)
    jobs: list[Job] = []
    for blocks in range(2, arity + 1):
        start, stop = span * (blocks - 1), min(count, span * blocks)
        if start < stop:
            jobs.append((chain(blocks, lowest=True), ends.wires(start, stop - start, span, blocks, lowest=True)))
    rest = count - span * arity
    if rest > 0:
        jobs.append((chain(arity), ends.wires(span * arity, rest, span, arity, lowest=False)))
    found = await circuit.layer(jobs)
    generate = stacked([ends.generate[:span], *(outputs[0] for outputs in found)])
    return _Ends(generate, found[-1][1] if rest > 0 else ends.propagate[:0])


def _borrows(digits: int, span: int) -> list[tuple[int, int, int]]:
    """Ranges of digits, and from how many blocks the borrow into them comes: none into digit 0."""
    ends = [0, *range(1, digits, span), digits]
    return [(start, stop, blocks) for blocks, (start, stop) in enumerate(pairwise(ends))]


@cache
def levels(blocks: int) -> Sequence[int]:
    """How many neighbours are taken together, level by level, until MOST blocks are as many as there are."""
    depth = 0
    while MOST * max(ARITIES) ** depth < blocks:
        depth += 1
    return min((fit for fit in product(ARITIES, repeat=depth) if MOST * prod(fit) >= blocks), key=sum)


def _split(pieces: Pieces, counts: Sequence[int]) -> list[Pieces]:
    ends = np.cumsum(counts)
    return [pieces[int(end) - count : int(end)] for end, count in zip(ends, counts, strict=True)]
