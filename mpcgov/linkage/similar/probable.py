"""Records linked by how probable it is that they are one person's: partners, then links, as a job goes on with them.

Each step is in a module of its own: `weighed`, `agree`, `decide`. What travels, and why it tells nothing:
docs/security/linkage-records.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mpcgov import kinds
from mpcgov.kinds.kind import Computed
from mpcgov.linkage.similar.bring import Brought
from mpcgov.linkage.similar.decide import Decided, decided
from mpcgov.linkage.similar.scores import Grid
from mpcgov.linkage.similar.three import Operation
from mpcgov.linkage.similar.weighed import Own, partners
from mpcgov.linked.facts import Linked
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.product import product
from mpcgov.records.prior import Prior


async def probable(
    operation: Operation,
    linked: Linked,
    grid: Grid,
    members: tuple[int, ...],
    own: Own | None,
    widths: Sequence[int],
    kept: int,
) -> tuple[Brought, Decided]:
    """What the columns' owner has, at the rows; see `Brought`. A row's best is its partner, if it has it alone.

    Args:
        members: the three that compare.
        widths: how many bits each column's numbers have. kept: so many are brought where there is a link only.
    """
    types = [field.type for field in linked.asked.fields]
    found = await partners(operation, grid, members, types, own, widths)
    prior = Prior(grid.all_of(grid.rows))
    columns = grid.all_of(grid.columns) if linked.asked.one_to_one else None
    links = await decided(operation, found, columns, prior, linked.probabilities)
    bits = np.concatenate([np.tile(links.link, (kept, 1)), np.tile(links.alone, (len(widths) - kept, 1))])
    channel, prss = operation()
    values = await product(channel, prss, bits, found.columns) if len(widths) else found.columns
    return Brought(values[:kept], values[kept:], links.link, links.alone, found.weight), links


def tables(linked: Linked, links: Decided) -> dict[str, Words]:
    """Shares of what tells how good the links are, by `table.name`."""
    found = {f"{one.name}.percent": links.quality for one in kinds.computed(linked, Computed.QUALITY)}
    return found | {f"{one.name}.links": links.reached for one in kinds.computed(linked, Computed.PROBABILITY)}
