"""How far estimated precision and recall may be from the true ones: computed from what a result shows anyway.

Two things keep an estimate from the truth. Of few links one that is wrong, or one person who is missed, is some
percents: Wilson's interval of a share says how many. And registers err otherwise than the model that estimates: by how
much was measured, as a deviation that no number of links makes smaller (docs/adr/0020-probabilistic-linkage.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

from mpcgov import kinds
from mpcgov.kinds.kind import Computed
from mpcgov.linked.facts import Linked
from mpcgov.spec.statement import ResultTable

LEVEL = 0.95
MODEL = {"precision": 0.005, "recall": 0.035}
"""How far an estimate of very many links is from the truth, typically (standard deviation)."""
PERCENTS = 100


def intervals(
    linked: Linked, table: ResultTable, rows: Sequence[Sequence[Any]], links: int
) -> dict[str, Any]:  # fmt: skip
    """What a table of estimates says of their intervals; nothing of another table.

    Args:
        rows: of the table.
        links: how many are shown, of all that there are: of more, intervals would be narrower.
    """
    if kinds.table(linked, table.name).kind.computed is not Computed.QUALITY:
        return {}
    found = [[around(what, percent, links)] for *_, what, percent in rows]
    return {"intervals": {"level": LEVEL, "columns": [*table.columns[-1:]], "rows": found}}


def around(what: str, percent: int | None, links: int) -> list[int] | None:
    """The interval of a percent of so many links, in whole percents; None where that is hidden."""
    if percent is None:
        return None
    share, model = percent / PERCENTS, MODEL[what]
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    middle = (share + z * z / (2 * links)) / (1 + z * z / links)
    half = z / (1 + z * z / links) * math.sqrt(share * (1 - share) / links + (z / (2 * links)) ** 2)
    low = share - math.hypot(share - middle + half, z * model)
    high = share + math.hypot(middle + half - share, z * model)
    return [max(0, math.floor(PERCENTS * low)), min(PERCENTS, math.ceil(PERCENTS * high))]
