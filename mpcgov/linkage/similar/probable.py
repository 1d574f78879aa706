"""Records linked by how probable it is that they are one person's: partners, then links, as a job goes on with them.

Each step is in a module of its own: `weighed`, `agree`, `passes`, `decide`. What travels, and why it tells nothing:
docs/security/linkage-records.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mpcgov import kinds
from mpcgov.kinds.kind import Computed
from mpcgov.linkage.similar.bring import Brought
from mpcgov.linkage.similar.decide import Decided, decided, told
from mpcgov.linkage.similar.passes import united
from mpcgov.linkage.similar.scores import Grid
from mpcgov.linkage.similar.three import Operation, Three
from mpcgov.linkage.similar.weighed import OwnPass, Partners, partners
from mpcgov.linked.facts import Linked
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.product import product
from mpcgov.records import foreseen
from mpcgov.records.prior import Prior


async def probable(
    operation: Operation,
    linked: Linked,
    grids: Sequence[Grid],
    three: Three,
    own: Sequence[OwnPass] | None,
    widths: Sequence[int],
    kept: int,
    most: tuple[int, int],
) -> tuple[Brought, Decided]:
    """What the columns' owner has, at the rows; see `Brought`. A row's best is its partner, if it has it alone.

    Args:
        grids: of each pass.
        three: who compares.
        own: an owner's records, of each pass.
        widths: how many bits each column's numbers have. kept: so many are brought where there is a link only.
        most: how many records of the rows' and of the columns' owner may be in any block.
    """
    types = [field.type for field in linked.asked.fields]
    each = await partners(operation, grids, three, types, own, widths, most[1])
    (found,) = each if len(each) == 1 else (await _united(operation, grids, each, own, most[0]),)
    columns = most[1] if linked.asked.one_to_one else None
    prior = Prior(len(found.weight))
    said = await told(operation, prior, (grids[0].rows.owner, grids[0].columns.owner), *_own(linked, prior, own))
    links = await decided(operation, found, columns, prior, linked.probabilities, said, linked.careful)
    bits = np.concatenate([np.tile(links.link, (kept, 1)), np.tile(links.alone, (len(widths) - kept, 1))])
    channel, prss = operation()
    values = await product(channel, prss, bits, found.columns) if len(widths) else found.columns
    return Brought(values[:kept], values[kept:], links.link, links.alone, found.weight), links


def _own(linked: Linked, prior: Prior, own: Sequence[OwnPass] | None) -> tuple[int | None, Words | None]:
    """How many rows we have, and what our columns' list tells; None of what we haven't."""
    if own is None:
        return None, None
    weights = own[0].foreseen
    if weights is None:
        return len(own[0].bits), None
    return None, foreseen.table(weights, prior, linked.probabilities[0]).astype(np.uint64)


async def _united(
    operation: Operation, grids: Sequence[Grid], each: Sequence[Partners], own: Sequence[OwnPass] | None, most: int
) -> Partners:
    numbers = None if own is None or own[0].columns is not None else [one.numbers for one in own]
    return await united(operation, each, grids[0].rows.owner, numbers, most)


def tables(linked: Linked, links: Sequence[Decided]) -> dict[str, Words]:
    """Shares of what tells how good the links are, those of each two registers in turn, by `table.name`."""
    percents = np.concatenate([one.quality for one in links])
    found = {f"{one.name}.percent": percents for one in kinds.computed(linked, Computed.QUALITY)}
    if len(links) > 1:
        return found
    return found | {f"{one.name}.links": links[0].reached for one in kinds.computed(linked, Computed.PROBABILITY)}
