"""Each row's likeliest partner: candidates by the filters, their fields compared, the one that weighs most; as shares.

Of every run of neighbouring columns a row has one candidate, the best by score, as a secret 1 in the run. What the
columns' owner has of the candidates is brought to them, compared with what the rows' owner has, and weighed; of the
candidate that weighs most its columns become words. See docs/security/linkage-records.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from mpcgov.linkage.similar.agree import Pairs
from mpcgov.linkage.similar.arranged import Arranged
from mpcgov.linkage.similar.best import CHUNK, Cubes, Tournament, everywhere, one_hot, programs, tournament
from mpcgov.linkage.similar.bring import as_words, bit_rows, linked_bits, numbers
from mpcgov.linkage.similar.clk import Filters
from mpcgov.linkage.similar.fields import Plain, lanes_of
from mpcgov.linkage.similar.gates import Circuit, enter
from mpcgov.linkage.similar.scores import Grid, of_rows, some_scores
from mpcgov.linkage.similar.stacks import Stacks, joined, part, shaped
from mpcgov.linkage.similar.three import Operation, Three, among, to_all
from mpcgov.linked.encoding import FieldType, run_length, runs_of
from mpcgov.linked.fieldbits import TOTAL_BITS, record_bit_count
from mpcgov.mpc.word import field, lanes
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sign import Pieces
from mpcgov.mpc.word.wire import Channel
from mpcgov.records.agreement import Ints

EARLY = 8
"""Of so many neighbours the best is found before runs are put side by side."""


@dataclass(frozen=True)
class OwnPass:
    """What an owner brings in one pass: filters, bits of its fields, and the order of its rows.

    `bits`: of all of its records. `numbers`: of each row the number of its record, −1 in those that pad.
    `columns`: at the columns' owner, what is brought of the partner, shape (columns, all of its rows); else None.
    `foreseen`: at the columns' owner, what pairs of one person weigh by its list: see `records.foreseen`; else None.
    """

    filters: Filters
    bits: Plain
    order: Arranged
    numbers: Arranged
    columns: Words | None
    foreseen: Ints | None


@dataclass(frozen=True)
class Partners:
    """As shares of all parties, each row's likeliest partner: its weight, its record's number, its columns."""

    weight: Words
    number: Words
    columns: Words

    def stacked(self) -> Words:
        """All of it as one matrix, shape (columns + 2, rows)."""
        return np.concatenate([self.weight[None], self.number[None], self.columns])

    @classmethod
    def of(cls, stacked: Words) -> Partners:
        """The reverse."""
        return cls(stacked[0], stacked[1], stacked[2:])


async def partners(
    operation: Operation,
    grids: Sequence[Grid],
    three: Three,
    types: Sequence[FieldType],
    own: Sequence[OwnPass] | None,
    widths: Sequence[int],
    columns: int,
) -> list[Partners]:
    """The partners of all rows of all blocks, pass by pass, so many blocks at a time as memory should hold.

    Args:
        grids: of each pass.
        three: who compares.
        types: of the fields.
        own: an owner's records, of each pass.
        widths: how many bits the numbers of each of the columns have.
        columns: records of the columns' owner have smaller numbers.
    """
    widths = [max(1, columns.bit_length()), *widths]
    members = three.members
    channel, _ = operation()
    me, parties = channel.line.me, channel.line.parties
    if parties == len(members):
        return [Partners.of(found) for found in await _passes(operation, grids, types, own, widths)]
    each: list[Words] | list[None] = [None] * len(grids)
    if me in members:
        inner = await among(channel.line, three)
        each = await _passes(inner, [grid.among(members) for grid in grids], types, own, widths)
    shapes = [(len(widths) + 1, grid.all_of(grid.rows)) for grid in grids]
    return [
        Partners.of(await to_all(operation, members, found, shape)) for found, shape in zip(each, shapes, strict=True)
    ]


async def _passes(
    operation: Operation,
    grids: Sequence[Grid],
    types: Sequence[FieldType],
    own: Sequence[OwnPass] | None,
    widths: Sequence[int],
) -> list[Words]:
    """See `Partners.stacked`."""
    _, prss = operation()

    def channel() -> Channel:
        return operation()[0]

    found = []
    for number, grid in enumerate(grids):
        mine = None if own is None else own[number]
        turns = [Turn(channel, prss, turn, types, widths) for turn in grid.turns()]
        found.append(np.concatenate([await turn.partners(mine) for turn in turns], axis=1))
    return found


@dataclass(frozen=True)
class Turn:
    """Some blocks at a time. `widths`: how many bits a record's number and its columns have."""

    channel: Callable[[], Channel]
    prss: Prss
    grid: Grid
    types: Sequence[FieldType]
    widths: Sequence[int]

    async def partners(self, own: OwnPass | None) -> Words:
        """See `Partners.stacked`."""
        ours, met = await self._of_rows(own), await self._met(own)
        columns, words, runs = self.grid.columns.records, self.grid.all_words, met.best.shape[1]
        start = everywhere(self.prss.me, words, runs)
        picked = await one_hot(self.channel, self.prss, met.outcomes, columns, start)
        field_count, count = record_bit_count(self.types, first=False), sum(self.widths)
        theirs = await linked_bits(
            self.channel(), self.prss, self.grid, picked, self._of_columns(own), field_count + count, runs
        )
        tiled = Pieces(np.tile(ours.left, (1, runs)), np.tile(ours.right, (1, runs)))
        pairs = Pairs(Stacks(self.channel, self.prss), self.prss.me, self.types, tiled, theirs[:field_count])
        chosen, best = await self._heaviest(await pairs.weights(), runs)
        return await self._words(await self._of_chosen(chosen, theirs[field_count:], runs), best)

    # -- candidates

    async def _met(self, own: OwnPass | None) -> Tournament:
        """The best by score of each run of columns. Scores, and the first meetings, which are most of them, are made in
        pieces side by side: one is computed and sent while others wait."""
        filters = None if own is None else own.filters.rows
        rows, pieces = await of_rows(self.channel(), self.prss, self.grid, filters), self._pieces()

        async def of_piece(channel: Callable[[], Channel], place: int) -> Tournament:
            columns = pieces[place].stop - pieces[place].start
            scores = await some_scores(channel(), self.prss, self.grid, rows, pieces[place], filters)
            shape = -1, columns, self.grid.all_words
            competing = Cubes(scores.left.reshape(shape), scores.right.reshape(shape))
            return await tournament(channel, self.prss, competing, -(-columns // EARLY), few_words=0)

        early = await programs(self.channel, len(pieces), of_piece)
        best = Cubes.beside([one.best for one in early])
        late = await tournament(self.channel, self.prss, best, runs_of(self.grid.columns.records))
        levels = zip_longest(*(one.outcomes for one in early))  # the last piece may have so few that fewer meet
        outcomes = [Cubes.beside([part for part in level if part is not None]) for level in levels]
        return Tournament(late.best, outcomes + late.outcomes)

    def _pieces(self) -> list[slice]:
        """Columns of each block, as many whole runs together as are compared at once."""
        columns = self.grid.columns.records
        length = run_length(columns)
        step = length * max(1, CHUNK // (length * self.grid.all_words))
        return [slice(start, min(columns, start + step)) for start in range(0, columns, step)]

    # -- what the owners have of them

    def _of_columns(self, own: OwnPass | None) -> Words | None:
        """The columns' bits: of the fields, then of the number and of all that is brought."""
        if own is None or own.columns is None:
            return None
        first = self.grid.first * self.grid.columns.records
        some = slice(first, first + self.grid.all_of(self.grid.columns))
        number = np.maximum(0, own.numbers.records[some]).astype(np.uint64)
        numbered = np.concatenate([number[None], own.columns[:, some]])
        return np.concatenate([lanes_of(own.bits, own.order.records[some]), bit_rows(numbered, self.widths)])

    async def _of_rows(self, own: OwnPass | None) -> Pieces:
        """The rows' bits of the fields, in lanes."""
        grid, bits = self.grid, None
        if own is not None and own.columns is None:
            rows = grid.numbers(grid.rows, slice(0, grid.rows.records)).reshape(grid.blocks, -1)
            padded = np.where(grid.lanes < rows.shape[1], grid.lanes, 0)
            records = np.where(grid.lanes < rows.shape[1], own.order.records[rows[:, padded]], -1)
            bits = lanes_of(own.bits, records.reshape(-1))
        shape = record_bit_count(self.types, first=True), grid.all_words
        return await enter(self.channel(), self.prss, grid.rows.owner, bits, shape)

    # -- the one that weighs most

    async def _heaviest(self, weights: Pieces, runs: int) -> tuple[Cubes, Pieces]:
        """A 1 for the first of a row's candidates that weigh most, and its weight with the top bit inverted."""
        stacks = Stacks(self.channel, self.prss)
        ordered = joined([weights[:-1], stacks.negated(weights[-1:])])
        shape = TOTAL_BITS, runs, self.grid.all_words
        met = await tournament(
            self.channel, self.prss, Cubes(ordered.left.reshape(shape), ordered.right.reshape(shape))
        )
        start = everywhere(self.prss.me, self.grid.all_words)
        chosen = await one_hot(self.channel, self.prss, met.outcomes, runs, start)
        return chosen, met.best.rows(slice(None))

    async def _of_chosen(self, chosen: Cubes, brought: Pieces, runs: int) -> Pieces:
        """Of what was brought to a row's candidates, that of the one which weighs most. One round."""
        count, words = len(brought.left), self.grid.all_words
        circuit = Circuit(self.channel(), self.prss, count, words)
        plus, minus = circuit.masks(count)
        terms, none = plus ^ minus, np.zeros((count, words), np.uint64)
        for run in range(runs):
            bit = Pieces(
                *(np.broadcast_to(side[:, run], (count, words)).copy() for side in (chosen.left, chosen.right))
            )
            x = shaped(part(brought, slice(None), slice(run * words, (run + 1) * words)), count, words)
            y = np.ascontiguousarray(x.left), np.ascontiguousarray(x.right)
            terms ^= lanes.products((bit.left, bit.right), y, none, none)
        return await circuit.finish(terms)

    async def _words(self, bits: Pieces, best: Pieces) -> Words:
        words = (await as_words(self.channel(), self.prss, joined([bits, best])))[:, self.grid.places]
        count = sum(self.widths)
        weight = numbers(words[count:], [TOTAL_BITS])
        middle = np.full(weight.shape, 1 << (TOTAL_BITS - 1), np.uint64)
        return np.concatenate([field.subtract(weight, middle), numbers(words[:count], self.widths)])
