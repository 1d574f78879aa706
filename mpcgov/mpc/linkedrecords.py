"""Compared records as a protocol sees them: the job's tables, of records that are each other's best. Nothing else.

Which owner's records are rows and which are columns follows from the padded lengths of their lists. Every party runs
the same steps in the same order. What travels, and why it tells nothing: docs/security/linkage.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from mpcgov.errors import SpecError
from mpcgov.linked import layout
from mpcgov.linked import sums as all_sums
from mpcgov.linked.dealing import Dealing, dealing
from mpcgov.linked.encoding import IDENTIFIER_BITS, IDENTIFIER_WORDS, MOST_PAIRS
from mpcgov.linked.facts import Linked
from mpcgov.linked.qualified import Qualified
from mpcgov.mpc import join
from mpcgov.mpc.arrays import SecretArray
from mpcgov.mpc.compose import composed, groups
from mpcgov.mpc.config import SessionConfig
from mpcgov.mpc.functions import concatenate, sort_rows
from mpcgov.mpc.linkedrows import Places, digits_of, limbs_of
from mpcgov.mpc.similar import bring, report
from mpcgov.mpc.similar.best import mutual_best
from mpcgov.mpc.similar.bring import Brought
from mpcgov.mpc.similar.clk import Filters, Texts, filler, filter_keys
from mpcgov.mpc.similar.scores import Grid, Side, scores
from mpcgov.mpc.totals import cell_sums
from mpcgov.mpc.word import field, stream
from mpcgov.mpc.word.engine import WordEngine
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.product import product
from mpcgov.mpc.word.sharing import deal
from mpcgov.mpc.word.shuffle import shuffle
from mpcgov.mpc.word.wire import Channel


@dataclass(frozen=True)
class OwnRecords:
    """An owner's records: the texts of each field, what identifies them if receivers are told, columns of numbers."""

    fields: tuple[Texts, ...]
    identifiers: Texts | None
    columns: Mapping[str, NDArray[np.int64]]

    def __len__(self) -> int:
        return len(self.fields[0])


@dataclass(frozen=True)
class PaddedList:
    """The rows' list, in the order in which its owner has it: padding at the end."""

    length: int
    dummies: int = 0

    @property
    def order(self) -> NDArray[np.int64]:
        """Row by row."""
        return np.arange(self.length)


class LinkedRecords:
    """The owners' records, not compared yet. `job_digest` tells this job's keys from all others."""

    def __init__(
        self, engine: WordEngine, config: SessionConfig, linked: Linked, job_digest: str, own: OwnRecords | None
    ) -> None:
        self._engine = engine
        self._parties = config.parties
        self._me = config.parties[config.me]
        self._linked = linked
        self._job_digest = job_digest
        self._own = own

    async def tables(self) -> dict[str, Places]:
        """All numbers of the job's tables, and those that decide about them, by `table.name`; each shape (cells,)."""
        grid = await self._grid()
        filters = await self._filters(grid)
        left, other = (self._parties[side.owner] for side in (grid.rows, grid.columns))
        wanted = all_sums.by_name(self._linked)
        plan = dealing(self._linked, left, list(wanted.values()), (left, other))
        brought = await self._brought(grid, filters, plan, other)
        sums = limbs_of(self._engine, plan, await self._sums(grid, plan, brought))
        digits = {one: digits_of(one, limbs) for one, limbs in sums.items()}
        found = {name: digits[one] for name, one in wanted.items()}
        if self._linked.asked.output == "links":
            found |= await self._links(grid, brought)
        if self._linked.asked.report:
            found |= await self._report(grid, filters, brought)
        return found

    def _channel(self) -> Channel:
        return self._engine.operation()[0]

    # -- who has rows and who has columns

    async def _grid(self) -> Grid:
        """The public sizes.

        Raises:
            SpecError: there are too many pairs.
        """
        owners = self._linked.owners
        most = {self._parties.index(owner): self._linked.declarations[owner].max_rows for owner in owners}
        lengths = await join.exchange_lengths(self._channel(), most, None if self._own is None else len(self._own))
        first, second = sorted(lengths, key=lambda owner: lengths[owner])
        if lengths[first] * lengths[second] > MOST_PAIRS:
            raise SpecError(
                f"{lengths[first]:,} and {lengths[second]:,} records are more than {MOST_PAIRS:,} pairs to compare",
                hint="choose fewer by where: both owners by the same years of birth, one job for each",
                code="pairs",
            )
        scoring = self._linked.scoring
        rows, columns = Side(first, lengths[first]), Side(second, lengths[second])
        return Grid(rows, columns, scoring.terms, scoring.prime_bits, filler(scoring))

    async def _filters(self, grid: Grid) -> Filters | None:
        """Our records as filters, under keys that both owners make."""
        channel, owners = self._channel(), (grid.rows.owner, grid.columns.owner)
        me = channel.line.me
        if self._own is None:
            return None
        mine, (peer,) = stream.private_key(), [owner for owner in owners if owner != me]
        taken = await channel.exchange({peer: stream.key_words(mine)}, {peer: stream.KEY_WORDS})
        theirs = stream.key_from(taken[peer])
        secrets = (mine, theirs) if me == owners[0] else (theirs, mine)
        names = [self._parties[owner] for owner in owners]
        keys = filter_keys(secrets, self._job_digest, names, len(self._own.fields))
        first = me == owners[0]
        length = (grid.rows if first else grid.columns).records
        return Filters(self._own.fields, keys, self._linked.scoring, length, first)

    # -- what the columns' owner has, brought to the rows

    async def _brought(self, grid: Grid, filters: Filters | None, plan: Dealing, other: str) -> Brought:
        prss = self._engine.operation()[1]
        found = await scores(self._channel, prss, grid, None if filters is None else filters.rows)
        chosen = await mutual_best(self._channel, prss, found)
        widths = [*_widths(self._linked, plan, other)]
        kept = len(widths) + (IDENTIFIER_WORDS if self._linked.asked.output == "links" else 0)
        widths += [IDENTIFIER_BITS] * (kept - len(widths))
        widths += report.widths(self._linked, other) if self._linked.asked.report else []
        mine = self._other_columns(grid, plan, filters) if self._me == other else None
        return await bring.brought(self._channel, prss, grid, chosen, widths, kept, mine)

    def _other_columns(self, grid: Grid, plan: Dealing, filters: Filters | None) -> Words:
        own, length = self._records(), grid.columns.records
        columns = [_padded(self._columns(plan), length)]
        if own.identifiers is not None:
            columns.append(_padded(_identifier_words(own.identifiers), length))
        if filters is not None and self._linked.asked.report:
            columns.append(report.columns(self._linked, self._me, own.columns, filters))
        return np.concatenate(columns)

    def _records(self) -> OwnRecords:
        if self._own is None:
            raise SpecError("an owner without records")
        return self._own

    def _columns(self, plan: Dealing) -> Words:
        """What we deal, of our records, shape (columns, N)."""
        own = self._records()
        return field.from_signed(composed(plan.dealt[self._me], own.columns, self._groups()))

    def _groups(self) -> NDArray[np.int64]:
        """The group of each of our records."""
        own = self._records()
        by = [(c.column, len(self._linked.levels(c))) for c in self._linked.asked.groups if c.party == self._me]
        return groups(own.columns, by, len(own))

    # -- what comes out

    async def _sums(self, grid: Grid, plan: Dealing, brought: Brought) -> Words:
        """Shares of all places of all sums, shape (places, cells)."""
        rows, other = grid.rows, self._parties[grid.columns.owner]
        mine = self._me == plan.left
        values = _padded(self._columns(plan), rows.records) if mine else None
        count = len(plan.dealt[plan.left])
        dealt = await self._deal(rows.owner, values, (count, rows.records))
        here = np.ascontiguousarray(brought.linked[: len(plan.dealt[other])].T)
        shares = {plan.left: np.ascontiguousarray(dealt.T), other: here}
        channel, prss = self._engine.operation()
        own = (PaddedList(rows.records), self._groups()) if mine else None
        return await cell_sums(channel, prss, plan, shares, rows.owner, own)

    async def _deal(self, owner: int, values: Words | None, shape: tuple[int, int]) -> Words:
        channel, prss = self._engine.operation()
        own = None if values is None else values.reshape(-1)
        (share,) = await deal(channel, prss.threshold, [owner], own, shape[0] * shape[1])
        return share.reshape(shape)

    async def _links(self, grid: Grid, brought: Brought) -> dict[str, Places]:
        """What identifies both records of each link, in an order that nobody knows; 0 in rows to spare."""
        rows = grid.rows
        mine = None
        if self._parties.index(self._me) == rows.owner:
            identifiers = self._records().identifiers
            mine = None if identifiers is None else _padded(_identifier_words(identifiers), rows.records)
        dealt = await self._deal(rows.owner, mine, (IDENTIFIER_WORDS, rows.records))
        channel, prss = self._engine.operation()
        bit = np.broadcast_to(brought.link, dealt.shape)
        ours = await product(channel, prss, np.ascontiguousarray(bit), dealt)
        theirs = brought.linked[-IDENTIFIER_WORDS:]
        sides = {rows.owner: ours, grid.columns.owner: theirs}
        named = [sides[self._parties.index(column.party)] for column in self._linked.asked.identify]
        table = np.ascontiguousarray(np.concatenate([brought.link[None], *named]).T)
        channel, prss = self._engine.operation()
        mixed = await shuffle(channel, prss, table)
        linked = self._array(mixed[:, 0], 0, 1)
        words = self._array(mixed[:, 1:], 0, (1 << IDENTIFIER_BITS) - 1)
        first = sort_rows(words, 1 - linked)
        (name,) = [name for name, table in self._linked.tables.items() if table.measure == "links"]
        (wanted,) = [table.rows for table in layout.tables(self._linked) if table.name == name]
        columns = [_of_length(first[:, k : k + 1].reshape((rows.records,)), wanted) for k in range(words.shape[1])]
        return {
            f"{name}.{column}": columns[k * IDENTIFIER_WORDS : (k + 1) * IDENTIFIER_WORDS]
            for k, column in enumerate(self._linked.asked.identify)
        }

    async def _report(self, grid: Grid, filters: Filters | None, brought: Brought) -> dict[str, Places]:
        own = None if self._own is None else self._own.columns
        found = await report.tables(self._engine.operation, self._linked, grid, brought, filters, own, self._parties)
        most = max(self._linked.declarations[party].max_rows for party in self._linked.owners)
        return {name: [self._array(share, 0, most)] for name, share in found.items()}

    def _array(self, share: Words, low: int, high: int) -> SecretArray:
        return SecretArray(self._engine, self._engine.secret(np.ascontiguousarray(share)), low, high)


def _widths(linked: Linked, plan: Dealing, owner: str) -> list[int]:
    """How many bits an owner's dealt columns need: all of an element's if it may be negative, one if it is 0 or 1."""
    result = []
    for one in plan.dealt[owner]:
        numbers = [linked.number(Qualified(owner, name)) for name in one.factor]
        whole = prod(number.high for number in numbers).bit_length()
        negative = any(number.low < 0 for number in numbers)
        result.append(field.BITS if negative else one.radix_bits or max(1, whole))
    return result


def _padded(columns: Words, length: int) -> Words:
    """Columns with 0 in the rows that pad the list."""
    padded = np.zeros((len(columns), length), np.uint64)
    padded[:, : columns.shape[1]] = columns
    return padded


def _identifier_words(texts: Texts) -> Words:
    """Texts of at most 42 bytes as six numbers of 56 bits each, shape (6, texts)."""
    lengths = np.diff(texts.offsets)
    width = IDENTIFIER_BITS // 8
    characters = np.zeros((len(texts), IDENTIFIER_WORDS * width), np.uint8)
    row = np.repeat(np.arange(len(texts)), lengths)
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    characters[row, place] = texts.data[texts.offsets[0] : texts.offsets[-1]]
    words = np.zeros((len(texts), IDENTIFIER_WORDS, 8), np.uint8)
    words[:, :, :width] = characters.reshape(len(texts), IDENTIFIER_WORDS, width)
    return np.ascontiguousarray(words.view("<u8")[:, :, 0].T)


def _of_length(column: SecretArray, wanted: int) -> SecretArray:
    """The first elements, or as many zeros more as are lacking."""
    if wanted <= len(column):
        return column[:wanted]
    rest = column[np.zeros(wanted - len(column), np.int64)] * 0
    return concatenate([column, rest])
