"""An owner's records, and the orders in which it brings them: of each pass one, which only their owner knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mpcgov.linkage.similar.arranged import Arranged, Numbers, arranged, listing, longest
from mpcgov.linkage.similar.clk import FilterKeys, Filters
from mpcgov.linkage.similar.exact import Exact
from mpcgov.linkage.similar.fields import record_bits
from mpcgov.linkage.similar.scores import Grid
from mpcgov.linkage.similar.weighed import OwnPass
from mpcgov.linkage.tags import Texts
from mpcgov.linked.facts import Linked
from mpcgov.linked.sizes import certain_length
from mpcgov.mpc.word.field import Words


@dataclass(frozen=True)
class OwnRecords:
    """An owner's records: the texts of each field, what identifies them if receivers are told, columns of numbers.

    `blocks`: of each pass the number of each record's block, −1 if it is in none; none if the job has no blocks.
    `listed`: how many records the list, or the fullest block of each pass, is said to have, before its length is
    rounded up; none if it is these. `tagged`: how many records are said to be in the list that exact pairs
    are looked for in, if it is more than these.
    `secret`: what the keys of the filters are made from, together with the other owner's: the same two link the same
    records. None if it needn't ever be the same again.
    """

    fields: tuple[Texts, ...]
    identifiers: Texts | None
    columns: Mapping[str, NDArray[np.int64]]
    blocks: tuple[Numbers, ...] = ()
    listed: tuple[int, ...] = ()
    tagged: int = 0
    secret: bytes | None = None

    def __len__(self) -> int:
        return len(self.fields[0])

    @property
    def passes(self) -> tuple[Numbers, ...]:
        """Of each pass the number of each record's block; all are in one if the job has none."""
        return self.blocks or (np.zeros(len(self), np.int64),)

    def lengths(self, found: Exact, counts: Sequence[int]) -> list[int]:
        """How long the list is said to be, or the fullest block of each pass, once exact pairs are taken out.

        Of what was listed, only full steps are taken off, as those pairs may be few persons of a job's choice.


        Args:
            counts: how many blocks each pass has.
        """
        chosen = [longest(found.rest(own), count) for own, count in zip(self.passes, counts, strict=True)]
        if not self.listed:
            return chosen
        whole = [longest(own, count) for own, count in zip(self.passes, counts, strict=True)]
        return [listed - certain_length(own - one) for one, listed, own in zip(chosen, self.listed, whole, strict=True)]


@dataclass(frozen=True)
class Own:
    """Our records and their filters.

    `passes`: the order in which we bring them in each pass. `order`: that in which what comes out has them, or, at the
    columns' owner, in which it has numbers and columns for them.
    """

    records: OwnRecords
    passes: tuple[Arranged, ...]
    order: Arranged
    filters: Filters

    def own_passes(self, linked: Linked, columns: Words | None) -> list[OwnPass]:
        """What we bring in each pass. `columns`: of the records in `order`, at the columns' owner; else None."""
        types = [one.type for one in linked.asked.fields]
        equal = [None if one.m is None else float(one.m) for one in linked.asked.fields]
        own = record_bits(self.records.fields, types, columns is None, equal)
        each = [(order, Arranged(self._numbers(order))) for order in self.passes]
        return [
            OwnPass(
                self.filters.ordered(order.records),
                own.bits,
                order,
                there,
                None if columns is None else there.columns(columns),
                own.foreseen,
            )
            for order, there in each
        ]

    def _numbers(self, order: Arranged) -> Numbers:
        """Which of `order` is in each row of a pass; −1 in those that pad."""
        found: Numbers = np.where(order.records >= 0, self._places[order.records], -1)
        return found

    @cached_property
    def _places(self) -> Numbers:
        places = np.full(max(1, len(self.records)), -1, np.int64)
        real = np.flatnonzero(self.order.records >= 0)
        places[self.order.records[real]] = real
        return places


def own(
    records: OwnRecords, linked: Linked, keys: FilterKeys, grids: Sequence[Grid], found: Exact, first: bool, most: int
) -> Own:  # fmt: skip
    """Our records in the orders in which we bring them: those in exact pairs last.

    Args:
        found: the exact pairs.
        first: whether we have the rows.
        most: how many of our records may be in any block of any pass.
    """
    sides = [grid.rows if first else grid.columns for grid in grids]
    blocks = [found.rest(one) for one in records.passes]
    orders = tuple(
        arranged(one, grid.blocks, side.records) for one, grid, side in zip(blocks, grids, sides, strict=True)
    )
    if linked.asked.probability is None:
        order = Arranged(np.concatenate([orders[0].records, found.records]))
    else:
        order = orders[0] if first and len(orders) == 1 else listing(blocks, most)
    compared = order if linked.asked.probability is None else orders[0]
    return Own(records, orders, order, Filters(records.fields, keys, linked.scoring, compared.records, first))
