"""Linked rows as a protocol sees them: sums over their cells, or how many keys owners have in common. Nothing else.

Who is left owner and who matches whom is public, worked out from the job and the padded lengths of the lists. Every
party runs the same steps in the same order, whether it has a part in them or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as made_by

import numpy as np
from numpy.typing import NDArray

from mpcgov import kinds
from mpcgov.errors import MEMORY, SpecError
from mpcgov.kinds.kind import Computed
from mpcgov.linkage import join, oblivious
from mpcgov.linkage.compose import composed, designed
from mpcgov.linkage.join import PrivateList, SpokePlan
from mpcgov.linkage.moments import in_places, limb_products, named
from mpcgov.linkage.places import Places, array_of, limbs_of, noisy_digits
from mpcgov.linkage.tags import Texts
from mpcgov.linkage.tops import top_two
from mpcgov.linkage.totals import cell_sums
from mpcgov.linked import sums as all_sums
from mpcgov.linked.cost import MEMORY_LIMIT_BYTES, star_bytes, star_dealing
from mpcgov.linked.dealing import Dealing, Ranked, Ref
from mpcgov.linked.facts import Linked
from mpcgov.linked.model import model as regression_model
from mpcgov.linked.plan import LinkPlan, Spoke, Star, link_plan
from mpcgov.linked.sets import owner_sets
from mpcgov.linked.taken import groups
from mpcgov.linked.wanted import by_name
from mpcgov.mpc.arrays import SecretArray
from mpcgov.mpc.config import SessionConfig
from mpcgov.mpc.crossing import WIDEN_BITS
from mpcgov.mpc.functions import concatenate, if_else
from mpcgov.mpc.solve import Moments, fit
from mpcgov.mpc.whole import within
from mpcgov.mpc.word import field
from mpcgov.mpc.word.engine import WordEngine
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.product import product
from mpcgov.mpc.word.stream import private_key


@dataclass(frozen=True)
class OwnRows:
    """An owner's rows: distinct keys, and its columns as whole numbers, categories as places in their values.

    `more`: how many rows more than these its list is said to have, before its length is rounded up. `secret`: 32 bytes
    that nobody else has, from which follow the coins that hide how many match; the same only for the same rows.
    """

    keys: Texts
    columns: Mapping[str, NDArray[np.int64]]
    more: int = 0
    secret: bytes = made_by(default_factory=private_key, repr=False)


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
    ) -> None:
        self._engine = engine
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
        self._linked_rows = oblivious.spoke if hidden else join.spoke
        self._common = oblivious.overlap if hidden else join.overlap
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
        star, lengths = await self._roles()
        plan = star_dealing(self._linked, star)
        shares, kept = await self._dealt(star, lengths, plan)
        found = limbs_of(self._engine, plan, await self._star_sums(star, kept, plan, shares))
        more = {} if plan.ranked is None else await self._greatest(plan.ranked, shares)
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
        plan, lengths = await self._settled()
        owners = self._linked.owners
        if len(owners) == 2:
            (spoke,) = plan.stars[0].spokes
            own = self._list(lengths) if self._me in owners else None
            channel, prss = self._engine.operation()
            share = await self._common(channel, prss, self._spoke(spoke, lengths, 0), own)
            return array_of(self._engine, share, 0, self._linked.most_rows(frozenset(owners)))
        counts: dict[tuple[str, ...], SecretArray] = {}
        for star in plan.stars:
            sets = [owned for owned in owner_sets(owners) if owned[0] == star.left]
            wanted = {owned: all_sums.sum_of(self._linked, (), frozenset(owned)) for owned in sets}
            sub = star_dealing(self._linked, star)
            shares, kept = await self._dealt(star, lengths, sub)
            found = limbs_of(self._engine, sub, await self._star_sums(star, kept, sub, shares))
            counts |= {owned: found[one][0] for owned, one in wanted.items()}
        return concatenate([counts[owned] for owned in owner_sets(owners)])

    async def regression(self) -> dict[str, Places]:
        """The regression that the job asks for, by `table.name`, and what decides whether it may be known."""
        star, lengths = await self._roles()
        model = regression_model(self._linked)
        limbs = {owner: model.limbs(owner) for owner in (star.left, *(spoke.other for spoke in star.spokes))}
        counted, rows = {owner: model.classes(owner) for owner in limbs}, self._own
        own = None if rows is None else designed(model, self._me, rows.columns, len(rows.keys))
        sizes = {owner: 1 + len(columns) + counted[owner] for owner, columns in limbs.items()}
        shares, _ = await self._aligned(star, lengths, sizes, own)
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

    async def _settled(self) -> tuple[LinkPlan, dict[str, int]]:
        """The roles, now that the lists' lengths are known."""
        most = {self._index(owner): self._linked.declarations[owner].max_rows for owner in self._linked.owners}
        channel, _ = self._engine.operation()
        own = self._own
        said = None if own is None else min(len(own.keys) + own.more, most[self._index(self._me)])
        found = await join.exchange_lengths(channel, most, said)
        lengths = {self._parties[index]: length for index, length in found.items()}
        return self._plan.settled(lengths), lengths

    async def _roles(self) -> tuple[Star, dict[str, int]]:
        plan, lengths = await self._settled()
        (star,) = plan.stars
        return star, lengths

    def _index(self, party: str) -> int:
        return self._parties.index(party)

    def _list(self, lengths: Mapping[str, int]) -> PrivateList:
        if self._own is None:
            raise SpecError("an owner without rows")
        made = PrivateList(self._own.keys, lengths[self._me], self._plan.dummies, self._own.secret)
        made.coins = self.coins
        return made

    def _spoke(self, spoke: Spoke, lengths: Mapping[str, int], columns: int) -> SpokePlan:
        left, other = spoke.left, spoke.other
        return SpokePlan(
            left=self._index(left),
            other=self._index(other),
            matcher=self._index(spoke.matcher),
            left_length=lengths[left],
            other_length=lengths[other],
            dummies=self._plan.dummies,
            columns=columns,
            job_digest=self._job_digest,
            name=f"{left} {other}",
            ids=(left, other),
        )

    # -- one star

    async def _dealt(
        self, star: Star, lengths: Mapping[str, int], plan: Dealing
    ) -> tuple[dict[str, Words], PrivateList | None]:
        """What a plan says, as `_aligned`."""
        columns = self._columns(plan) if self._me in plan.dealt else None
        sizes = {owner: len(dealt) for owner, dealt in plan.dealt.items()}
        return await self._aligned(star, lengths, sizes, columns)

    async def _star_sums(
        self, star: Star, kept: PrivateList | None, plan: Dealing, shares: Mapping[str, Words]
    ) -> Words:
        """Shares of all places of all sums, shape (places, cells)."""
        channel, prss = self._engine.operation()
        grouped = None if kept is None else kept.numbers(self._groups())
        return await cell_sums(channel, prss, plan, shares, self._index(star.left), grouped)

    async def _aligned(
        self, star: Star, lengths: Mapping[str, int], sizes: Mapping[str, int], columns: Words | None
    ) -> tuple[dict[str, Words], PrivateList | None]:
        """By owner, shares of its columns in the left list's order; and that list, if it is ours.

        Args:
            sizes: how many columns each owner has. columns: ours, of our keys, if we have a part in the star.
        """
        mine = self._me == star.left
        kept = self._list(lengths) if mine else None
        rows = lengths[star.left] + self._plan.dummies
        _refuse_too_much(star_bytes(self._linked, star, lengths, sizes))
        channel, prss = self._engine.operation()
        own = None if kept is None or columns is None else (kept, columns)
        left = await join.left_columns(channel, prss, self._index(star.left), rows, sizes[star.left], own)
        shares = {star.left: left}
        for spoke in star.spokes:
            dealt = columns if self._me == spoke.other else None
            listed = kept if mine else None if dealt is None else self._list(lengths)
            channel, prss = self._engine.operation()
            spoke_plan = self._spoke(spoke, lengths, sizes[spoke.other])
            shares[spoke.other] = await self._linked_rows(channel, prss, spoke_plan, listed, dealt)
        return shares, kept

    async def _greatest(self, columns: Ranked, shares: Mapping[str, Words]) -> dict[str, Places]:
        """Each measure's two greatest values in every cell, of rows that all owners have."""

        def column(ref: Ref) -> Words:
            owner, place = ref
            return np.ascontiguousarray(shares[owner][:, place])

        channel, prss = self._engine.operation()
        everywhere, *others = map(column, columns.real)
        for other in others:
            everywhere = await product(channel, prss, everywhere, other)
        parts = [column(ref) for ref in columns.parts]
        cell = field.combine([1] * len(parts), parts) if parts else np.zeros_like(everywhere)
        result: dict[str, Places] = {}
        for measure, ref in columns.values.items():
            highest = self._linked.number(measure).high
            channel, prss = self._engine.operation()
            found = await top_two(channel, prss, everywhere, cell, column(ref), columns.cells, highest)
            names = all_sums.top_names(str(measure))
            result |= {name: [array_of(self._engine, top, 0, highest)] for name, top in zip(names, found, strict=True)}
        return result

    def _groups(self) -> NDArray[np.int64]:
        """The group of each of our keys."""
        if self._own is None:
            raise SpecError("an owner without rows")
        return groups(self._linked, self._me, self._own.columns, len(self._own.keys))

    def _columns(self, plan: Dealing) -> Words:
        """What we deal, of our keys, shape (columns, N)."""
        if self._own is None:
            raise SpecError("an owner without rows")
        return composed(plan.dealt[self._me], self._own.columns, self._groups())


def _refuse_too_much(needed: int) -> None:
    """Before anything but the lists' lengths is known: whether a party can hold the linked rows.

    Raises:
        SpecError: it can't; the same at every party. Doesn't say how much it takes: not all readers know the lengths.
    """
    if needed > MEMORY_LIMIT_BYTES:
        raise SpecError(
            f"linking so many rows takes more than {MEMORY_LIMIT_BYTES / 1e9:,.0f} GB at each party",
            hint="ask for fewer groups of the owners but the first, or for fewer measures",
            code=MEMORY,
        )
