"""From the opened numbers of a job to the tables that people read: receivers divide in the clear.

What is divided are integers, rounded before they were opened or noisy; quotients are shown to as many digits as they
are good for. Nothing here hides anything: a number that may not be known wasn't opened, and stands here as None.
"""

from __future__ import annotations

from typing import Any

from mpcgov import kinds
from mpcgov.kinds.kind import Numbers
from mpcgov.linked.facts import Linked
from mpcgov.spec.statement import ResultTable


def rows(linked: Linked, table: ResultTable, opened: Numbers) -> list[list[Any]]:
    """The rows of one table, or of its margin, in domain order."""
    one = kinds.table(linked, table.margin_of or table.name)
    return [list(row) for row in one.kind.rows(one, table, opened)]
