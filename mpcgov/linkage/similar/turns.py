"""All pairs of all blocks compared, so many blocks at a time as memory should hold, by three parties."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mpcgov.linkage.similar.best import mutual_best
from mpcgov.linkage.similar.bring import Brought, brought
from mpcgov.linkage.similar.clk import Filters
from mpcgov.linkage.similar.scores import Grid, scores
from mpcgov.linkage.similar.three import Operation, Three, among, to_all
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.wire import Channel


async def compared(
    operation: Operation,
    grid: Grid,
    members: tuple[int, ...],
    filters: Filters | None,
    widths: Sequence[int],
    kept: int,
    own: Words | None,
) -> Brought:
    """What the columns' owner has, at the rows, as shares of all parties; see `brought`.

    Args:
        members: the three that compare.
        filters: an owner's records.
        own: at the columns' owner, its columns, shape (columns, all of its rows).
    """
    channel, _ = operation()
    me, parties = channel.line.me, channel.line.parties
    if parties == len(members):
        return await _turns(operation, grid, filters, widths, kept, own)
    found = None
    if me in members:
        inner = await among(channel.line, Three(members))
        found = await _turns(inner, grid.among(members), filters, widths, kept, own)
    rows = grid.all_of(grid.rows)
    whole = await to_all(operation, members, None if found is None else found.stacked(), (len(widths) + 3, rows))
    return Brought.of(whole, kept)


async def _turns(
    operation: Operation, grid: Grid, filters: Filters | None, widths: Sequence[int], kept: int, own: Words | None
) -> Brought:
    _, prss = operation()

    def channel() -> Channel:
        return operation()[0]

    parts = []
    for turn in grid.turns():
        found = await scores(channel, prss, turn, None if filters is None else filters.rows)
        chosen = await mutual_best(channel, prss, found, turn.blocks)
        start = turn.first * turn.columns.records
        mine = None if own is None else own[:, start : start + turn.all_of(turn.columns)]
        parts.append((await brought(channel, prss, turn, chosen, widths, kept, mine)).stacked())
    return Brought.of(np.concatenate(parts, axis=1), kept)
