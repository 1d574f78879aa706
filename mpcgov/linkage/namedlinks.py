"""The records of each link, by what identifies them, as secrets in an order that nobody knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mpcgov import kinds
from mpcgov.kinds.kind import Computed
from mpcgov.linkage.places import Places, array_of
from mpcgov.linked import layout
from mpcgov.linked.encoding import IDENTIFIER_BITS, IDENTIFIER_WORDS
from mpcgov.linked.facts import Linked
from mpcgov.mpc.arrays import SecretArray
from mpcgov.mpc.functions import concatenate, sort_rows
from mpcgov.mpc.word.engine import WordEngine
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.product import product
from mpcgov.mpc.word.shuffle import shuffle


async def named(
    engine: WordEngine,
    linked: Linked,
    parties: Sequence[str],
    links: Sequence[Words],
    hub: tuple[int, Words],
    others: Mapping[int, Words],
) -> dict[str, Places]:
    """What identifies the records of each row that has all of some links; 0 in rows to spare.

    Args:
        links: of each other owner, 1 where the hub's record has a link with one of its.
        hub: who that is, and its rows' identifiers, all of them; shape (words, rows).
        others: by owner, those of the records that the rows have links with, else 0.
    """
    every = links[0]
    for link in links[1:]:
        every = await _product(engine, every, link[None])
    owner, own = hub
    sides = {owner: await _product(engine, every, own)}
    for other, words in others.items():
        sides[other] = words if len(links) == 1 else await _product(engine, every, words)
    table = np.concatenate([every.reshape(1, -1), *(sides[parties.index(c.party)] for c in linked.asked.identify)])
    channel, prss = engine.operation()
    mixed = await shuffle(channel, prss, np.ascontiguousarray(table.T))
    real = array_of(engine, mixed[:, 0], 0, 1)
    found = array_of(engine, mixed[:, 1:], 0, (1 << IDENTIFIER_BITS) - 1)
    first = sort_rows(found, 1 - real)
    (name,) = (one.name for one in kinds.computed(linked, Computed.LINKS))
    (wanted,) = (table.rows for table in layout.tables(linked) if table.name == name)
    height = len(mixed)
    columns = [_of_length(first[:, k : k + 1].reshape((height,)), wanted) for k in range(first.shape[1])]
    return {
        f"{name}.{column}": columns[k * IDENTIFIER_WORDS : (k + 1) * IDENTIFIER_WORDS]
        for k, column in enumerate(linked.asked.identify)
    }


async def _product(engine: WordEngine, bit: Words, words: Words) -> Words:
    """Rows of words where a bit is 1, else 0."""
    channel, prss = engine.operation()
    wide = np.ascontiguousarray(np.broadcast_to(bit.reshape(1, -1), words.shape))
    return await product(channel, prss, wide, words)


def _of_length(column: SecretArray, wanted: int) -> SecretArray:
    """The first elements, or as many zeros more as are lacking."""
    if wanted <= len(column):
        return column[:wanted]
    rest = column[np.zeros(wanted - len(column), np.int64)] * 0
    return concatenate([column, rest])
