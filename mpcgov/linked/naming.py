"""What a protocol calls its tables."""

from __future__ import annotations

from mpcgov.linked.facts import Linked


def table_name(linked: Linked, measure: str) -> str:
    """The name of the protocol's table of some measure."""
    return next(name for name, table in linked.tables.items() if table.measure == measure)
