"""Compared records as a protocol sees them: the job's tables, of records that are each other's best. Nothing else.

Which owner's records are rows and which are columns follows from the padded lengths of their lists. Every party runs
the same steps in the same order. What travels, and why it tells nothing: docs/security/linkage.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpcgov.linkage import join, ownrecords
from mpcgov.linkage.compose import composed
from mpcgov.linkage.namedlinks import named
from mpcgov.linkage.ownrecords import Own, OwnRecords
from mpcgov.linkage.places import Places, array_of, limbs_of
from mpcgov.linkage.similar import exact, probable, report
from mpcgov.linkage.similar.bring import Brought, column_widths
from mpcgov.linkage.similar.clk import filler, filter_keys, identifier_words
from mpcgov.linkage.similar.decide import PERCENTS, Decided
from mpcgov.linkage.similar.exact import Exact, common_secrets, exact_pairs
from mpcgov.linkage.similar.scores import Grid, Side
from mpcgov.linkage.similar.three import Three
from mpcgov.linkage.similar.turns import compared
from mpcgov.linkage.tags import spoke_keys
from mpcgov.linkage.totals import cell_sums
from mpcgov.linked import wanted as all_sums
from mpcgov.linked.blocks import check_passes
from mpcgov.linked.comparing import comparing, helper, rows_first
from mpcgov.linked.dealing import Dealing, dealing
from mpcgov.linked.encoding import IDENTIFIER_BITS, IDENTIFIER_WORDS
from mpcgov.linked.facts import Linked
from mpcgov.linked.taken import groups
from mpcgov.mpc.config import SessionConfig
from mpcgov.mpc.word.engine import WordEngine
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.sharing import deal
from mpcgov.mpc.word.stream import private_key
from mpcgov.mpc.word.wire import Channel
from mpcgov.spec.ids import digest
from mpcgov.spec.load import canonical_json


@dataclass(frozen=True)
class Spoke:
    """The hub's records linked with another owner's. `own`: ours in it, at these two owners."""

    grid: Grid
    own: Own | None
    brought: Brought
    decided: Decided | None


class LinkedRecords:
    """The owners' records, not compared yet. `job_digest` tells this job's keys from all others.

    One owner, the hub, has the rows, and is linked with each of the others; of two owners either is the hub.
    """

    def __init__(
        self, engine: WordEngine, config: SessionConfig, linked: Linked, job_digest: str, own: OwnRecords | None
    ) -> None:
        self._engine = engine
        self._parties = config.parties
        self._me = config.parties[config.me]
        self._linked = linked
        self._job_digest = job_digest
        self._own = own
        self._computed: dict[str, Places] = {}

    @property
    def computed(self) -> dict[str, Places]:
        """For the worker: the numbers of `tables`, whatever a program does with them."""
        return self._computed

    async def tables(self) -> dict[str, Places]:
        """All numbers of the job's tables, and those that decide about them, by `table.name`; each shape (cells,)."""
        linked = self._linked
        secrets = await self._secrets()
        first = await self._exact(secrets[0])
        grids = await self._grids(first)
        hub, *others = (self._parties[side.owner] for side in (grids[0][0].rows, *(each[0].columns for each in grids)))
        wanted = all_sums.by_name(linked)
        plan = dealing(linked, hub, list(wanted.values()), (hub, *others))
        spokes = [
            await self._spoke(turn, each, known, plan, first)
            for turn, (each, known) in enumerate(zip(grids, secrets, strict=True))
        ]
        sums = limbs_of(self._engine, plan, await self._sums(plan, spokes))
        found = {name: sums[one] for name, one in wanted.items()}
        if linked.asked.output == "links":
            found |= await self._links(spokes)
        if linked.asked.report:
            found |= await self._report(spokes[0])
        if decided := [one.decided for one in spokes if one.decided is not None and linked.estimated]:
            found |= self._arrays(probable.tables(linked, decided))
        self._computed = found
        return {name: list(places) for name, places in found.items()}

    def _channel(self) -> Channel:
        return self._engine.operation()[0]

    # -- who is equal, who has rows and who has columns

    @property
    def _owners(self) -> tuple[int, ...]:
        return tuple(self._parties.index(owner) for owner in self._linked.owners)

    @property
    def _most(self) -> dict[int, int]:
        return {self._parties.index(owner): self._linked.declarations[owner].max_rows for owner in self._linked.owners}

    async def _secrets(self) -> list[tuple[bytes, bytes] | None]:
        """Of each two owners that are linked, the hub first, what their keys are made from; None to anybody else."""
        hub, *others = self._owners
        secret = None if self._own is None else self._own.secret or private_key()
        return [await common_secrets(self._channel(), (hub, other), secret) for other in others]

    async def _exact(self, secrets: tuple[bytes, bytes] | None) -> Exact:
        """The pairs that are linked before any is compared, if the job asks for them."""
        linked, own, wanted = self._linked, self._own, self._linked.asked.exact_fields
        if not wanted:
            return exact.none()
        tagged = None
        if own is not None and secrets is not None:
            keys = spoke_keys(secrets, self._job_digest, "exact", linked.owners)
            tagged = [own.fields[number] for number in wanted], keys, max(len(own), own.tagged)
        helping, (first, second) = self._parties.index(helper(linked.job, linked.owners)), self._owners
        return await exact_pairs(self._channel(), (first, second), helping, self._most, tagged)

    async def _grids(self, found: Exact) -> list[list[Grid]]:
        """Of each owner but the hub each pass's public sizes: of the lists without exact pairs, or of the pass's
        longest blocks.

        Raises:
            SpecError: there are too many pairs.
        """
        linked, counts = self._linked, self._linked.block_counts
        own = [None] * len(counts) if self._own is None else self._own.lengths(found, counts)
        lengths = [await join.exchange_lengths(self._channel(), self._most, one) for one in own]
        together = {owner: sum(one[owner] for one in lengths) for owner in self._owners}
        hub, *others = rows_first(linked.asked, together)
        scoring = linked.scoring
        terms, bits, rest = scoring.terms, scoring.prime_bits, filler(scoring)
        for other in others:
            sizes = [(count, (one[hub], one[other])) for count, one in zip(counts, lengths, strict=True)]
            check_passes(sizes, bool(linked.asked.blocks))
        return [
            [
                Grid(Side(hub, one[hub]), Side(other, one[other]), terms, bits, rest, count, odd=scoring.odd)
                for count, one in zip(counts, lengths, strict=True)
            ]
            for other in others
        ]

    def _in_blocks(self, grids: Sequence[Grid]) -> tuple[int, int]:
        """How many records of the rows' and of the columns' owner may be in any block of any pass."""
        rows, columns = grids[0].rows.owner, grids[0].columns.owner
        return (
            min(self._most[rows], sum(grid.all_of(grid.rows) for grid in grids)),
            min(self._most[columns], sum(grid.all_of(grid.columns) for grid in grids)),
        )

    def _two(self, grid: Grid) -> tuple[str, ...]:
        """The two owners whose records a grid is of, in job order."""
        return tuple(o for o in self._linked.owners if self._parties.index(o) in (grid.rows.owner, grid.columns.owner))

    def _arranged(self, grids: Sequence[Grid], secrets: tuple[bytes, bytes] | None, found: Exact) -> Own | None:
        """Our records as filters, in the orders in which we bring them."""
        if self._own is None or secrets is None:
            return None
        compared = digest(canonical_json(self._linked.job.params["fields"]))
        keys = filter_keys(secrets, compared, self._two(grids[0]), len(self._linked.scoring.segments))
        first = self._parties.index(self._me) == grids[0].rows.owner
        most = self._in_blocks(grids)[0 if first else 1]
        return ownrecords.own(self._own, self._linked, keys, grids, found, first, most)

    # -- what the columns' owner has, brought to the rows

    async def _spoke(
        self, turn: int, grids: Sequence[Grid], secrets: tuple[bytes, bytes] | None, plan: Dealing, first: Exact
    ) -> Spoke:
        """The hub's records linked with another owner's: what that one has at the rows, whose order is the hub's in
        every spoke; and if links have probabilities, what these say."""
        linked, other, mine = self._linked, self._parties[grids[0].columns.owner], self._arranged(grids, secrets, first)
        widths = [*column_widths(linked, plan, other)]
        kept = len(widths) + (IDENTIFIER_WORDS if linked.asked.output == "links" else 0)
        widths += [IDENTIFIER_BITS] * (kept - len(widths))
        widths += report.widths(linked, other) if linked.asked.report else []
        columns = None if mine is None or self._me != other else self._other_columns(mine, plan)
        members = tuple(self._parties.index(party) for party in comparing(linked.job, self._two(grids[0])))
        operation = self._engine.operation
        if linked.asked.probability is not None:
            own = None if mine is None else mine.own_passes(linked, columns)
            most = self._in_blocks(grids)
            found = await probable.probable(operation, linked, grids, Three(members, turn), own, widths, kept, most)
            return Spoke(grids[0], mine, *found)
        (grid,) = grids
        filters = None if mine is None else mine.filters
        pairs = await compared(operation, grid, members, filters, widths, kept, columns)
        if first.rows:
            pairs = await self._with_exact(pairs, grid, kept, len(widths), first, columns)
        return Spoke(grid, mine, pairs, None)

    async def _with_exact(
        self, found: Brought, grid: Grid, kept: int, count: int, first: Exact, columns: Words | None
    ) -> Brought:
        """With a row for each exact pair, after the others: its owner deals them. None is a best, or has a score."""
        own = None
        if columns is not None:
            own = np.concatenate([columns[:, -first.rows :], first.real[None]])
            own[kept:-1][: report.weights(self._linked)] = 0
        dealt = await self._deal(grid.columns.owner, own, (count + 1, first.rows))
        rows = np.concatenate([dealt, np.zeros((2, first.rows), np.uint64)])
        return Brought.of(np.concatenate([found.stacked(), rows], axis=1), kept)

    def _other_columns(self, mine: Own, plan: Dealing) -> Words:
        columns = [self._columns(mine, plan)]
        if mine.records.identifiers is not None:
            columns.append(mine.order.columns(identifier_words(mine.records.identifiers)))
        if self._linked.asked.report:
            columns.append(report.columns(self._linked, self._me, mine.records.columns, mine.filters, mine.order))
        return np.concatenate(columns)

    def _columns(self, mine: Own, plan: Dealing) -> Words:
        """What we deal, of our rows, shape (columns, rows)."""
        return mine.order.columns(composed(plan.dealt[self._me], mine.records.columns, self._groups(mine)))

    def _groups(self, mine: Own) -> NDArray[np.int64]:
        """The group of each of our records."""
        return groups(self._linked, self._me, mine.records.columns, len(mine.records))

    # -- what comes out

    async def _sums(self, plan: Dealing, spokes: Sequence[Spoke]) -> Words:
        """Shares of all places of all sums, shape (places, cells): of rows that are linked in all spokes."""
        hub, rows = spokes[0].grid.rows.owner, len(spokes[0].brought.link)
        ours = spokes[0].own if self._me == plan.left else None
        values = None if ours is None else self._columns(ours, plan)
        dealt = await self._deal(hub, values, (len(plan.dealt[plan.left]), rows))
        shares = {plan.left: np.ascontiguousarray(dealt.T)}
        for spoke in spokes:
            other = self._parties[spoke.grid.columns.owner]
            shares[other] = np.ascontiguousarray(spoke.brought.linked[: len(plan.dealt[other])].T)
        channel, prss = self._engine.operation()
        grouped = None if ours is None else ours.order.numbers(self._groups(ours))
        return await cell_sums(channel, prss, plan, shares, hub, grouped)

    async def _deal(self, owner: int, values: Words | None, shape: tuple[int, int]) -> Words:
        channel, prss = self._engine.operation()
        own = None if values is None else values.reshape(-1)
        (share,) = await deal(channel, prss.threshold, [owner], own, shape[0] * shape[1])
        return share.reshape(shape)

    async def _links(self, spokes: Sequence[Spoke]) -> dict[str, Places]:
        """What identifies the records that are linked in all spokes; see `named`."""
        hub, mine = spokes[0].grid.rows.owner, spokes[0].own
        words = None
        if mine is not None and mine.records.identifiers is not None and self._parties.index(self._me) == hub:
            words = mine.order.columns(identifier_words(mine.records.identifiers))
        dealt = await self._deal(hub, words, (IDENTIFIER_WORDS, len(spokes[0].brought.link)))
        others = {spoke.grid.columns.owner: spoke.brought.linked[-IDENTIFIER_WORDS:] for spoke in spokes}
        links = [spoke.brought.link for spoke in spokes]
        return await named(self._engine, self._linked, self._parties, links, (hub, dealt), others)

    async def _report(self, spoke: Spoke) -> dict[str, Places]:
        mine = spoke.own
        own = None if mine is None else (mine.filters, mine.records.columns, mine.order)
        judged = None if spoke.decided is None else spoke.decided.judged
        found = await report.tables(
            self._engine.operation, self._linked, spoke.grid, spoke.brought, own, self._parties, judged
        )
        return self._arrays(found)

    def _arrays(self, shares: Mapping[str, Words]) -> dict[str, Places]:
        """Numbers of records, or percents."""
        most = max(PERCENTS, *(self._linked.declarations[party].max_rows for party in self._linked.owners))
        return {name: [array_of(self._engine, share, 0, most)] for name, share in shares.items()}
