"""What this agency lets its coordinator find: the data sets that its policy lists, and what columns may serve for."""

from __future__ import annotations

from typing import Any

from mpcgov.node.home import NodeHome
from mpcgov.node.verdict import declared_datasets


def listing(home: NodeHome) -> dict[str, Any]:
    """The listed data sets that are declared, each with the least cell and the uses of every column that has one.

    Raises:
        Refused: the policy or the declarations can't be read.
    """
    policy, _ = home.policy()
    own = declared_datasets(home)
    shown = []
    for name, allowed in policy.datasets.items():
        if not allowed.listed or name not in own:
            continue
        uses = {column: sorted(allowed.uses_of(column)) for column in own[name].columns if allowed.uses_of(column)}
        if uses:
            shown.append({"name": name, "min_count": allowed.min_count, "uses": uses})
    return {"datasets": shown}
