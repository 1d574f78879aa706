"""Linked rows as a protocol sees them: sums over their cells, or how many keys owners have in common. Nothing else.

Who is left owner and who matches whom is public, worked out from the job and the padded lengths of the lists. Every
party runs the same steps in the same order, whether it has a part in them or not. Long lists are linked a shard after
the other, or side by side by workers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mpcgov import kinds
from mpcgov.errors import SpecError
from mpcgov.kinds.kind import Computed
from mpcgov.linkage import join, oblivious
from mpcgov.linkage.compose import composed, designed, factors
from mpcgov.linkage.join import PrivateList, SpokePlan
from mpcgov.linkage.moments import in_places, limb_products, named
from mpcgov.linkage.ownrows import OwnRows
from mpcgov.linkage.places import Places, array_of, limbs_of, noisy_digits
from mpcgov.linkage.shards import Shard, Split, lasting, owners_key
from mpcgov.linkage.sidebyside import Part, Shards, Workers, total
from mpcgov.linkage.tags import TAG_WORDS
from mpcgov.linkage.tops import greatest
from mpcgov.linkage.totals import cell_sums, first_groups
from mpcgov.linked import sums as all_sums
from mpcgov.linked.cost import are_side_by_side, refuse_too_much, star_bytes, star_dealing
from mpcgov.linked.dealing import Dealing
from mpcgov.linked.facts import Linked
from mpcgov.linked.model import model as regression_model
from mpcgov.linked.plan import LinkPlan, Spoke, Star, link_plan
from mpcgov.linked.sets import owner_sets
from mpcgov.linked.shards import shard_count
from mpcgov.linked.taken import groups
from mpcgov.linked.wanted import by_name
from mpcgov.mpc.arrays import SecretArray
from mpcgov.mpc.config import SessionConfig
from mpcgov.mpc.crossing import WIDEN_BITS
from mpcgov.mpc.functions import concatenate, if_else
from mpcgov.mpc.solve import Moments, fit
from mpcgov.mpc.whole import within
from mpcgov.mpc.word import field, steps
from mpcgov.mpc.word.engine import WordEngine
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.stream import private_key


class LinkedRows:
    """The owners' rows, not linked yet. `job_digest` tells this job's keys from all others."""

    def __init__(
        self,
        engine: WordEngine,
        config: SessionConfig,
        linked: Linked,
        job_digest: str,
        own: OwnRows | None,
        noise: Mapping[str, Places] | None = None,
        workers: Workers | None = None,
    ) -> None:
        self._engine = engine
        self._workers = workers
        self._parties = config.parties
        self._me = config.parties[config.me]
        self._linked = linked
        self._job_digest = job_digest
        self._own = own
        self._noise = noise or {}
        self.coins: dict[str, str] = {}
        """By pair of owners, of which we are one, what tells the coins of our list from others."""
        self._plan = link_plan(linked.job, linked.manifest, config.threshold)
        hidden = linked.job.linking.method == "oblivious"
        self._spoken, self._common = (oblivious.spoke, oblivious.overlap) if hidden else (join.spoke, join.overlap)
        self._computed: dict[str, Places] = {}

    @property
    def computed(self) -> dict[str, Places]:
        """For the worker: the numbers that were asked for last, by `table.name`, whatever a program does with them."""
        return self._computed

    def _kept(self, found: Mapping[str, Places]) -> dict[str, Places]:
        """What a program gets of what was computed: lists of its own."""
        self._computed = dict(found)
        return {name: list(places) for name, places in found.items()}

    async def cell_sums(self) -> dict[str, Places]:
        """Every sum that the job's tables need, in every cell, by `table.name`; each shape (cells,).

        Sums of several words are limbs, lifted, that aren't carried yet; those with noise are digits.
        Noise goes onto the limbs, before carries are taken up: no digit of an exact sum is ever made.
        """
        wanted = by_name(self._linked)
        settled, split = await self._settled()
        (star,) = settled.stars
        plan = star_dealing(self._linked, star)
        shares, more = await self._star_sums(star, split, plan)
        found = limbs_of(self._engine, plan, shares)
        return self._kept(
            {
                name: noisy_digits(one, found[one], self._noise[name]) if name in self._noise else found[one]
                for name, one in wanted.items()
            }
            | more
        )

    async def overlaps(self) -> SecretArray:
        """How many keys all owners of a set have, for every set of two or more in their order; shape (sets,)."""
        counts = await self._overlaps()
        self._kept({f"{one.name}.{one.number}": [counts] for one in kinds.computed(self._linked, Computed.OVERLAPS)})
        return counts

    async def _overlaps(self) -> SecretArray:
        plan, split = await self._settled()
        owners = self._linked.owners
        if len(owners) == 2:
            (star,) = plan.stars
            shares = await self._total(star, split, None)
            return array_of(self._engine, shares, 0, self._linked.most_rows(frozenset(owners)))
        counts: dict[tuple[str, ...], SecretArray] = {}
        for star in plan.stars:
            sets = [owned for owned in owner_sets(owners) if owned[0] == star.left]
            wanted = {owned: all_sums.sum_of(self._linked, (), frozenset(owned)) for owned in sets}
            sub = star_dealing(self._linked, star)
            found = limbs_of(self._engine, sub, (await self._star_sums(star, split, sub))[0])
            counts |= {owned: found[one][0] for owned, one in wanted.items()}
        return concatenate([counts[owned] for owned in owner_sets(owners)])

    async def regression(self) -> dict[str, Places]:
        """The regression that the job asks for, by `table.name`, and what decides whether it may be known."""
        settled, split = await self._settled()
        (star,) = settled.stars
        model = regression_model(self._linked)
        limbs = {owner: model.limbs(owner) for owner in (star.left, *(spoke.other for spoke in star.spokes))}
        counted, rows = {owner: model.classes(owner) for owner in limbs}, self._own
        own = None if rows is None else designed(model, self._me, rows.columns, len(rows.keys))
        sizes = {owner: 1 + len(columns) + counted[owner] for owner, columns in limbs.items()}
        shares = await self._aligned(star, split.shard(0), sizes, own, None)
        channel, prss = self._engine.operation()
        batches = model.batches(self._engine.config.subsets)
        of_batches, in_classes = await limb_products(channel, prss, shares, star.left, batches, counted)
        products = field.combine([1] * batches, list(of_batches))
        limit, owners, upper = 1 << WIDEN_BITS, list(shares), np.triu_indices(model.unknowns + 1)
        places = [array_of(self._engine, place, -limit, limit) for place in in_places(model, owners, products)]
        in_batches = in_places(model, owners, of_batches)
        parts = [array_of(self._engine, place[:, *upper], -limit, limit) for place in in_batches]
        first = within(places[0], 0, model.rows)[0]  # of 1 and a column of 0 and 1
        spare = first[:1] - model.unknowns
        moments = Moments(places, model.squares, model.radix_bits, parts)
        found = fit(moments, if_else(spare >= 1, spare, 1))
        sides = array_of(self._engine, products[0, model.divisions(owners)], 0, model.rows)
        more = {":classes": [array_of(self._engine, in_classes, 0, model.rows)]} if model.judged else {}
        return self._kept(named(self._linked, model, first, sides, found, self._engine.config.subsets) | more)

    # -- roles and lists

    async def _settled(self) -> tuple[LinkPlan, Split]:
        """The roles, now that the lists' lengths are known, and the shards in which the lists are linked."""
        most = {self._index(owner): self._linked.declarations[owner].max_rows for owner in self._linked.owners}
        channel, _ = self._engine.operation()
        own = self._own
        said = None if own is None else min(len(own.keys) + own.more, most[self._index(self._me)])
        found = await join.exchange_lengths(channel, most, said)
        lengths = {self._parties[index]: length for index, length in found.items()}
        return self._plan.settled(lengths), await self._split(lengths)

    async def _split(self, lengths: Mapping[str, int]) -> Split:
        """The shards of lists of these lengths; owners agree on who is in which."""
        shards, own, owners = shard_count(self._linked, lengths), self._own, self._linked.owners
        if shards == 1:
            return Split.of(lengths, 1, own)
        channel, _ = self._engine.operation()
        if own is None:
            return Split.of(lengths, shards, None)
        context = (*sorted(owners), str(self._plan.dummies), str(shards))
        mine = lasting(own, context) if self._linked.job.linking.method == "matcher" else private_key()
        key = await owners_key(channel, list(map(self._index, owners)), mine, context)
        return Split.of(lengths, shards, own, key).checked(self._me)

    def _index(self, party: str) -> int:
        return self._parties.index(party)

    def _list(self, shard: Shard) -> PrivateList:
        own = self._rows(shard)
        made = PrivateList(own.keys, shard.lengths[self._me], self._plan.dummies, own.secret)
        made.coins = self.coins
        return made

    def _rows(self, shard: Shard) -> OwnRows:
        if shard.own is None:
            raise SpecError("an owner without rows")
        return shard.own

    def _spoke(self, spoke: Spoke, shard: Shard, columns: int) -> SpokePlan:
        left, other = spoke.left, spoke.other
        return SpokePlan(
            left=self._index(left),
            other=self._index(other),
            matcher=self._index(spoke.matcher),
            left_length=shard.lengths[left],
            other_length=shard.lengths[other],
            dummies=self._plan.dummies,
            columns=columns,
            job_digest=self._job_digest,
            name=f"{left} {other}",
            ids=(left, other),
            shard=shard.label,
        )

    # -- one star

    async def _star_sums(self, star: Star, split: Split, plan: Dealing) -> tuple[Words, dict[str, Places]]:
        """Shares of all places of all sums, shape (places, cells), over all shards; and the greatest values, which are
        only asked for of rows that aren't split."""
        if self._me in plan.dealt:
            names = {*factors(plan.dealt[self._me])}
            split = split.with_columns(lambda own: own.with_parts(names, self._groups(own)))
        if len(split) == 1:
            return await self._shard_sums(star, split.shard(0), plan)
        return await self._total(star, split, plan), {}

    async def _total(self, star: Star, split: Split, plan: Dealing | None) -> Words:
        """Shares of the sums of a star over all shards; without a plan of how many keys are in common."""
        tags = dict.fromkeys(split.lengths, TAG_WORDS)
        sizes = tags if plan is None else {owner: len(dealt) for owner, dealt in plan.dealt.items()}
        asked = Shards(
            len(split),
            star_bytes(self._linked, star, split.lengths, sizes),
            lambda number: self._of_shard(star, split.shard(number), plan),
            lambda number: Part.of(star.left, plan is None, split, number),
        )
        return await total(self._engine, self._workers, asked, self.coins)

    async def part(self, part: Part) -> Words:
        """In a worker: our share of what one shard comes to. Who asks has settled all else."""
        (star,) = (one for one in self._plan.settled(part.lengths).stars if one.left == part.left)
        shard = Shard(Split.of(part.lengths, part.shards, None).lengths, part.label, part.own)
        return await self._of_shard(star, shard, None if part.counted else star_dealing(self._linked, star))

    async def _of_shard(self, star: Star, shard: Shard, plan: Dealing | None) -> Words:
        if plan is not None:
            return (await self._shard_sums(star, shard, plan))[0]
        own = self._list(shard) if self._me in self._linked.owners else None
        spoke, (channel, prss) = self._spoke(star.spokes[0], shard, 0), self._engine.operation()
        return await self._common(channel, prss, spoke, own)  # our share of how many keys both have, shape (1,)

    async def _shard_sums(self, star: Star, shard: Shard, plan: Dealing) -> tuple[Words, dict[str, Places]]:
        """`_star_sums` of one shard. What it holds of the rows is gone when it returns."""
        sizes = {owner: len(dealt) for owner, dealt in plan.dealt.items()}
        columns = self._columns(plan, shard) if self._me in sizes else None
        kept, left = self._list(shard) if self._me == star.left else None, self._index(star.left)
        grouped = None if kept is None else kept.numbers(self._groups(self._rows(shard)))
        (channel, prss), rows = self._engine.operation(), self._held(star, shard, sizes)
        dealing = first_groups(channel.branch(), prss, plan, left, rows, grouped)
        shares, first = await steps.both(self._aligned(star, shard, sizes, columns, kept), dealing)
        del columns
        found = await cell_sums(channel, prss, plan, shares, left, grouped, first)
        more = {} if plan.ranked is None else await greatest(self._engine, self._linked, plan.ranked, shares)
        return found, more

    def _held(self, star: Star, shard: Shard, sizes: Mapping[str, int]) -> int:
        """The rows of the left list, unless a party can't hold what comes of them."""
        refuse_too_much(star_bytes(self._linked, star, shard.lengths, sizes))
        return shard.lengths[star.left] + self._plan.dummies

    async def _aligned(
        self, star: Star, shard: Shard, sizes: Mapping[str, int], columns: Words | None, kept: PrivateList | None
    ) -> dict[str, Words]:
        """By owner, the left one first, shares of its columns in the left list's order. Side by side, if they are few.

        Args:
            sizes: how many columns each owner has. columns: ours, of our keys. kept: the left list, if we made it.
        """
        rows, beside = self._held(star, shard, sizes), are_side_by_side(self._linked, star, shard.lengths, sizes)
        kept = self._list(shard) if kept is None and self._me == star.left else kept
        own = None if kept is None or columns is None else (kept, columns)
        parts: dict[str, Callable[[], Awaitable[Words]]] = {}
        for spoke in star.spokes:
            dealt = columns if self._me == spoke.other else None
            listed = kept if kept is not None or dealt is None else self._list(shard)
            spoke_plan = self._spoke(spoke, shard, sizes[spoke.other])
            parts[spoke.other] = partial(self._spoken, *self._engine.operation(), spoke_plan, listed, dealt)
        (channel, prss), left = self._engine.operation(), self._index(star.left)  # after the spokes' first messages
        parts[star.left] = partial(join.left_columns, channel, prss, left, rows, sizes[star.left], own)
        found = await steps.by_name(parts, beside)
        return {star.left: found[star.left]} | found

    def _groups(self, own: OwnRows) -> NDArray[np.int64]:
        """The group of each of our keys."""
        return groups(self._linked, self._me, own.columns, len(own.keys))

    def _columns(self, plan: Dealing, shard: Shard) -> Words:
        """What we deal, of our keys, shape (columns, N)."""
        own = self._rows(shard)
        return composed(plan.dealt[self._me], own.columns, self._groups(own))
